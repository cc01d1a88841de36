"""Ctrl-C, a cancelled CI job, a closed terminal: nothing is left, and the report is true."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import processes_in, wait_until
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
TOKEN = "fm2_a-secret-of-this-test"


@pytest.fixture
def temporary_folder(tmp_path: Path) -> Path:
    """Return the folder for temporary files of the project's commands."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def slow_project(project: Project, temporary_folder: Path) -> Project:
    """Make a base that is pushed soon, and an image on it whose build never ends."""
    settings = (project.root / "pipeline.toml").read_text()
    host = settings.split('"')[1]
    project.environ.update(TMPDIR=str(temporary_folder), XDG_RUNTIME_DIR="")
    # With credentials, so that BuildKit gets a private configuration.
    project.environ.update(FLY_REGISTRY_HOST=host, FLY_API_TOKEN=TOKEN)
    project.write("pipeline.toml", "")
    project.image("quick", "FROM debian:bookworm-slim\nCOPY quick.txt /\n", quick_txt="quick\n")
    # A step unique to this test: BuildKit keeps a step running that another run waits for.
    project.image("slow", f"FROM quick\nRUN echo begun; sleep 300; : '{temporary_folder}'\n")
    return project


def base_is_pushed(project: Project) -> bool:
    """Return whether the registry got the tag of the base."""
    return any(m == "PUT" and "/v2/quick/manifests/" in path for m, path in project.requests())


def report_of(out: str) -> dict[str, Any]:
    """Parse a run's report; its images by name."""
    read: dict[str, Any] = json.loads(out)
    return {**read, "images": {image["name"]: image for image in read["images"]}}


def wait_for_slow_step(process: subprocess.Popen[str]) -> str:
    """Read the output until the slow step has printed; return what was read."""
    assert process.stderr
    said = ""
    while "|   begun" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.mark.engine
@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_build_leaves_nothing(
    slow_project: Project, temporary_folder: Path, number: signal.Signals
) -> None:
    """The run exits with 130 and a true report; no process and no credential is left."""
    with slow_project.start("build-all", "--json") as process:
        wait_for_slow_step(process)
        wait_until(lambda: base_is_pushed(slow_project))
        assert len(processes_in(slow_project.root)) > 1
        assert TOKEN not in " ".join(processes_in(slow_project.root))
        assert list(temporary_folder.glob("*login*/config.json"))
        process.send_signal(number)
        out, err = process.communicate(timeout=40)
    again = slow_project.invoke("plan", "--json")

    report = report_of(out)
    assert process.returncode == 130, err
    assert report["interrupted"] is True
    assert report["images"]["quick"]["status"] == "built"
    assert report["images"]["slow"]["status"] == "blocked"
    assert report["images"]["slow"]["reason"] == "interrupted before it was done"
    assert "; interrupted" in err
    assert TOKEN not in out + err
    assert processes_in(slow_project.root) == []
    assert list(temporary_folder.iterdir()) == []
    actions = {image["name"]: image["action"] for image in again.json["images"]}
    assert actions == {"quick": "exists", "slow": "build"}


@pytest.mark.engine
def test_a_second_signal_ends_it_at_once(slow_project: Project, temporary_folder: Path) -> None:
    """A second signal ends the run at once, and nothing is left."""
    with slow_project.start("build-all", "--json") as process:
        wait_for_slow_step(process)
        process.send_signal(signal.SIGINT)
        # A signal that arrives before the first was handled does not count as a second.
        wait_until(lambda: _ended_by_second_signal(process))
        _, err = process.communicate(timeout=40)

    assert process.returncode == 130, err
    assert "Traceback" not in err
    wait_until(lambda: processes_in(slow_project.root) == [])
    assert list(temporary_folder.iterdir()) == []


def _ended_by_second_signal(process: subprocess.Popen[str]) -> bool:
    """Send the signal again; return whether the run has ended."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


@pytest.mark.engine
def test_ctrl_c_in_a_terminal(slow_project: Project, temporary_folder: Path) -> None:
    """Ctrl-C reaches the foreground group: the summary is printed, the terminal is restored."""
    with closing(_Terminal(slow_project, "build-all")) as terminal:
        terminal.read_until(b"begun")
        os.write(terminal.main, b"\x03")
        said = terminal.read_until(b"")
        assert terminal.child.wait(40) == 130

    assert said.rindex(b"\x1b[?25h") > said.rfind(b"\x1b[?25l")
    assert b"; interrupted" in said
    assert b"Traceback" not in said
    assert processes_in(slow_project.root) == []
    assert list(temporary_folder.iterdir()) == []


@pytest.mark.engine
def test_a_terminal_that_is_closed(slow_project: Project, temporary_folder: Path) -> None:
    """A closed terminal ends the run, and nothing is left."""
    with closing(_Terminal(slow_project, "build-all")) as terminal:
        terminal.read_until(b"begun")
        terminal.hang_up()
        assert terminal.child.wait(40) == 130

    assert processes_in(slow_project.root) == []
    assert list(temporary_folder.iterdir()) == []


class _Terminal:
    """Invoke as the foreground job of a terminal with 80 columns."""

    def __init__(self, project: Project, *words: str) -> None:
        self.main, line = pty.openpty()
        fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {**os.environ, **project.environ, "TERM": "xterm", "CI": ""}
        command = [sys.executable, "-c", _FOREGROUND, "-m", "invoke", *words]
        self.child = subprocess.Popen(
            command, cwd=project.root, env=environ, stdin=line, stdout=line, stderr=line
        )
        os.close(line)

    def read_until(self, mark: bytes) -> bytes:
        """Read up to and including `mark`, or to the end if `mark` is empty."""
        said = b""
        while not mark or mark not in said:
            try:
                part = os.read(self.main, 65536)
            except OSError:  # The other side has closed the terminal.
                part = b""
            if not part:
                assert not mark, said
                return said
            said += part
        return said

    def hang_up(self) -> None:
        """Close the terminal."""
        if self.main >= 0:
            os.close(self.main)
        self.main = -1

    def close(self) -> None:
        """Stop the process, whatever the test's outcome."""
        self.hang_up()
        self.child.kill()
        self.child.wait()


_FOREGROUND = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("task", "number"),
    [
        *((["build-all"], number) for number in SIGNALS),
        (["plan"], signal.SIGINT),
        (["exists", "web"], signal.SIGTERM),
    ],
)
def test_a_plan_is_interrupted_at_once(
    tmp_path: Path, task: list[str], number: signal.Signals
) -> None:
    """A task without side effects ends at once and does not wait for a response."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        project = Project(tmp_path, tmp_path / "none.log")
        project.write("tasks.py", "from pipeline.tasks import ns\n")
        project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web\n")
        address = f"127.0.0.1:{server.getsockname()[1]}"
        project.write("pipeline.toml", f'[registry]\nhost = "{address}"\n')
        with project.start(*task) as process, closing(_first_connection(server)):
            process.send_signal(number)
            out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err


def _first_connection(server: socket.socket) -> socket.socket:
    """Accept the first request over plain HTTP, and never respond."""
    while True:
        connection, _ = server.accept()
        if connection.recv(4096).startswith(b"HEAD"):
            return connection
        connection.close()
