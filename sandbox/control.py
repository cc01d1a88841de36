"""The commands `up`, `down`, `env` and `status`."""

from __future__ import annotations

import os
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import engine, host, machine, mounts, packages, registry, seed, state, upload
from sandbox.errors import SandboxError
from sandbox.folders import locked
from sandbox.packages import Tools, say

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.engine import Engine
    from sandbox.folders import Folders

MAIN = "main"
USUAL_PORT = 5000
UNSET = ("BUILDX_BUILDER", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


@dataclass(frozen=True)
class Status:
    """The state of a sandbox.

    `engine` is `own`, `host`, or empty before `up`; `docker_host` and `registry` are empty if
    unknown; `running` is true if all parts answer.
    """

    engine: str
    docker_host: str
    registry: str
    mirror: str
    running: bool
    processes: tuple[str, ...]


def status(at: Folders) -> Status:
    """Check whether all parts of the sandbox answer."""
    kept = {name: str(value or "") for name, value in state.read(at.state).items()}
    kind = kept.get("engine", "")
    addresses = [kept.get(name, "") for name in ("registry", "mirror")]
    running = bool(kind) and bool(addresses[0]) and _engine_answers(at, kind)
    return Status(
        engine=kind,
        docker_host=kept.get("docker_host", ""),
        registry=addresses[0],
        mirror=addresses[1],
        running=running and all(registry.answers(known) for known in addresses if known),
        processes=tuple(name for name in state.names(at) if state.recall(at, name)),
    )


def up(at: Folders) -> Status:
    """Start everything that is not running.

    Raises:
        SandboxError: the machine has no engine, and none can be unpacked.

    """
    at.root.mkdir(parents=True, exist_ok=True)
    with locked(at.root / "lock"):
        before = status(at)
        wish = _wish()
        if before.running and wish in {"", before.engine}:
            return before
        found = host.Host("", "not asked") if _keep_own(before, wish) else host.probe()
        if wish == "host" and found.fault:
            raise SandboxError(
                f"no engine of this machine will do: {found.fault}",
                hint=f"see {machine.ENGINE_DOCS}, or leave PIPELINE_SANDBOX_ENGINE unset",
            )
        if wish != "own" and found.fault is None:
            _up_host(at, before)
        else:
            _up_own(at, before, found)
    return status(at)


def down(at: Folders, *, purge: bool) -> None:
    """Stop everything that `up` or a test started here; `purge` also deletes its data."""
    if not at.root.exists():
        return
    with locked(at.root / "lock"):
        kept = state.read(at.state)
        for running in _engines(at):
            running.stop()
        for name in state.names(at):
            state.stop(at, name)
        if kept.get("registry_container"):
            host.stop_registry(_container(at))
        if purge and kept.get("registry_container"):
            host.remove_volume(_container(at))
        # The port must stay the same, because references contain it.
        state.write(at.state, {name: kept.get(name) for name in ("registry", "mirror")})
    if purge:
        mounts.unmount_below(at.root)
        shutil.rmtree(at.root)


def environment(at: Folders) -> list[str]:
    """Return shell code that makes docker, buildx and the pipeline use the sandbox.

    Raises:
        SandboxError: it is not running.

    """
    now = status(at)
    if not now.running:
        raise SandboxError(
            "the sandbox is not running",
            hint="start it with `python3 -m sandbox up`",
        )
    exported = {"DOCKER_BUILDKIT": "1", "PIPELINE_REGISTRY_HOST": now.registry}
    if now.engine == "host":
        return [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
    exported["DOCKER_HOST"] = now.docker_host
    exported["DOCKER_CONFIG"] = str(at.docker_config)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(exported.items())]
    lines.append(f'export PATH={shlex.quote(str(at.bin))}:"$PATH"')
    return [*lines, f"unset {' '.join(UNSET)}"]


def _wish() -> str:
    wish = os.environ.get("PIPELINE_SANDBOX_ENGINE", "")
    if wish not in {"", "own", "host"}:
        raise SandboxError(
            f"PIPELINE_SANDBOX_ENGINE is `{wish}`, which means nothing",
            hint="set it to `own` or `host`, or leave it unset",
        )
    return wish


def _keep_own(before: Status, wish: str) -> bool:
    """Return whether to keep our own engine without looking for the machine's.

    A stopped or killed one is started again; and inside of `env` the engine that answers is ours.
    """
    return wish == "own" or (wish == "" and before.engine == "own")


def _engine_answers(at: Folders, kind: str) -> bool:
    if kind == "host":
        return host.probe().fault is None
    return any(e.name == MAIN and engine.recalled(e) and e.answers() for e in _engines(at))


def _engines(at: Folders) -> list[Engine]:
    """Return every engine that was ever started here, running or not."""
    homes = sorted(path for path in (at.root / "engines").glob("*") if path.is_dir())
    tools = packages.located(at, machine.system()) if homes else Tools(at.cache)
    return [engine.Engine(home.name, at, tools) for home in homes]


def _up_host(at: Folders, before: Status) -> None:
    """Use the machine's engine, and start a registry."""
    for left in _engines(at):
        left.stop()
    port = _port(before.registry, usual=USUAL_PORT)
    contained = False
    try:
        address = _serve(at, "registry", port)
    except SandboxError as reason:
        say(f"no registry server for this machine ({reason.message}): starting it as a container")
        address, contained = host.start_registry(_container(at), port), True
    endpoint = os.environ.get("DOCKER_HOST", "")
    kept: dict[str, object] = {"engine": "host", "docker_host": endpoint, "registry": address}
    state.write(at.state, {**kept, "registry_container": contained})


def _up_own(at: Folders, before: Status, found: host.Host) -> None:
    """Start an engine from packages, a registry, and a mirror if Docker Hub is unreachable."""
    try:
        here = machine.require_equippable(root=True)
    except SandboxError as error:
        raise SandboxError(f"{found.fault}, and {error.message}", hint=error.hint) from error
    tools = packages.ensure(at, here)
    _equip(at, tools)
    kept: dict[str, object] = {"engine": "own", "docker_host": engine.Engine(MAIN, at, tools).host}
    kept["registry"] = _serve(at, "registry", _port(before.registry, usual=USUAL_PORT))
    if not before.mirror and host.hub_answers():
        state.write(at.state, kept)
        _start_main(at)
        return
    mirror = _serve(at, "mirror", _port(before.mirror))
    state.write(at.state, {**kept, "mirror": mirror})
    with ThreadPoolExecutor(1) as beside:
        seeding = beside.submit(_seed, at, here, tools, mirror)
        _start_main(at)
        seeding.result()


def _start_main(at: Folders) -> None:
    say("starting the engine")
    engine.start(MAIN, snapshotter=True, where=at)


def _seed(at: Folders, here: machine.System, tools: Tools, mirror: str) -> None:
    upload.push(seed.ensure(at, here, tools), mirror)


def _serve(at: Folders, name: str, port: int) -> str:
    """Return the address of the registry of that name; start it if needed."""
    kept = state.read(at.state).get(name)
    if isinstance(kept, str) and state.recall(at, name) and registry.answers(kept):
        return kept
    state.stop(at, name)
    say(f"starting the {name}")
    try:
        return registry.serve(at.root / name, port=port, name=name, where=at).address
    except SandboxError:
        # Another program may have taken the port since we looked.
        if registry.free_port(port) == port:
            raise
    return registry.serve(at.root / name, name=name, where=at).address


def _port(address: str, *, usual: int = 0) -> int:
    """Return a free port: that of `address`, if possible, so that references stay valid."""
    port = address.rpartition(":")[2]
    return registry.free_port(int(port) if port.isdigit() else usual)


def _equip(at: Folders, tools: Tools) -> None:
    """Link the programs for PATH, and write a Docker configuration with the buildx plugin."""
    plugins = at.docker_config / "cli-plugins"
    for folder in (at.bin, plugins):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("docker", "docker-registry"):
        _link(at.bin / name, tools.bin / name)
    for plugin in tools.root.glob("usr/lib*/docker/cli-plugins/docker-buildx"):
        _link(plugins / plugin.name, plugin)
    settings = at.docker_config / "config.json"
    if not settings.exists():
        settings.write_text("{}\n")


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _container(at: Folders) -> str:
    return f"fip-{at.identity}-registry"
