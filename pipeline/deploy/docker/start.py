"""Start the containers of a new release beside those that serve, and see that they are well."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import docker
import requests

from ...model.events import AppChanged
from ...model.report import Failure
from ..errors import DeployError
from .containers import RELEASE_GROUP, addresses, create, make_network
from .health import wait_healthy
from .service import Group

if TYPE_CHECKING:
    import threading

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.events import Reporter
    from .containers import Making
    from .service import Service

_LAST_LINES = 20
_TRIES = 3
_POLL = 0.2
_TAKEN = ("port is already allocated", "address already in use")
HINT = "what ran before still runs; see the lines above"


def start_release(
    client: DockerClient, making: Making, report: Reporter, stop: threading.Event
) -> tuple[Container, ...]:
    """The containers of a release, one for each group, healthy; none is left where one is not.

    Raises `DeployError`, with the last lines of the container that is not.
    """
    make_network(client)
    app, service = making.spec.app, making.service
    new: list[Container] = []
    try:
        if service.release_command:
            report(AppChanged(app, "running the release command"))
            _release_command(client, making, stop)
        report(AppChanged(app, "starting"))
        for group in service.groups:
            # One by one, so that those before one that fails are known.
            new.append(_started(client, making, group))  # noqa: PERF401
        report(AppChanged(app, "checking"))
        for container, group in zip(new, service.groups, strict=True):
            _check(container, group, service, stop)
    except BaseException:
        for container in new:
            _remove(container)
        raise
    return tuple(new)


def _started(client: DockerClient, making: Making, group: Group) -> Container:
    """A container that was started; again on other ports where one was taken meanwhile."""
    for _ in range(_TRIES):
        container = _created(client, making, group)
        try:
            container.start()
        except docker.errors.APIError as error:
            _remove(container)
            why = str(error.explanation)
            if not any(text in why for text in _TAKEN):
                break
        else:
            return container
    raise DeployError(Failure("start", f"it could not be started: {why}"), hint=HINT)


def _created(client: DockerClient, making: Making, group: Group) -> Container:
    try:
        return create(client, making, group)
    except ValueError as error:
        why = f"the command of `{group.name}` cannot be read: {error}"
        raise DeployError(Failure("start", why), hint="see `fly.toml`") from error


def _check(container: Container, group: Group, service: Service, stop: threading.Event) -> None:
    container.reload()
    where = addresses(container)
    trouble = wait_healthy(container, group, where, service.patience, stop)
    if trouble:
        of = f"`{group.name}`: " if len(service.groups) > 1 else ""
        failure = Failure("health check", f"{of}{trouble}", log=_last_lines(container))
        raise DeployError(failure, hint=HINT)


def _release_command(client: DockerClient, making: Making, stop: threading.Event) -> None:
    """Run it in a container of its own, on the new image, before anything is started."""
    service = making.service
    container = _started(client, making, Group(RELEASE_GROUP, service.release_command))
    try:
        if trouble := _ended_well(container, service.release_patience, stop):
            failure = Failure("release command", trouble, log=_last_lines(container))
            raise DeployError(failure, hint=HINT)
    finally:
        _remove(container)


def _ended_well(container: Container, patience: float, stop: threading.Event) -> str:
    end = time.monotonic() + patience
    while not stop.is_set() and time.monotonic() < end:
        container.reload()
        state = container.attrs["State"]
        if state["Status"] not in {"running", "created"}:
            code = state["ExitCode"]
            return f"the release command ended with exit code {code}" if code else ""
        stop.wait(_POLL)
    if stop.is_set():
        return "interrupted before the release command had ended"
    return f"the release command took longer than {patience:g} s"


def _remove(container: Container) -> None:
    """Remove it, or leave it to the next deploy: there is a failure to tell already."""
    with suppress(docker.errors.APIError, requests.exceptions.RequestException):
        container.remove(force=True)


def _last_lines(container: Container) -> tuple[str, ...]:
    """What the container wrote last; nothing where it cannot be read (some log drivers keep none).

    Whoever calls this has a failure to tell, and this is not to hide it.
    """
    try:
        text = container.logs(tail=_LAST_LINES)
    except (docker.errors.APIError, requests.exceptions.RequestException):
        return ()
    return tuple(text.decode(errors="replace").splitlines())
