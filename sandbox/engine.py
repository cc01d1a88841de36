"""Container engines of the sandbox, each with its own containerd and dockerd."""

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
from sandbox.folders import Folders, folders

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
    """An engine of the sandbox; `name` is unique in the sandbox."""

    name: str
    folders: Folders
    tools: Tools

    @property
    def home(self) -> Path:
        """Return the folder of its configuration, logs and images."""
        return self.folders.root / "engines" / self.name

    @property
    def run(self) -> Path:
        """Return the folder of its sockets and other files that must not survive a reboot."""
        return self.folders.run / self.name

    @property
    def socket(self) -> Path:
        """Return its socket."""
        return self.run / "docker.sock"

    @property
    def host(self) -> str:
        """Return its socket as a value of DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def bridge(self) -> str:
        """Return the name of its bridge: at most 15 characters, unique for each engine."""
        return f"fip{self.folders.identity}{self.name[:4]}"

    def answers(self) -> bool:
        """Return whether it answers now."""
        return ping(self.socket)

    def stop(self) -> None:
        """Stop it and its containers, and unmount its file systems; its images stay."""
        stop(self)


def start(
    name: str,
    *,
    snapshotter: bool,
    where: Folders | None = None,
    mirrors: Sequence[str] | None = None,
) -> Engine:
    """Start the engine `name`, unless it is running.

    `snapshotter` chooses the image store: containerd's (OCI media types, attestations, indexes) or
    the classic one. `mirrors` replace Docker Hub, as `http://HOST:PORT`; the default is the
    sandbox's mirror, if `up` started one.

    Raises:
        SandboxError: there are no packages for this machine, or the engine does not start.

    """
    at = where or folders()
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
    """Stop all processes of an engine, also those that another process or a crash left."""
    state.stop(engine.folders, f"{engine.name}-dockerd", patience=30.0)
    state.stop(engine.folders, f"{engine.name}-containerd")
    _end_shims(engine)
    mounts.unmount_below(engine.home, engine.run)
    bridge.remove(engine.bridge, engine.tools)
    if pool := _pool(engine):
        bridge.remove_within(pool)
    shutil.rmtree(engine.run, ignore_errors=True)
    with suppress(OSError):
        engine.folders.run.rmdir()


def recalled(engine: Engine) -> bool:
    """Return whether both its processes run and its bridge exists."""
    daemons = (f"{engine.name}-dockerd", f"{engine.name}-containerd")
    running = all(state.recall(engine.folders, daemon) for daemon in daemons)
    return running and bridge.exists(engine.bridge)


def ping(path: Path) -> bool:
    """Return whether an engine answers on the socket at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(5.0)
        try:
            line.connect(str(path))
            line.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in line.recv(64)
        except OSError:
            return False


def _bridged(engine: Engine) -> bridge.Bridge:
    """Create the engine's bridge, with its former addresses if they are free.

    The engine stores the addresses of its networks in a file, and would use them on a bridge with
    other firewall rules. Without the file it learns the new ones; stopped containers then lose
    their networks.
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
    # A JSON string is also a TOML basic string.
    quoted = {name: json.dumps(str(path)) for name, path in paths.items()}
    (engine.home / "containerd.toml").write_text(CONTAINERD.format(**quoted))
    settings = {
        "features": {"containerd-snapshotter": snapshotter},
        "hosts": [engine.host],
        "group": "root",
        # Its own containerd: by default, dockerd would use the machine's at /run/containerd.
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
    state.remember(engine.folders, f"{engine.name}-{program}", started)
    serving = (engine.run / "containerd.sock").exists
    ready = serving if program == "containerd" else engine.answers
    process.wait_for(ready, started, what=f"`{program}` of the sandbox", log=log, patience=60.0)


def _own_mirrors(at: Folders) -> list[str]:
    address = state.read(at.state).get("mirror")
    return [f"http://{address}"] if isinstance(address, str) else []


def _end_shims(engine: Engine) -> None:
    """Kill the containers, and their shims, that outlive a killed containerd.

    A shim is ours if its arguments have our socket; a container is a child of its shim.
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
