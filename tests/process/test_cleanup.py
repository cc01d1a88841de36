"""What killed runs leave, and how the next run removes it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UnknownError
from pipeline.process.cleanup import here, lives, owner, private_folder, sweep
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WAITING = """
import os, sys
from pipeline.process.cleanup import private_folder
with private_folder("files", os.environ) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""
SWEEPING = """
import os
from pipeline.process.cleanup import sweep
sweep(os.environ)
"""
KILLED = """
import os, signal
from pipeline.process.cleanup import owner, private_folder
with private_folder("login", os.environ) as folder:
    (folder / "config.json").write_text("secret")
    print(owner(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def namespace_part() -> str:
    """Return the part of folder names that identifies the pid namespace."""
    return hashlib.sha256(here().encode()).hexdigest()[:12]


def killed_owner(environ: Mapping[str, str]) -> str:
    """Kill a process that made a folder; return the owner in the folder's name."""
    command = [sys.executable, "-c", KILLED]
    path = {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, env={**environ, **path}, capture_output=True, check=False)
    return done.stdout.decode().strip()


def test_only_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    """Also if the pid has been reused."""
    environ = {"TMPDIR": str(tmp_path)}
    was = killed_owner(environ)
    pid, _, started = owner().partition(".")
    again = tmp_path / f"fly-image-pipeline-login-{pid}.{int(started) - 1}.{namespace_part()}-abc"
    other = tmp_path / "fly-image-pipeline-notes"
    again.mkdir()
    other.mkdir()
    assert len(list(tmp_path.glob(f"*-{was}.*/config.json"))) == 1

    with private_folder("deploy", environ) as mine:
        sweep(environ)

        assert sorted(tmp_path.iterdir()) == sorted([other, mine])
    assert list(tmp_path.iterdir()) == [other]


def test_folders_of_another_container_are_kept(tmp_path: Path) -> None:
    """Containers may share a folder, and cannot see each other's processes.

    A container that has ended has left what can be removed.
    """
    environ = {"TMPDIR": str(tmp_path)}
    with in_other_namespace(WAITING, environ) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().strip())
        with private_folder("files", environ) as mine:
            sweep(environ)
            with in_other_namespace(SWEEPING, environ) as sweeper:
                assert sweeper.wait() == 0

            assert sorted(tmp_path.iterdir()) == sorted([mine, theirs])
        assert not lives(theirs.name.split("-")[4].rpartition(".")[0])
        other.kill()

    def swept() -> bool:
        sweep(environ)
        return not [*tmp_path.iterdir()]

    wait_until(swept)  # The kernel ends it a moment later.


@contextmanager
def in_other_namespace(script: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a script in another pid namespace, as in another container."""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable]
    path = {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [*command, "-c", script],
        env={**environ, **path},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process


def test_deep_folders_are_removed(tmp_path: Path) -> None:
    """A copy of a context may be deeper than Python's recursion limit."""
    left = tmp_path / f"fly-image-pipeline-files-{2**22 + 1}.1.{namespace_part()}-abc"
    left.mkdir()
    folders = "/".join("a" * 1100)
    subprocess.run(["mkdir", "-p", folders, "b/c"], cwd=left, check=True)
    subprocess.run(["chmod", "0", f"{folders}"], cwd=left, check=True)

    sweep({"TMPDIR": str(tmp_path)})

    assert not left.exists()


def test_folders_of_unknown_owners_are_kept(tmp_path: Path) -> None:
    """Without a lock, from elsewhere or of version 0.1, the owner may be alive: kept for a week."""
    environ = {"TMPDIR": str(tmp_path)}
    nobody = f"fly-image-pipeline-files-{2**22 + 1}.1"
    for name in (
        f".{namespace_part()}-abc",
        f".{'0' * 12}-abc",
        f".{'0' * 12}-old",
        "-abc",
        "-old",
    ):
        (tmp_path / f"{nobody}{name}").mkdir()
    (tmp_path / f"{nobody}.{namespace_part()}-link").symlink_to(tmp_path)
    for old in tmp_path.glob("*-old"):
        os.utime(old, (0, 0))

    sweep(environ)

    left = {path.name.removeprefix(nobody) for path in tmp_path.iterdir()}
    assert left == {f".{'0' * 12}-abc", "-abc", f".{namespace_part()}-link"}


def test_the_next_folder_with_space_is_used(tmp_path: Path) -> None:
    """If none has space, the error is about the last one, with a hint."""
    environ = {"XDG_RUNTIME_DIR": "/proc/self/fd", "TMPDIR": str(tmp_path)}
    with private_folder("login", environ) as folder:
        assert folder.parent == tmp_path
        assert [*tmp_path.iterdir()] == [folder]

    nowhere = {"TMPDIR": "/proc/none"}
    refused = pytest.raises(UnknownError, match="in `/proc/none`: no such file")
    with refused as caught, private_folder("login", nowhere):
        pass
    assert "TMPDIR" in caught.value.hint


def test_a_private_folder_is_in_memory_if_possible(tmp_path: Path) -> None:
    """XDG_RUNTIME_DIR comes first; both folders are cleaned."""
    runtime, plain = tmp_path / "runtime", tmp_path / "plain"
    runtime.mkdir()
    plain.mkdir()
    killed_owner({"TMPDIR": str(plain)})
    environ = {"TMPDIR": str(plain), "XDG_RUNTIME_DIR": str(runtime)}

    with private_folder("login", environ) as folder:
        assert folder.parent == runtime
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep(environ)

    assert not [*runtime.iterdir(), *plain.iterdir()]


def test_the_working_directory_is_not_used() -> None:
    """Python's `tempfile` would do that if `/tmp` and `/var/tmp` cannot be written."""
    closed = "for d in /tmp /var/tmp; do mount --bind $d $d && mount -o remount,ro,bind $d; done"
    script = f'{closed}; cd /dev/shm && exec "$0" -c "$1"'
    words = ["unshare", "--mount", "sh", "-ec", script, sys.executable, WAITING]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())}

    ran = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)

    assert "no temporary folder can be made anywhere: no such file" in ran.stderr
    assert not ran.stdout


def test_which_owners_are_alive() -> None:
    """Our own process lives; a zombie and an invalid name do not."""
    with subprocess.Popen(["sleep", "60"]) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8")
        who = f"{child.pid}.{stat.rpartition(')')[2].split()[19]}"
        alive = lives(who)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert alive
        assert not lives(who)
    assert lives(owner())
    assert lives("what we do not know")


def test_a_large_folder_is_not_in_memory(tmp_path: Path) -> None:
    """It is where the user says, or on a disk; folders of killed runs are removed there, too."""
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "TMPDIR": str(tmp_path / "tmp")}
    for path in environ.values():
        Path(path).mkdir()

    with private_folder("files", environ, roomy=True) as said:
        assert said.parent == tmp_path / "tmp"
    del environ["TMPDIR"]
    with private_folder("files", environ, roomy=True) as folder:
        assert folder.parent == Path("/var/tmp")  # noqa: S108 - that is what is tested
        left = folder.with_name(f"fly-image-pipeline-files-1.1.{namespace_part()}-{os.getpid()}")
        (left / "closed").mkdir(parents=True)
        (left / "closed").chmod(0o555)
        sweep(environ)
        assert folder.exists()

    assert not left.exists()
