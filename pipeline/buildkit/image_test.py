"""Run the test of an image in a container, before the image is pushed."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import docker

from ..model.events import LogLine
from ..model.report import Failure
from ..process.cleanup import booted, here, lives, owner
from ..process.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.containers import Container

    from ..model.events import Reporter
    from ..model.image import ImageTest
    from ..reference import ImageName, Reference

STEP = "[test]"
GUARD = "image-test-guard"
TEST, HOST, OWNER = "pipeline.test", "pipeline.test-host", "pipeline.test-owner"
"""Labels of a test's container: the image, and the run that it belongs to (`process.cleanup`)."""
_KEPT = 20
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def run_test(
    client: DockerClient,
    image: Reference,
    test: ImageTest,
    *,
    report: Reporter,
    image_name: ImageName,
    stop: threading.Event,
) -> Failure | None:
    """Run the test's command in a new container of a loaded image; return `None` if it passes.

    The entrypoint of the image is not used. The container is removed in any case. The test ends
    early when `stop` is set.
    """
    command = list(test.command)
    try:
        container = client.containers.create(
            str(image),
            entrypoint=command[:1],
            command=command[1:],
            labels={TEST: image_name, HOST: here(), OWNER: owner()},
        )
    except docker.errors.APIError as error:
        return not_started(str(error.explanation))
    try:
        return _run(container, test, report, image_name, stop)
    finally:
        container.remove(force=True)


def not_started(why: str) -> Failure:
    """Return the failure of a test whose container the engine could not create or start.

    netavark is the program that sets up networks for Podman.
    """
    hint = ""
    if "netavark: No such file" in why:
        hint = "the engine is Podman, whose network needs the program `iptables`: install it"
    return Failure(STEP, f"its test could not be started: {why}", hint=hint)


def sweep_tests(client: DockerClient) -> None:
    """Remove test containers that killed runs on this host left, also from before a power cut.

    Containers of another host that shares the engine stay: nothing is known about its runs.
    """
    tests: dict[str, str | list[str] | bool] = {"label": [TEST]}
    for container in client.containers.list(all=True, filters=tests, ignore_removed=True):
        if _is_left(container):
            with suppress(docker.errors.APIError):  # another run may have removed it
                container.remove(force=True)


def _is_left(container: Container) -> bool:
    host, us = container.labels.get(HOST, ""), here()
    if host == us:
        return not lives(container.labels.get(OWNER, ""))
    same = host.rpartition("/")[0] == us.rpartition("/")[0]
    return same and container.status != "running" and _created(container) < booted()


def _created(container: Container) -> float:
    """Return when a container was created; RFC 3339 in UTC, with more digits than Python reads."""
    return datetime.fromisoformat(container.attrs["Created"][:19] + "+00:00").timestamp()


def _run(
    container: Container,
    test: ImageTest,
    report: Reporter,
    name: ImageName,
    stop: threading.Event,
) -> Failure | None:
    try:
        container.start()
    except docker.errors.APIError as error:
        return not_started(str(error.explanation))
    with _guarded(container, test.timeout, stop) as late:
        lines = _follow(container, report, name)
        code = int(container.wait()["StatusCode"])
    if late.is_set():
        return Failure(STEP, f"its test took longer than {test.timeout:g} s", log=tuple(lines))
    if code:
        return Failure(STEP, f"its test ended with exit code {code}", log=tuple(lines))
    return None


@contextmanager
def _guarded(
    container: Container, timeout: float, stop: threading.Event
) -> Iterator[threading.Event]:
    """Kill the container after `timeout` seconds, or when `stop` is set; the event means timeout.

    The thread has ended when the block has, in any case.
    """
    over, late = threading.Event(), threading.Event()
    words = (container, timeout, stop, over, late)
    guard = threading.Thread(target=_guard, args=words, name=GUARD)
    guard.start()
    try:
        yield late
    finally:
        over.set()
        guard.join()


def _guard(
    container: Container,
    timeout: float,
    stop: threading.Event,
    over: threading.Event,
    late: threading.Event,
) -> None:
    """Wait until the test is over; kill its container after the timeout or when `stop` is set."""
    stopped = wait_until(stop.is_set, timeout=timeout, stop=over)
    if over.is_set():
        return
    # Set before the kill, so that whoever waits for the container's end knows why it ended.
    if not stopped:
        late.set()
    try:
        container.kill()
    except docker.errors.APIError:
        # It had ended by itself.
        late.clear()


def _follow(container: Container, report: Reporter, name: ImageName) -> list[str]:
    kept: list[str] = []
    rest = b""
    for chunk in container.logs(stream=True, follow=True):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _add_line(line, kept, report, name)
    if rest:
        _add_line(rest, kept, report, name)
    return kept


def _add_line(line: bytes, kept: list[str], report: Reporter, name: ImageName) -> None:
    text = line.decode(errors="replace").rstrip("\r")
    report(LogLine(name, STEP, text))
    kept.append(text)
    del kept[:-_KEPT]
