"""`Project.invoke` isolates runs from each other, and returns how they ended."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.invoker import invoke
from tests.support.processes import is_running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
import os, sys, time
from invoke import task

@task
def told(c):
    print(dict(os.environ), os.getcwd(), os.getsid(0) == os.getpid())
    print("to stderr", file=sys.stderr)
    os.environ["WORD"] = "left over"
    sys.exit(7)

@task
def killed(c):
    os.kill(os.getpid(), 9)

@task
def slow(c):
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(100)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with its own tasks."""
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def test_each_run_has_its_own_environment(folder: Path) -> None:
    """A run has its own environment, without that of the forking process, also in parallel."""
    words = ["one", "two", "three", "four"]
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(lambda word: invoke(["told"], folder, {"WORD": word}), words))

    expected = [f"{ {'WORD': word} } {folder} True\n" for word in words]
    assert [one.stdout for one in ran] == expected
    assert {one.stderr for one in ran} == {"to stderr\n"}
    assert {one.returncode for one in ran} == {7}
    assert invoke(["told"], folder, {}).stdout == f"{{}} {folder} True\n"


def test_a_signal_is_returned(folder: Path) -> None:
    """The exit code is that of `subprocess`."""
    assert invoke(["killed"], folder, os.environ).returncode == -9


def test_a_run_that_takes_too_long_is_killed(folder: Path) -> None:
    """A run that takes too long is killed, and raises."""
    seconds = 0.5
    while not (folder / "pid").exists():  # Until the run has started.
        seconds *= 2
        with pytest.raises(TimeoutError):
            invoke(["slow"], folder, os.environ, seconds=seconds)

    pid = int((folder / "pid").read_text())
    wait_until(lambda: not is_running(pid))
