"""Make Invoke tasks whose errors become exit codes, with a rule for `--dry`.

A task module has names, options and help. The task imports its body when it runs, so that
`invoke --list` loads none of it.
"""

from __future__ import annotations

import functools
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias

from invoke.exceptions import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from invoke.context import Context

P = ParamSpec("P")

_NEW_OBJECTS = 100_000
"""Objects that are made before Python looks for garbage; its default is 700.

Almost all objects of a run are modules and values that stay, and looking through them again and
again takes a tenth of a short run.
"""

if TYPE_CHECKING:
    Body: TypeAlias = Callable[Concatenate[Context, P], int]
    """The function of a task: it returns the exit code."""
    Made: TypeAlias = Callable[Concatenate[Context, P], None]
    Words: TypeAlias = Sequence[str] | None
    """The values of `--allow`, which may be given more than once."""


def looks(body: Body[P]) -> Made[P]:
    """Make a task that changes nothing: Invoke's `--dry` makes no difference to it."""
    return _task(body, answers=True)


def plans(body: Body[P]) -> Made[P]:
    """Make a task that carries out a plan: with `--dry` it shows the plan (`is_dry`)."""
    return _task(body, answers=False)


def changes(*, see: str, unless: str = "") -> Callable[[Body[P]], Made[P]]:
    """Make a task that changes something and has no plan: `--dry` is refused.

    `see` is the command that shows most of what the task would do. With the option `unless`, if
    one is named, the task changes nothing either.
    """

    def decorate(body: Body[P]) -> Made[P]:
        @functools.wraps(body)
        def checked(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> int:
            if is_dry(c) and not kwargs.get(unless):
                from ..errors import usage_error

                raise usage_error(
                    f"`{body.__name__}` has no plan for `--dry` to show; nothing was done",
                    hint=f"run it without `--dry`; `invoke {see}` changes nothing",
                )
            return body(c, *args, **kwargs)

        return _task(checked, answers=False)

    return decorate


def _task(body: Body[P], *, answers: bool) -> Made[P]:
    @functools.wraps(body)
    def task_body(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        with _rare_collections():
            from ._guard import exit_code

            json = bool(kwargs.get("json")) or kwargs.get("format_") == "json"
            run = functools.partial(body, c, *args, **kwargs)
            code = exit_code(run, answers=answers, json=json)
        if code:
            raise Exit(code=code)

    return task_body


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage less often within the block, and nothing of it when the process ends.

    At its end, Python looks through all objects once more, though all of them are given back.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.freeze()


def is_dry(c: Context) -> bool:
    """Return whether only the plan is to be shown: Invoke's `--dry`, or `run.dry`."""
    return bool(c.config.run.dry)
