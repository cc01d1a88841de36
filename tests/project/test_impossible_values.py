"""Values that are valid TOML, JSON or YAML, but that no program accepts."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline.project.document import read_document

if TYPE_CHECKING:
    from pathlib import Path

NUL = "a name, argument or variable cannot have a NUL in it"
LARGE = "a number of more than 64 bits"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("image.toml", 'a = 1\ncontext = "x\\u0000"\n', f"image.toml:2:11: {NUL}"),
        ("image.toml", '"a\\u0000" = 1\n', f"image.toml: {NUL}"),
        ("image.toml", "[a]\nb = [1, 0x8000000000000000]\n", f"image.toml:2:9: {LARGE}"),
        ("image.toml", f"a = 0x{'f' * 5000}\n", f"image.toml:1:5: {LARGE}"),
        ("fly.json", '{"env": {"A": "\\u0000"}}', f"fly.json:1:15: {NUL}"),
        ("fly.yaml", 'env:\n  A: "\\0"\n', f"fly.yaml:2:6: {NUL}"),
        ("fly.yaml", "a: -9223372036854775809\n", f"fly.yaml:1:4: {LARGE}"),
    ],
)
def test_impossible_values_are_reported_with_their_location(
    tmp_path: Path, file: str, text: str, told: str
) -> None:
    """Refused with their location; otherwise they would fail later, in another program."""
    (tmp_path / file).write_text(text)

    document, problems = read_document(tmp_path, PurePosixPath(file))

    assert document is None
    assert [str(problem) for problem in problems] == [told]


def test_the_largest_numbers_are_taken(tmp_path: Path) -> None:
    """The largest signed 64-bit numbers are accepted."""
    (tmp_path / "image.toml").write_text("a = 9223372036854775807\nb = -9223372036854775808\n")

    document, _ = read_document(tmp_path, PurePosixPath("image.toml"))

    assert document is not None
