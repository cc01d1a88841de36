"""What differs between two states of a project, each input named as people know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.model.why import Side, count, describe, differences, first_causes
from pipeline.reference import parse_image_name
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES: Mapping[str, str | None] = {
    "pipeline.toml": "",
    "images/os/Dockerfile": "FROM debian:bookworm-slim\nCOPY os.txt /\n",
    "images/os/os.txt": "os\n",
    "images/lang/Dockerfile": "FROM os\nCOPY lang.txt /\n",
    "images/lang/lang.txt": "lang\n",
    "images/web/Dockerfile": "FROM lang\nARG VERSION=1\nCOPY src /srv/\n",
    "images/web/src/app.py": "app\n",
    "images/web/src/run": "run\n",
    "images/web/src/link": "-> app.py",
}
WEB = parse_image_name("web")
NOW = 1_795_000_000
ALL = {path: text for path, text in FILES.items() if path != "images/web/src/link"}


def side(root: Path, files: Mapping[str, str | None], executable: str = "") -> Side:
    """Write a project and load it."""
    write_tree(root, files)
    if executable:
        (root / executable).chmod(0o755)
    project = load(root, environ={}, instant=NOW)
    return Side(project, fingerprint(project))


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({}, []),
        ({"images/web/src/app.py": "other\n"}, ["images/web/src/app.py changed, … → …"]),
        ({"images/web/src/new.py": "new\n"}, ["images/web/src/new.py added"]),
        ({"images/web/src/link": "-> run"}, ["images/web/src/link changed, -> app.py → -> run"]),
        (
            {"images/web/image.toml": 'args = { VERSION = "2" }\n'},
            ["argument VERSION changed, 1 → sha256 d4735e3a265e"],
        ),
        (
            {"images/web/image.toml": 'salt = "1"\n'},
            ["salt changed, nothing → sha256 6b86b273ff34"],
        ),
        (
            {"images/web/image.toml": 'platforms = ["linux/arm64"]\n'},
            ["platforms changed, linux/amd64 → linux/arm64"],
        ),
        (
            {"images/web/image.toml": '[test]\ncommand = ["true"]\n'},
            ["test changed, nothing → true"],
        ),
        (
            {"pipeline.toml": "[build]\nsbom = true\n"},
            ["option sbom added", "base lang changed, … → …"],
        ),
        (
            {"images/web/Dockerfile": "FROM debian\nCOPY src /srv/\n"},
            [
                "images/web/Dockerfile changed, … → …",
                "argument VERSION removed",
                "external docker.io/library/debian:latest added",
                "base lang removed",
            ],
        ),
        ({"images/os/os.txt": "other\n"}, ["base lang changed, … → …"]),
        (
            {"images/web/image.toml": 'refresh = "7d"\n'},
            ["refresh period changed, nothing → 2,967 of 7d"],
        ),
    ],
    ids=str,
)
def test_a_change_is_named(tmp_path: Path, change: Mapping[str, str], sentences: list[str]) -> None:
    """Everything that differs, and nothing else."""
    before = side(tmp_path / "before", FILES)
    after = side(tmp_path / "after", {**FILES, **change})
    found = [describe(one) for one in differences(before, after, WEB)]

    assert len(found) == len(sentences)
    for text, expected in zip(found, sentences, strict=True):
        head, _, tail = expected.partition("…")
        assert text.startswith(head)
        assert bool(tail) or text == expected


def test_a_file_that_moved(tmp_path: Path) -> None:
    """One difference, and not a file that is gone and another that is new."""
    moved = {path.replace("src/run", "src/start"): text for path, text in FILES.items()}
    before, after = side(tmp_path / "before", FILES), side(tmp_path / "after", moved)

    assert [describe(one) for one in differences(before, after, WEB)] == [
        "images/web/src/start moved from images/web/src/run"
    ]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """It is named with the beginning of its sha256."""
    before, after = side(tmp_path / "before", FILES), side(tmp_path / "after", ALL)
    (gone,) = differences(before, after, WEB)

    assert (describe(gone), gone.before) == ("images/web/src/link removed", "-> app.py")


def test_an_executable_bit(tmp_path: Path) -> None:
    """The words say what the bit was and is."""
    before = side(tmp_path / "before", FILES)
    after = side(tmp_path / "after", FILES, "images/web/src/run")

    assert [describe(one) for one in differences(before, after, WEB)] == [
        "images/web/src/run changed, not executable → executable"
    ]


def test_the_first_cause_of_a_base(tmp_path: Path) -> None:
    """Not the nearest base that differs, but the one whose own inputs do."""
    changed = {
        **FILES,
        "images/os/os.txt": "other\n",
        "images/os/Dockerfile": "FROM debian:12\nCOPY os.txt /\n",
    }
    before, after = side(tmp_path / "before", FILES), side(tmp_path / "after", changed)
    (base,) = differences(before, after, WEB)
    (cause,) = first_causes(before, after, parse_image_name("lang"))

    assert base.because == (cause,)
    assert cause.startswith("os: images/os/Dockerfile changed, ")
    assert cause.endswith(" and 3 more")


def test_inputs_are_counted_once(tmp_path: Path) -> None:
    """The Dockerfile, a folder and three paths in it, an argument and a base."""
    assert count(side(tmp_path, FILES), WEB) == 7


def test_another_period_of_refresh_is_named(tmp_path: Path) -> None:
    """It is the first cause of what depends on the image, too."""
    write_tree(tmp_path, {**ALL, "images/lang/image.toml": 'refresh = "7d"\n'})
    before, after = (
        Side(project, fingerprint(project))
        for project in (load(tmp_path, environ={}, instant=i) for i in (NOW, NOW + 7 * 24 * 3600))
    )

    assert [describe(one) for one in differences(before, after, parse_image_name("lang"))] == [
        "refresh period changed, 2,967 → 2,968"
    ]
    assert [*first_causes(before, after, WEB)] == ["lang: refresh period changed, 2,967 → 2,968"]
