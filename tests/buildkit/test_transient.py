"""Which failures of a solve are retried."""

from __future__ import annotations

import pytest

from pipeline.buildkit.transient import is_lost_from_cache, is_transient, transient_failure
from tests.buildkit.example import follow, replay, targets
from tests.buildkit.test_progress import END, vertex

HEAD = "unexpected status from HEAD request to https://r:5000/v2/a/blobs/sha256:e: "


@pytest.mark.parametrize(
    "error",
    [
        HEAD + "500 Internal Server Error",
        "received unexpected HTTP status: 503 Service Unavailable",
        "failed to copy: unexpected status: 502 Bad Gateway",
        "failed to push r/a:1: failed to do request: Post https://r/v2/: EOF",
        "failed to copy: read tcp 10.0.0.2:1->10.0.0.3:443: connection reset by peer",
        "failed to do request: Head https://r/v2/a/manifests/1: net/http: TLS handshake timeout",
        "failed to push r/a:1: Unavailable: error reading from server: EOF",
        "failed to stat active key during commit: snapshot kx does not exist: not found",
        "dial tcp: lookup r on 10.0.0.1:53: read udp 10.0.0.2:1->10.0.0.1:53: i/o timeout",
        "failed to do request: dial tcp: lookup r on 10.0.0.1:53: server misbehaving",
        "dial tcp: lookup r: Temporary failure in name resolution",
        # The engine (moby/moby#22854), and containerd with the words of the registry.
        "errors:\nmanifest blob unknown: blob unknown to registry\n",
        "unexpected status from PUT request to https://r/v2/a: 400: blob unknown to registry",
        "unexpected status from PUT request to http://r/v2/a/manifests/1: 400 Bad Request",
    ],
)
def test_temporary_failures(error: str) -> None:
    """Failures of the registry, the network or BuildKit that may be temporary."""
    assert is_transient(error)


def test_lost_cache_content() -> None:
    """Only messages of the engine, not output of a command."""
    lost = "failed to stat active key during commit: snapshot kx does not exist: not found"

    assert is_lost_from_cache(f"failed to commit kx to dc during finalize: {lost}")
    assert not is_lost_from_cache(
        f'process "/bin/sh -c false" did not complete successfully: {lost}'
    )
    assert not is_lost_from_cache(HEAD + "500 Internal Server Error")


@pytest.mark.parametrize(
    "error",
    [
        HEAD + "401 Unauthorized",
        HEAD + "404 Not Found",
        "unexpected status from PUT request to https://r/v2/a/blobs/uploads/1: 400 Bad Request",
        "received unexpected HTTP status: 429 Too Many Requests",
        "dial tcp: lookup r on 10.0.0.1:53: no such host",
        "failed to copy: no space left on device",
        'process "/bin/sh -c echo connection reset by peer; false" did not complete successfully',
        'process "/bin/sh -c cat <<EOF" did not complete successfully: exit code: 1: EOF',
    ],
)
def test_permanent_failures(error: str) -> None:
    """A refusal, a full disk, and any output of a user's command."""
    assert not is_transient(error)


def test_the_image_and_the_error_are_named() -> None:
    """The message explains why the build takes longer."""
    error = HEAD + "500 Internal Server Error"
    lines = [vertex("pushing r/web:1 with docker", completed=END, error=error)]

    seen, _ = follow(lines, targets("web"))

    assert transient_failure(seen) == f"`web`: {error}"


def test_one_permanent_failure_prevents_a_retry() -> None:
    """One permanent failure prevents a retry."""
    lines = [
        vertex("[web] pushing r/web:1 with docker", "a", completed=END, error=HEAD + "500 Oops"),
        vertex("[copy 2/2] COPY missing /x", "b", completed=END, error='"/missing": not found'),
    ]

    seen, _ = follow(lines, targets("web", "copy"))

    assert transient_failure(seen) == ""


@pytest.mark.parametrize("version", ["0.13", "0.29"])
def test_a_command_that_fails(version: str) -> None:
    """In the words of buildx."""
    seen, _ = replay(f"broken-{version}.txt", targets("base", "broken", "late", "other"))

    assert transient_failure(seen) == ""
