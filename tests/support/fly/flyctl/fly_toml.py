"""How flyctl reads a fly.toml: process groups, and the configuration of a machine.

Keys: facts, section 6; superfly/flyctl `internal/appconfig/config.go` and `machines.go`
(`ToMachineConfig`).
"""

from __future__ import annotations

import base64
import json
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.support.fly.flyctl.durations import go_duration, seconds_of
from tests.support.fly.flyctl.session import FailedError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_GROUP = "app"
DURATIONS = {"interval", "timeout", "grace_period", "kill_timeout", "wait_timeout"}
CHECK_KEYS = {
    "port",
    "type",
    "interval",
    "timeout",
    "grace_period",
    "method",
    "path",
    "protocol",
    "tls_skip_verify",
    "tls_server_name",
}


def load(path: Path) -> dict[str, Any]:
    """Parse `.toml`, `.json` or `.yaml`; flyctl reads any other suffix as TOML.

    Raises:
        FailedError: the file is not valid.

    """
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".yaml":
            return dict(YAML(typ="safe", pure=True).load(text) or {})
        return dict(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except (ValueError, YAMLError) as error:
        raise FailedError(f"failed loading app config from {path}: {error}") from None


def groups(config: dict[str, Any]) -> list[str]:
    """Return the sorted names of the process groups, or `app` if there are none."""
    return sorted(config.get("processes") or {}) or [DEFAULT_GROUP]


def services(config: dict[str, Any], group: str) -> list[dict[str, Any]]:
    """Return the `services` of a machine in a group."""
    found = [_http_service(config["http_service"])] if "http_service" in config else []
    found += config.get("services") or []
    mine = [one for one in found if group in (one.get("processes") or groups(config))]
    return [_service(one) for one in mine]


def machine_config(config: dict[str, Any], group: str, image: str) -> dict[str, Any]:
    """Return the `MachineConfig` of a group."""
    made: dict[str, Any] = {
        "image": image,
        "env": {
            **{name: str(value) for name, value in (config.get("env") or {}).items()},
            "FLY_PROCESS_GROUP": group,
            "PRIMARY_REGION": config.get("primary_region", "iad"),
        },
        "init": {},
        "metadata": {"fly_process_group": group, "fly_platform_version": "v2"},
        "restart": {"policy": "on-failure", "max_retries": 10},
    }
    command = (config.get("processes") or {}).get(group)
    if command:
        made["init"] = {"cmd": shlex.split(command)}
    if found := services(config, group):
        made["services"] = found
    checks = {
        name: _check(one)
        for name, one in (config.get("checks") or {}).items()
        if group in (one.get("processes") or groups(config))
    }
    if checks:
        made["checks"] = checks
    if "kill_signal" in config:
        made["stop_config"] = {"signal": config["kill_signal"]}
    mine = [one for one in config.get("vm") or [] if group in (one.get("processes") or [group])]
    for table in mine:
        sizes = {name: table[name] for name in ("cpu_kind", "cpus", "memory_mb") if name in table}
        made["guest"] = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256, **sizes}
    return made


def files(config: dict[str, Any], cwd: Path) -> list[dict[str, str]]:
    """Return the `files` of a machine; `local_path` is relative to the working directory.

    Raises:
        FailedError: a file does not exist.

    """
    made = []
    for table in config.get("files") or []:
        kept = {name: table[name] for name in ("guest_path", "secret_name") if name in table}
        path = table.get("local_path")
        try:
            data = (cwd / path).read_bytes() if path else table.get("raw_value", "").encode()
        except OSError as error:
            raise FailedError(f"could not read file {path}: {error}") from None
        if "secret_name" not in table:
            kept["raw_value"] = base64.b64encode(data).decode()
        made.append(kept)
    return made


def definition(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that Fly stores with a release: flyctl's Go struct as JSON.

    Durations are as Go writes them, strings where the struct has strings, and empty values are
    omitted (`omitempty`).
    """
    kept = {name: _as_stored(name, value) for name, value in config.items()}
    kept["env"] = {name: str(value) for name, value in (config.get("env") or {}).items()}
    kept["experimental"] = {"attached": {"secrets": {}}, **(kept.get("experimental") or {})}
    return {name: value for name, value in kept.items() if value not in ("", [], {}, None)}


def _as_stored(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _as_stored(key, one) for key, one in value.items()}
        return {k: v for k, v in kept.items() if (k, v) != ("force_https", False)}
    if isinstance(value, list):
        return [_as_stored(name, one) for one in value]
    if name in DURATIONS and isinstance(value, str):
        return go_duration(seconds_of(name, value))
    return value


def _http_service(table: dict[str, Any]) -> dict[str, Any]:
    ports = [
        {"port": 80, "handlers": ["http"], "force_https": table.get("force_https", False)},
        {"port": 443, "handlers": ["http", "tls"]},
    ]
    return {**table, "protocol": "tcp", "ports": ports, "http_checks": table.get("checks") or []}


def _service(table: dict[str, Any]) -> dict[str, Any]:
    http = [{"type": "http", **_check(one)} for one in table.get("http_checks") or []]
    tcp = [{"type": "tcp", **_check(one)} for one in table.get("tcp_checks") or []]
    checks = {"checks": http + tcp} if http or tcp else {}
    return {
        "protocol": table.get("protocol", "tcp"),
        "internal_port": table.get("internal_port", 8080),
        "ports": table.get("ports") or [],
        **checks,
    }


def _check(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name in CHECK_KEYS}
