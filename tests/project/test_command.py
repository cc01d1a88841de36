"""What a command of the user's may print, how long it lives, and what it knows: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UnknownError
from pipeline.project.command import output_of
from tests.support.processes import patiently, runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEAVES = (
    "setsid -f sh -c 'trap \"\" TERM HUP; sleep 300 & echo $$ $! > left; wait' >&2;"
    "until test -s left; do :; done; echo acme-eu"
)
"""It leaves a process and its child in a session of their own, who hold its standard error."""


def said(
    script: str,
    folder: Path,
    *allowed: str,
    most: int = 1 << 20,
    environ: Mapping[str, str] | None = None,
) -> str:
    """What a script of the shell prints."""
    words, known = ["sh", "-c", script], {"PATH": os.environ["PATH"], **(environ or {})}
    return output_of(words, folder, known, allowed=allowed, most=most)


def left(folder: Path) -> list[int]:
    """The numbers of what was left behind."""
    file = folder / "left"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def test_what_is_printed_is_all_that_comes(tmp_path: Path) -> None:
    """In the folder where it runs; standard error may be as long as it likes."""
    (tmp_path / "names").write_text("acme-eu\n" * 10_000)

    assert said("head -c 300000 /dev/zero >&2; cat names", tmp_path) == "acme-eu\n" * 10_000


def test_who_prints_without_end_is_ended(tmp_path: Path) -> None:
    """With a sentence; nothing of it is kept."""
    with pytest.raises(UnknownError, match="`sh` prints more than 1,000 bytes"):
        said("echo $$ > left; exec yes acme-eu", tmp_path, most=1000)

    assert not any(map(runs, left(tmp_path)))


@pytest.mark.parametrize("script", ["exec yes >&2", "exec >&- 2>&-; while :; do :; done"])
def test_who_does_not_end_is_ended(tmp_path: Path, script: str) -> None:
    """Whatever it says meanwhile, or does not."""
    command = ["sh", "-c", f"echo $$ > left; {script}"]
    with pytest.raises(UnknownError, match=r"took longer than 0\.3 s"):
        output_of(command, tmp_path, os.environ, timeout=0.3)

    assert not any(map(runs, left(tmp_path)))


def test_whoever_it_leaves_behind_is_ended(tmp_path: Path) -> None:
    """Also those in a session of their own; they are gone when the answer is there."""
    assert said(LEAVES, tmp_path) == "acme-eu\n"

    assert len(left(tmp_path)) == 2
    assert not any(map(runs, left(tmp_path)))


def test_it_ends_with_us(tmp_path: Path) -> None:
    """Killed, we leave no command, and nobody behind whom it left."""
    script = (
        "import sys; from pathlib import Path; from pipeline.project.command import output_of;"
        f"output_of(['sh', '-c', {f'{LEAVES}; sleep 300'!r}], Path(sys.argv[1]),"
        f"{{'PATH': {os.environ['PATH']!r}}})"
    )
    ours = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], start_new_session=True)
    patiently((tmp_path / "left").exists)
    patiently(lambda: len(left(tmp_path)) == 2)
    os.killpg(ours.pid, signal.SIGKILL)
    ours.wait()

    patiently(lambda: not any(map(runs, left(tmp_path))))


def test_it_may_end_in_any_way(tmp_path: Path) -> None:
    """By a signal, and by one to its whole group; without an answer, that is no list."""
    for script, code in (("kill -TERM $$", -15), ("kill -KILL 0", -9), ("exit 3", 3)):
        with pytest.raises(UnknownError, match=f"ended with {code}"):
            said(script, tmp_path)
    with pytest.raises(UnknownError, match="was ended from outside"):
        said("kill -KILL $PPID; sleep 300", tmp_path)


def test_it_has_no_credentials(tmp_path: Path) -> None:
    """Not Fly's, nor those of registries, unless the user allows a variable."""
    environ = {"FLY_API_TOKEN": "fm2_a", "DOCKER_AUTH_CONFIG": "{}", "TENANTS": "db"}
    script = "echo $FLY_API_TOKEN $DOCKER_AUTH_CONFIG $TENANTS"

    assert said(script, tmp_path, environ=environ) == "db\n"
    assert said(script, tmp_path, "FLY_API_TOKEN", environ=environ) == "fm2_a db\n"
