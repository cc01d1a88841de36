"""Inputs made from others: bytes removed, inserted, repeated, and values replaced by odd ones.

All choices come from a `Random`, so that a seed gives the same input on every machine.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import tomli_w

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.fuzz.target import Target

LONGEST = 16 << 10
"""Maximal size of an input in bytes: larger ones are slow and seldom find more."""

ODD_BYTES = (
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n", b"\x1b[31m",
    b"\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xd9\xa0", b"\xc4\xb0", b" ", b"\t", b'"', b"'",
    b"\\", b"{", b"[", b"(", b"*" * 20, b"[" * 200, b"a" * 5000, b"9" * 5000, b"%", b"\\u",
)  # fmt: skip
"""Among them: invalid UTF-8, line separators of Unicode, a digit that is not ASCII."""
ODD_TEXTS = ("\0", "\n", '"', "\ud800", " ", "/", ":", "=", "$", "{", "-", "\u0660")
ODD_VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1 << 63, 1 << 70, 1.5, 1e308, float("inf"), float("nan"), "", " ",
    "0", "-1", "\x00", "\x1b[2J", "\ud800", "\u202e", "\u0660", "/", "..", "-", "--", "{}",
    "a" * 5000, "9" * 5000, "sha256:" + "0" * 64, "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    [], {}, [None], [[]], {"": None}, ["", 0, {}],
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], target: Target, random: Random) -> bytes:
    """Return a mutation of `data`; parts may come from `others`."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 4, 8))):
        if target.form and random.random() < 0.6:
            data = _exchanged(data, target.form, random)
        else:
            data = random.choice(_BYTES)(data, others, target, random)
    return data[:LONGEST]


def _exchanged(data: bytes, form: str, random: Random) -> bytes:
    """Return the document with one value or key replaced; unchanged if it cannot be parsed."""
    try:
        if form == "toml":
            document: object = tomllib.loads(data.decode())
        else:
            document = json.loads(data)
        document = _changed(document, random)
        if form == "toml":
            return tomli_w.dumps(document if isinstance(document, dict) else {}).encode()
        return json.dumps(document).encode()
    except (ValueError, TypeError, RecursionError):  # Also values that TOML cannot write.
        return data


def _changed(value: object, random: Random) -> object:
    """Return a copy with one change, more likely near the root."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        return _changed_table(value, key, random)
    if isinstance(value, list) and value and random.random() < 0.85:
        index = random.randrange(len(value))
        chosen = random.random()
        if chosen < 0.1:
            return [*value[:index], *value[index + 1 :]]
        if chosen < 0.2:
            return [*value, value[index]]
        return [*value[:index], _changed(value[index], random), *value[index + 1 :]]
    if isinstance(value, str) and value and random.random() < 0.5:
        at = random.randrange(len(value) + 1)
        return value[:at] + random.choice(ODD_TEXTS) + value[at + random.randrange(3) :]
    return random.choice(ODD_VALUES)


def _changed_table(value: dict[str, object], key: str, random: Random) -> object:
    chosen = random.random()
    if chosen < 0.1:
        return {name: one for name, one in value.items() if name != key}
    if chosen < 0.15:
        return {(f"{key}x" if name == key else name): one for name, one in value.items()}
    if chosen < 0.25:
        return {**value, key: value[random.choice(list(value))]}
    return {**value, key: _changed(value[key], random)}


def _span(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 1, 2, 4, 16, 64, 256)))


def _cut(data: bytes, _others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:start] + data[end:]


def _ended(data: bytes, _others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _doubled(data: bytes, _others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:end] + data[start:end] * random.choice((1, 1, 1, 2, 50)) + data[end:]


def _odd(data: bytes, _others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(ODD_BYTES) + data[at + random.randrange(2) :]


def _word(data: bytes, _others: Sequence[bytes], target: Target, random: Random) -> bytes:
    start, end = _span(data, random)
    word = random.choice(target.tokens or ODD_BYTES)
    return data[:start] + word + data[random.choice((start, start, end)) :]


def _flipped(data: bytes, _others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _mixed(data: bytes, others: Sequence[bytes], _target: Target, random: Random) -> bytes:
    other = random.choice(others) if others else b""
    start, end = _span(other, random)
    at = random.randrange(len(data) + 1)
    return data[:at] + other[start : end + 64] + data[at:]


_BYTES: tuple[Callable[[bytes, Sequence[bytes], Target, Random], bytes], ...] = (
    _cut, _ended, _doubled, _odd, _word, _word, _flipped, _mixed,
)  # fmt: skip
