"""A user id that the machine does not know: no HOME, no entry in `/etc/passwd`."""

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
from pipeline.tasks._faults import print_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registries import Registry

NOBODY = 54321
"""A user id that nobody has."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a project that everybody may read, outside the private folders of pytest."""
    root = Path(tempfile.mkdtemp(prefix="pipeline-nobody-"))
    root.chmod(0o755)
    (root / "tasks.py").write_text("from pipeline.tasks import ns\n")
    yield root
    shutil.rmtree(root)


def run_as_nobody(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with an empty environment, as the unknown user if we are root."""
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
    """Tasks answer what they can, and report the rest in one sentence."""
    absent = run_as_nobody("-m", "invoke", "exists", f"{registry.address}/web:1", cwd=folder)
    login = run_as_nobody("-m", "invoke", "login", cwd=folder)

    assert (absent.returncode, absent.stderr) == (1, "")
    assert absent.stdout.startswith("absent  ")
    assert (login.returncode, login.stderr.partition("\n")[0]) == (
        4,
        "error: there is no Fly token",
    )


def test_paths_without_home(folder: Path) -> None:
    """Without HOME, as in a container, no path is printed relative to it."""
    assert home({"HOME": "/home/me"}) == Path("/home/me")
    assert shown(Path("/home/me/.docker"), {"HOME": "/home/me"}) == "~/.docker"
    assert shown(Path("/.docker"), {"HOME": "/"}) == "/.docker"
    if os.geteuid() == 0:
        told = "from pipeline.process.paths import home; print(home({}))"
        assert run_as_nobody("-c", told, cwd=folder).stdout == "/\n"


def test_a_bug_report_without_what_cannot_be_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If secrets cannot be masked, a bug report has only the types of the exceptions."""
    auths = {"quay.io": {"identitytoken": "half a character: \ud800"}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": auths}))

    print_fault(ZeroDivisionError("a secret may be in here"))

    err = capsys.readouterr().err
    assert err.startswith("`ZeroDivisionError`, and then `UnicodeEncodeError`: ")
    assert "a secret may" not in err
    assert "error: this is a bug in Fly Image Pipeline" in err


def test_a_bug_report_is_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug report has its lines, with the token masked."""
    monkeypatch.setenv("FLY_API_TOKEN", "fo1_planted")

    print_fault(ZeroDivisionError("it holds fo1_planted"))

    assert "ZeroDivisionError: it holds ***" in capsys.readouterr().err


def test_a_deleted_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted working directory is wrong usage, not a bug."""
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
    """Report that there is no writable folder for temporary files."""
    environ = {"TMPDIR": str(tmp_path / "is-not-there")}

    with pytest.raises(UnknownError, match="no temporary folder can be made in"):
        private_folder("solve", environ).__enter__()
