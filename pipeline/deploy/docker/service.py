"""Read from a `fly.toml` what the driver `docker` needs: groups, ports, environment, checks.

From flyctl `internal/appconfig`: checks are in `http_service.checks`, `services[].http_checks`,
`services[].tcp_checks` and `checks.NAME`. A duration is a string as Go writes it (`"1m30s"`) or a
whole number of seconds. `deploy.wait_timeout` is how long a deploy waits until a machine is
healthy. A service or check without `processes` belongs to the default group: `app`, or the first by
name (`processgroups.go`). A check without a port uses that of the `http_service`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..durations import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PATIENCE = 60.0
_RELEASE_PATIENCE = 300.0
_SHORTEST_INTERVAL = 0.1
_LEFT_OUT = ("mounts", "files", "statics", "machine_config")
"""Sections whose absence an app may notice; it does not notice `vm`, `metrics` and the like."""


class Health(Struct, frozen=True):
    """A health check: a request for `path` on `port`, or without a path a TCP connection.

    All times are in seconds. With `tls` the request is HTTPS; with `verify` its certificate must be
    valid, for `server_name` if that is set.
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
    """A port in the container that is reachable from outside; `http`: it speaks HTTP."""

    number: int
    http: bool = True


class Group(Struct, frozen=True):
    """A process group: its command (empty: the image's own), its ports and its checks."""

    name: str
    command: str = ""
    ports: tuple[Port, ...] = ()
    health: tuple[Health, ...] = ()

    @property
    def published(self) -> tuple[int, ...]:
        """The ports to publish, those that only a health check connects to included."""
        numbers = (*(p.number for p in self.ports), *(h.port for h in self.health))
        return tuple(dict.fromkeys(numbers))


class Service(Struct, frozen=True):
    """How an app runs. `groups` begins with the default one.

    `patience` is how long a deploy waits until it is healthy, `release_patience` how long the
    release command may take, in seconds. `left_out` has the sections that this driver ignores.
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
    """Read a parsed `fly.toml`."""
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


def _groups(data: Mapping[str, object]) -> Iterator[Group]:
    """Yield the process groups, the default one first."""
    commands = {str(k): str(v or "") for k, v in _table(data, "processes").items()} or {"app": ""}
    default = "app" if "app" in commands else min(commands)
    for name in sorted(commands, key=lambda n: (n != default, n)):
        mine = [entry for entry in _services(data) if _belongs(entry, name, default)]
        ports = tuple(_port(entry) for entry in mine)
        health = [check for entry in mine for check in _service_checks(entry)]
        checks = [c for c in _named(data, "checks") if _belongs(c, name, default)]
        health += [_health(c, found) for c in checks if (found := _check_port(data, c))]
        # Two services may share a port; if one speaks HTTP there, so does the other.
        ports = tuple({p.number: p for p in sorted(ports, key=lambda p: p.http)}.values())
        yield Group(name, commands[name], ports, tuple(health))


def _belongs(entry: Mapping[str, object], group: str, default: str) -> bool:
    named = entry.get("processes")
    return group in named if isinstance(named, list) and named else group == default


def _services(data: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield what listens on TCP, `http_service` first, marked as `http`."""
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
    """Return the port of a check in `[checks]`; 0 if there is none."""
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
        interval=max(seconds(check.get("interval"), 1.0), _SHORTEST_INTERVAL),
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
