"""Which images have a period: those with `refresh`, and by default those with unpinned steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import ConfigError, fingerprint, load
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = 1_795_000_000.5
WEEK = 7 * 24 * 3600
DEFAULT = '[build]\nrefresh = "7d"\n'
INSTALLS = "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y curl\n"
PINNED = "FROM debian:bookworm-slim\nRUN apt-get install -y curl=8.0\n"
FETCHES = "FROM scratch\nADD https://example.com/a /a\n"
COPIES = "# syntax=docker/dockerfile:1\nFROM debian:bookworm-slim\nCOPY a /a\n"
UNUSED = f"{INSTALLS[:-1]}\nFROM scratch\nCOPY a /a\n"


def every(root: Path, files: Mapping[str, str]) -> str | None:
    """Return how often the image `web` of a project is built anew."""
    write_tree(root, {"pipeline.toml": "", "images/web/a": "", **files})
    found = load(root, environ={}, instant=NOW).images[0].refresh
    return found.every if found else None


@pytest.mark.parametrize(
    ("dockerfile", "settings", "own", "expected"),
    [
        (INSTALLS, "", "", None),
        (INSTALLS, DEFAULT, "", "7d"),
        (FETCHES, DEFAULT, "", "7d"),
        (PINNED, DEFAULT, "", None),
        (COPIES, DEFAULT, "", None),
        (UNUSED, DEFAULT, "", None),
        (INSTALLS, DEFAULT, 'refresh = "never"\n', None),
        (INSTALLS, DEFAULT, 'refresh = "12h"\n', "12h"),
        (COPIES, "", 'refresh = "1w"\n', "1w"),
        (COPIES, "", '[profiles.ci]\nrefresh = "1w"\n', None),
    ],
)
def test_which_images_have_a_period(
    tmp_path: Path, dockerfile: str, settings: str, own: str, expected: str | None
) -> None:
    """An image that moves only with a tag or a frontend has none: the lock is for these."""
    files = {"images/web/Dockerfile": dockerfile, "images/web/image.toml": own}

    assert every(tmp_path, {**files, "pipeline.toml": settings}) == expected


@pytest.mark.parametrize("file", ["pipeline.toml", "images/web/image.toml"])
def test_a_wrong_length_is_an_error_at_its_place(tmp_path: Path, file: str) -> None:
    """It names what may be written."""
    text = f"{'[build]' if file == 'pipeline.toml' else ''}\nrefresh = '7 days'\n"

    with pytest.raises(ConfigError, match=f"{file}:2:11: `7 days` is not a number with") as caught:
        every(tmp_path, {"images/web/Dockerfile": INSTALLS, file: text})

    assert "7d" in (caught.value.problems[0].hint or "")


def test_a_base_and_all_that_stand_on_it_get_other_keys_at_once(tmp_path: Path) -> None:
    """With the next period: the key of a dependent has that of its base."""
    write_tree(
        tmp_path,
        {
            "pipeline.toml": DEFAULT,
            "images/os/Dockerfile": INSTALLS,
            "images/lang/Dockerfile": "FROM os\n",
            "images/web/Dockerfile": "FROM lang\n",
            "images/docs/Dockerfile": "FROM scratch\n",
        },
    )
    first = load(tmp_path, environ={}, instant=NOW)
    due = next(image.refresh.due for image in first if image.refresh)

    before, last, after = (
        {str(name): one.key for name, one in fingerprint(project).items()}
        for project in (
            first,
            load(tmp_path, environ={}, instant=due - 1),
            load(tmp_path, environ={}, instant=due),
        )
    )

    assert before == last
    assert {name for name in before if before[name] != after[name]} == {"os", "lang", "web"}


def test_without_a_period_a_key_is_what_it_was(tmp_path: Path) -> None:
    """At any instant."""
    write_tree(tmp_path, {"pipeline.toml": "", "images/os/Dockerfile": INSTALLS})

    keys = {
        one.key
        for instant in (0, NOW, NOW + 500 * WEEK)
        for one in fingerprint(load(tmp_path, environ={}, instant=instant)).values()
    }

    assert len(keys) == 1
