"""Records: what they hold, what they leave out, and that they are read as they were written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import fingerprint, load
from pipeline.model.facts import facts_of
from pipeline.model.record import (
    Layer,
    Record,
    RecordError,
    Spent,
    are_recorded,
    compress,
    decompress,
    read_record,
    record_reference,
    record_text,
)
from pipeline.model.settings import RegistrySettings
from pipeline.reference import ImageName, parse_reference
from tests.console import schemas
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.model.project import Project

WEB = ImageName("web")
FLY = "registry.fly.io"
SPENT = Spent(12.3456, (Layer(f"sha256:{'a' * 64}", 1000), Layer(f"sha256:{'b' * 64}", 24)))
COMMIT = "c" * 40
OS = parse_reference("registry.fly.io/os:99e119ac964f836b8d22")
SECRET = "hunter2-planted"
"""It stands wherever a file or a setting may have one."""
FILES: Mapping[str, str | None] = {
    "pipeline.toml": "",
    "pipeline.lock": f'["docker.io/library/debian:12"]\ndigest = "sha256:{"d" * 64}"\n',
    "shared/lib.py": f"# {SECRET}\n",
    "images/os/Dockerfile": "FROM debian:12\nCOPY os.txt /\n",
    "images/os/os.txt": f"{SECRET}\n",
    "images/web/Dockerfile": (
        f"# syntax=docker/dockerfile:1\n# {SECRET}\nFROM os\nARG TOKEN\nARG VERSION=1\n"
        f"ARG DEFAULT={SECRET}\nCOPY src .dockerignore /srv/\nCOPY --from=shared lib.py /\n"
        f"RUN echo {SECRET} $TOKEN $VERSION $DEFAULT\n"
    ),
    "images/web/.dockerignore": f"{SECRET}\n",
    "images/web/src/app.py": f"password = '{SECRET}'\n",
    "images/web/src/link": "-> app.py",
    "images/web/image.toml": (
        f'args = {{ TOKEN = "{SECRET}", VERSION = "2" }}\nsalt = "{SECRET}"\nrefresh = "7d"\n'
        f'contexts = {{ shared = "../../shared" }}\n'
        f'[test]\ncommand = ["echo", "{SECRET}"]\n'
    ),
}


def project(root: Path, files: Mapping[str, str | None] = FILES) -> Project:
    """Write a project with every kind of input, and load it."""
    write_tree(root, files)
    return load(root, environ={})


def text_of(made: Project, name: ImageName = WEB) -> bytes:
    """Return the record of an image."""
    inputs = fingerprint(made)[name]
    bases = {ImageName("os"): OS}
    return record_text(made.image(name), inputs, SPENT, revision=COMMIT, bases=bases)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The facts are those of the files, as `why` compares them."""
    made = project(tmp_path)
    record = read_record(text_of(made))

    assert record.facts == facts_of(made.image(WEB), fingerprint(made)[WEB])
    assert record == Record(
        WEB, record.facts, Spent(12.346, SPENT.layers), COMMIT, {ImageName("os"): str(OS)}
    )
    assert record.spent.bytes == 1024


def test_it_has_no_secret_and_no_content(tmp_path: Path) -> None:
    """What was planted in files, arguments, salt and test is not in it, nor in another form."""
    text = text_of(project(tmp_path))

    assert SECRET.encode() not in text
    assert b"hunter2" not in text
    assert b"RUN" not in text
    assert b"images/web/src/app.py" not in text  # Only below its context.
    assert b'"src/app.py"' in text


def test_its_inputs_are_those_of_the_task(tmp_path: Path) -> None:
    """The names of the keys are those of `inputs --json`; what may quote a file is left out."""
    document: dict[str, Any] = json.loads(text_of(project(tmp_path)))
    inputs = document["inputs"]
    schemas.validate(document)

    assert inputs["schema"] == "pipeline.inputs/1"
    assert inputs["args"]["VERSION"] == (
        "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"
    )
    assert not {"floating", "warnings", "origins", "whole_context"} & inputs.keys()
    assert list(document) == sorted(document)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """Wherever the project lies; there is no time in the gzip header."""
    first, second = (text_of(project(tmp_path / name)) for name in ("one", "two"))

    assert first == second
    assert compress(first) == compress(second)
    assert compress(first)[4:8] == bytes(4)
    assert decompress(compress(first)) == first


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("b328a53aca44763318bb", "b328a53aca44763318bb.inputs"),
        ("x" * 121, f"{'x' * 121}.inputs"),
        ("x" * 122, None),
    ],
)
def test_its_tag(tag: str, found: str | None) -> None:
    """The image's, with a suffix; none where a tag has no room for it."""
    reference = record_reference(parse_reference(f"registry.fly.io/web:{tag}"))
    assert (reference.tag if reference else None) == found


@pytest.mark.parametrize(
    ("host", "records", "expected"),
    [
        (FLY, None, True),
        (FLY, False, False),
        ("127.0.0.1:5000", None, True),
        ("localhost:5000", None, True),
        ("127.0.0.1:5000", False, False),
        ("ghcr.io", None, False),
        ("registry.fly.io.example.com", None, False),
        ("ghcr.io", True, True),
        ("ghcr.io", False, False),
    ],
)
def test_where_records_are_written(host: str, records: bool | None, expected: bool) -> None:  # noqa: FBT001 - a row of the table
    """At Fly and on this machine unless they are turned off, elsewhere if they are turned on."""
    settings = RegistrySettings(host=host, records=records)
    assert are_recorded(settings, FLY) is expected


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"schema": 1}', b"\xff", b"[" * 100_000, b'{"inputs": {"files": "x"}}'],
    ids=str,
)
def test_what_is_no_record(content: bytes) -> None:
    """It is an error of its own, which quotes nothing."""
    with pytest.raises(RecordError):
        read_record(content)


def test_another_version(tmp_path: Path) -> None:
    """A record of a later version is not read as one of this; more keys are ignored."""
    document = json.loads(text_of(project(tmp_path)))
    assert read_record(json.dumps({**document, "new": 1}).encode()).revision == COMMIT
    with pytest.raises(RecordError, match="another version"):
        read_record(json.dumps({**document, "schema": "pipeline.record/2"}).encode())


@pytest.mark.parametrize("content", [b"", b"plain", compress(b"x" * 100)[:-4]])
def test_what_is_not_compressed(content: bytes) -> None:
    """Nor what is cut off."""
    with pytest.raises(RecordError):
        decompress(content)
