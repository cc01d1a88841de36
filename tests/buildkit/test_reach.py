"""A builder in a network of its own, and a registry on 127.0.0.1.

`PUSH` and `PULL` are what buildx 0.13.1 printed for a builder of the driver `docker-container` with
BuildKit 0.34.2. `make builders` asks the real ones again.
"""

from __future__ import annotations

import pytest

from pipeline.buildkit.progress import Progress, progress
from pipeline.buildkit.reach import builder_fault, unreachable_registry
from pipeline.buildkit.steps import Step
from pipeline.model.events import Notice
from tests.buildkit.example import follow, image, target
from tests.buildkit.test_progress import END, vertex

PUSH = (
    'failed to push 127.0.0.1:5000/web:1: failed to do request: Head "http://127.0.0.1:5000/v2/web/'
    'blobs/sha256:1": dial tcp 127.0.0.1:5000: connect: connection refused'
)
PULL = (
    'failed to do request: Head "http://127.0.0.1:5000/v2/base/manifests/1": dial tcp '
    "127.0.0.1:5000: connect: connection refused"
)
LOCALHOST = PUSH.replace("http://127.0.0.1:5000", "https://localhost:5000").replace(
    "dial tcp 127.0.0.1:5000", "dial tcp [::1]:5000"
)
ELSEWHERE = PUSH.replace("127.0.0.1:5000", "10.0.0.7:5000")
DOWNLOAD = (
    'failed to load cache key: Get "http://127.0.0.1:5000/v2.tar": dial tcp 127.0.0.1:5000: '
    "connect: connection refused"
)
COMMAND = f'process "/bin/sh -c curl" did not complete successfully: {PUSH}'
TIMEOUT = PUSH.replace("connection refused", "connection timed out")


def failed(*errors: str) -> Progress:
    """Return a solve in which these steps failed."""
    seen = progress([])
    for number, error in enumerate(errors):
        seen.steps[str(number)] = Step(str(number), error=error)
    return seen


@pytest.mark.parametrize(
    ("errors", "host"),
    [
        ([PUSH], "127.0.0.1:5000"),
        ([PULL], "127.0.0.1:5000"),
        ([PULL, PUSH], "127.0.0.1:5000"),
        ([LOCALHOST], "localhost:5000"),
        ([], ""),
        ([PUSH, "exit code 1"], ""),
        ([ELSEWHERE], ""),
        ([DOWNLOAD], ""),
        ([COMMAND], ""),
        ([TIMEOUT], ""),
    ],
)
def test_a_registry_that_refused_the_builder(errors: list[str], host: str) -> None:
    """Only if nothing else failed; not a download, a user's command, or another machine."""
    error = builder_fault(failed(*errors))

    assert (error is not None) == bool(host)
    if error:
        assert error.message.endswith(f"cannot reach the registry `{host}`: connection refused")
        assert "network=host" in error.hint
        assert "`buildkitd.toml`" in error.hint


NOT_PULLED = (
    "Error response from daemon: failed to resolve reference"
    ' "127.0.0.1:1/none:1": dial tcp 127.0.0.1:1: connect: connection refused'
)


@pytest.mark.parametrize("names", [("web",), ("web", "api")])
@pytest.mark.parametrize(
    ("step", "error", "found"),
    [
        ("[internal] booting buildkit", NOT_PULLED, True),
        ("[internal] booting buildkit", "", False),
        ("[internal] booting buildkit", "context canceled", False),
        ("[web 1/1] RUN booting buildkit", NOT_PULLED, False),
    ],
)
def test_a_builder_that_is_not_started(
    names: tuple[str, ...], step: str, error: str, *, found: bool
) -> None:
    """Its image cannot be pulled, or its container does not start: no fault of an image."""
    lines = [vertex(step), vertex(step, error=error, completed=END)]
    seen, events = follow(lines, [target(image(name)) for name in names])

    fault = builder_fault(seen)

    assert (fault is not None) == found
    assert events.count(Notice("starting the builder")) == step.startswith("[internal]")
    if fault:
        assert fault.message == f"the builder could not be started: {NOT_PULLED}"
        assert "`--driver-opt image=`" in fault.hint
        assert not seen.failures


@pytest.mark.parametrize(
    ("driver", "options", "host", "hint"),
    [
        ("docker-container", "", "127.0.0.1:5000", "network=host"),
        ("docker-container", "", "localhost:5000", "network=host"),
        ("docker-container", "", "[::1]:5000", "network=host"),
        ("docker-container", 'image="x" network="bridge"', "127.0.0.1", "network=host"),
        ("docker-container", 'image="x" network="host"', "127.0.0.1:5000", ""),
        ("docker-container", "", "registry.fly.io", ""),
        ("docker-container", "", "10.0.0.7:5000", ""),
        ("kubernetes", "", "127.0.0.1:5000", "a name that both reach"),
        ("remote", "", "127.0.0.1:5000", ""),
        ("docker", "", "127.0.0.1:5000", ""),
    ],
)
def test_a_builder_that_will_not_reach_the_registry(
    driver: str, options: str, host: str, hint: str
) -> None:
    """Known before a build, from what buildx says of the builder."""
    error = unreachable_registry(driver, options, host)

    assert (error is not None) == bool(hint)
    if error:
        assert f"driver {driver}" in error.message
        assert host in error.message
        assert hint in error.hint
