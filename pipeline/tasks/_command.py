"""What every task shares: exit codes for errors, names with commas, a way to stop, the console."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from invoke.exceptions import Exit

from ..errors import (
    PipelineError,
    machine_error,
    usage_error,
)
from ._faults import FAULT, tell_fault
from ._output import patient_output, unwritten
from ._say import tell
from ._signals import handled_by, interrupt, leave, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]


P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


QUIET = frozenset({0, 5})
"""Codes with which nothing has failed."""
ANSWERS = QUIET | {1}
"""Those that say what a task found that only looks: it exists, it is absent, there is work."""


def looks(body: Body[P]) -> Made[P]:
    """Make a task of what only looks: Invoke's `--dry` is nothing to it.

    Each task tells errors to a person, and ends with the exit code that they stand for.
    """
    return _task(body, answers=True)


def plans(body: Body[P]) -> Made[P]:
    """Make a task of what does as a plan says: with `--dry` it shows the plan (`is_dry`)."""
    return _task(body, answers=False)


def changes(*, see: str, unless: str = "") -> Callable[[Body[P]], Made[P]]:
    """Make a task of what changes something and has no plan: `--dry` is refused.

    `see` is what looks, and says most of what the task would do. With the option `unless`, if one
    is named, the task itself only looks.
    """

    def decorate(body: Body[P]) -> Made[P]:
        @functools.wraps(body)
        def checked(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> int:
            if is_dry(c) and not kwargs.get(unless):
                raise usage_error(
                    f"`{body.__name__}` has no plan that `--dry` could show, and nothing was done",
                    hint=f"run it without `--dry`; `invoke {see}` looks, and changes nothing",
                )
            return body(c, *args, **kwargs)

        return _task(checked, answers=False)

    return decorate


def _task(body: Body[P], *, answers: bool) -> Made[P]:
    @functools.wraps(body)
    def task_body(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        code = _guarded(functools.partial(body, c, *args, **kwargs), answers=answers)
        if code:
            raise Exit(code=code)

    return task_body


def is_dry(c: Context) -> bool:
    """Whether the user only wants to see what would be done: Invoke's `--dry`, or `run.dry`."""
    return bool(c.config.run.dry)


def _guarded(body: Callable[[], int], *, answers: bool) -> int:
    """The exit code of a task, whose output may be lost: then that counts, unless work has failed.

    Where the codes of `ANSWERS` are answers of a task that only looks, an answer is lost as well.
    """
    try:
        with patient_output(keep=not answers) as out:
            code = _ended(body)
            out.flush()
            lost = unwritten(out)
    except Exception as error:  # noqa: BLE001 - whatever happens to the telling, 1 means something
        tell_fault(error)
        return FAULT
    outranked = ANSWERS if answers else QUIET
    return lost if lost and code in outranked else code


def _ended(body: Callable[[], int]) -> int:
    try:
        with handled_by(interrupt), watched():
            return body()
    except PipelineError as error:
        tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        leave()
    except UnicodeEncodeError as error:
        return _unreadable_names(error)
    except Exception as error:  # noqa: BLE001 - the last handler: any other is a fault of ours
        if lacking := machine_error(error):
            tell(lacking)
            return lacking.exit_code
        tell_fault(error)
        return FAULT


def _unreadable_names(error: UnicodeEncodeError) -> int:
    """Tell of a file's name that Python cannot say in the encoding which it was told to use."""
    ours = sys.getfilesystemencoding()
    if ours == "utf-8" or error.encoding != ours:
        tell_fault(error)
        return FAULT
    wrong = usage_error(
        f"`{error.object}` cannot be the name of a file here: names are read as {ours}",
        hint="set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
    )
    tell(wrong)
    return wrong.exit_code
