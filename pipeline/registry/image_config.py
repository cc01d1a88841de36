"""The configuration of an image without its times: what `FROM` gives to a build. Pure.

OCI's `config.md`: it has the digests of the uncompressed layers (`rootfs.diff_ids`), so two images
with the same one have the same files, environment, user, triggers, and so on. BuildKit writes its
keys in one order, so their order counts: an image that another program wrote is another one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 1 << 20
"""Bytes of a configuration: each value takes many times its bytes in Python."""
_CREATED = "created"


class ConfigurationError(ValueError):
    """A configuration that is not understood; nothing is known of such an image."""


def without_times(content: bytes) -> bytes:
    """Return a configuration without `created`, its own and those of its history.

    All else counts, also what no specification has. Raises `ConfigurationError`.
    """
    found = _parsed(content)
    history = found.get("history", [])
    if not isinstance(history, list) or not all(isinstance(step, dict) for step in history):
        raise ConfigurationError("its `history` is not a list of objects")
    timeless = [{k: v for k, v in step.items() if k != _CREATED} for step in history]
    rest = {k: v for k, v in found.items() if k != _CREATED}
    if "history" in found:
        rest["history"] = timeless
    try:
        return json.dumps(rest, separators=(",", ":")).encode()
    except RecursionError:
        raise ConfigurationError("it has too many levels") from None


def diff_ids(content: bytes) -> tuple[str, ...]:
    """Return the digests of the uncompressed layers, from the lowest on.

    Raises `ConfigurationError`.
    """
    return _diff_ids(_parsed(content))


def _parsed(content: bytes) -> dict[str, object]:
    """Parse a configuration so that nothing of it is lost: a key that is there twice is refused."""
    if len(content) > MOST_BYTES:
        raise ConfigurationError("it is too long")
    try:
        found = json.loads(
            content.decode(), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        raise ConfigurationError("it is not JSON as an image has it") from None
    if not isinstance(found, dict):
        raise ConfigurationError("it is not a JSON object")
    _diff_ids(found)
    return found


def _diff_ids(found: dict[str, object]) -> tuple[str, ...]:
    match found.get("rootfs"):
        case {"type": "layers", "diff_ids": list(digests)} if all(map(_is_text, digests)):
            return tuple(digests)
    raise ConfigurationError("it names no layers")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    given = list(pairs)
    found = dict(given)
    if len(found) != len(given):
        raise ValueError("a key is there twice")
    return found


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is no number that a configuration has")
