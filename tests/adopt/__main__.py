"""Adopt all layouts, and install in every way: `python -m tests.adopt [--write] [3.12 …]`.

`invoke init` runs on each layout of `layouts/`; the result must be the table of
`docs/how-to/adopt.md`, which `--write` writes.

Then, for each Python of this machine, the program is installed in every way. The package index is
asked whether all dependencies have wheels, for each Python and platform. For a Python that the
machine lacks, that is all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.registry import Settings
from tests.adopt.commands import SOURCE_PACKAGE, install_commands
from tests.adopt.interpreters import VERSIONS, find_python
from tests.adopt.layouts import NAMES, adopt, read_layout
from tests.adopt.table import MOST_LINES, documented_rows, row, write_rows
from tests.adopt.wheel import build_wheel, copy_sources
from tests.adopt.workplace import FailedError, make_workplace
from tests.support.registries import serve

PLATFORMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
)
"""Those for which all dependencies have wheels, as uv calls them. There is none of tree-sitter for
`aarch64-unknown-linux-musl`, where a C compiler is needed."""


def main(words: list[str]) -> int:
    """Run all commands; return 1 if one failed."""
    failed = adopt_layouts(write_table="--write" in words)
    versions = [word for word in words if word != "--write"]
    with TemporaryDirectory(prefix="adopt-") as name:
        folder = Path(name)
        wheel = build_wheel(copy_sources(folder / "sources"), folder / "dist")
        with serve(folder / "registry", Settings()) as registry:
            for version in versions or VERSIONS:
                python = find_python(version)
                write(f"Python {version}" + ("" if python else ", which is not on this machine"))
                failed += resolve(wheel, version)
                if python:
                    failed += install(folder / version, python, registry.address)
    write(f"failed: {failed}")
    return 1 if failed else 0


def adopt_layouts(*, write_table: bool) -> int:
    """Run `invoke init` on all layouts; return how many are not as they should be."""
    rows, failed = [], 0
    for name in NAMES:
        layout = read_layout(name)
        with TemporaryDirectory(prefix="layout-") as folder:
            root = Path(folder, "shop")
            root.mkdir()
            adopted = adopt(layout, root)
        rows.append(row(layout, adopted))
        right = adopted.after == layout.expected and layout.lines <= MOST_LINES
        failed += not right
        write(rows[-1] if right else f"  FAILED  {name}: the graph is\n{adopted.after}")
    if write_table:
        write_rows(rows)
    elif rows != documented_rows():
        write("  FAILED  the table in docs/how-to/adopt.md is another: --write writes it")
        failed += 1
    return failed


def install(folder: Path, python: Path, registry: str) -> int:
    """Run the commands for one Python; return how many failed."""
    workplace = make_workplace(folder, python, registry)
    failed = 0
    for command in (*install_commands(), *SOURCE_PACKAGE):
        started = time.monotonic()
        try:
            workplace.run(command)
        except FailedError as error:
            failed += 1
            write(f"  FAILED  {command}\n{error}")
        else:
            write(f"  {time.monotonic() - started:5.1f} s  {command}")
    return failed


def resolve(wheel: Path, version: str) -> int:
    """Ask the package index for the wheels of each platform; return for how many it lacks some."""
    failed = 0
    for platform in PLATFORMS:
        uv = str(Path(sys.executable).parent / "uv")
        command = [uv, "pip", "compile", "--python-version", version, "--python-platform", platform]
        done = subprocess.run(
            [*command, "--only-binary", ":all:", "--no-header", "--no-annotate", "-"],
            cwd=wheel.parent,  # uv reads the pyproject.toml of the working directory
            input=f"fly-image-pipeline @ {wheel.as_uri()}",
            capture_output=True,
            text=True,
            check=False,
        )
        failed += done.returncode != 0
        count = len(done.stdout.splitlines())
        write(
            f"  FAILED  {platform}\n{done.stderr}"
            if done.returncode
            else f"  {count} wheels for {platform}"
        )
    return failed


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
