"""Start the containers of a new release beside those that serve, and check their health."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import docker
import requests

from ...model.events import AppChanged
from ...model.report import Failure
from ...process.wait import wait_until
from ..errors import DeployError
from .containers import RELEASE_GROUP, addresses, create, exit_code, make_network
from .health import wait_healthy
from .service import Group

if TYPE_CHECKING:
    import threading

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.events import Reporter
    from .containers import NewRelease

_LAST_LINES = 20
_ATTEMPTS = 3
_PORT_TAKEN = ("port is already allocated", "address already in use")
_REPLACES = "the previous release still runs; see the lines above"
_IS_FIRST = "nothing runs, as this is the first release; see the lines above"


def start_release(
    client: DockerClient, release: NewRelease, report: Reporter, stop: threading.Event
) -> tuple[Container, ...]:
    """Start a container for each process group and return them once all are healthy.

    Raises `DeployError` with the last lines of the container that is not; then all are removed.
    """
    make_network(client)
    app, service = release.spec.app, release.service
    new: list[Container] = []
    try:
        if service.release_command:
            report(AppChanged(app, "running the release command"))
            _run_release_command(client, release, stop)
        report(AppChanged(app, "starting"))
        for group in service.groups:
            # One by one: if one fails, those before it are in the list.
            new.append(_start(client, release, group))  # noqa: PERF401
        report(AppChanged(app, "checking"))
        for container, group in zip(new, service.groups, strict=True):
            _check(container, group, release, report, stop)
    except BaseException:
        for container in new:
            _remove(container)
        raise
    return tuple(new)


def _start(client: DockerClient, release: NewRelease, group: Group) -> Container:
    """Create and start a container; try other ports if one was taken in the meantime."""
    for _ in range(_ATTEMPTS):
        container = _create(client, release, group)
        try:
            container.start()
        except docker.errors.APIError as error:
            _remove(container)
            why = str(error.explanation)
            if not any(text in why for text in _PORT_TAKEN):
                break
        else:
            return container
    raise DeployError(Failure("start", f"it could not be started: {why}"), hint=_hint(release))


def _create(client: DockerClient, release: NewRelease, group: Group) -> Container:
    try:
        return create(client, release, group)
    except ValueError as error:
        why = f"the command of `{group.name}` cannot be read: {error}"
        raise DeployError(Failure("start", why), hint="see `fly.toml`") from error


def _hint(release: NewRelease) -> str:
    return _REPLACES if release.replaces else _IS_FIRST


def _check(
    container: Container,
    group: Group,
    release: NewRelease,
    report: Reporter,
    stop: threading.Event,
) -> None:
    container.reload()
    service, app = release.service, release.spec.app

    def tell(failed: str) -> None:
        report(AppChanged(app, "checking", failed))

    unhealthy = wait_healthy(container, group, addresses(container), service.patience, stop, tell)
    if unhealthy:
        of = f"`{group.name}`: " if len(service.groups) > 1 else ""
        failure = Failure("health check", f"{of}{unhealthy}", log=_last_lines(container))
        raise DeployError(failure, hint=_hint(release))


def _run_release_command(client: DockerClient, release: NewRelease, stop: threading.Event) -> None:
    """Run the release command in a container of the new image, before anything is started."""
    service = release.service
    container = _start(client, release, Group(RELEASE_GROUP, service.release_command))
    try:
        if error := _wait_for_end(container, service.release_patience, stop):
            failure = Failure("release command", error, log=_last_lines(container))
            raise DeployError(failure, hint=_hint(release))
    finally:
        _remove(container)


def _wait_for_end(container: Container, patience: float, stop: threading.Event) -> str:
    """Wait until the release command ends; return why it failed, empty if it succeeded."""
    code = wait_until(
        lambda: exit_code(container), lambda code: code is not None, timeout=patience, stop=stop
    )
    if code is not None:
        return f"the release command ended with exit code {code}" if code else ""
    if stop.is_set():
        return "interrupted before the release command had ended"
    return f"the release command took longer than {patience:g} s"


def _remove(container: Container) -> None:
    """Remove a container, or leave it to the next deploy: there is a failure to report already."""
    with suppress(docker.errors.APIError, requests.exceptions.RequestException):
        container.remove(force=True)


def _last_lines(container: Container) -> tuple[str, ...]:
    """Return what the container wrote last; nothing if some log driver kept none.

    The caller has a failure to report, which an error here must not hide.
    """
    try:
        text = container.logs(tail=_LAST_LINES)
    except (docker.errors.APIError, requests.exceptions.RequestException):
        return ()
    return tuple(text.decode(errors="replace").splitlines())
