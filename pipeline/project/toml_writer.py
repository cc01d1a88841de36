"""Write TOML: the one place where a text, ours or a registry's, becomes a line of a file. Pure.

Every string and key is quoted, so that none can end its line and begin another, and characters that
a terminal would obey, or that reverse its text, are escaped. tomli-w quotes as well, but has no
inline tables as an option: each entry of a lock would be three tables, and every lock rewritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

Value = str | Sequence["Value"] | Mapping[str, "Value"]

_BARE = r"[A-Za-z0-9_-]+"
_HALVES = "[\ud800-\udfff]"


def toml_line(key: str, value: Value) -> str:
    r"""Write a key and its value in one line, whatever they are.

    >>> toml_line("app", 'web"\n[env]')
    'app = "web\\"\\n[env]"\n'
    >>> toml_line("triggers", {"linux/amd64": ["COPY . /app"]})
    'triggers = { "linux/amd64" = ["COPY . /app"] }\n'
    """
    return f"{_pair(key, value)}\n"


def _pair(key: str, value: Value) -> str:
    return f"{key if re.fullmatch(_BARE, key) else _string(key)} = {_value(value)}"


def _value(value: Value) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(_pair(key, inner) for key, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return f"[{', '.join(map(_value, value))}]"


def _string(text: str) -> str:
    """Write a string as in JSON, which TOML reads alike; a lone surrogate becomes `?`."""
    whole = re.sub(_HALVES, "?", text)
    return "".join(map(_shown, json.dumps(whole, ensure_ascii=False)))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
