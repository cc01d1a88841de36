"""Test an image in a container before it is pushed, and push from the local engine what passed."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import docker

from ..model.events import LogLine
from ..model.report import Failure
from ..process.cleanup import booted, here, lives, owner

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
"""Labels of a test's container: the image, and whose run it is (`process.cleanup`)."""
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
    """Run the test's command in a fresh container of a loaded image; `None` when it passes.

    The image's entrypoint is left out: the command is the command. The container is removed in
    any case. It ends early when `stop` is set.
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
        return Failure(STEP, f"its test could not be started: {error.explanation}")
    try:
        return _run(container, test, report, image_name, stop)
    finally:
        container.remove(force=True)


def sweep_tests(client: DockerClient) -> None:
    """Remove the containers of tests that runs on this host left when they were killed.

    Also those that a power cut left. Of another host that shares the engine, nothing is known.
    """
    tests: dict[str, str | list[str] | bool] = {"label": [TEST]}
    for container in client.containers.list(all=True, filters=tests, ignore_removed=True):
        if _is_left(container):
            with suppress(docker.errors.APIError):  # another run may have been quicker
                container.remove(force=True)


def _is_left(container: Container) -> bool:
    host, us = container.labels.get(HOST, ""), here()
    if host == us:
        return not lives(container.labels.get(OWNER, ""))
    same = host.rpartition("/")[0] == us.rpartition("/")[0]
    return same and container.status != "running" and _created(container) < booted()


def _created(container: Container) -> float:
    """When the engine made it; RFC 3339 in UTC, with more digits than Python reads."""
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
        return Failure(STEP, f"its test could not be started: {error.explanation}")
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
    """Kill the container when its time is over; the event says that this was so.

    The thread has ended when this has, however that came.
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
    """Kill the container when its time is over, or when the user wants to stop."""
    end = time.monotonic() + timeout
    while not over.wait(0.2):
        if stop.is_set() or time.monotonic() > end:
            # Said before it is done: whoever waits for the container's end then knows why.
            if not stop.is_set():
                late.set()
            try:
                container.kill()
            except docker.errors.APIError:
                # It had ended by itself.
                late.clear()
            return


def _follow(container: Container, report: Reporter, name: ImageName) -> list[str]:
    kept: list[str] = []
    rest = b""
    for chunk in container.logs(stream=True, follow=True):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _tell(line, kept, report, name)
    if rest:
        _tell(rest, kept, report, name)
    return kept


def _tell(line: bytes, kept: list[str], report: Reporter, name: ImageName) -> None:
    text = line.decode(errors="replace").rstrip("\r")
    report(LogLine(name, STEP, text))
    kept.append(text)
    del kept[:-_KEPT]
