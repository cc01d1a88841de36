"""Programs in Go that the sandbox builds; without Go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.errors import SandboxError
from sandbox.folders import Folders, folders, locked
from sandbox.go_programs import GoProgram, build

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "example.com/tools/v3/cmd/tool"
GO_MOD = """\
module sandbox/example

go 1.26

tool example.com/tools/v3/cmd/tool

require (
\texample.com/tools v1.9.0 // indirect
\texample.com/tools/v3 v3.1.2 // indirect
\texample.com/tools/v3/cmd/toolbox v0.2.0 // indirect
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a `go.mod`."""
    made = tmp_path / "example"
    made.mkdir()
    (made / "go.mod").write_text(GO_MOD)
    (made / "go.sum").write_text("")
    return made


def test_the_version_is_that_of_the_packages_own_module(folder: Path) -> None:
    """The module with the longest path that contains the package, and no name that begins alike."""
    assert GoProgram(folder, PACKAGE).version == "v3.1.2"


def test_a_module_on_one_line(folder: Path) -> None:
    """`go mod tidy` writes a single requirement without parentheses."""
    text = "module m\n\ngo 1.26\n\nrequire example.com/tools/v3 v3.0.0 // indirect\n"
    (folder / "go.mod").write_text(text)

    assert GoProgram(folder, PACKAGE).version == "v3.0.0"


def test_a_change_of_any_version_makes_another_program(folder: Path) -> None:
    """A checksum, a flag and a package count, too."""
    program = GoProgram(folder, PACKAGE)
    keys = [program.key, GoProgram(folder, PACKAGE, "main.version").key]
    keys += [GoProgram(folder, "example.com/tools").key]
    (folder / "go.sum").write_text("example.com/tools v1.9.0 h1:x\n")
    keys += [program.key]

    assert len(set(keys)) == len(keys)


def test_without_go(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the program and says what to install; nothing stays in the cache."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(SandboxError, match="needs Go") as caught:
        build(GoProgram(folder, PACKAGE), folders(tmp_path / "sandbox"))

    assert "install Go" in caught.value.hint
    assert not [p for p in (tmp_path / "cache/fly-image-pipeline").iterdir() if p.is_dir()]


def test_a_program_that_is_there_waits_for_no_build(folder: Path, tmp_path: Path) -> None:
    """Another process may hold the lock for minutes."""
    program = GoProgram(folder, PACKAGE)
    at = Folders(tmp_path / "root", tmp_path / "run", tmp_path / "cache")
    home = at.cache / f"go-example-v3.1.2-{program.key}"
    home.mkdir(parents=True)

    with locked(at.cache / "go.lock"):
        assert build(program, at) == home / "tool"
