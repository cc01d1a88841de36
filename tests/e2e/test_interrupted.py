"""Ctrl-C, a cancelled CI job, a closed terminal: what is left, and what is said."""

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

from tests.support.processes import patiently, working_in
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
TOKEN = "fm2_a-secret-of-this-test"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Where the project's commands put what is temporary: the test sees what they leave."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def slow(project: Project, private: Path) -> Project:
    """A base that is pushed soon, and an image on it that is never done."""
    settings = (project.root / "pipeline.toml").read_text()
    host = settings.split('"')[1]
    project.environ.update(TMPDIR=str(private), XDG_RUNTIME_DIR="")
    # With credentials, so that BuildKit gets a private configuration.
    project.environ.update(FLY_REGISTRY_HOST=host, FLY_API_TOKEN=TOKEN)
    project.write("pipeline.toml", "")
    project.image("quick", "FROM debian:bookworm-slim\nCOPY quick.txt /\n", quick_txt="quick\n")
    # A step of this test's own: BuildKit goes on with one that another run waits for, too.
    project.image("slow", f"FROM quick\nRUN echo begun; sleep 300; : '{private}'\n")
    return project


def pushed(project: Project) -> bool:
    """Whether the registry was given the tag of the base."""
    return any(m == "PUT" and "/v2/quick/manifests/" in path for m, path in project.requests())


def report_of(out: str) -> dict[str, Any]:
    """The report that a run printed, its images by name."""
    read: dict[str, Any] = json.loads(out)
    return {**read, "images": {image["name"]: image for image in read["images"]}}


def begun(process: subprocess.Popen[str]) -> str:
    """Read what is said until the slow step has said something; all that was said."""
    assert process.stderr
    said = ""
    while "|   begun" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.mark.engine
@pytest.mark.parametrize("number", SIGNALS)
def test_a_build_ends_cleanly(slow: Project, private: Path, number: signal.Signals) -> None:
    """130, a true report of what was pushed, and nothing left: no process, no credential."""
    with slow.start("build-all", "--json") as process:
        begun(process)
        patiently(lambda: pushed(slow))
        assert len(working_in(slow.root)) > 1
        assert TOKEN not in " ".join(working_in(slow.root))
        assert list(private.glob("*login*/config.json"))
        process.send_signal(number)
        out, err = process.communicate(timeout=40)
    again = slow.invoke("plan", "--json")

    report = report_of(out)
    assert process.returncode == 130, err
    assert report["interrupted"] is True
    assert report["images"]["quick"]["status"] == "built"
    assert report["images"]["slow"]["status"] == "blocked"
    assert report["images"]["slow"]["reason"] == "interrupted before it was done"
    assert "; interrupted" in err
    assert TOKEN not in out + err
    assert working_in(slow.root) == []
    assert list(private.iterdir()) == []
    actions = {image["name"]: image["action"] for image in again.json["images"]}
    assert actions == {"quick": "exists", "slow": "build"}


@pytest.mark.engine
def test_a_second_signal_ends_it_at_once(slow: Project, private: Path) -> None:
    """It need not end cleanly, and leaves nothing all the same."""
    with slow.start("build-all", "--json") as process:
        begun(process)
        process.send_signal(signal.SIGINT)
        # One that comes before the first was handled is not seen as a second.
        patiently(lambda: _told_twice(process))
        _, err = process.communicate(timeout=40)

    assert process.returncode == 130, err
    assert "Traceback" not in err
    patiently(lambda: working_in(slow.root) == [])
    assert list(private.iterdir()) == []


def _told_twice(process: subprocess.Popen[str]) -> bool:
    """Send the signal again; whether that was the end."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


@pytest.mark.engine
def test_control_c_in_a_terminal(slow: Project, private: Path) -> None:
    """From the keyboard, so to the whole foreground group: the summary, and a sane terminal."""
    with closing(_Terminal(slow, "build-all")) as terminal:
        terminal.read_until(b"begun")
        os.write(terminal.main, b"\x03")
        said = terminal.read_until(b"")
        assert terminal.child.wait(40) == 130

    assert said.rindex(b"\x1b[?25h") > said.rfind(b"\x1b[?25l")
    assert b"; interrupted" in said
    assert b"Traceback" not in said
    assert working_in(slow.root) == []
    assert list(private.iterdir()) == []


@pytest.mark.engine
def test_a_terminal_that_is_closed(slow: Project, private: Path) -> None:
    """Nobody can read it any more, and still nothing is left."""
    with closing(_Terminal(slow, "build-all")) as terminal:
        terminal.read_until(b"begun")
        terminal.hang_up()
        assert terminal.child.wait(40) == 130

    assert working_in(slow.root) == []
    assert list(private.iterdir()) == []


class _Terminal:
    """Invoke in a terminal of 80 columns, as a shell's foreground job."""

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
        """All that was written up to and with `mark`; to the end where that is empty."""
        said = b""
        while not mark or mark not in said:
            try:
                part = os.read(self.main, 65536)
            except OSError:  # the other side is closed
                part = b""
            if not part:
                assert not mark, said
                return said
            said += part
        return said

    def hang_up(self) -> None:
        """Close the window."""
        if self.main >= 0:
            os.close(self.main)
        self.main = -1

    def close(self) -> None:
        """End it, however the test went."""
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
def test_looking_is_interrupted_at_once(
    tmp_path: Path, task: list[str], number: signal.Signals
) -> None:
    """While nothing was begun there is nothing to end cleanly: nobody waits for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        project = Project(tmp_path, tmp_path / "none.log")
        project.write("tasks.py", "from pipeline.tasks import ns\n")
        project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web\n")
        address = f"127.0.0.1:{server.getsockname()[1]}"
        project.write("pipeline.toml", f'[registry]\nhost = "{address}"\n')
        with project.start(*task) as process, closing(_asked(server)):
            process.send_signal(number)
            out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err


def _asked(server: socket.socket) -> socket.socket:
    """The connection of the first request over plain HTTP, which is never answered."""
    while True:
        connection, _ = server.accept()
        if connection.recv(4096).startswith(b"HEAD"):
            return connection
        connection.close()
