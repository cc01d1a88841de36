"""Normalize a `fly.toml`, so that two spellings of the same configuration compare equal.

flyctl reads old and new spellings alike (`internal/appconfig/patches.go`) and keeps with a release
what it understood, without empty values (`config.go`, the tags of its structs). Keys that change no
machine are left out: `app`, which `--app` names anyway, `[build]` except for a compose file, and
how a deploy proceeds. An unknown key counts as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]

_NO_MACHINE = {
    "deploy": {"strategy", "max_unavailable", "wait_timeout", "release_command_timeout"},
}
_OTHER_NAMES = {
    "computes": "vm",
    "compute": "vm",
    "mount": "mounts",
    "metric": "metrics",
}
_LISTS = frozenset(
    {"vm", "mounts", "metrics", "services", "ports", "tcp_checks", "http_checks", "restart"}
)
_FREE = frozenset({"env", "processes", "export"})
"""Tables with keys of the user: all of them count, empty or not."""
_WHOLE = frozenset({"port", "internal_port", "start_port", "end_port"})
_TEXTS = frozenset({"memory", "initial_size"})
_WORDS = frozenset({"cmd", "entrypoint", "exec"})
_MILLISECONDS = frozenset({"interval", "timeout", "grace_period"})
_AS_ABSENT = frozenset(
    {
        *("force_https", "https", "allow_bypass"),
        *("auto_rollback", "enable_consul", "enable_etcd", "lazy_load_images"),
        *("internal_port", "retries", "hard_limit", "soft_limit", "auto_extend_size_threshold"),
        *("cpus", "memory_mb", "max_memory_mb", "gpus"),
    }
)
"""Keys for which `false` or 0 is the default; for others it is not."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_UNITS["h"] = 60 * _UNITS["m"]
_LONGEST, _MOST = 64, 10**18
"""Characters of a number or duration, and a number, beyond which a value is left as it is."""


def normal(data: Json) -> dict[str, object]:
    """Normalize a parsed file, or what Fly keeps with a release."""
    found = {key: value for key, value in data.items() if key not in {"app", "build"}}
    compose = _table(data.get("build")).get("compose")
    if compose is not None:
        found["build"] = {"compose": compose}
    for section, keys in _NO_MACHINE.items():
        if section in found:
            table = _table(found[section])
            found[section] = {key: value for key, value in table.items() if key not in keys}
    _old_experimental(found)
    for name, new in _OTHER_NAMES.items():
        if name in found:
            # flyctl puts those of the old names first.
            found[new] = [*_tables(found.pop(name)), *_tables(found.get(new))]
    if isinstance(found.get("env"), list):
        found["env"] = {k: v for table in _tables(found["env"]) for k, v in table.items()}
    if isinstance(found.get("processes"), list):
        tables = _tables(found["processes"])
        found["processes"] = {str(t["name"]): t.get("command", "") for t in tables if "name" in t}
    if isinstance(found.get("checks"), list):
        tables = _tables(found["checks"])
        found["checks"] = {str(t.get("name")): _without(t, "name") for t in tables}
    return _clean(found)


def _old_experimental(found: dict[str, object]) -> None:
    """Move keys that `[experimental]` once had to where they are now."""
    if "experimental" not in found:
        return
    old = dict(_table(found["experimental"]))
    if timeout := old.pop("kill_timeout", None):
        found.setdefault("kill_timeout", timeout)
    metrics = {k.removeprefix("metrics_"): v for k, v in old.items() if k.startswith("metrics_")}
    if metrics:
        found.setdefault("metrics", [metrics])
    kept = {key: value for key, value in old.items() if not key.startswith("metrics_")}
    found["experimental"] = kept


def _clean(table: Json, parent: str = "") -> dict[str, object]:
    """Normalize each value of a table, and leave out the empty ones."""
    values = {str(key): _value(str(key), value, parent) for key, value in table.items()}
    return {key: value for key, value in values.items() if not _is_nothing(key, value)}


def _value(key: str, value: object, parent: str) -> object:
    if key == "headers":
        # Headers of responses: a text, several, or `false` to remove one.
        return value if parent == "response" else _headers(value)
    if isinstance(value, Mapping):
        if key in _FREE:
            return {str(name): _text(one) for name, one in value.items()}
        if key not in _LISTS:
            return _clean(value, key)
        value = [value]
    if isinstance(value, list):
        cleaned = [_clean(v, key) if isinstance(v, Mapping) else v for v in value]
        # The process groups of a section are a set.
        return sorted(map(str, cleaned)) if key == "processes" else cleaned
    return _scalar(key, value)


def _scalar(key: str, value: object) -> object:
    if key in _WHOLE:
        return _whole(value)
    if key in _TEXTS:
        return _text(value)
    if key in _MILLISECONDS or key == "kill_timeout":
        return _nanoseconds(value, 10**6 if key in _MILLISECONDS else 10**9)
    if key == "auto_stop_machines" and isinstance(value, bool):
        return "stop" if value else "off"
    return _old_text(key, value) if isinstance(value, str) else value


def _old_text(key: str, value: str) -> object:
    """Parse a text that is a list or a table in the current form."""
    if key in _WORDS:
        return [value]
    if key == "concurrency":
        soft, _, hard = value.partition(",")
        return {"type": "requests", "soft_limit": _whole(soft), "hard_limit": _whole(hard)}
    return value


def _headers(value: object) -> object:
    """Normalize the headers of a check: a table of texts, or a list of names and values."""
    if isinstance(value, list):
        return {str(t.get("name")): _text(t.get("value", "")) for t in _tables(value)}
    return {str(name): _text(one) for name, one in _table(value).items()}


def _nanoseconds(value: object, unit: int) -> object:
    """Parse a duration as Go writes it, or a number of `unit`; leave anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * unit if abs(value) < _MOST else value
    text = value if isinstance(value, str) and len(value) <= _LONGEST else ""
    parts = _PART.findall(text)
    if not parts or "".join(number + name for number, name in parts) != text:
        return value
    return round(sum(float(number) * _UNITS[name] for number, name in parts))


def _whole(value: object) -> object:
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else value


def _text(value: object) -> object:
    """Write a value as text, as Go's `%v` does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**6:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _is_nothing(key: str, value: object) -> bool:
    if key in _FREE:
        return not value
    if key in _AS_ABSENT and not value:
        return True
    return value is None or (isinstance(value, str | list | dict) and not value)


def _without(table: Json, key: str) -> dict[str, object]:
    return {name: value for name, value in table.items() if name != key}


def _table(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _tables(value: object) -> list[Json]:
    if isinstance(value, Mapping):
        return [value]
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
