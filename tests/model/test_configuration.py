"""Which changes of a `fly.toml` count, and how the plan names them.

`data/every_key.toml` has every key of flyctl's configuration, taken from its Go structs. The names
of the keys are computed here a second time, independently.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from pipeline.model.configuration import Configuration, differences, why_differs

if TYPE_CHECKING:
    from collections.abc import Iterator

Key = tuple[str | int, ...]
TEXT = (Path(__file__).parent / "data" / "every_key.toml").read_text(encoding="utf-8")
WHOLE: dict[str, Any] = tomli.loads(TEXT)
NO_MACHINE = {"app", "strategy", "max_unavailable", "wait_timeout", "release_command_timeout"}


def keys(value: object, at: Key = ()) -> Iterator[Key]:
    """Yield every key that has no keys below it."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from keys(one, (*at, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, one in enumerate(value):
            yield from keys(one, (*at, number))
    else:
        yield at


def counts(key: Key) -> bool:
    """Return whether a key changes a machine; `[build]` (except compose) and `[deploy]` do not."""
    if key[0] == "build":
        return key[1] == "compose"
    return not (key[0] in {"app", "deploy"} and key[-1] in NO_MACHINE)


KEYS = list(keys(WHOLE))


def display_name(key: Key) -> str:
    """Return how the plan names a key."""
    names = [part for part in key[:-1] if isinstance(part, str)]
    inner, outer = ("[[", "]]") if isinstance(key[-2:-1] and key[-2], int) else ("[", "]")
    return f"`{inner}{'.'.join(names)}{outer} {key[-1]}`" if names else f"`{key[-1]}`"


def changed(key: Key, value: object) -> dict[str, Any]:
    """Return the configuration with another value of a key."""
    new = copy.deepcopy(WHOLE)
    holder: Any = new
    for part in key[:-1]:
        holder = holder[part]
    holder[key[-1]] = value
    return new


def removed(key: Key) -> dict[str, Any]:
    """Return the configuration without a key."""
    new = copy.deepcopy(WHOLE)
    holder: Any = new
    for part in key[:-1]:
        holder = holder[part]
    del holder[key[-1]]
    return new


def another(value: object) -> object:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [*value, "another"]
    assert isinstance(value, str)
    return f"{value}1" if not value.endswith("s") else f"1{value}"


def at(key: Key) -> object:
    """Return the value of a key."""
    value: Any = WHOLE
    for part in key:
        value = value[part]
    return value


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ".".join(map(str, key)))
def test_every_key_that_changes_a_machine_is_named(key: Key) -> None:
    """A key that changes a machine is named when changed, added or removed; others are not."""
    whole = Configuration(WHOLE)
    for data in (changed(key, another(at(key))), removed(key)):
        other = Configuration(data)
        named = (display_name(key),) if counts(key) else ()
        assert differences(whole, other) == differences(other, whole) == named
        assert (other.digest == whole.digest) is (not named)


def test_the_keys_are_all_there() -> None:
    """`every_key.toml` still has all keys."""
    assert len(KEYS) == 193
    assert sum(not counts(key) for key in KEYS) == 16


def backwards(value: object) -> object:
    """Return the same value with the keys of each table in reverse order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "data",
    [
        tomli.loads(f"# a comment\n{TEXT.replace(' = ', '   =  ')}\n# another"),
        backwards(WHOLE),
        json.loads(json.dumps(WHOLE)),
    ],
    ids=["comments", "order", "JSON"],
)
def test_spelling_is_no_change(data: dict[str, Any]) -> None:
    """Comments, spaces, the order of keys and the file format make no difference."""
    assert differences(Configuration(WHOLE), Configuration(data)) == ()
    assert Configuration(data).digest == Configuration(WHOLE).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kill_timeout = "90s"', 'kill_timeout = "1m30s"'),
        ('kill_timeout = "5s"', "kill_timeout = 5"),
        ('[experimental]\nkill_timeout = "5s"', "kill_timeout = 5"),
        ("[env]\nPORT = 8080\nON = true", '[env]\nPORT = "8080"\nON = "true"'),
        ('[[env]]\nA = "1"\n[[env]]\nB = "2"', '[env]\nA = "1"\nB = "2"'),
        ('[[compute]]\nsize = "a"', '[[vm]]\nsize = "a"'),
        (
            '[[vm]]\nsize = "c"\n[[computes]]\nsize = "b"\n[[compute]]\nsize = "a"',
            '[[vm]]\nsize = "a"\n[[vm]]\nsize = "b"\n[[vm]]\nsize = "c"',
        ),
        ("[[services]]\nprocesses = ['a']\ninternal_port = 0", "[[services]]\nprocesses = ['a']"),
        ('[[processes]]\ncommand = "b"', ""),
        ('[vm]\nsize = "a"\nmemory = 512', '[[vm]]\nsize = "a"\nmemory = "512"'),
        ('[mount]\nsource = "a"', '[[mounts]]\nsource = "a"'),
        ("[metrics]\nport = 9", "[[metrics]]\nport = 9"),
        ("[experimental]\nmetrics_port = 9", "[[metrics]]\nport = 9"),
        ('[experimental]\ncmd = "a"', '[experimental]\ncmd = ["a"]'),
        ("[http_service]\nforce_https = false", "[http_service]"),
        (
            "[http_service]\nauto_stop_machines = true",
            '[http_service]\nauto_stop_machines = "stop"',
        ),
        ('[[services]]\ninternal_port = "80"', "[services]\ninternal_port = 80"),
        (
            '[[services]]\nconcurrency = "4,8"',
            '[[services]]\nconcurrency = { type = "requests", soft_limit = 4, hard_limit = 8 }',
        ),
        ("[[services.tcp_checks]]\ninterval = 10000", '[[services.tcp_checks]]\ninterval = "10s"'),
        ('[[checks]]\nname = "a"\nport = 1', "[checks.a]\nport = 1"),
        (
            '[checks.a]\nheaders = [{ name = "X", value = "1" }]',
            '[checks.a]\nheaders = { X = "1" }',
        ),
        ('[[processes]]\nname = "a"\ncommand = "b"', '[processes]\na = "b"'),
        ('[[files]]\nprocesses = ["a", "b"]', '[[files]]\nprocesses = ["b", "a"]'),
        ('[http_service]\nprocesses = []\n[deploy]\nstrategy = "canary"', ""),
        ('[build]\nimage = "a"', '[build]\nimage = "b"'),
    ],
)
def test_equal_values_for_flyctl_are_no_change(old: str, new: str) -> None:
    """Old spellings of flyctl and values without effect make no difference."""
    assert differences(Configuration(tomli.loads(old)), Configuration(tomli.loads(new))) == ()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('[env]\nA = ""', "", "`[env] A`"),
        ("[http_service]\nauto_start_machines = false", "", "`[http_service] auto_start_machines`"),
        ("swap_size_mb = 0", "", "`swap_size_mb`"),
        (
            "[http_service.http_options.response.headers]\nhttps = false",
            "",
            "`[http_service.http_options.response.headers] https`",
        ),
        ("[http_service]\nmin_machines_running = 0", "", "`[http_service] min_machines_running`"),
        ('[processes]\nworker = ""', "", "`[processes] worker`"),
        ('[env]\ntimeout = "1s"', '[env]\ntimeout = "1000ms"', "`[env] timeout`"),
        ('[env]\nON = "true"', '[env]\nON = "True"', "`[env] ON`"),
        ('[new_section]\nkey = "1"', '[new_section]\nkey = "2"', "`[new_section] key`"),
        ("new_key = 1", "new_key = 2", "`new_key`"),
    ],
)
def test_unknown_keys_and_other_values_count(old: str, new: str, named: str) -> None:
    """Unknown keys and other values always count."""
    assert differences(Configuration(tomli.loads(old)), Configuration(tomli.loads(new))) == (named,)


def test_contents_of_named_files_count() -> None:
    """The sha256 of a named file counts, and so does removing its name."""
    old, new = Configuration(WHOLE, {"a.conf": "1"}), Configuration(WHOLE, {"a.conf": "2"})

    assert differences(old, new) == ("the contents of `a.conf`",)
    assert differences(old, Configuration(WHOLE)) == ("the contents of `a.conf`",)
    assert old.digest != new.digest


def test_a_reason_has_some_keys_and_no_values() -> None:
    """Of nine keys four are shown, without any values."""
    old = Configuration({"env": {f"KEY{n}": "hunter2" for n in range(9)}})
    keys_ = differences(old, Configuration({"env": {f"KEY{n}": "swordfish" for n in range(9)}}))

    said = why_differs(keys_)
    listed = "`[env] KEY0`, `[env] KEY1`, `[env] KEY2`, `[env] KEY3`"
    assert said == f"its configuration differs: {listed} and 5 more"
    assert len(keys_) == 9
