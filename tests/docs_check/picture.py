"""Draw the picture of the README from a real run: `python -m tests.docs_check.picture`.

It builds and deploys the tutorial's project twice, with the engine of the sandbox and an empty
registry, and writes what a terminal shows as `docs/run.svg`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from tests.docs_check.__main__ import environ_of
from tests.docs_check.page import DOCS, File, read_page
from tests.docs_check.run import environ_of_reader, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = 100
COMMANDS = ("fip graph", "fip build-all", "fip build-all")
_LINES = 6
"""The last lines of a command's output that are shown."""
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Run the commands, and write the picture."""
    with TemporaryDirectory(prefix="picture-") as scratch:
        text = _run(Path(scratch))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(text, soft_wrap=True)
        svg = console.export_svg(title="fip build-all", theme=DIMMED_MONOKAI)
    # Its fonts would be fetched from another host.
    (DOCS / "run.svg").write_text(_FONTS.sub("", svg), encoding="utf-8")


def _run(scratch: Path) -> Text:
    """Return what the commands print in the end, each after a prompt."""
    (scratch / "home").mkdir()
    page = read_page(DOCS / "tutorial.md")
    first = {step.path: step for step in reversed(page.steps) if isinstance(step, File)}
    for file in first.values():
        write_file(scratch, file)
    with environ_of(page.needs, scratch) as more:
        environ = {**environ_of_reader(scratch / "home", more), "FORCE_COLOR": "1"}
        return Text("\n\n").join(_shown(command, scratch, environ) for command in COMMANDS)


def _shown(command: str, folder: Path, environ: Mapping[str, str]) -> Text:
    words = command.split()
    ended = subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    lines = (ended.stderr + ended.stdout).strip().splitlines()[-_LINES:]
    shown = Text(f"$ {command}\n", style="bold")
    return shown.append_text(Text.from_ansi("\n".join(lines)))


if __name__ == "__main__":
    main()
