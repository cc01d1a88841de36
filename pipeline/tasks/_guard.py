"""Run the body of a task: errors, signals and lost output become its exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import FaultError, PipelineError, machine_error, usage_error
from ._faults import FAULT, print_fault
from ._output import tolerant_output, unwritten
from ._say import print_error
from ._signals import handled_by, interrupt, leave, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..console.terminal import TolerantStream

QUIET = frozenset({0, 5})
"""Exit codes of a task in which nothing failed."""
ANSWERS = QUIET | {1}
"""Exit codes by which a task that only looks answers: it exists, it is absent, there is work."""


def exit_code(body: Callable[[], int], *, answers: bool, json: bool = False) -> int:
    """Run the body and return the exit code of the task.

    An error is printed to stderr and, with `json`, also as a document to stdout, unless there is a
    result already. Output that could not be written decides the code, unless work has failed. With
    `answers`, the task only looks: without its output, the codes of `ANSWERS` say nothing either.
    """
    try:
        with tolerant_output(keep=not answers) as out:
            code = _ended(body, (lambda error: _write_error(error, out)) if json else _ignore)
            out.flush()
            lost = unwritten(out)
    except Exception as error:  # noqa: BLE001 - an error while reporting one must not exit with 1
        print_fault(error)
        return FAULT
    outranked = ANSWERS if answers else QUIET
    return lost if lost and code in outranked else code


def _ended(body: Callable[[], int], note: Callable[[PipelineError], None]) -> int:
    try:
        with handled_by(interrupt), watched():
            return body()
    except KeyboardInterrupt:
        leave()
    except Exception as raised:  # noqa: BLE001 - the last handler: any other error is our fault
        error = _explained(raised)
        if error is None:
            print_fault(raised)
            note(FaultError(raised))
            return FAULT
        print_error(error)
        note(error)
        return error.exit_code


def _explained(error: Exception) -> PipelineError | None:
    """Return an error that needs no traceback; nothing for a fault of ours."""
    if isinstance(error, PipelineError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return _unreadable_name(error)
    return machine_error(error)


def _unreadable_name(error: UnicodeEncodeError) -> PipelineError | None:
    """Return the error for a file name that Python cannot write in this environment's encoding."""
    ours = sys.getfilesystemencoding()
    if ours == "utf-8" or error.encoding != ours:
        return None
    return usage_error(
        f"`{error.object}` cannot be a file name here: this environment reads names as {ours}",
        hint="set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
    )


def _write_error(error: PipelineError, out: TolerantStream) -> None:
    from ..console.as_json import dump, error_json

    if not out.written:
        out.kept = None  # It holds results of work.
        dump(error_json(error), sys.stdout)


def _ignore(_error: PipelineError) -> None:
    """Write no document: the task was not asked for one."""
