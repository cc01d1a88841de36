"""Split and join lines of CSV: buildx reads `key=value,key=value` as such a line."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def split_fields(line: str) -> list[str]:
    """Split a line at its commas; a field in quotes may hold some. Raises `ValueError`.

    >>> split_fields('type=local,"dest=/a,b"')
    ['type=local', 'dest=/a,b']
    """
    if not line.isprintable():
        raise ValueError("it has characters that cannot be seen")
    try:
        (fields,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise ValueError(f"it is not a list with commas: {error}") from None
    return fields


def join_fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Join keys and their values to one line.

    >>> join_fields([("id", "token"), ("src", "/home/me/a,b")])
    'id=token,"src=/home/me/a,b"'
    """
    return ",".join(_field(f"{key}={value}") for key, value in pairs)


def _field(text: str) -> str:
    if not any(mark in text for mark in ',"\n'):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
