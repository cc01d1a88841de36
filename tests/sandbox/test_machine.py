"""Which machines the sandbox supports, and its errors on others."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import host, machine, registry
from sandbox.packages import SUCCESSOR
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
RELEASES = {
    "bookworm": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n',
    "trixie": 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n',
    "sid": "ID=debian\nVERSION_CODENAME=sid\nPRETTY_NAME='Debian sid'\n",
    "bullseye": 'ID=debian\nVERSION_ID="11"\nVERSION_CODENAME=bullseye\n',
    "jammy": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n',
    "noble": '# of Ubuntu\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n',
    "focal": 'ID=ubuntu\nVERSION_ID="20.04"\nVERSION_CODENAME=focal\n',
    "fedora": 'ID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42"\n',
    "alpine": 'ID=alpine\nVERSION_ID=3.22.0\nPRETTY_NAME="Alpine Linux v3.22"\n',
    "nothing": "",
}
EQUIPPABLE = {"bookworm", "trixie", "sid", "jammy", "noble"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user may write to, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def release(folder: Path, name: str) -> Path:
    """Return the os-release(5) file of a distribution."""
    path = folder / "os-release"
    path.write_text(RELEASES[name])
    return path


@pytest.mark.parametrize("name", RELEASES)
def test_which_machines_can_be_equipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Debian from 12 and Ubuntu from 22.04, by their own names."""
    monkeypatch.setenv("PIPELINE_SANDBOX_OS_RELEASE", str(release(tmp_path, name)))

    here = machine.system()

    assert here.equippable == (name in EQUIPPABLE)
    if here.equippable:
        assert here.codename == name


def test_only_debian_12_takes_newer_packages() -> None:
    """Debian 12 has no buildx; all later releases have their own."""
    assert SUCCESSOR == {"bookworm": "trixie"}


def sandbox(
    folder: Path, *words: str, environ: Mapping[str, str], user: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a copy of the sandbox on a machine without docker."""
    shutil.copytree(ROOT / "sandbox", folder / "sandbox", dirs_exist_ok=True)
    (folder / "empty").mkdir(exist_ok=True)
    # The system's Python: other users may not be able to read this one.
    python = "/usr/bin/python3" if user and Path("/usr/bin/python3").exists() else sys.executable
    return subprocess.run(
        [python, "-B", "-m", "sandbox", *words],
        cwd=folder,
        env={"PATH": str(folder / "empty"), "HOME": str(folder / "home"), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        user=user,
    )


def said(ran: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return the error and the hint of a failed command."""
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert ran.stdout == ""
    error, hint = ran.stderr.splitlines()
    return error, hint


@pytest.mark.parametrize(
    ("name", "title"),
    [("fedora", "Fedora Linux 42"), ("alpine", "Alpine Linux v3.22"), ("nothing", "Linux")],
)
def test_a_machine_that_cannot_be_equipped(open_folder: Path, name: str, title: str) -> None:
    """The error says what is missing and what to do, and nothing is started."""
    environ = {"PIPELINE_SANDBOX_OS_RELEASE": str(release(open_folder, name))}

    error, hint = said(sandbox(open_folder, "up", environ=environ))

    assert error == (
        f"error: there is no `docker` on PATH, and the sandbox cannot equip `{title}`, "
        "only Debian 12 or newer, or Ubuntu 22.04 or newer"
    )
    assert hint.startswith("hint: install Docker Engine with its buildx plugin (https://")


def test_without_root_nothing_is_started(open_folder: Path) -> None:
    """Another user is told what is missing, and that root is needed."""
    environ = {"PIPELINE_SANDBOX_OS_RELEASE": str(release(open_folder, "bookworm"))}
    nobody = 65534 if os.geteuid() == 0 else None

    error, hint = said(sandbox(open_folder, "up", environ=environ, user=nobody))

    assert error == (
        "error: there is no `docker` on PATH, and only root may start an engine for the sandbox"
    )
    assert hint.startswith("hint: run again as root, or install Docker Engine")


def test_host_without_an_engine(open_folder: Path) -> None:
    """`PIPELINE_SANDBOX_ENGINE=host` never starts an engine of our own."""
    error, hint = said(sandbox(open_folder, "up", environ={"PIPELINE_SANDBOX_ENGINE": "host"}))

    assert error == "error: no engine of this machine will do: there is no `docker` on PATH"
    assert "PIPELINE_SANDBOX_ENGINE" in hint


def test_an_invalid_choice_of_engine(open_folder: Path) -> None:
    """Only `own` and `host` are engines."""
    error, _ = said(sandbox(open_folder, "up", environ={"PIPELINE_SANDBOX_ENGINE": "podman"}))

    assert error == "error: PIPELINE_SANDBOX_ENGINE is `podman`, which means nothing"


def test_before_up(open_folder: Path) -> None:
    """There is no environment, `status` exits with 1, and `down` does nothing."""
    error, hint = said(sandbox(open_folder, "env", environ={}))
    status = sandbox(open_folder, "status", environ={})
    down = sandbox(open_folder, "down", environ={})

    assert error == "error: the sandbox is not running"
    assert "python3 -m sandbox up" in hint
    assert (status.returncode, status.stderr) == (1, "")
    assert status.stdout.splitlines()[0].split() == ["state", "not", "running"]
    assert (down.returncode, down.stdout, down.stderr) == (0, "", "")
    assert not (open_folder / ".sandbox").exists()


def test_unusable_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is an engine on another machine, which cannot reach our registry."""
    answers = """[ "$1" = info ] && echo '"28.0.0"'"""
    write_program(tmp_path / "docker", f'{answers}\n[ "$1" != buildx ]')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    without = host.probe()
    write_program(tmp_path / "docker", f"{answers}\nexit 0")
    monkeypatch.setenv("DOCKER_HOST", "ssh://builder.example.org")

    assert without.fault == "its engine answers, but `docker buildx version` fails"
    assert host.probe().fault == (
        "its engine is at `ssh://builder.example.org`, not on this machine"
    )


def test_a_free_port() -> None:
    """The usual port if it is free, else any."""
    free = registry.free_port()
    with socket.create_server(("127.0.0.1", free)):
        other = registry.free_port(free)

    assert other != free
    assert registry.free_port(free) == free
