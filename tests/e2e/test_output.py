"""What becomes of a task whose output nobody can have: a reader that is gone, a full disk."""

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
def gone() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """A disk without room."""
    with FULL.open("wb") as file:
        yield file.fileno()


def into(project: Project, *words: str, out: int | None = None, err: int | None = None) -> Ran:
    """Invoke, with a stdout or a stderr of the test's; what it wrote to the other."""
    # A report that cannot be written is kept there.
    environ = {**os.environ, **project.environ, "TMPDIR": str(project.root.parent)}
    with tempfile.TemporaryFile("w+") as kept, tempfile.TemporaryFile("w+") as said:
        streams = (out or kept.fileno(), err or said.fileno())
        code = invoke_into(words, project.root, environ, streams)
        kept.seek(0)
        said.seek(0)
        return Ran(code, kept.read(), said.read())


def kept_report(ran: Ran) -> dict[str, str]:
    """The statuses of images in the file that is named for a report that could not be written."""
    assert ran.code == 4
    found = re.search(r"its result is in `(.*)`", ran.err)
    assert found, ran.err
    file = Path(found[1])
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    file.unlink()
    return Ran(ran.code, text, "").statuses()


@pytest.fixture
def shop(project: Project) -> Project:
    """An image that was never built."""
    project.image("web", "FROM scratch\nCOPY own.txt /\n", own_txt="own")
    return project


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_reader_that_is_gone_or_a_full_disk(shop: Project, words: tuple[str, ...]) -> None:
    """Not a word for the one, a sentence for the other; never 1, which is an answer."""
    with gone() as pipe:
        assert into(shop, *words, out=pipe) == Ran(141, "", "")
    with full() as disk:
        ran = into(shop, *words, out=disk)

    assert ran.code == 4
    assert ran.err.startswith(f"{SENTENCE}no space left on device\n\nhint: ")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_of_a_pipe_that_does_not_block(shop: Project, unbuffered: str) -> None:
    """What is larger than the pipe waits for room, as it does in any other pipe."""
    for number in range(200):
        shop.write(f"images/web/many/{number:064}", "")
    shop.image("web", "FROM scratch\nCOPY many /\n")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "invoke", "inputs", "web", "--json"]
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, cwd=shop.root, env=environ, stdout=writer) as process:
        while select.select((), (writer,), (), 0)[1]:  # until it is full
            time.sleep(0.01)
        os.close(writer)
        with open(reader, "rb") as said:  # noqa: PTH123 - a pipe
            text = said.read()

    assert process.returncode == 0
    assert len(json.loads(text)["files"]) == 201


def test_a_name_beyond_what_python_may_say(shop: Project) -> None:
    """UTF-8 was switched off for file names: a sentence, with how to switch it on."""
    shop.image("web", "FROM scratch\nCOPY \u00fc /\n")
    command = [sys.executable, "-m", "invoke", "inputs", "web"]
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    pipe = subprocess.PIPE

    ran = subprocess.run(command, cwd=shop.root, env=environ, stderr=pipe, check=False)

    assert ran.returncode == 2
    assert b"reads names as ascii" in ran.stderr
    assert b"PYTHONUTF8=1" in ran.stderr


def test_a_reader_that_has_seen_enough(shop: Project) -> None:
    """What comes after its first lines is lost in silence."""
    for number in range(3000):
        shop.write(f"images/web/many/{number:064}", "")
    shop.image("web", "FROM scratch\nCOPY . /\n")
    command = [sys.executable, "-m", "invoke", "inputs", "web"]
    pipe = subprocess.PIPE
    # Without a buffer, Python takes the first part of what it writes for all of it.
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=shop.root, env=environ, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (141, b"")


@pytest.mark.parametrize(
    ("closing", "code"), [(">&-", 4), ("2>&-", 0), (">&- 2>&-", 4), ("<&- 2>/dev/full", 0)]
)
def test_what_is_closed_from_the_start(shop: Project, closing: str, code: int) -> None:
    """A closed stderr keeps nobody from the result."""
    words = ["bash", "-c", f'"$0" -m invoke graph {closing}', sys.executable]

    ran = subprocess.run(words, cwd=shop.root, capture_output=True, text=True, check=False)

    assert ran.returncode == code
    assert ran.stdout == ("" if code else "web\n")
    assert ran.stderr.startswith(f"{SENTENCE}it is closed" if closing == ">&-" else "")


def test_what_was_begun_is_finished(shop: Project) -> None:
    """An image is built and pushed; then the output counts, or before it the work that failed."""
    with gone() as pipe, full() as disk:
        ran = into(shop, "build-all", "--json", out=disk, err=pipe)
        assert (ran.code, shop.invoke("exists", "web").code) == (4, 0)
        assert kept_report(into(shop, "build-all", "--json", out=disk)) == {"web": "exists"}

        shop.image("bad", "FROM debian:bookworm-slim\nRUN exit 3\n")
        shop.image("web", "FROM scratch\nCOPY own.txt /\n", own_txt="another")
        ran = into(shop, "build-all", "--keep-going", "--json", err=pipe)
        assert (ran.code, ran.statuses()) == (1, {"bad": "failed", "web": "built"}), ran.out

        assert into(shop, "build-all", "--json", out=pipe, err=disk).code == 1


def test_an_error_outranks_the_output(shop: Project) -> None:
    """A wrong name is one, whoever reads it."""
    with gone() as pipe:
        assert into(shop, "build", "wbe", "--json", out=pipe, err=pipe).code == 2


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ('mount -t tmpfs -o size=16k tmpfs "$TMPDIR"', "no space left on device"),
        ("ulimit -n 10", "too many open files"),
    ],
)
def test_a_machine_that_lacks_something(
    shop: Project, tmp_path: Path, lacking: str, told: str
) -> None:
    """A sentence, what to do, and 4: nobody's fault, and not the image's failure."""
    (tmp_path / "temporary").mkdir()
    environ = {**os.environ, **shop.environ, "TMPDIR": str(tmp_path / "temporary")}
    script = f'{lacking} && exec "$0" -m invoke build-all --json'
    words = ["unshare", "--mount", "bash", "-c", script, sys.executable]

    ran = subprocess.run(
        words, cwd=shop.root, env=environ, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 4, ran.stderr
    assert told in ran.stderr.lower()
    assert "hint: " in ran.stderr
    assert "fault" not in ran.stderr
    assert "failed 1" not in ran.stderr
