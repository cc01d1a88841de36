"""Plain lines for logs."""

from __future__ import annotations

import io
import itertools

from pipeline.console.out import reporter
from pipeline.console.paint import plain
from pipeline.console.summary import summary
from pipeline.model.events import Finished, ImageChanged, LogLine, Phase, Planned, StepChanged
from pipeline.model.plan import Plan
from pipeline.reference import ImageName
from tests.console.values import FAILURE, PROJECT, REPORT, RUN

WEB, API = ImageName("web"), ImageName("api")


def lines_of(*events: object, environ: dict[str, str] | None = None) -> list[str]:
    """Return the lines of events that are a second apart."""
    stream = io.StringIO()
    ticks = itertools.count()
    with reporter(stream, environ=environ or {}, clock=lambda: float(next(ticks))) as report:
        for event in events:
            report(event)  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


def test_a_run_in_lines() -> None:
    """Each line begins with the padded image name; bytes and existing images have no line."""
    lines = lines_of(*RUN)

    assert lines[: lines.index("")] == [
        "3 to build, 1 exists; 1 to deploy, 1 is current",
        "note: asked again after 429",
        "python-base | building",
        "python-base | [1/5] FROM os-base cached",
        "python-base | [2/5] RUN apt-get update",
        "python-base |   Get:1 [red]not markup[/red] not red",
        "python-base | [2/5] done in 3.2 s",
        "python-base | pushing",
        "python-base | built in 12.3 s: the registry has no `x`",
        "api         | building",
        "api         | [2/3] RUN make all",
        "api         |   make: *** No rule to make target 'all'.  Stop.",
        f"api         | failed in 1.0 s: {FAILURE.message}",
        "web         | blocked: not tried, because `api` failed",
        "web         | deploying",
        "web         | checking",
        "web         | deployed in 2.5 s: it runs another image",
    ]


def test_the_end_has_summary_and_failures() -> None:
    """After the run: tables, totals and failures."""
    lines = lines_of(RUN[-1])

    assert "built 1, exists 1, failed 1, blocked 1 in 15.0 s; 7 requests; 1 build skipped" in lines
    assert "error: `api` failed at `[2/3] RUN make all`" in lines
    assert lines.index("deployed 1, current 0, failed 0, blocked 1") < lines.index(
        "error: `api` failed at `[2/3] RUN make all`"
    )


def test_lines_are_never_coloured() -> None:
    """A log has no colours, not even with FORCE_COLOR."""
    assert "\x1b" not in "\n".join(lines_of(*RUN, environ={"FORCE_COLOR": "1"}))


def test_a_log_names_its_step_again() -> None:
    """If the log changes to another step of the same image, the step is printed again."""
    lines = lines_of(
        StepChanged(WEB, "[a 1/2] RUN x"),
        StepChanged(WEB, "[b 1/2] RUN y"),
        LogLine(WEB, "[a 1/2] RUN x", "hello"),
    )

    assert lines[-2:] == ["web | [a 1/2] RUN x", "web |   hello"]


def test_quick_internal_steps_are_omitted() -> None:
    """BuildKit's internal steps are printed only if they take long."""
    lines = lines_of(
        StepChanged(WEB, "[internal] load .dockerignore"),
        StepChanged(WEB, "[internal] load .dockerignore", completed=True, seconds=0.1),
        StepChanged(WEB, "[internal] load build context", completed=True, seconds=8.0),
        StepChanged(WEB, "resolving provenance for metadata file"),
        StepChanged(WEB, "resolving provenance for metadata file", completed=True, seconds=0.1),
    )

    assert lines == ["web | [internal] load build context done in 8.0 s"]


def test_a_stage_is_printed_once() -> None:
    """A repeated stage is one line."""
    changed = ImageChanged(WEB, Phase.BUILDING)

    assert lines_of(changed, changed) == ["web | building"]


def test_a_plan_with_nothing_to_do_is_printed() -> None:
    """A run with nothing to do says so."""
    assert lines_of(Planned(Plan(PROJECT, ()))) == ["0 to build, 0 exist"]


def test_a_closed_log_does_not_end_a_run() -> None:
    """Events are accepted after the log is closed."""
    stream = io.StringIO()
    with reporter(stream, environ={}) as report:
        stream.close()
        for event in RUN:
            report(event)

    assert isinstance(RUN[-1], Finished)


def test_a_step_that_buildkit_runs_twice_is_printed_once() -> None:
    """A `FROM` is resolved and then fetched: its second end is printed if it took long."""
    step = "[1/4] FROM debian"
    again = [StepChanged(WEB, step), StepChanged(WEB, step, completed=True, seconds=0.01)]
    slow = StepChanged(WEB, step, completed=True, seconds=5.0)

    assert lines_of(*again, *again, slow) == [
        "web | [1/4] FROM debian",
        "web | [1/4] done in 5.0 s",
    ]


def test_a_step_that_failed_is_not_done() -> None:
    """A failed or cancelled step is not printed as done, and is named again when it restarts."""
    make, test = "[1/2] RUN make", "[1/2] RUN make test"
    lines = lines_of(
        StepChanged(WEB, make),
        StepChanged(WEB, make, completed=True, failed=True, seconds=2.0),
        StepChanged(API, test),
        StepChanged(API, test, completed=True, cancelled=True, seconds=0.5),
        StepChanged(API, test),
        StepChanged(API, test, completed=True, seconds=0.7),
    )

    assert lines == [
        "web | [1/2] RUN make",
        "web | [1/2] failed in 2.0 s",
        "api | [1/2] RUN make test",
        "api | [1/2] cancelled after 0.5 s",
        "api | [1/2] RUN make test",
        "api | [1/2] done in 0.7 s",
    ]


def test_a_base_that_exists_is_named_once() -> None:
    """An existing base is printed once, if it takes long."""
    base = "[context os-base] registry.fly.io/os-base@sha256:" + "0" * 64
    metadata = "[context os-base] load metadata for registry.fly.io/os-base"
    lines = lines_of(
        StepChanged(WEB, metadata),
        StepChanged(WEB, metadata, completed=True, seconds=0.1),
        StepChanged(WEB, base),
        StepChanged(WEB, base, completed=True, seconds=0.1),
        StepChanged(WEB, base),
        StepChanged(WEB, base, completed=True, seconds=3.0),
    )

    assert lines == [
        "web | [context os-base] registry.fly.io/os-base@sha256:000000000000…",
        "web | [context os-base] done in 3.0 s",
    ]


def test_slow_exports_are_printed() -> None:
    """Exporting is printed only if it takes long; stage and summary say the rest."""
    push = "pushing registry.fly.io/web:1234 with docker"
    quick = [StepChanged(WEB, push), StepChanged(WEB, push, completed=True, seconds=0.1)]
    slow = StepChanged(WEB, push, completed=True, seconds=2.0)
    export = StepChanged(WEB, "exporting to image", completed=True, seconds=3.0)

    assert lines_of(*quick) == []
    assert lines_of(export, slow) == [
        "web | exporting to image done in 3.0 s",
        "web | pushing done in 2.0 s",
    ]


def test_a_long_step_is_readable() -> None:
    """Indentation of continuation lines is removed, and digests are shortened."""
    lines = lines_of(
        StepChanged(WEB, f"[1/2] FROM debian@sha256:{'0123456789abcdef' * 4}"),
        StepChanged(WEB, "[2/2] RUN apt-get update     && apt-get install tini"),
    )

    assert lines == [
        "web | [1/2] FROM debian@sha256:0123456789ab…",
        "web | [2/2] RUN apt-get update && apt-get install tini",
    ]


def test_verifying_makes_no_line() -> None:
    """One request per image has no line."""
    assert lines_of(ImageChanged(WEB, Phase.VERIFYING)) == []


def test_results_and_progress_are_two_streams() -> None:
    """The tables are the result; lines and failures are not. Each run has both."""
    for live in (False, True):
        progress, results = io.StringIO(), io.StringIO()
        environ = {"COLUMNS": "80", "LINES": "20", "NO_COLOR": "1"}
        with reporter(progress, results=results, live=live, environ=environ) as report:
            for event in RUN:
                report(event)

        assert results.getvalue().splitlines() == summary(REPORT, plain)
        assert "error: `api` failed at `[2/3] RUN make all`" in progress.getvalue()
        assert "7 requests" not in progress.getvalue()
