"""`up`, `env`, `status` and `down` as `make demo` runs them, in a separate sandbox."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import control, state
from sandbox.errors import SandboxError
from sandbox.folders import folders
from sandbox.registry import answers, serve
from tests.support.processes import is_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.registry import Registry

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
DAEMONS = ["main-containerd", "main-dockerd", "registry"]


@pytest.fixture
def folder(tmp_path: Path, tool_cache: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the sandbox."""
    del tool_cache
    monkeypatch.setenv("PIPELINE_SANDBOX_DIR", str(tmp_path / "sandbox"))
    try:
        yield tmp_path / "sandbox"
    finally:
        sandbox("down", "--purge")


def sandbox(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the sandbox."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


def status() -> dict[str, Any]:
    """Return the output of `status --json`."""
    ran = sandbox("status", "--json")
    found: dict[str, Any] = json.loads(ran.stdout)
    assert ran.returncode == (0 if found["running"] else 1)
    return found


def pids(folder: Path) -> dict[str, int]:
    """Return the recorded processes, without that of the mirror, which is not always needed."""
    records = (folder / "processes").glob("*.json")
    found = {path.stem: int(json.loads(path.read_text())["pid"]) for path in records}
    return {name: pid for name, pid in found.items() if name != "mirror"}


def test_an_engine_of_its_own(folder: Path) -> None:
    """Up, up again, up after a crash, down, down again."""
    up = sandbox("up", PIPELINE_SANDBOX_ENGINE="own")
    first, before = status(), pids(folder)
    again = sandbox("up", PIPELINE_SANDBOX_ENGINE="own")
    same = pids(folder)
    os.kill(before["main-dockerd"], signal.SIGKILL)
    wait_until(lambda: not status()["running"])
    repaired = sandbox("up", PIPELINE_SANDBOX_ENGINE="own")
    second, after = status(), pids(folder)
    lines = sandbox("env").stdout
    served = subprocess.run(
        ["sh", "-c", f"{lines}docker version --format '{{{{.Server.Os}}}}'; docker buildx version"],
        capture_output=True,
        text=True,
        check=True,
    )
    down = [sandbox("down"), sandbox("down")]

    assert up.returncode == again.returncode == repaired.returncode == 0, up.stderr
    assert (first["engine"], sorted(before)) == ("own", DAEMONS)
    assert before == same
    assert second == first
    assert after["registry"] == before["registry"]
    assert after["main-dockerd"] != before["main-dockerd"]
    assert served.stdout.startswith("linux\n")
    assert f"export DOCKER_HOST={shlex.quote(first['docker_host'])}\n" in lines
    assert f"export PIPELINE_REGISTRY_HOST={first['registry']}\n" in lines
    assert [ran.returncode for ran in down] == [0, 0]
    assert not any(map(is_running, after.values()))
    assert not folders(folder).run.exists()
    assert status()["registry"] == first["registry"]
    assert sandbox("env").returncode == 4


def test_the_machines_engine(folder: Path) -> None:
    """An existing engine is used and left running; only a registry is started."""
    up = sandbox("up", PIPELINE_SANDBOX_ENGINE="host")
    now, started = status(), pids(folder)
    lines = sandbox("env").stdout
    down = sandbox("down")

    assert up.returncode == down.returncode == 0, up.stderr
    assert (now["engine"], list(started)) == ("host", ["registry"])
    assert "DOCKER_HOST" not in lines
    assert f"export PIPELINE_REGISTRY_HOST={now['registry']}\n" in lines
    assert not is_running(started["registry"])
    assert not answers(now["registry"])
    assert subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0


def test_a_registry_on_a_port_that_is_taken(tmp_path: Path, registry: Registry) -> None:
    """It is refused with the reason; the other program's response is not accepted."""
    port = int(registry.address.rpartition(":")[2])

    with pytest.raises(SandboxError) as error:
        serve(tmp_path / "another", port=port)

    assert not [name for name in state.names(folders()) if name.startswith("another")]
    assert "ended at once" in error.value.message
    assert "address already in use" in error.value.hint


def test_the_usual_port_is_taken_meanwhile(folder: Path) -> None:
    """Another sandbox that starts at the same moment may be first: any other port will do."""
    at = folders()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        address = control._serve(at, "registry", taken)
        try:
            assert answers(address)
            assert address != f"127.0.0.1:{taken}"
        finally:
            state.stop(at, "registry")
    assert folder == at.root
