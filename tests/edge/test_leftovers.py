"""What killed runs leave, and what the next run makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.edge.leftovers import lives, owner, private_folder, sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

KILLED = """
import os, signal
from pipeline.edge.leftovers import owner, private_folder
with private_folder("login", os.environ) as folder:
    (folder / "config.json").write_text("secret")
    print(owner(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(environ: Mapping[str, str]) -> str:
    """A process that made a folder and was killed: whose the folder is."""
    command = [sys.executable, "-c", KILLED]
    path = {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, env={**environ, **path}, capture_output=True, check=False)
    return done.stdout.decode().strip()


def test_what_a_killed_run_left_is_swept_and_no_more(tmp_path: Path) -> None:
    """Also where the number of the process has been given to another since."""
    environ = {"TMPDIR": str(tmp_path)}
    was = killed(environ)
    pid, _, started = owner().partition(".")
    again = tmp_path / f"fly-image-pipeline-login-{pid}.{int(started) - 1}-abc"
    other = tmp_path / "fly-image-pipeline-notes"
    again.mkdir()
    other.mkdir()
    assert len(list(tmp_path.glob(f"*-{was}-*/config.json"))) == 1

    with private_folder("solve", environ) as mine:
        sweep(environ)

        assert sorted(tmp_path.iterdir()) == sorted([other, mine])
    assert list(tmp_path.iterdir()) == [other]


def test_what_a_run_of_another_container_uses_is_not_swept(tmp_path: Path) -> None:
    """They may share `/var/tmp`, and do not know its process: BuildKit would miss files."""
    environ = {"TMPDIR": str(tmp_path)}
    nobody = f"{2**22 + 1}.1"

    with private_folder("files", environ) as mine:
        (mine / "a").touch()
        theirs = mine.rename(mine.with_name(f"fly-image-pipeline-files-{nobody}-abc"))
        assert not lives(nobody)
        sweep(environ)

        assert [*theirs.iterdir()] == [theirs / "a"]
    sweep(environ)
    assert not [*tmp_path.iterdir()]


def test_a_private_folder_is_private_and_in_memory_where_it_can_be(tmp_path: Path) -> None:
    """`XDG_RUNTIME_DIR` comes first; both places are swept."""
    runtime, plain = tmp_path / "runtime", tmp_path / "plain"
    runtime.mkdir()
    plain.mkdir()
    killed({"TMPDIR": str(plain)})
    environ = {"TMPDIR": str(plain), "XDG_RUNTIME_DIR": str(runtime)}

    with private_folder("login", environ) as folder:
        assert folder.parent == runtime
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep(environ)

    assert not [*runtime.iterdir(), *plain.iterdir()]


def test_who_lives() -> None:
    """Ours does; one that is only waited for, and what is no owner's name, are told."""
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


def test_a_roomy_folder_is_not_in_memory(tmp_path: Path) -> None:
    """It is where the user says, else in a place on a disk; a killed run's is swept there too."""
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "TMPDIR": str(tmp_path / "tmp")}
    for path in environ.values():
        Path(path).mkdir()

    with private_folder("files", environ, roomy=True) as said:
        assert said.parent == tmp_path / "tmp"
    del environ["TMPDIR"]
    with private_folder("files", environ, roomy=True) as folder:
        assert folder.parent == Path("/var/tmp")  # noqa: S108 - that is what is tested
        left = folder.with_name(f"fly-image-pipeline-files-1.1-{os.getpid()}")
        (left / "closed").mkdir(parents=True)
        (left / "closed").chmod(0o555)
        sweep(environ)
        assert folder.exists()

    assert not left.exists()
