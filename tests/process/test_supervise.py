"""A child process: its output, its end, and that nothing of it remains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.process.environ import for_docker
from pipeline.process.supervise import run


def shell(
    script: str, tmp_path: Path, seen: list[bytes], stop: threading.Event, stdin: bytes = b""
) -> int:
    """Run a script and collect its stderr."""

    def take(line: bytes) -> None:
        seen.append(line)
        if line == b"stop\n":
            stop.set()
        if line == b"raise\n":
            raise KeyboardInterrupt

    command = ["sh", "-c", script]
    return run(
        command, cwd=tmp_path, environ=for_docker(os.environ), stdin=stdin, take=take, stop=stop
    )


def ends_within(pid: int, *, within: float = 5.0) -> bool:
    """Return whether a process ends within so many seconds."""
    for _ in range(1 + int(within * 50)):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        except FileNotFoundError:
            return True
        if state.split()[0] == "Z":  # A zombie does not run any more.
            return True
        time.sleep(0.02)
    return False


def test_lines_and_exit_code(tmp_path: Path) -> None:
    """Stderr arrives line by line, stdout is dropped."""
    seen: list[bytes] = []

    code = shell("echo out; cat >&2; exit 7", tmp_path, seen, threading.Event(), b"a\nb")

    assert (code, seen) == (7, [b"a\n", b"b"])


def test_a_large_request(tmp_path: Path) -> None:
    """Input that is larger than a pipe's buffer does not block."""
    seen: list[bytes] = []

    shell("echo first >&2; wc -c >&2", tmp_path, seen, threading.Event(), b"x" * 1_000_000)

    assert seen == [b"first\n", b"1000000\n"]


def test_stop_is_an_interrupt_first(tmp_path: Path) -> None:
    """The child can exit by itself, with its own code."""
    script = 'trap "echo bye >&2; exit 130" INT; echo stop >&2; while :; do sleep 0.05; done'
    seen: list[bytes] = []

    code = shell(script, tmp_path, seen, threading.Event())

    assert (code, seen) == (130, [b"stop\n", b"bye\n"])


def test_nothing_is_left_of_its_group(tmp_path: Path) -> None:
    """Processes that the child started end with it."""
    seen: list[bytes] = []

    # `exec`, because dash loses a signal that arrives while it forks.
    shell("sleep 60 2>/dev/null & echo $! >&2; echo stop >&2; exec sleep 60", tmp_path, seen,
          threading.Event())  # fmt: skip

    assert ends_within(int(seen[0]))


def test_remaining_children_are_not_waited_for(tmp_path: Path) -> None:
    """Its child keeps stderr open, but is not waited for."""
    seen: list[bytes] = []
    began = time.monotonic()

    code = shell("sleep 60 & echo $! >&2; exit 3", tmp_path, seen, threading.Event())

    assert code == 3
    assert time.monotonic() - began < 30
    assert ends_within(int(seen[0]))


def test_an_exception_kills_the_child(tmp_path: Path) -> None:
    """Ctrl-C without a handler leaves no build running."""
    seen: list[bytes] = []

    with pytest.raises(KeyboardInterrupt):
        shell("echo $$ >&2; echo raise >&2; exec sleep 60", tmp_path, seen, threading.Event())

    assert ends_within(int(seen[0]))


def test_a_separate_process_group(tmp_path: Path) -> None:
    """It has its own process group, so only we send it Ctrl-C."""
    seen: list[bytes] = []

    shell("ps -o pgid= -p $$ >&2 || cut -d' ' -f5 /proc/$$/stat >&2", tmp_path, seen,
          threading.Event())  # fmt: skip

    assert int(seen[-1]) != os.getpgrp()


TIED = """
import os, sys, threading
from pathlib import Path
from pipeline.process.supervise import run
from pipeline.process.environ import for_docker
run(["sh", "-c", "sleep 60 2>&1 & echo $! $$ >&2; wait"], cwd=Path.cwd(),
    environ=for_docker(os.environ), stdin=b"", stop=threading.Event(),
    take=lambda line: print(line.decode(), end="", flush=True))
"""


@pytest.mark.parametrize("group", [True, False])
def test_the_child_dies_with_us(tmp_path: Path, *, group: bool) -> None:
    """If we are killed, alone or with our group, the child and its children end."""
    command = [sys.executable, "-c", TIED]
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    ours = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, start_new_session=True)
    with ours:
        assert ours.stdout
        children = [int(pid) for pid in ours.stdout.readline().split()]
        assert not any(ends_within(pid, within=0) for pid in children)
        (os.killpg if group else os.kill)(ours.pid, signal.SIGKILL)
        ours.wait(20)

    assert len(children) == 2
    assert all(ends_within(pid) for pid in children)
