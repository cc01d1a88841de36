"""Run the steps of a page in an empty folder, as its reader would."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs_check.page import Command, File, matches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.docs_check.page import Page

SECONDS = 300


def run_page(page: Page, folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Run a page's steps in `folder`; return what differs from the page, each with its line.

    Commands run one after the other in one shell's folder and variables. The rest of a page is not
    run after a command with another exit code.
    """
    root, state = folder / "project", folder / "state"
    root.mkdir()
    state.write_text(f"cd {shlex.quote(str(root))}\n")
    found: list[str] = []
    for step in page.steps:
        if isinstance(step, File):
            write_file(root, step)
            continue
        printed, code = _run(step, state, environ)
        where = f"{page.path}:{step.line}: `{step.text}`"
        if not matches(step.output, printed):
            found.append(f"{where} printed\n" + "\n".join(f"    {line}" for line in printed))
        if code != step.exit_code:
            return [*found, f"{where} exited with {code}, not {step.exit_code}: {printed}"]
    return found


def environ_of_reader(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a reader who has installed the program, with `more` variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLY_", "PIPELINE_"))}
    found = {**kept, "HOME": str(home), "COLUMNS": "100", **more}
    return {**found, "PATH": f"{Path(sys.executable).parent}:{found['PATH']}"}


def write_file(root: Path, file: File) -> None:
    """Write a file of a page into a project."""
    path = root / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text, encoding="utf-8")


def _run(command: Command, state: Path, environ: Mapping[str, str]) -> tuple[list[str], int]:
    """Run one command where the one before it ended; return its lines and its exit code."""
    kept = f'{{ declare -px; printf "cd %q\\n" "$PWD"; }} > {shlex.quote(str(state))}'
    script = f". {shlex.quote(str(state))}\n{command.text}\ncode=$?\n{kept}\nexit $code\n"
    ended = subprocess.run(
        ["bash", "-c", script],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        text=True,
        check=False,
    )
    return ended.stdout.splitlines(), ended.returncode
