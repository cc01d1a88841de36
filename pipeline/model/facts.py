"""The inputs of an image as `why` compares them: large or secret values only by their sha256.

They come from the files of a project, or from the record of an image (`model.record`); both give
equal facts for equal inputs.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..reference import ImageName
    from .image import Image, Triggers
    from .inputs import ContextEntry, Inputs

SHOWN = 12
"""Hex digits of a sha256 that are shown."""
NO_VALUE = "no value"
_REFRESH = "refresh"
_PERIOD = re.compile(r"[0-9]{1,12}/([0-9]{1,12})")


class Value(Struct, frozen=True):
    """A value by its sha256, and its text where people may see it. The text is not compared.

    >>> value_of(["1"]) == value_of(["1"], text="1"), str(value_of(["1"], text="1"))
    (True, '1')
    >>> str(value_of(["hunter2"])), str(value_of([None]))
    ('sha256 f52fbd32b2b3', 'no value')
    """

    digest: str
    text: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Value) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return self.text or (f"sha256 {self.digest[:SHOWN]}" if self.digest else NO_VALUE)


NONE = Value("")
"""The absence of a value."""


class Facts(Struct, frozen=True):
    """What is compared of an image's inputs; all keys of mappings are names or paths.

    `files` are those of the context and of named contexts, by their paths from the project's root,
    without the Dockerfile. Digests of externals are empty if they are not locked.
    """

    key: str
    fingerprint: str
    version: str
    dockerfile: str
    source: Value
    files: Mapping[str, ContextEntry] = field(default_factory=dict)
    target: str = ""
    platforms: tuple[str, ...] = ()
    frontend: str = ""
    salt: Value = NONE
    test: Value = NONE
    arguments: Mapping[str, Value] = field(default_factory=dict)
    bases: Mapping[ImageName, str] = field(default_factory=dict)
    externals: Mapping[str, str] = field(default_factory=dict)
    triggers: Mapping[str, Value] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    refresh: Value = NONE


def facts_of(image: Image, inputs: Inputs) -> Facts:
    """Return the facts of an image from what was read of its files.

    A default of the Dockerfile is shown; a value of the settings, the environment or the command
    line may be a secret.
    """
    groups = [(str(image.context), inputs.entries)]
    groups += [(str(one.path), one.entries) for one in inputs.contexts.values()]
    return Facts(
        key=str(inputs.key),
        fingerprint=str(inputs.fingerprint),
        version=inputs.version,
        dockerfile=str(inputs.dockerfile or ""),
        source=Value(hashlib.sha256(inputs.source).hexdigest()),
        files=files_by_path(groups, str(inputs.dockerfile or "")),
        target=inputs.target or "",
        platforms=tuple(str(platform) for platform in inputs.platforms),
        frontend=inputs.frontend,
        salt=value_of([inputs.salt]) if inputs.salt else NONE,
        test=value_of(inputs.test, text=" ".join(inputs.test)) if inputs.test else NONE,
        arguments={name: _argument(image, inputs, name) for name in inputs.args},
        bases={name: str(key) for name, key in inputs.bases.items()},
        externals={name: digest or "" for name, digest in inputs.externals.items()},
        triggers={name: value_of(triggers_in(found)) for name, found in inputs.triggers.items()},
        options=options_without_period(inputs.options),
        refresh=period_of(inputs.options, inputs.refresh.every if inputs.refresh else ""),
    )


def options_without_period(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options but for the period of `refresh`, which is a fact of its own."""
    return {name: value for name, value in options.items() if name != _REFRESH}


def period_of(options: Mapping[str, str], every: str) -> Value:
    """Return the period among the options, which is one of `every`."""
    option = options.get(_REFRESH, "")
    found = _PERIOD.fullmatch(option)
    return Value(option, f"{int(found[1]):,} of {every}") if found else NONE


def files_by_path(
    groups: Iterable[tuple[str, Iterable[ContextEntry]]], dockerfile: str
) -> dict[str, ContextEntry]:
    """Return the entries of folders by their paths from the root.

    `COPY . .` reads the Dockerfile, too, which is an input of its own.
    """
    found: dict[str, ContextEntry] = {}
    for folder, entries in groups:
        head = "" if folder == "." else f"{folder}/"
        found |= {f"{head}{entry.path}".rstrip("/"): entry for entry in entries}
    found.pop(dockerfile, None)
    return found


def triggers_in(found: Sequence[Triggers]) -> list[str]:
    """Return the triggers of all platforms, each platform before its own."""
    return [text for one in found for text in (str(one.platform), *one.instructions)]


def value_of(values: Sequence[str | None], *, text: str = "") -> Value:
    """Return one value for several: of each platform, or the words of a command."""
    return joined([sha256_of(value) for value in values], text=text)


def joined(digests: Sequence[str], *, text: str = "") -> Value:
    """Return one value for the sha256 of several; an empty one stands for no value."""
    if len(digests) == 1:
        return Value(digests[0], text)
    return Value(hashlib.sha256("\n".join(digests).encode()).hexdigest(), text)


def sha256_of(value: str | None) -> str:
    """Return the sha256 of a value as hex digits; nothing for no value."""
    return "" if value is None else hashlib.sha256(value.encode()).hexdigest()


def _argument(image: Image, inputs: Inputs, name: str) -> Value:
    value = inputs.args[name]
    values = inputs.differing.get(name) or (value,)
    text = '""' if value == "" else "" if name in image.args else value or ""
    return value_of(values, text=text)
