"""What the docker driver needs of a `fly.toml`: the port, the environment, how health is asked.

Facts from flyctl `internal/appconfig`: checks stand under `http_service.checks`,
`services[].http_checks`, `services[].tcp_checks` and `checks.NAME`; a duration is a string as Go
writes it (`"1m30s"`) or a whole number of seconds. `deploy.wait_timeout` is how long a deploy
waits for the health of a machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PATIENCE = 60.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Health:
    """How to ask whether an app is well: GET `path`, or a TCP connection where `path` is empty.

    All times are seconds.
    """

    path: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    interval: float = 1.0
    timeout: float = 2.0
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """What an app listens on and lives by. `port` is 0 for a worker that listens on nothing.

    `patience` is how long its health is waited for, in seconds.
    """

    port: int = 0
    health: tuple[Health, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    region: str = "local"
    stop_signal: str = ""
    stop_seconds: int = 10
    patience: float = _PATIENCE


def read_service(config: Path | None) -> Service:
    """Read a `fly.toml`; without one, a worker that listens on nothing."""
    import tomli  # noqa: PLC0415 - not needed for `invoke --list`

    if config is None:
        return Service()
    return service(tomli.loads(config.read_text(encoding="utf-8")))


def service(data: Mapping[str, object]) -> Service:
    """What a parsed `fly.toml` says."""
    ports = [s for s in _services(data) if isinstance(s.get("internal_port"), int)]
    port = int(str(ports[0]["internal_port"])) if ports else 0
    health = tuple(_health(check) for check in _checks(data, port))
    grace = max((check.grace for check in health), default=0.0)
    return Service(
        port=port,
        health=health,
        env={str(k): str(v) for k, v in _table(data, "env").items()},
        command=_command(data),
        region=str(data.get("primary_region") or "local"),
        stop_signal=str(data.get("kill_signal") or ""),
        stop_seconds=int(seconds(data.get("kill_timeout"), 10.0)),
        patience=seconds(_table(data, "deploy").get("wait_timeout"), _PATIENCE + grace),
    )


def seconds(value: object, otherwise: float) -> float:
    """A duration of a `fly.toml` in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    parts = _PART.findall(value) if isinstance(value, str) else []
    return sum(float(n) * _UNITS[unit] for n, unit in parts) if parts else otherwise


def _table(data: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _tables(data: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = data.get(key)
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _services(data: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [_table(data, "http_service"), *_tables(data, "services")]


def _checks(data: Mapping[str, object], port: int) -> Iterator[Mapping[str, object]]:
    for entry in _services(data):
        if entry.get("internal_port") == port:
            yield from _tables(entry, "checks")
            yield from _tables(entry, "http_checks")
            yield from _tables(entry, "tcp_checks")
    for check in _table(data, "checks").values():
        if isinstance(check, dict) and check.get("port", port) == port:
            yield check


def _health(check: Mapping[str, object]) -> Health:
    headers = {str(k): str(v) for k, v in _table(check, "headers").items()}
    return Health(
        path=str(check.get("path") or ""),
        method=str(check.get("method") or "GET").upper(),
        headers=headers,
        interval=min(seconds(check.get("interval"), 1.0), 1.0),
        timeout=seconds(check.get("timeout"), 2.0),
        grace=seconds(check.get("grace_period"), 0.0),
    )


def _command(data: Mapping[str, object]) -> str:
    processes = _table(data, "processes")
    first = processes.get("app") or next(iter(processes.values()), "")
    return str(first)
