"""What the docker driver needs of a `fly.toml`: groups, ports, environment, how health is asked.

Facts from flyctl `internal/appconfig`: checks stand under `http_service.checks`,
`services[].http_checks`, `services[].tcp_checks` and `checks.NAME`; a duration is a string as Go
writes it (`"1m30s"`) or a whole number of seconds. `deploy.wait_timeout` is how long a deploy
waits for the health of a machine. A service or check without `processes` is the default group's:
`app`, or the first by name (`processgroups.go`). A check without a port asks the `http_service`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PATIENCE = 60.0
_RELEASE_PATIENCE = 300.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_LEFT_OUT = ("mounts", "files", "statics", "machine_config")
"""Sections that an app may miss; `vm`, `metrics` and the like change nothing that it sees."""


class Health(Struct, frozen=True):
    """How to ask whether an app is well: `path` on `port`, or a TCP connection without a path.

    All times are seconds. With `tls` it is asked by HTTPS; `verify` is whether its certificate
    must be good, for `server_name` where that is given.
    """

    port: int
    path: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    interval: float = 1.0
    timeout: float = 2.0
    grace: float = 0.0
    tls: bool = False
    verify: bool = True
    server_name: str = ""


class Port(Struct, frozen=True):
    """A port in the container that has an address outside; `http` is what is spoken there."""

    number: int
    http: bool = True


class Group(Struct, frozen=True):
    """A process group: its command (the image's own where empty), and what it listens on."""

    name: str
    command: str = ""
    ports: tuple[Port, ...] = ()
    health: tuple[Health, ...] = ()

    @property
    def published(self) -> tuple[int, ...]:
        """The ports that must be reached from outside, be it only to ask for its health."""
        numbers = (*(p.number for p in self.ports), *(h.port for h in self.health))
        return tuple(dict.fromkeys(numbers))


class Service(Struct, frozen=True):
    """How an app lives. `groups` begins with the default one.

    `patience` is how long its health is waited for, in seconds, `release_patience` how long the
    release command may take. `left_out` are sections that this driver does not do.
    """

    groups: tuple[Group, ...] = (Group("app"),)
    env: Mapping[str, str] = field(default_factory=dict)
    region: str = "local"
    stop_signal: str = ""
    stop_seconds: int = 10
    patience: float = _PATIENCE
    release_command: str = ""
    release_patience: float = _RELEASE_PATIENCE
    left_out: tuple[str, ...] = ()


def service(data: Mapping[str, object]) -> Service:
    """What a parsed `fly.toml` says."""
    groups = tuple(_groups(data))
    deploy = _table(data, "deploy")
    grace = max((check.grace for group in groups for check in group.health), default=0.0)
    return Service(
        groups=groups,
        env={str(k): str(v) for k, v in _table(data, "env").items()},
        region=str(data.get("primary_region") or "local"),
        stop_signal=str(data.get("kill_signal") or ""),
        stop_seconds=int(seconds(data.get("kill_timeout"), 10.0)),
        patience=seconds(deploy.get("wait_timeout"), _PATIENCE + grace),
        release_command=str(deploy.get("release_command") or ""),
        release_patience=seconds(deploy.get("release_command_timeout"), _RELEASE_PATIENCE),
        left_out=tuple(_left_out(data)),
    )


def _left_out(data: Mapping[str, object]) -> Iterator[str]:
    yield from (name for name in _LEFT_OUT if data.get(name))
    if "compose" in _table(data, "build"):
        yield "build.compose"


def seconds(value: object, otherwise: float) -> float:
    """A duration of a `fly.toml` in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    parts = _PART.findall(value) if isinstance(value, str) else []
    return sum(float(n) * _UNITS[unit] for n, unit in parts) if parts else otherwise


def _groups(data: Mapping[str, object]) -> Iterator[Group]:
    """The process groups, the default one first."""
    commands = {str(k): str(v or "") for k, v in _table(data, "processes").items()} or {"app": ""}
    default = "app" if "app" in commands else min(commands)
    for name in sorted(commands, key=lambda n: (n != default, n)):
        mine = [entry for entry in _services(data) if _belongs(entry, name, default)]
        ports = tuple(_port(entry) for entry in mine)
        health = [check for entry in mine for check in _service_checks(entry)]
        checks = [c for c in _named(data, "checks") if _belongs(c, name, default)]
        health += [_health(c, found) for c in checks if (found := _check_port(data, c))]
        # Two services may stand on one port; what speaks HTTP there does so for both.
        ports = tuple({p.number: p for p in sorted(ports, key=lambda p: p.http)}.values())
        yield Group(name, commands[name], ports, tuple(health))


def _belongs(entry: Mapping[str, object], group: str, default: str) -> bool:
    named = entry.get("processes")
    return group in named if isinstance(named, list) and named else group == default


def _services(data: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """What listens over TCP; `http_service` first, as `http`."""
    http = _table(data, "http_service")
    if _is_number(http.get("internal_port")):
        yield {**http, "http": True}
    for entry in _tables(data, "services"):
        if _is_number(entry.get("internal_port")) and entry.get("protocol") != "udp":
            yield entry


def _port(entry: Mapping[str, object]) -> Port:
    handlers = [p.get("handlers") for p in _tables(entry, "ports")]
    http = any("http" in h for h in handlers if isinstance(h, list))
    return Port(int(str(entry["internal_port"])), http=http or bool(entry.get("http")))


def _service_checks(entry: Mapping[str, object]) -> Iterator[Health]:
    port = int(str(entry["internal_port"]))
    for key in ("checks", "http_checks", "tcp_checks"):
        yield from (_health(check, port) for check in _tables(entry, key))


def _check_port(data: Mapping[str, object], check: Mapping[str, object]) -> int:
    """The port that a check of `[checks]` asks; 0 where nothing says it."""
    port = check.get("port") or _table(data, "http_service").get("internal_port")
    return port if isinstance(port, int) and _is_number(port) else 0


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _health(check: Mapping[str, object], port: int) -> Health:
    return Health(
        port=port,
        path=_path(check),
        method=str(check.get("method") or "GET").upper(),
        headers={str(k): _text(v) for k, v in _table(check, "headers").items()},
        interval=min(seconds(check.get("interval"), 1.0), 1.0),
        timeout=seconds(check.get("timeout"), 2.0),
        grace=seconds(check.get("grace_period"), 0.0),
        tls=check.get("protocol") == "https",
        verify=not check.get("tls_skip_verify"),
        server_name=str(check.get("tls_server_name") or ""),
    )


def _path(check: Mapping[str, object]) -> str:
    if check.get("type") == "tcp":
        return ""
    return str(check.get("path") or ("/" if check.get("type") == "http" else ""))


def _text(value: object) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)


def _table(data: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _tables(data: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = data.get(key)
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _named(data: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    return [v for v in _table(data, key).values() if isinstance(v, dict)]
