"""Parse and check the user's permissions: the words of `PIPELINE_ALLOW` and `--allow`.

No file of the project can grant one: whoever sends a pull request writes those files.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import Problem, raise_problems
from ..reference import ReferenceSyntaxError, parse_host, parse_repository, registry_named

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "PIPELINE_ALLOW"
HOST_NETWORK = "network.host"
NAME_FIELD = "{name}"
SOME_NAME = "0name0"
"""A valid image name, to put in the place of `{name}`."""


class Need(Struct, frozen=True):
    """A permission that the project's files need: a word, and its value.

    Paths are real paths, without links, when they are checked.
    """

    word: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.word}={self.value}" if self.value else self.word

    @property
    def hint(self) -> str:
        """The command-line option that grants it, ready to be copied."""
        if "," in self.value:
            return "it cannot be allowed, as it has a comma in it: commas separate the words"
        return f"if you trust it, allow it with `--allow {quote(str(self))}`, or in {VARIABLE}"


class Allowed(Struct, frozen=True):
    """The permissions that the user grants: words and their values, in order.

    >>> parse_allowed("commands,mirror=docker.io/mirror.example.com").mirrors
    (('docker.io', 'mirror.example.com'),)
    """

    words: tuple[tuple[str, str], ...] = ()

    def __add__(self, more: Allowed) -> Allowed:
        return Allowed((*self.words, *more.words)) if more.words else self

    def grants(self, need: Need) -> bool:
        """Return whether a word grants what is needed, or more."""
        same = _SAME.get(need.word, str.__eq__)
        return any(name == need.word and same(value, need.value) for name, value in self.words)

    @property
    def commands(self) -> bool:
        """Whether tasks that change nothing may run programs that the project names."""
        return self.grants(Need("commands"))

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables with credentials that programs of the project may read."""
        return tuple(value for name, value in self.words if name == "secret")

    @property
    def token_servers(self) -> tuple[tuple[str, str], ...]:
        """Registries, and the hosts that get their credentials in exchange for a token."""
        return self._pairs("token-server")

    @property
    def private(self) -> tuple[tuple[str, str], ...]:
        """Public registries, and hosts of private networks that they may redirect to."""
        return self._pairs("private")

    @property
    def mirrors(self) -> tuple[tuple[str, str], ...]:
        """Registries, and the mirrors that are asked before them for public images."""
        return self._pairs("mirror")

    def _pairs(self, word: str) -> tuple[tuple[str, str], ...]:
        found = (value.partition("/") for name, value in self.words if name == word)
        return tuple(
            (registry_named(registry), host.lower().removesuffix(":443"))
            for registry, _, host in found
        )


def parse_allowed(text: str, source: str = VARIABLE) -> Allowed:
    """Parse a list of words. Raises one `ConfigError` for all that are not valid.

    >>> parse_allowed("ssh, secret=TOKEN").words
    (('ssh', ''), ('secret', 'TOKEN'))
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    raise_problems([p for p in (_problem(entry, source) for entry in entries) if p])
    parts = (entry.partition("=") for entry in entries)
    return Allowed(tuple((name.strip(), value.strip()) for name, _, value in parts))


def _problem(entry: str, source: str) -> Problem | None:
    name, equals, value = (part.strip() for part in entry.partition("="))
    if name not in _WORDS:
        hint = f"the words are {', '.join(f'`{_written(word)}`' for word in _WORDS)}"
        return Problem(None, f"`{name}` in {source} is not known", hint)
    check = _WORDS[name][1]
    wrong = bool(equals) if check is None else not check(value)
    hint = f"write `{_written(name)}`"
    return Problem(None, f"`{entry}` in {source} cannot be read", hint) if wrong else None


def _written(word: str) -> str:
    shape = _WORDS[word][0]
    return f"{word}={shape}" if shape else word


def _any(value: str) -> bool:
    return bool(value)


def _is_pair(value: str) -> bool:
    registry, _, host = value.partition("/")
    return _is(parse_host, registry) and _is(parse_host, host)


def _is_repository(value: str) -> bool:
    filled = value.replace(NAME_FIELD, SOME_NAME)
    return "/" in filled and _is(parse_repository, filled)


def _is_cache(value: str) -> bool:
    return bool(value) and not value.startswith("/")


def _holds(folder: str, path: str) -> bool:
    """Return whether a path is a folder, or below it. Both are absolute, without `..` and links."""
    return PurePosixPath(path).is_relative_to(folder)


def _fits(template: str, value: str) -> bool:
    """Return whether a value fits a template, with some image's name in each `{name}`."""
    if NAME_FIELD not in template:
        return template == value
    parts = map(re.escape, template.split(NAME_FIELD))
    return re.fullmatch("[a-z0-9._-]+".join(parts), value) is not None


def _is_same_repository(written: str, value: str) -> bool:
    named = str(parse_repository(written.replace(NAME_FIELD, SOME_NAME)))
    return _fits(named.replace(SOME_NAME, NAME_FIELD), value)


def _is(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ReferenceSyntaxError:
        return False
    return True


_WORDS: dict[str, tuple[str, Callable[[str], bool] | None]] = {
    HOST_NETWORK: ("", None),
    "ssh": ("", None),
    "commands": ("", None),
    "fs.read": ("PATH", _any),
    "fs.write": ("PATH", _any),
    "repository": ("HOST/PATH", _is_repository),
    "cache": ("TYPE/PLACE", _is_cache),
    "proxy": ("HOST:PORT", _any),
    "token-server": ("REGISTRY/HOST", _is_pair),
    "private": ("REGISTRY/HOST", _is_pair),
    "mirror": ("HOST/HOST", _is_pair),
    "secret": ("NAME", _any),
}
"""Each word, how its value is written, and what checks it; buildx's own words first."""

_SAME: dict[str, Callable[[str, str], bool]] = {
    "fs.read": _holds,
    "fs.write": _holds,
    "repository": _is_same_repository,
    "cache": _fits,
}
"""What tells whether a granted value covers a needed one; other values must be equal."""
