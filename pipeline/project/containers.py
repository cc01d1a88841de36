"""Read machines with more than one container: `compose.yml` or JSON says which.

flyctl puts the image of a deploy into one container only: of a compose file the one service that
has `build`, of a `machine_config` the container that `container` names, else `app`, else the first
(`internal/containerconfig`). The other containers are defined by these files, so that a change of
them shows in their contents. What flyctl would refuse after the build, or silently deploy without
the image, is refused before it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..process.read_file import SETTINGS
from .fly_toml import respelt
from .positions import ConfigTextError

if TYPE_CHECKING:
    from ..errors import KeyPath
    from .named_files import NamedFiles

_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_COMPOSE: KeyPath = ("build", "compose")
_OF_MACHINES = frozenset({"containers", "files", "name", "image", "guest_path", "local_path"})
"""Keys of a machine's configuration that name its files, or the container that has them."""


def add_containers(data: Mapping[str, object], files: NamedFiles) -> None:
    """Read what the configuration says about containers, and the files that it names for them."""
    for name in respelt(data, {"build"}):
        if any(key.casefold() == "compose" for key in _table(data[name])):
            files.spell({name: ""}, (), {"build"})
    build, older = _table(data.get("build")), _table(data.get("experimental"))
    files.spell(build, ("build",), {"compose"})
    files.spell(older, ("experimental",), {"machine_config"})
    compose, experimental = build.get("compose"), older.get("machine_config")
    files.spell(_table(compose), _COMPOSE, {"file"})
    if compose is not None:
        _add_compose(_text(_table(compose).get("file")), files)
    elif text := _text(experimental):
        _add_machine(text, ("experimental", "machine_config"), _text(data.get("container")), files)
    elif text := _text(data.get("machine_config")):
        _add_machine(text, ("machine_config",), _text(data.get("container")), files)


def _add_compose(written: str, files: NamedFiles) -> None:
    from .yaml_file import parse_yaml  # noqa: PLC0415 - only for those who have such a file

    path = written or files.first(_COMPOSE_FILES)
    if not path:
        files.refuse(_COMPOSE, "there is no compose file", f"flyctl looks for {_COMPOSE_FILES[0]}")
        return
    raw = files.read(path, _COMPOSE, SETTINGS)
    if raw is None:
        return
    try:
        services = _table(parse_yaml(raw.decode()).data.get("services"))
    except (ConfigTextError, UnicodeDecodeError) as error:
        files.refuse(_COMPOSE, f"`{path}` cannot be read: {error}")
        return
    _check_services(services, path, files)
    below = path.rpartition("/")[0]
    for service in services.values():
        for volume in _list(_table(service).get("volumes")):
            if host := _host_path(volume):
                files.note(host, _COMPOSE, below=below)


def _check_services(services: Mapping[str, object], path: str, files: NamedFiles) -> None:
    """Check that one service runs the image of the deploy, and each other has its own."""
    tables = {name: _table(service) for name, service in services.items()}
    built = [name for name, table in tables.items() if table.get("build") is not None]
    hint = "write `build: .` in the one service that is this image"
    if not built:
        why = f"no service has `build` in `{path}`: no container would run this image"
        files.refuse(_COMPOSE, why, hint)
    elif len(built) > 1:
        names = "`, `".join(built)
        files.refuse(_COMPOSE, f"`{names}` have `build` in `{path}`, but only one may", hint)
    for name, table in tables.items():
        if name not in built and not table.get("image"):
            why = f"the service `{name}` of `{path}` has neither `image` nor `build`"
            files.refuse(_COMPOSE, why)


def _host_path(volume: object) -> str:
    """Return the file that a volume mounts (flyctl `parseVolume`), or nothing."""
    parts = volume.split(":") if isinstance(volume, str) else []
    has_host = len(parts) == 3 or (len(parts) == 2 and parts[1] not in {"ro", "rw"})
    return parts[0] if has_host else ""


def _add_machine(written: str, key: KeyPath, chosen: str, files: NamedFiles) -> None:
    """Read a machine's configuration: JSON in place, or in a file."""
    text, called = written, "machine_config"
    if not written.startswith("{"):
        if not written.endswith(".json"):
            files.refuse(key, f"`{written}` is neither JSON nor the name of a `.json` file")
            return
        raw = files.read(written, key, SETTINGS)
        if raw is None:
            return
        text, called = raw.decode(errors="replace"), written
    try:
        machine = _table(json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        files.refuse(key, f"`{called}` is not JSON: {error}")
        return
    containers = [_table(one) for one in _list(machine.get("containers"))]
    _check_containers(containers, (key, called), chosen, files)
    for holder in (machine, *containers):
        entries = [_table(one) for one in _list(holder.get("files"))]
        for table in (holder, *entries):
            for name in respelt(table, _OF_MACHINES):
                why = f"flyctl reads `{name}` of `{called}` as `{name.casefold()}`"
                files.refuse(key, why, f"write `{name.casefold()}`")
        for path in filter(None, (_text(entry.get("local_path")) for entry in entries)):
            # Also with a `raw_value`: flyctl looks for it by the `guest_path`, in all entries.
            files.count(path, key)


def _check_containers(
    containers: list[Mapping[str, object]],
    where: tuple[KeyPath, str],
    chosen: str,
    files: NamedFiles,
) -> None:
    """Check that the image of the deploy has its container, and each other one an image."""
    key, called = where
    names = [_text(container.get("name")) for container in containers]
    if chosen and names and chosen not in names:
        files.refuse(("container",), f"there is no container `{chosen}` in `{called}`")
        return
    ours = names.index(chosen or "app") if (chosen or "app") in names else 0
    for number, container in enumerate(containers):
        if number != ours and not container.get("image"):
            files.refuse(key, f"the container `{names[number]}` of `{called}` has no image")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object. Raises `ValueError` for a key that occurs twice: Go mixes both."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key `{twice}` is there twice")
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
