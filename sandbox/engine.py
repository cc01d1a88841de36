"""Container engines of the sandbox: a containerd and a dockerd each, shared with nobody."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import bridge, machine, mounts, packages, process, state
from sandbox.places import Places, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.packages import Tools

CONTAINERD = """\
version = 2
root = {root}
state = {state}
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
address = {address}
"""


@dataclass(frozen=True)
class Engine:
    """An engine of the sandbox: `name` tells it from the others of the same sandbox."""

    name: str
    places: Places
    tools: Tools

    @property
    def home(self) -> Path:
        """Its configuration, logs and images."""
        return self.places.root / "engines" / self.name

    @property
    def run(self) -> Path:
        """Its sockets and what else must not survive a reboot."""
        return self.places.run / self.name

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.run / "docker.sock"

    @property
    def host(self) -> str:
        """The same, as `DOCKER_HOST`."""
        return f"unix://{self.socket}"

    @property
    def bridge(self) -> str:
        """The name of its bridge: at most 15 characters, one per engine and sandbox."""
        return f"fip{self.places.identity}{self.name[:4]}"

    def answers(self) -> bool:
        """Whether it serves requests now."""
        return ping(self.socket)

    def stop(self) -> None:
        """Stop it, its containers, and what it mounted; its images stay."""
        stop(self)


def start(
    name: str,
    *,
    snapshotter: bool,
    where: Places | None = None,
    mirrors: Sequence[str] | None = None,
) -> Engine:
    """Start the engine `name`, or take it as it is if it runs already.

    `snapshotter` chooses the image store: containerd's (OCI media types, attestations, indexes)
    or the classic one. `mirrors` stand in for Docker Hub, as `http://HOST:PORT`; by default the
    sandbox's own, if `up` made one.

    Raises:
        SandboxError: this machine cannot be equipped, or the engine does not come up.

    """
    at = where or places()
    here = machine.require_equippable(root=True)
    engine = Engine(name, at, packages.ensure(at, here))
    hub = _own_mirrors(at) if mirrors is None else list(mirrors)
    same = state.read(engine.home / "daemon.json").get("registry-mirrors") == hub
    if same and recalled(engine) and engine.answers():
        return engine
    stop(engine)
    link = _bridged(engine)
    _configure(engine, link, mirrors=hub, snapshotter=snapshotter)
    _launch(engine)
    return engine


def stop(engine: Engine) -> None:
    """Stop whatever is left of `engine`: also what another process, or a crash, left behind."""
    state.stop(engine.places, f"{engine.name}-dockerd", patience=30.0)
    state.stop(engine.places, f"{engine.name}-containerd")
    _end_shims(engine)
    mounts.unmount_below(engine.home, engine.run)
    bridge.remove(engine.bridge, engine.tools)
    if pool := _pool(engine):
        bridge.remove_within(pool)
    shutil.rmtree(engine.run, ignore_errors=True)
    with suppress(OSError):
        engine.places.run.rmdir()


def recalled(engine: Engine) -> bool:
    """Whether both its processes still run and its bridge is there."""
    daemons = (f"{engine.name}-dockerd", f"{engine.name}-containerd")
    running = all(state.recall(engine.places, daemon) for daemon in daemons)
    return running and bridge.exists(engine.bridge)


def ping(path: Path) -> bool:
    """Whether an engine answers on the socket at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(5.0)
        try:
            line.connect(str(path))
            line.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in line.recv(64)
        except OSError:
            return False


def _bridged(engine: Engine) -> bridge.Bridge:
    """The engine's bridge, with the addresses that it had before where they are free.

    The engine keeps its networks' addresses in a file, and would go on with them on a bridge
    whose firewall rules are about others. Without the file it learns the new ones; containers
    that were stopped lose their networks then.
    """
    usual = _pool(engine)
    link = bridge.create(engine.bridge, engine.tools, usual=usual)
    if str(link.pool) != usual:
        (engine.home / "data" / "network" / "files" / "local-kv.db").unlink(missing_ok=True)
    engine.home.mkdir(parents=True, exist_ok=True)
    state.write(engine.home / "bridge.json", {"pool": str(link.pool)})
    return link


def _pool(engine: Engine) -> str:
    return str(state.read(engine.home / "bridge.json").get("pool") or "")


def _configure(
    engine: Engine, link: bridge.Bridge, *, mirrors: Sequence[str], snapshotter: bool
) -> None:
    for folder in (engine.home, engine.run):
        folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "root": engine.home / "containerd",
        "state": engine.run / "containerd",
        "address": engine.run / "containerd.sock",
    }
    # A JSON string is a TOML basic string too.
    quoted = {name: json.dumps(str(path)) for name, path in paths.items()}
    (engine.home / "containerd.toml").write_text(CONTAINERD.format(**quoted))
    settings = {
        "features": {"containerd-snapshotter": snapshotter},
        "hosts": [engine.host],
        "group": "root",
        # Its own containerd: left to choose, dockerd would take the machine's at /run/containerd.
        "containerd": str(engine.run / "containerd.sock"),
        "data-root": str(engine.home / "data"),
        "exec-root": str(engine.run / "docker"),
        "pidfile": str(engine.run / "docker.pid"),
        "bridge": link.name,
        "default-address-pools": [{"base": link.networks, "size": 24}],
        "iptables": False,
        "ip6tables": False,
        "ip-masq": False,
        "ip-forward": False,
        "registry-mirrors": list(mirrors),
    }
    (engine.home / "daemon.json").write_text(json.dumps(settings, indent=2) + "\n")


def _launch(engine: Engine) -> None:
    _daemon(engine, "containerd", ["--config", str(engine.home / "containerd.toml")])
    _daemon(engine, "dockerd", ["--config-file", str(engine.home / "daemon.json")])


def _daemon(engine: Engine, program: str, options: Sequence[str]) -> None:
    log = engine.home / f"{program}.log"
    command = [str(engine.tools.bin / program), *options]
    started = process.spawn(command, log=log, environment=engine.tools.environment())
    state.remember(engine.places, f"{engine.name}-{program}", started)
    serving = (engine.run / "containerd.sock").exists
    ready = serving if program == "containerd" else engine.answers
    process.wait_for(ready, started, what=f"`{program}` of the sandbox", log=log, patience=60.0)


def _own_mirrors(at: Places) -> list[str]:
    address = state.read(at.state).get("mirror")
    return [f"http://{address}"] if isinstance(address, str) else []


def _end_shims(engine: Engine) -> None:
    """End the containers, and their shims, that outlive a killed containerd.

    A shim is ours when it was told to report to our socket; a container is its shim's child.
    """
    address = os.fsencode(engine.run / "containerd.sock")
    shims = {pid for pid, words in _commands() if address in words and b"-shim" in words[0]}
    for pid, _ in _commands() if shims else []:
        if pid in shims or _parent(pid) in shims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _commands() -> list[tuple[int, list[bytes]]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")))
    return found


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
