"""A tag has exactly the files of its fingerprint, whatever changes during the build."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load, plan, run
from pipeline.model.events import ImageChanged, Phase
from pipeline.reference import ImageName
from tests.support.registry_documents import last_layer

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.events import Event
    from tests.support.project import Project

pytestmark = pytest.mark.engine

LONG_AGO = 10**18
COPIES = "FROM scratch\nCOPY v /\n"
TESTED = "FROM debian:bookworm-slim\nRUN echo base >/base\n"
WEB = ImageName("web")


def write(file: Path, text: str) -> None:
    """Write other content, but keep the file's modification time."""
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))


def test_other_bytes_of_the_same_size_and_time_are_built(project: Project) -> None:
    """BuildKit recognizes unchanged files by size and time; other content is built all the same."""
    project.image("web", COPIES)
    project.image("www", "FROM scratch\nCOPY . /\n")
    one, two = (project.root / "images" / name / "v" for name in ("web", "www"))
    built: dict[str, str] = {}

    for text in ("111", "222"):
        write(one, text)
        write(two, text)
        ran = project.invoke("build-all", "--json")
        assert set(ran.statuses().values()) == {"built"}, ran.err
        built |= {image["reference"]: text for image in ran.json["images"]}

    assert len(built) == 4
    for tag, text in built.items():
        assert last_layer(tag)["v"] == text.encode()


def test_a_file_that_changes_between_the_look_and_the_build(project: Project) -> None:
    """A file that changes before the build fails its image; after a revert it is built."""
    project.image("base", TESTED, image_toml='[test]\ncommand = ["true"]\n')
    project.image("web", "FROM base\nCOPY v /\n")
    project.image("top", "FROM web\nLABEL top=1\n")
    project.image("other", "FROM base\nLABEL other=1\n")
    file = project.root / "images/web/v"
    write(file, "111")

    def edit(event: Event, /) -> None:
        if event == ImageChanged(ImageName("base"), Phase.TESTING):
            write(file, "222")

    loaded = load(project.root)
    first = run(plan(loaded, inspect(loaded)), keep_going=True, report=edit)
    write(file, "111")
    before = inspect(loaded)
    second = run(plan(loaded, before))

    ends = {image.name: image for image in first.images}
    assert {name: image.status.value for name, image in ends.items()} == {
        "base": "built",
        "web": "failed",
        "top": "blocked",
        "other": "built",
    }
    assert ends[WEB].reason == "`images/web/v` changed while it was built"
    assert [image.name for image in second.images if image.status == "built"] == ["web", "top"]
    assert last_layer(str(before.reference(WEB)))["v"] == b"111"
