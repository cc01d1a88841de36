"""Write TOML: the one place where a text of ours, or of a registry's, becomes a line of a file.

tomli-w quotes every key and string, so that none of them can begin a line, a table or a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def toml_text(document: Mapping[str, object]) -> str:
    r"""The document as TOML, in the order in which its keys are given.

    >>> toml_text({"app": 'web"\n[env]'})
    'app = "web\\"\\n[env]"\n'
    """
    import tomli_w  # noqa: PLC0415 - for those who write

    return _whole(tomli_w.dumps(document))


def _whole(text: str) -> str:
    """The text without half characters, which no file can hold: JSON may spell them."""
    return text.encode("utf-8", "replace").decode()
