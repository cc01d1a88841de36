"""A user's command: its output, its timeout and its environment, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UnknownError
from pipeline.project.command import output_of
from tests.support.processes import is_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEAVES = (
    "setsid -f sh -c 'trap \"\" TERM HUP; sleep 300 & echo $$ $! > left; wait' >&2;"
    "until test -s left; do :; done; echo acme-eu"
)
"""It leaves a process and a child in their own session, which keep its stderr open."""


def run_script(
    script: str,
    folder: Path,
    *allowed: str,
    most: int = 1 << 20,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Return what a shell script prints."""
    words, known = ["sh", "-c", script], {"PATH": os.environ["PATH"], **(environ or {})}
    return output_of(words, folder, known, allowed=allowed, most=most)


def left_processes(folder: Path) -> list[int]:
    """Return the ids of the processes that were left behind."""
    file = folder / "left"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def test_the_result_is_stdout(tmp_path: Path) -> None:
    """The result is its stdout; it runs in the given folder, and stderr may be of any length."""
    (tmp_path / "names").write_text("acme-eu\n" * 10_000)

    assert run_script("head -c 300000 /dev/zero >&2; cat names", tmp_path) == "acme-eu\n" * 10_000


def test_endless_output_is_killed(tmp_path: Path) -> None:
    """A command with endless output is killed, with an error, and its output is dropped."""
    with pytest.raises(UnknownError, match="`sh` prints more than 1,000 bytes"):
        run_script("echo $$ > left; exec yes acme-eu", tmp_path, most=1000)

    assert not any(map(is_running, left_processes(tmp_path)))


@pytest.mark.parametrize("script", ["exec yes >&2", "exec >&- 2>&-; while :; do :; done"])
def test_a_timeout_kills_the_command(tmp_path: Path, script: str) -> None:
    """A command is killed after its timeout, whether or not it prints."""
    command = ["sh", "-c", f"echo $$ > left; {script}"]
    with pytest.raises(UnknownError, match=r"took longer than 0\.3 s"):
        output_of(command, tmp_path, os.environ, timeout=0.3)

    assert not any(map(is_running, left_processes(tmp_path)))


def test_remaining_processes_are_killed(tmp_path: Path) -> None:
    """Processes that it leaves behind, also in other sessions, are killed before the return."""
    assert run_script(LEAVES, tmp_path) == "acme-eu\n"

    assert len(left_processes(tmp_path)) == 2
    assert not any(map(is_running, left_processes(tmp_path)))


def test_it_is_killed_with_us(tmp_path: Path) -> None:
    """If we are killed, the command and the processes that it left are killed, too."""
    script = (
        "import sys; from pathlib import Path; from pipeline.project.command import output_of;"
        f"output_of(['sh', '-c', {f'{LEAVES}; sleep 300'!r}], Path(sys.argv[1]),"
        f"{{'PATH': {os.environ['PATH']!r}}})"
    )
    ours = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], start_new_session=True)
    wait_until((tmp_path / "left").exists)
    wait_until(lambda: len(left_processes(tmp_path)) == 2)
    os.killpg(ours.pid, signal.SIGKILL)
    ours.wait()

    wait_until(lambda: not any(map(is_running, left_processes(tmp_path))))


def test_a_command_that_dies_by_a_signal(tmp_path: Path) -> None:
    """A command that dies by a signal, also of its own group, is an error, not an empty list."""
    for script, code in (("kill -TERM $$", -15), ("kill -KILL 0", -9), ("exit 3", 3)):
        with pytest.raises(UnknownError, match=f"ended with {code}"):
            run_script(script, tmp_path)
    with pytest.raises(UnknownError, match="was ended from outside"):
        run_script("kill -KILL $PPID; sleep 300", tmp_path)


def test_it_has_no_credentials(tmp_path: Path) -> None:
    """It gets no credentials of Fly or registries, unless the user allows a variable."""
    environ = {"FLY_API_TOKEN": "fm2_a", "DOCKER_AUTH_CONFIG": "{}", "TENANTS": "db"}
    script = "echo $FLY_API_TOKEN $DOCKER_AUTH_CONFIG $TENANTS"

    assert run_script(script, tmp_path, environ=environ) == "db\n"
    assert run_script(script, tmp_path, "FLY_API_TOKEN", environ=environ) == "fm2_a db\n"
