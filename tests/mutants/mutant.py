"""A mutant: a text in one file that is replaced by another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class StaleMutantError(Exception):
    """The text of a mutant is not in its file, or more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replaces `old` by `new` in `file`, a path below `pipeline/`; `tests` should notice it first.

    `tests` are paths below `tests/`, with spaces between them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def paths(self) -> list[str]:
        """Return the arguments of pytest for its tests."""
        return [f"tests/{path}" for path in self.tests.split()]

    def applied(self, root: Path = ROOT) -> str:
        """Return the changed text of the file. Raise `StaleMutantError` if it does not apply."""
        path = root / "pipeline" / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (count := text.count(self.old)) != 1:
            raise StaleMutantError(
                f"{self.name}: its text is {count} times in pipeline/{self.file}"
            )
        return text.replace(self.old, self.new)
