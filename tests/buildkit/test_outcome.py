"""Which image of a solve failed, where, and what happened to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.definition import Output
from pipeline.buildkit.outcome import (
    Broken,
    Built,
    Cancelled,
    Outcome,
    after_failure,
    blame_unfinished,
)
from pipeline.buildkit.progress import progress
from pipeline.buildkit.stream import Decoder
from pipeline.model.report import Failure
from tests.buildkit.example import DATA, follow, replay, targets
from tests.buildkit.test_progress import END, line, log, vertex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.reference import ImageName

SHA = "sha256:" + "1" * 64


def failure(outcome: Outcome) -> Failure:
    """Return the failure of an image."""
    assert isinstance(outcome, Broken)
    return outcome.failure


def by_name(outcomes: Mapping[ImageName, Outcome]) -> dict[str, Outcome]:
    """Return the same with plain strings as keys."""
    return {str(name): outcome for name, outcome in outcomes.items()}


def read(lines: list[bytes], *names: str, output: Output = Output.PUSH) -> dict[str, Outcome]:
    """Return the outcomes of the images in a stream."""
    return by_name(after_failure(follow(lines, targets(*names, output=output))[0]))


@pytest.mark.parametrize("version", ["0.13", "0.29"])
def test_a_failing_image(version: str) -> None:
    """One image failed; its base was pushed; dependents and others were cancelled."""
    seen, _ = replay(f"broken-{version}.txt", targets("base", "broken", "late", "other"))

    outcomes = by_name(after_failure(seen))

    assert isinstance(outcomes["base"], Built)
    assert failure(outcomes["broken"]) == Failure(
        "[1/2] RUN echo one;     sleep 1; exit 7",
        "exit code 7",
        "images/broken/Dockerfile:3",
        "RUN echo one; \\\n    sleep 1; exit 7",
        ("one",),
    )
    assert outcomes["late"] == outcomes["other"] == Cancelled()


def test_a_failure_after_an_interruption_is_cancelled() -> None:
    """Ctrl-C also stops BuildKit's helpers, whose failures then count as cancelled."""
    made = targets("base", "web")
    killed = "error getting credentials - err: signal: interrupt, out: ``"
    pushing = "[base] pushing 127.0.0.1:5000/base:1 with docker"
    end = [vertex(pushing, error=killed, completed=END), f"ERROR: target base: {killed}".encode()]

    def outcome(*, stopping: bool) -> Outcome:
        decoder, seen = Decoder(), progress(made)
        seen.stopping = stopping
        for record in [record for each in end for record in decoder.feed(each)]:
            seen.take(record)
        return by_name(after_failure(seen))["base"]

    assert outcome(stopping=True) == Cancelled(written=True)
    assert failure(outcome(stopping=False)).message == killed


def test_a_connection_that_ends_with_the_first_error() -> None:
    """Buildx closes it when a step fails: what was read over it then is no failure of its own."""
    lost = "rpc error: code = Unavailable desc = error reading from server: EOF"
    failing = vertex("[web 1/1] COPY x /", "a", error=_MISSING, completed=END)
    ending = vertex("[base internal] load .dockerignore", "b", error=lost, completed=END)

    for lines in ([failing, ending], [ending, failing]):
        outcomes = read(lines, "web", "base")
        assert outcomes["base"] == Cancelled()
        assert failure(outcomes["web"]).message == _MISSING
    assert failure(read([ending], "web", "base")["base"]).message == lost


_MISSING = 'failed to calculate checksum "/x": not found'
_SOLVE = f"failed to solve: failed to compute cache key: {_MISSING}"
_REQUEST = 'error during connect: Post "http://engine/push": '


@pytest.mark.parametrize("step", ["pushing r/base:1 with docker", "importing to docker"])
@pytest.mark.parametrize("wrapped", ["", "target web: ", _REQUEST])
def test_own_requests_of_buildx_end_with_the_first_error(step: str, wrapped: str) -> None:
    """Go gives a request in progress the error of the first failure."""
    failing = vertex("[web 1/1] COPY x /", "a", error=_MISSING, completed=END)
    ending = vertex(f"[base] {step}", "b", error=f"{wrapped}{_SOLVE}", completed=END)

    for lines in ([failing, ending], [ending, failing]):
        outcomes = read(lines, "base", "web")
        assert isinstance(outcomes["base"], Cancelled)
        assert failure(outcomes["web"]).message == _MISSING


def test_a_full_disk_has_its_own_hint() -> None:
    """BuildKit's message for a full disk during an export has a hint."""
    error = "failed to copy: write /var/lib/x/ingest/data: no space left on device"
    lines = [vertex("[web] exporting to image", error=error, completed=END)]

    told = failure(read(lines, "web")["web"])
    assert told.hint.startswith("the builder's disk is full")


def test_a_push_ends_with_the_error_of_another_push() -> None:
    """The first push failed; so did one with a different error."""
    denied = "denied: no right to push"
    lines = [
        vertex("[base] pushing r/base:1 with docker", "a", error=denied, completed=END),
        vertex("[web] pushing r/web:1 with docker", "b", error=f"{_REQUEST}{denied}"),
        vertex("[copy] pushing r/copy:1 with docker", "c", error="broken pipe"),
    ]

    outcomes = read(lines, "base", "web", "copy")

    assert failure(outcomes["base"]).message == denied
    assert outcomes["web"] == Cancelled(written=True)
    assert failure(outcomes["copy"]).message == "broken pipe"


def test_a_failing_image_on_the_classic_store() -> None:
    """With the classic store the engine pushes in a step of its own."""
    seen, _ = replay("classic-0.29.txt", targets("base", "broken"))

    outcomes = by_name(after_failure(seen))

    assert isinstance(outcomes["base"], Built)
    assert isinstance(outcomes["broken"], Broken)


def test_the_digest_of_an_image_pushed_before_a_failure() -> None:
    """BuildKit prints the digest while it pushes."""
    seen, _ = replay("broken-0.29.txt", targets("base", "broken", "late", "other"))

    base = by_name(after_failure(seen))["base"]

    assert isinstance(base, Built)
    said = (DATA / "broken-0.29.txt").read_text(encoding="utf-8")
    assert f"pushing manifest for 127.0.0.1:5055/try-base:t@{base.digest}" in said


@pytest.mark.parametrize("version", ["0.13", "0.29"])
def test_a_file_that_is_missing(version: str) -> None:
    """With a single target the step has no prefix; internal ids are removed from the message."""
    seen, _ = replay(f"copy-{version}.txt", targets("copy"))

    said = failure(by_name(after_failure(seen))["copy"])

    assert said.message == 'failed to calculate checksum "/missing": not found'
    assert said.location == "images/copy/Dockerfile:3"
    assert said.excerpt == "COPY missing /x"


def test_a_failed_base_does_not_fail_its_dependents() -> None:
    """The step of a failed base appears under both names."""
    lines = [
        vertex("[base 2/2] RUN x", error="exit code: 1", completed=END),
        vertex("[web 2/2] RUN x", error="exit code: 1", completed=END),
    ]

    outcomes = read(lines, "base", "web")

    assert isinstance(outcomes["base"], Broken)
    assert outcomes["web"] == Cancelled()


def test_two_images_that_fail_at_once() -> None:
    """Each has its failure with its location, also without BuildKit's help."""
    lines = [
        vertex("[copy 2/2] COPY missing /x", "a", error="not found", completed=END),
        vertex("[web 1/2] RUN echo web", "b", error="exit code: 1", completed=END),
        vertex("[other 2/2] RUN y", "c", error="context canceled: context canceled"),
    ]

    outcomes = read(lines, "base", "copy", "web", "other")

    assert failure(outcomes["copy"]).location == "images/copy/Dockerfile:3"
    assert failure(outcomes["web"]).location == "images/web/Dockerfile:2"
    assert outcomes["other"] == Cancelled()


def test_a_step_that_two_siblings_share_breaks_both() -> None:
    """A step that two images share fails both."""
    lines = [vertex(f"[{name} 1/2] RUN x", error="boom") for name in ("copy", "other")]

    outcomes = read(lines, "copy", "other")

    assert isinstance(outcomes["copy"], Broken)
    assert isinstance(outcomes["other"], Broken)


def test_a_failure_is_kept_when_the_step_is_cancelled_after() -> None:
    """BuildKit retries a failed step for another image, and then cancels it."""
    lines = [
        vertex("[2/2] COPY a b", error="not found"),
        vertex("[2/2] COPY a b"),
        vertex("[2/2] COPY a b", error="context canceled: context canceled"),
    ]

    assert failure(read(lines, "base")["base"]).message == "not found"


def test_the_last_twenty_lines_of_the_step() -> None:
    """And no other lines."""
    text = "".join(f"line {n}\n" for n in range(30))
    lines = [vertex("[2/2] RUN x"), log(text), vertex("[2/2] RUN x", error="no")]

    said = failure(read(lines, "base")["base"])

    assert said.log == tuple(f"line {n}" for n in range(10, 30))


def test_an_external_that_is_missing() -> None:
    """The location is that of the FROM that names it."""
    name = "[base internal] load metadata for docker.io/library/debian:bookworm-slim"

    outcomes = read([vertex(name, error="no such host")], "base", "web")

    assert failure(outcomes["base"]).location == "images/base/Dockerfile:1"


EXCERPT = [
    b"Dockerfile:3",
    b"--------------------",
    b"   1 |     FROM debian:bookworm-slim",
    b"   2 |     ",
    b"   3 | >>> COPY missing /x",
    b"   4 |     ",
    b"--------------------",
]


@pytest.mark.parametrize("prefix", ["", "target copy: "])
def test_an_error_without_a_step(prefix: str) -> None:
    """Buildx 0.13 does not name the target, but prints its source."""
    error = f"ERROR: {prefix}failed to solve: dockerfile parse error on line 3: no"

    outcomes = read([*EXCERPT, error.encode()], "base", "copy", "other")

    assert failure(outcomes["copy"]) == Failure(
        "", "dockerfile parse error on line 3: no", "images/copy/Dockerfile:3", "COPY missing /x"
    )
    assert outcomes["base"] == outcomes["other"] == Cancelled()


def test_an_error_that_could_be_of_any_image() -> None:
    """All images that could have been built fail; nothing is retried for ever."""
    seen, _ = follow([b'ERROR: failed to solve: target stage "x"'], targets("base", "web"))

    outcomes = by_name(blame_unfinished(seen, after_failure(seen)))

    assert failure(outcomes["base"]).message == 'target stage "x"'
    assert outcomes["web"] == Cancelled()


def test_loaded_and_not_yet_imported_is_not_built() -> None:
    """With a builder in a container, the engine imports the image in a separate step."""
    exported = vertex("exporting to docker image format", "a", completed=END)
    importing = vertex("importing to docker", "b")

    found = read([exported, importing], "base", output=Output.LOAD)["base"]

    assert found == Cancelled(written=True)
    assert isinstance(read([exported], "base", output=Output.LOAD)["base"], Built)


def test_exported_and_not_pushed_is_not_built() -> None:
    """Only a completed push counts."""
    part = {"id": f"pushing manifest for r/base:1@{SHA}", "vertex": "d", "started": END}
    lines = [vertex("exporting to image"), line(statuses=[part])]

    assert read(lines, "base")["base"] == Cancelled(written=True)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (
            "http: server gave HTTP response to HTTPS client",
            "`buildkitd.toml`",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "`buildkitd.toml`",
        ),
        ("write /var/lib/x: no space left on device", "docker buildx prune"),
        ("failed to push r/web:1: denied", ""),
    ],
)
def test_what_to_do_about_a_failure(error: str, hint: str) -> None:
    """A failure that has one remedy names it."""
    step = vertex("[web] exporting to image", completed=END, error=error)

    found = failure(read([step], "web")["web"]).hint

    assert hint in found
    assert bool(found) == bool(hint)
