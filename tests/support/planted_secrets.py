"""Plant secrets where a user has them, and search for them where they must not be.

The search uses none of the code that masks secrets.
"""

from __future__ import annotations

import base64
import functools
import gzip
import secrets
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.support.project import Ran


def new_secret(prefix: str) -> str:
    """Return a secret that occurs nowhere else on this machine."""
    return f"{prefix}{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class PlantedSecrets:
    """Secrets by name; `needles` has every encoding of each, in lower case."""

    values: dict[str, str] = field(default_factory=dict)

    @property
    def needles(self) -> Mapping[bytes, str]:
        """Return the byte strings to search for, with the name of their secret."""
        return _needles(tuple(self.values.items()))

    def found_in(self, content: str | bytes) -> set[str]:
        """Return the names of the secrets that the content contains."""
        raw = content.encode() if isinstance(content, str) else content
        low = raw.lower()
        return {name for needle, name in self.needles.items() if needle in low}

    def found_under(self, folder: Path) -> dict[str, set[str]]:
        """Return the files that contain secrets, in their names or contents, compressed or not."""
        held = {}
        for path in folder.rglob("*"):
            content = bytes(str(path.relative_to(folder)), "utf-8")
            if path.is_file() and not path.is_symlink():
                with suppress(OSError):
                    content += _unpacked(path.read_bytes())
            if names := self.found_in(content):
                held[str(path)] = names
        return held


@functools.cache
def _needles(values: tuple[tuple[str, str], ...]) -> Mapping[bytes, str]:
    """Return every encoding of each secret in lower case, without those that contain another one.

    Where the longer one occurs, the shorter one is found. That leaves a third of them to search
    for.
    """
    found: dict[bytes, str] = {}
    for name, value in values:
        written = {w for text in (value, f"x:{value}", f"me:{value}") for w in _written(text)}
        least = {w for w in written if not any(o in w for o in written if o != w)}
        found |= dict.fromkeys(least, name)
    return found


def _written(text: str) -> Iterator[bytes]:
    """Yield it as plain text, percent-encoded, and in both base64 alphabets at any offset."""
    raw = text.encode()
    yield raw.lower()
    yield quote(text, safe="").encode().lower()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The first and last characters depend on the bytes around it.
            code = encode(b"\0" * shift + raw)
            yield code[4 if shift else 0 : len(code) - 4].lower()


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    return content + gzip.decompress(content)


def assert_clean(
    planted: PlantedSecrets, ran: Sequence[Ran], argv: set[bytes], folders: Iterable[Path]
) -> None:
    """Check that no secret was printed, is in a command line, or was written to the folders."""
    for one in ran:
        assert not planted.found_in(one.out + one.err), one.out + one.err
    assert argv
    assert not [line for line in argv if planted.found_in(line)]
    for folder in folders:
        assert planted.found_under(folder) == {}


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Collect the command lines of all processes of this machine, about twenty times a second."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.04):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # The process has ended.
                    seen.add(entry.read_bytes())

    thread = threading.Thread(target=look, name="command-lines")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
