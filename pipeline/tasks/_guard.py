"""Run the body of a task: errors, signals and lost output become its exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import PipelineError, machine_error, usage_error
from ._faults import FAULT, print_fault
from ._output import tolerant_output, unwritten
from ._say import print_error
from ._signals import handled_by, interrupt, leave, watched

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = frozenset({0, 5})
"""Exit codes of a task in which nothing failed."""
ANSWERS = QUIET | {1}
"""Exit codes by which a task that only looks answers: it exists, it is absent, there is work."""


def exit_code(body: Callable[[], int], *, answers: bool) -> int:
    """Run the body and return the exit code of the task.

    Output that could not be written decides the code, unless work has failed. With `answers`, the
    task only looks: without its output, the codes of `ANSWERS` say nothing either.
    """
    try:
        with tolerant_output(keep=not answers) as out:
            code = _ended(body)
            out.flush()
            lost = unwritten(out)
    except Exception as error:  # noqa: BLE001 - an error while reporting one must not exit with 1
        print_fault(error)
        return FAULT
    outranked = ANSWERS if answers else QUIET
    return lost if lost and code in outranked else code


def _ended(body: Callable[[], int]) -> int:
    try:
        with handled_by(interrupt), watched():
            return body()
    except PipelineError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        leave()
    except UnicodeEncodeError as error:
        return _unreadable_name(error)
    except Exception as error:  # noqa: BLE001 - the last handler: any other error is our fault
        if lacking := machine_error(error):
            print_error(lacking)
            return lacking.exit_code
        print_fault(error)
        return FAULT


def _unreadable_name(error: UnicodeEncodeError) -> int:
    """Report a file name that Python cannot write in the encoding of this environment."""
    ours = sys.getfilesystemencoding()
    if ours == "utf-8" or error.encoding != ours:
        print_fault(error)
        return FAULT
    wrong = usage_error(
        f"`{error.object}` cannot be a file name here: this environment reads names as {ours}",
        hint="set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
    )
    print_error(wrong)
    return wrong.exit_code
