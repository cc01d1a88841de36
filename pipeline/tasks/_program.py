"""The console program `fip`: the tasks without a `tasks.py`, by Invoke's own `Program`."""

from __future__ import annotations

import sys

from invoke.program import Program

from .. import __version__
from . import ns


class TaskProgram(Program):
    """Runs our tasks in any repository. The project is found from the working directory upwards."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse the core options, and let Python write bytecode as it always does.

        Invoke forbids it, to leave no files in a repository with a `tasks.py`. Only installed
        modules are imported here, and uv installs them without bytecode: without this, each run
        would compile all of them again.
        """
        before = sys.dont_write_bytecode
        try:
            super().parse_core(argv)
        finally:
            sys.dont_write_bytecode = before


def _completes(words: list[str]) -> bool:
    """Answer a shell that completes a line, or wants the script to do so; return whether it did.

    Invoke's own completion knows no names.
    """
    option, _, value = words[0].partition("=") if words else ("", "", "")
    if option == "--print-completion-script":
        from ._completion_script import SCRIPTS

        shell = value or " ".join(words[1:])
        if shell not in SCRIPTS:
            sys.exit(f"error: no script for `{shell}`; there are: {', '.join(SCRIPTS)}")
        print(SCRIPTS[shell], end="")  # noqa: T201 - it is what was asked for
        return True
    if words[1:2] == ["--"] and option in {"--complete", "--complete-names"}:
        from ._complete import print_candidates

        # Like Invoke's scripts, others may send each word for itself.
        line = " ".join(words[2:])
        print_candidates(line, names_only=option == "--complete-names")
        return True
    return False


def main() -> None:
    """Run the tasks that `sys.argv` names, and exit with the code that `invoke` has for them."""
    if _completes(sys.argv[1:]):
        return
    program = TaskProgram(
        version=__version__, namespace=ns, name="fip", binary="fip", binary_names=["fip"]
    )
    try:
        try:
            program.run()
        finally:
            if sys.stdout:  # None if it was closed
                sys.stdout.flush()
    except BrokenPipeError:  # of `--help` and `--list`: a task handles its own
        from ._output import READER_GONE, swallow

        swallow(1)
        sys.exit(READER_GONE)
