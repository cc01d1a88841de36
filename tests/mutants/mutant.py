"""A breakage: a text in one file that is replaced by another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class StaleMutantError(Exception):
    """A breakage whose text is in its file no longer, or more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace `old` by `new` in `file`, a path below `pipeline/`; `tests` should notice it first.

    `tests` are paths below `tests/`, with spaces between them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def paths(self) -> list[str]:
        """The tests that should notice it, as pytest is given them."""
        return [f"tests/{path}" for path in self.tests.split()]

    def applied(self, root: Path = ROOT) -> str:
        """The text of the file with the breakage. Raises `StaleMutantError`."""
        path = root / "pipeline" / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (count := text.count(self.old)) != 1:
            raise StaleMutantError(
                f"{self.name}: its text is {count} times in pipeline/{self.file}"
            )
        return text.replace(self.old, self.new)
