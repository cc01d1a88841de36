"""A task whose output cannot be written: the reader has gone, or the disk is full."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.invoker import invoke_into
from tests.support.project import Ran

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.project import Project

pytestmark = pytest.mark.engine

FULL = Path("/dev/full")
SENTENCE = "error: the result could not be written to stdout: "
WORDS = (
    ("plan",),
    ("plan", "--json"),
    ("graph",),
    ("graph", "--format", "json"),
    ("inputs", "web"),
    ("inputs", "web", "--json"),
    ("exists", "web"),
    ("exists", "web", "--json"),
    ("plan", "--exit-code"),
    ("--dry", "build", "web"),
)


@contextmanager
def closed_pipe() -> Iterator[int]:
    """Return a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full_disk() -> Iterator[int]:
    """Return a file on a full disk."""
    with FULL.open("wb") as file:
        yield file.fileno()


def invoke_with_streams(
    project: Project, *words: str, out: int | None = None, err: int | None = None
) -> Ran:
    """Run Invoke with the given stdout or stderr; return what it wrote to the other."""
    # A report that cannot be written is saved there.
    environ = {**os.environ, **project.environ, "TMPDIR": str(project.root.parent)}
    with tempfile.TemporaryFile("w+") as kept, tempfile.TemporaryFile("w+") as said:
        streams = (out or kept.fileno(), err or said.fileno())
        code = invoke_into(words, project.root, environ, streams)
        kept.seek(0)
        said.seek(0)
        return Ran(code, kept.read(), said.read())


def kept_report(ran: Ran) -> dict[str, str]:
    """Read the saved report that stderr names; return the statuses of its images."""
    assert ran.code == 4
    found = re.search(r"its result is in `(.*)`", ran.err)
    assert found, ran.err
    file = Path(found[1])
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    file.unlink()
    return Ran(ran.code, text, "").statuses()


@pytest.fixture
def sample_project(project: Project) -> Project:
    """Make an image that was never built."""
    project.image("web", "FROM scratch\nCOPY own.txt /\n", own_txt="own")
    return project


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_closed_pipe_or_a_full_disk(sample_project: Project, words: tuple[str, ...]) -> None:
    """A closed pipe ends silently, a full disk with a sentence; never 1, which is a result."""
    with closed_pipe() as pipe:
        assert invoke_with_streams(sample_project, *words, out=pipe) == Ran(141, "", "")
    with full_disk() as disk:
        ran = invoke_with_streams(sample_project, *words, out=disk)

    assert ran.code == 4
    assert ran.err.startswith(f"{SENTENCE}no space left on device\n\nhint: ")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_of_a_non_blocking_pipe(sample_project: Project, unbuffered: str) -> None:
    """Output that is larger than a non-blocking pipe waits for room."""
    for number in range(200):
        sample_project.write(f"images/web/many/{number:064}", "")
    sample_project.image("web", "FROM scratch\nCOPY many /\n")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "invoke", "inputs", "web", "--json"]
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, cwd=sample_project.root, env=environ, stdout=writer) as process:
        while select.select((), (writer,), (), 0)[1]:  # Fill the pipe.
            time.sleep(0.01)
        os.close(writer)
        with open(reader, "rb") as said:  # noqa: PTH123 - a pipe
            text = said.read()

    assert process.returncode == 0
    assert len(json.loads(text)["files"]) == 201


def test_a_file_name_that_is_not_utf_8(sample_project: Project) -> None:
    """A file name that is not UTF-8 is reported with the setting that allows it."""
    sample_project.image("web", "FROM scratch\nCOPY \u00fc /\n")
    command = [sys.executable, "-m", "invoke", "inputs", "web"]
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    pipe = subprocess.PIPE

    ran = subprocess.run(command, cwd=sample_project.root, env=environ, stderr=pipe, check=False)

    assert ran.returncode == 2
    assert b"reads names as ascii" in ran.stderr
    assert b"PYTHONUTF8=1" in ran.stderr


def test_a_reader_that_closes_early(sample_project: Project) -> None:
    """A reader that closes early causes no message."""
    for number in range(3000):
        sample_project.write(f"images/web/many/{number:064}", "")
    sample_project.image("web", "FROM scratch\nCOPY . /\n")
    command = [sys.executable, "-m", "invoke", "inputs", "web"]
    pipe = subprocess.PIPE
    # Unbuffered Python treats a partial write as a complete one.
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=sample_project.root, env=environ, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (141, b"")


@pytest.mark.parametrize(
    ("closing", "code"), [(">&-", 4), ("2>&-", 0), (">&- 2>&-", 4), ("<&- 2>/dev/full", 0)]
)
def test_streams_that_are_closed_from_the_start(
    sample_project: Project, closing: str, code: int
) -> None:
    """With a closed stderr the result is still printed."""
    words = ["bash", "-c", f'"$0" -m invoke graph {closing}', sys.executable]

    ran = subprocess.run(
        words, cwd=sample_project.root, capture_output=True, text=True, check=False
    )

    assert ran.returncode == code
    assert ran.stdout == ("" if code else "web\n")
    assert ran.stderr.startswith(f"{SENTENCE}it is closed" if closing == ">&-" else "")


def test_the_work_is_finished_when_output_fails(sample_project: Project) -> None:
    """The work is finished first; a failure of the work has priority over that of the output."""
    with closed_pipe() as pipe, full_disk() as disk:
        ran = invoke_with_streams(sample_project, "build-all", "--json", out=disk, err=pipe)
        assert (ran.code, sample_project.invoke("exists", "web").code) == (4, 0)
        assert kept_report(
            invoke_with_streams(sample_project, "build-all", "--json", out=disk)
        ) == {"web": "exists"}

        sample_project.image("bad", "FROM debian:bookworm-slim\nRUN exit 3\n")
        sample_project.image("web", "FROM scratch\nCOPY own.txt /\n", own_txt="another")
        ran = invoke_with_streams(sample_project, "build-all", "--keep-going", "--json", err=pipe)
        assert (ran.code, ran.statuses()) == (1, {"bad": "failed", "web": "built"}), ran.out

        assert (
            invoke_with_streams(sample_project, "build-all", "--json", out=pipe, err=disk).code == 1
        )


def test_an_error_has_priority_over_the_output(sample_project: Project) -> None:
    """A wrong name is reported with exit code 2, whatever happens to the output."""
    with closed_pipe() as pipe:
        assert (
            invoke_with_streams(sample_project, "build", "wbe", "--json", out=pipe, err=pipe).code
            == 2
        )


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ('mount -t tmpfs -o size=16k tmpfs "$TMPDIR"', "no space left on device"),
        ("ulimit -n 10", "too many open files"),
    ],
)
def test_a_machine_without_resources(
    sample_project: Project, tmp_path: Path, lacking: str, told: str
) -> None:
    """A machine without memory or processes gives exit code 4 and a hint, not a failed image."""
    (tmp_path / "temporary").mkdir()
    environ = {**os.environ, **sample_project.environ, "TMPDIR": str(tmp_path / "temporary")}
    script = f'{lacking} && exec "$0" -m invoke build-all --json'
    words = ["unshare", "--mount", "bash", "-c", script, sys.executable]

    ran = subprocess.run(
        words, cwd=sample_project.root, env=environ, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 4, ran.stderr
    assert told in ran.stderr.lower()
    assert "hint: " in ran.stderr
    assert "fault" not in ran.stderr
    assert "failed 1" not in ran.stderr
