"""The folders and the state of a sandbox."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sandbox import process, state
from sandbox.errors import SandboxError
from sandbox.folders import folders, identity, locked, scratch
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.folders import Folders

LONGEST_SOCKET = 107
"""Maximal length of a socket's path in bytes (unix(7), `sun_path`)."""


@pytest.fixture
def at(tmp_path: Path) -> Folders:
    """Make an empty sandbox."""
    return folders(tmp_path / "sandbox")


def python(script: str, tmp_path: Path) -> process.Process:
    """Start a background process that runs a Python script."""
    command = [sys.executable, "-c", script]
    return process.spawn(command, log=tmp_path / "child.log", environment=os.environ)


def test_the_folder_of_a_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.sandbox` beside the package, unless PIPELINE_SANDBOX_DIR is set."""
    monkeypatch.delenv("PIPELINE_SANDBOX_DIR", raising=False)
    usual = folders().root
    monkeypatch.setenv("PIPELINE_SANDBOX_DIR", str(tmp_path))

    assert (usual / ".." / "sandbox" / "folders.py").resolve().exists()
    assert folders().root == tmp_path


def test_a_checkout_has_one_identity(tmp_path: Path) -> None:
    """The same for every spelling of a path, another for another path."""
    (tmp_path / "link").symlink_to(tmp_path)

    assert identity(tmp_path / "link" / "a") == identity(tmp_path / "b" / ".." / "a")
    assert identity(tmp_path / "a") != identity(tmp_path / "b")


def test_sockets_fit_however_deep_the_checkout_lies(tmp_path: Path) -> None:
    """The kernel limits the length of socket paths."""
    deep = folders(tmp_path.joinpath(*["a-rather-long-name"] * 20))

    longest = deep.run / "second" / "containerd" / "io.containerd.runtime.v2" / "docker.sock"
    assert len(os.fsencode(longest)) <= LONGEST_SOCKET


def test_written_state_is_read(at: Folders) -> None:
    """The folder is created; a second write replaces the first, and leaves no temporary file."""
    state.write(at.state, {"engine": "own"})
    state.write(at.state, {"engine": "host"})

    assert state.read(at.state) == {"engine": "host"}
    assert [path.name for path in at.root.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null"])
def test_invalid_state_is_empty(at: Folders, text: str | None) -> None:
    """A missing, broken or foreign file is an empty state."""
    at.root.mkdir()
    if text is not None:
        at.state.write_text(text)

    assert state.read(at.state) == {}


def test_a_process_is_recalled_while_it_runs(at: Folders, tmp_path: Path) -> None:
    """Found by pid and start time; `stop` kills it and removes its record."""
    child = python("import time; time.sleep(60)", tmp_path)
    state.remember(at, "child", child)

    recalled = state.recall(at, "child")
    state.stop(at, "child")

    assert recalled == child
    assert state.recall(at, "child") is None
    assert state.names(at) == []
    assert not process.alive(child)


def test_a_pid_that_belongs_to_another_is_left_alone(at: Folders, tmp_path: Path) -> None:
    """The kernel reuses pids: an old record kills no other process."""
    child = python("import time; time.sleep(60)", tmp_path)
    state.remember(at, "ended", process.Process(child.pid, "another boot/1"))

    state.stop(at, "ended")

    assert process.alive(child)
    process.stop(child)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed after the timeout."""
    deaf = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True)\n"
    child = python(f"{deaf}time.sleep(60)", tmp_path)
    wait_until(lambda: "deaf" in (tmp_path / "child.log").read_text())

    process.stop(child, patience=0.1)

    assert not process.alive(child)


def test_the_log_of_an_ended_process_is_quoted(tmp_path: Path) -> None:
    """If a daemon ends early, the error quotes the end of its log."""
    child = python("print('no such thing'); raise SystemExit(3)", tmp_path)

    with pytest.raises(SandboxError) as error:
        process.wait_for(lambda: False, child, what="it", log=tmp_path / "child.log")

    assert error.value.message == "it ended at once"
    assert "no such thing" in error.value.hint


def test_a_lock(tmp_path: Path) -> None:
    """Only one process holds a lock, until it releases it."""
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "lock"):
            order.append("second")

    with locked(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]


def test_temporary_folders_of_killed_runs_are_removed(tmp_path: Path) -> None:
    """The next run for the same file removes it, and nothing else in the cache."""
    for name in ("tools.abc/root", "tools-1-debian", "seed.abc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tools.lock").touch()

    with scratch(tmp_path, "tools") as folder:
        assert {path.name for path in tmp_path.iterdir()} == {
            "tools-1-debian", "seed.abc", "tools.lock", folder.name
        }  # fmt: skip
    assert not folder.exists()
