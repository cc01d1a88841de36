"""Run by a user whom the machine does not know: no HOME, no entry in `/etc/passwd`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, UnknownError
from pipeline.process.cleanup import private_folder
from pipeline.process.paths import home, shown
from pipeline.project.load import load
from pipeline.tasks._faults import tell_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.registry import Registry

NOBODY = 54321
"""A number that no user has."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A project that everybody may read, outside of the folders of pytest, which nobody may."""
    root = Path(tempfile.mkdtemp(prefix="pipeline-nobody-"))
    root.chmod(0o755)
    (root / "tasks.py").write_text("from pipeline.tasks import ns\n")
    yield root
    shutil.rmtree(root)


def as_nobody(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command with an empty environment; where we may, as a user without a name."""
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run(
        [*(other if os.geteuid() == 0 else []), sys.executable, *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.engine
def test_a_user_without_home_and_name(folder: Path, registry: Registry) -> None:
    """An answer is an answer, and what cannot be asked is said in a sentence."""
    absent = as_nobody("-m", "invoke", "exists", f"{registry.address}/web:1", cwd=folder)
    login = as_nobody("-m", "invoke", "login", cwd=folder)

    assert (absent.returncode, absent.stderr) == (1, "")
    assert absent.stdout.startswith("absent  ")
    assert (login.returncode, login.stderr.partition("\n")[0]) == (
        4,
        "error: there is no Fly token",
    )


def test_the_home_of_nobody_is_the_root(folder: Path) -> None:
    """As in a container; no path is told as one below it."""
    assert home({"HOME": "/home/me"}) == Path("/home/me")
    assert shown(Path("/home/me/.docker"), {"HOME": "/home/me"}) == "~/.docker"
    assert shown(Path("/.docker"), {"HOME": "/"}) == "/.docker"
    if os.geteuid() == 0:
        told = "from pipeline.process.paths import home; print(home({}))"
        assert as_nobody("-c", told, cwd=folder).stdout == "/\n"


def test_a_fault_is_told_without_what_cannot_be_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where secrets cannot be looked for, the types alone are said."""
    auths = {"quay.io": {"identitytoken": "half a character: \ud800"}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": auths}))

    tell_fault(ZeroDivisionError("a secret may be in here"))

    err = capsys.readouterr().err
    assert err.startswith("`ZeroDivisionError`, and then `UnicodeEncodeError`: ")
    assert "a secret may" not in err
    assert "error: this is a bug in Fly Image Pipeline" in err


def test_a_fault_is_told_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its lines are there, and the token in them is not."""
    monkeypatch.setenv("FLY_API_TOKEN", "fo1_planted")

    tell_fault(ZeroDivisionError("it holds fo1_planted"))

    assert "ZeroDivisionError: it holds ***" in capsys.readouterr().err


def test_a_working_folder_that_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong place to be in, and no fault of ours."""
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(ConfigError, match="the working directory does not exist any more"):
            load()
    finally:
        os.chdir(folder)


def test_no_folder_for_temporary_files(tmp_path: Path) -> None:
    """As on a file system that is read-only all over."""
    environ = {"TMPDIR": str(tmp_path / "is-not-there")}

    with pytest.raises(UnknownError, match="no temporary folder can be made in"):
        private_folder("solve", environ).__enter__()
