"""The tables of apps and releases, also for narrow terminals."""

from __future__ import annotations

import io

from pipeline.console.apps import print_releases, print_status, status_lines
from pipeline.console.paint import plain
from pipeline.console.text import width
from pipeline.model.apps import Running
from pipeline.model.status import Orphan
from tests.console.values import DIGEST, RELEASES, STATUSES


def test_status_table() -> None:
    """A line per app, with the URL of a healthy one and the reason of another."""
    stream = io.StringIO()
    print_status(STATUSES, stream, environ={})

    head, web, api, _, total = stream.getvalue().splitlines()
    assert head.split() == ["APP", "STATE", "RELEASE", "RUNNING", "WANTED", "URL", "OR", "REASON"]
    assert web.split() == [
        "web",
        "current",
        "v3",
        "0123456789ab",
        "0123456789ab",
        "http://127.0.0.1:8080",
    ]
    assert api.split() == ["api", "missing", "-", "-", "nothing", "runs", "yet"]
    assert total == "current 1, missing 1"


def test_an_orphan_is_shown() -> None:
    """With what it runs, and how it is removed."""
    stream = io.StringIO()
    orphan = Orphan("old", Running(DIGEST, "3"))
    print_status(STATUSES, stream, orphans=[orphan], environ={})

    *_, old, _, total, hint = stream.getvalue().splitlines()
    assert old.split()[:5] == ["old", "orphan", "3", "0123456789ab", "-"]
    assert total == "current 1, missing 1, orphan 1"
    assert hint.startswith("hint: `invoke down --orphans` removes")


def test_status_fits_a_narrow_terminal() -> None:
    """Digests are dropped first, then the last column goes below."""
    lines = status_lines(STATUSES, plain, cells=60)
    narrow = status_lines(STATUSES, plain, cells=40)

    assert lines[1].split() == ["web", "current", "v3", "http://127.0.0.1:8080"]
    assert max(map(width, narrow)) <= 40
    assert "  http://127.0.0.1:8080" in narrow


def test_no_apps_and_no_releases() -> None:
    """A sentence instead of an empty table."""
    stream = io.StringIO()
    print_status((), stream, environ={})
    print_releases((), stream, environ={})

    assert stream.getvalue() == "no apps\nno releases\n"


def test_releases_are_listed_with_their_image() -> None:
    """An image that the driver no longer knows is marked."""
    stream = io.StringIO()
    print_releases(RELEASES, stream, environ={})

    _, newest, older = stream.getvalue().splitlines()
    assert newest.split()[:3] == ["v3", "complete", "2026-11-24T15:00:00Z"]
    assert newest.endswith(str(RELEASES[0].image))
    assert older.endswith("no longer known")
