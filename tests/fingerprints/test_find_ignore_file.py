"""Which ignore file applies if one of them is a link, as in BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.fingerprints.fingerprint import fingerprint
from tests.support.small_projects import image_of, project_of, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.inputs import Inputs

    Files = dict[str, str | None]

IGNORE, OWN = ".dockerignore", "web/Dockerfile.dockerignore"
RULES = {"docs/rules": "secret"}

IN_FORCE: tuple[Files, ...] = (
    {IGNORE: "secret"},
    {IGNORE: "-> docs/rules", **RULES},
    {IGNORE: "-> /docs/rules", **RULES},
    {IGNORE: "-> ../../docs/rules", **RULES},
    {IGNORE: "-> one", "one": "-> docs/rules", **RULES},
    {IGNORE: "-> to/rules", "to": "-> docs", **RULES},
    {OWN: "-> rules", "web/rules": "secret"},
    {OWN: "-> ../rules", "web/rules": "secret"},
)
NOT_IN_FORCE: tuple[tuple[Files, str, str], ...] = (
    ({IGNORE: "-> ../outside"}, IGNORE, "a link that leads to no file below `.`"),
    ({IGNORE: "-> {}/outside"}, IGNORE, "a link that leads to no file"),
    ({IGNORE: "-> /nothing"}, IGNORE, "a link that leads to no file"),
    ({IGNORE: "-> .dockerignore"}, IGNORE, "a link that leads to no file"),
    ({IGNORE: "-> one", "one": "-> ../outside"}, IGNORE, "a link that leads to no file"),
    ({IGNORE: "-> docs", "docs/rules": ""}, IGNORE, "a link that leads to no file"),
    ({IGNORE: None}, IGNORE, "is a folder"),
    ({OWN: "-> ../rules", "rules": "secret"}, OWN, "a link that leads to no file below `web`"),
)


def inputs(root: Path, files: Files) -> Inputs:
    """Return the inputs of an image that copies its whole context."""
    outside = str(root.parent)
    known = {path: text and text.replace("{}", outside) for path, text in files.items()}
    write_tree(root.parent, {"outside": "secret"})
    write_tree(root, {"web/Dockerfile": "", "secret": "s", **known})
    image = image_of("FROM scratch\nCOPY secret* /\n", name="web")
    return fingerprint(project_of(root, image))[image.name]


@pytest.mark.parametrize("files", IN_FORCE, ids=str)
def test_a_link_inside_of_its_folder_is_followed(tmp_path: Path, files: Files) -> None:
    """Also an absolute one, which starts at the folder, and one with too many `..`."""
    found = inputs(tmp_path / "project", files)

    assert found.entries == ()
    assert found.warnings == ()
    assert found.ignored is not None
    assert found.ignored[1] == b"secret"


@pytest.mark.parametrize(("files", "place", "message"), NOT_IN_FORCE, ids=str)
def test_an_ignore_file_that_buildkit_ignores(
    tmp_path: Path, files: Files, place: str, message: str
) -> None:
    """It gives a warning, because the file may have been meant to exclude secrets."""
    found = inputs(tmp_path / "project", files)

    assert [entry.path for entry in found.entries] == ["secret"]
    assert found.ignored is None
    (warning,) = found.warnings
    assert str(warning.location) == place
    assert message in warning.message
    assert "excludes nothing" in warning.message


def test_the_contexts_ignore_file_replaces_a_broken_link(tmp_path: Path) -> None:
    """BuildKit uses it if the Dockerfile's own cannot be read."""
    found = inputs(tmp_path / "project", {OWN: "-> ../../outside", IGNORE: "secret"})

    assert found.entries == ()
    assert [str(warning.location) for warning in found.warnings] == [OWN]
