"""Secrets that are put where a user has them, and looked for wherever they have no business.

How they are looked for knows nothing of how the project hides them.
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


def fresh(prefix: str) -> str:
    """A secret that is nowhere else on this machine."""
    return f"{prefix}{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Planted:
    """Secrets by what they are; of each, `needles` has every way to write it, in lower case."""

    values: dict[str, str] = field(default_factory=dict)

    @property
    def needles(self) -> Mapping[bytes, str]:
        """What must not be found, and which secret it is."""
        return _needles(tuple(self.values.items()))

    def found_in(self, content: str | bytes) -> set[str]:
        """The names of the secrets that are in it."""
        raw = content.encode() if isinstance(content, str) else content
        low = raw.lower()
        return {name for needle, name in self.needles.items() if needle in low}

    def found_under(self, folder: Path) -> dict[str, set[str]]:
        """The files that hold secrets, packed or not, and which; names of files, too."""
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
    """Every way to write each secret, in lower case, but for those that hold another of its own.

    Where the longer one is, the shorter one is found; a third of them takes a third of the time.
    """
    found: dict[bytes, str] = {}
    for name, value in values:
        written = {w for text in (value, f"x:{value}", f"me:{value}") for w in _written(text)}
        least = {w for w in written if not any(o in w for o in written if o != w)}
        found |= dict.fromkeys(least, name)
    return found


def _written(text: str) -> Iterator[bytes]:
    """Plain, in an address, and in base64 of both alphabets, wherever in a longer text."""
    raw = text.encode()
    yield raw.lower()
    yield quote(text, safe="").encode().lower()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The first and last characters depend on what stands beside it.
            code = encode(b"\0" * shift + raw)
            yield code[4 if shift else 0 : len(code) - 4].lower()


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    return content + gzip.decompress(content)


def assert_clean(
    planted: Planted, ran: Sequence[Ran], argv: set[bytes], folders: Iterable[Path]
) -> None:
    """Nothing was printed, shown in the list of processes, or left in folders."""
    for one in ran:
        assert not planted.found_in(one.out + one.err), one.out + one.err
    assert argv
    assert not [line for line in argv if planted.found_in(line)]
    for folder in folders:
        assert planted.found_under(folder) == {}


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """The command lines of all processes of this machine, looked at some twenty times a second."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.04):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended
                    seen.add(entry.read_bytes())

    thread = threading.Thread(target=look, name="command-lines")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
