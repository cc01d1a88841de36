"""The configuration of an app as a value, and the keys in which two of them differ."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Path = tuple[str | int, ...]
_SHOWN = 4


class Configuration(Struct, frozen=True):
    """A parsed `fly.toml`, and the sha256 of the files that it names, by the names it has for them.

    Comments, the order of keys and other spellings of a value do not count, nor do keys that change
    no machine (`model.normalize`).
    """

    data: Mapping[str, object] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 of all that counts, as 64 hex digits. No value can be read from it."""
        values = [[list(path), value] for path, value in sorted(self._values().items(), key=str)]
        text = json.dumps([values, sorted(self.contents.items())])
        return hashlib.sha256(text.encode()).hexdigest()

    def _values(self) -> dict[_Path, str]:
        from .normalize import normal  # noqa: PLC0415 - only for a deploy

        return dict(_leaves(normal(self.data), ()))


def differences(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Name the keys in which two configurations differ, as a file writes them, without values.

    >>> differences(Configuration({"env": {"A": "1"}}), Configuration({"env": {"A": "2"}}))
    ('`[env] A`',)
    """
    was, now = old._values(), new._values()  # noqa: SLF001 - of the same class
    keys = [path for path in {**now, **was} if was.get(path) != now.get(path)]
    files = {**new.contents, **old.contents}
    named = [f"`{_written(path)}`" for path in keys]
    changed = [name for name in files if old.contents.get(name) != new.contents.get(name)]
    return tuple(sorted(set(named))) + tuple(
        f"the contents of `{name}`" for name in sorted(changed)
    )


def why_differs(keys: tuple[str, ...]) -> str:
    """Say in one short line in which keys a configuration differs."""
    more = len(keys) - _SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"its configuration differs: {', '.join(keys[:_SHOWN])}{rest}"


def _leaves(value: object, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, (*path, key))
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, one in enumerate(value):
            yield from _leaves(one, (*path, number))
    else:
        yield path, json.dumps(value, default=str)


def _written(path: _Path) -> str:
    """Write the key at a path as TOML does: `kill_signal`, `[env] COLOUR`, `[[vm]] memory`."""
    *above, key = path
    names = ".".join(str(part) for part in above if isinstance(part, str))
    if not names:
        return str(key)
    listed = isinstance(above[-1], int)
    return f"[[{names}]] {key}" if listed else f"[{names}] {key}"
