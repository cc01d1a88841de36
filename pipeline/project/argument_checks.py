"""What settings give and the Dockerfile does not take, arguments and contexts: slips in a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..dockerfile import is_official
from ..errors import Problem, first_problems, quoted_list
from ..spelling import Typos, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..dockerfile import Resolved
    from ..errors import Location
    from ..model.image import External
    from ..reference import ImageName
    from .edges import Names
    from .read_image import Draft


_EPOCH = "SOURCE_DATE_EPOCH"
_SECONDS = re.compile(r"[+-]?[0-9]{1,18}")


class Slips(NamedTuple):
    """What is wrong with the names of arguments, and what may be."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check_bindings(draft: Draft, names: Names) -> list[Problem]:
    """Say which `[bases]` bind an argument to an image that is not there."""
    bound = draft.file.bases.items()
    wrong = [(arg, name, place) for arg, (name, place) in bound if name not in names.bare]
    hint = f"there are: {quoted_list(sorted(names.bare))}" if wrong else ""

    def problem(one: tuple[str, ImageName, Location]) -> Problem:
        arg, name, place = one
        return Problem(place, f"there is no image `{name}` to bind `{arg}` to", hint)

    return first_problems(wrong, problem)


def undeclared(draft: Draft, found: Resolved) -> Slips:
    """Say which given arguments nothing declares.

    An argument of `image.toml` is an error, and one of a `fly.toml` a warning, for flyctl accepts
    it. Another frontend than Docker's may read what it likes. A trigger that nobody knows may
    declare anything: then only a name that is nearly a declared one is told, as a warning.
    """
    if not is_official(found.frontend):
        return Slips()
    sure, fly = found.triggers_known, draft.build.from_fly
    errors = [arg for arg in found.unused if sure and f"args.{arg}" not in fly]
    warned = [arg for arg in found.unused if sure and f"args.{arg}" in fly]
    names = Typos(found.arguments)
    likely = [] if sure else [arg for arg in found.unused if names.meant(arg)]
    return Slips(
        (
            *_wrong_time(draft, found),
            *first_problems(errors, lambda arg: _error(draft, arg, found.arguments)),
        ),
        (
            *first_problems(warned, lambda arg: _idle(draft, arg, found.arguments)),
            *first_problems(likely, lambda arg: _likely(draft, arg, names.meant(arg))),
        ),
    )


def untaken(draft: Draft, found: Resolved, externals: Sequence[External]) -> list[Problem]:
    """Say which contexts nothing takes from."""
    names = [external.written for external in externals]

    def problem(name: str) -> Problem:
        return Problem(
            draft.file.locate("contexts", name),
            f"nothing in `{draft.dockerfile}` takes from `{name}`",
            did_you_mean(name, names) or "take it out",
        )

    return first_problems(found.unused_contexts, problem)


def _error(draft: Draft, arg: str, declared: Sequence[str]) -> Problem:
    hint = f"add `ARG` to `{draft.dockerfile}`, or take it out here"
    return Problem(_place(draft, arg), _message(draft, arg), did_you_mean(arg, declared) or hint)


def _wrong_time(draft: Draft, found: Resolved) -> list[Problem]:
    """The one value that every frontend value_checks. Newer ones also take a name for it."""
    value = draft.file.args.get(_EPOCH, "")
    names = {"context", *found.stage_names, *draft.contexts}
    if not value or value.lower() in names or _SECONDS.fullmatch(value):
        return []
    hint = 'seconds since 1970, as in "1700000000"'
    return [Problem(_place(draft, _EPOCH), f"`{value}` is no time for `{_EPOCH}`", hint)]


def _idle(draft: Draft, arg: str, declared: Sequence[str]) -> Problem:
    message = f"{_message(draft, arg)}: the argument changes nothing"
    hint = did_you_mean(arg, declared) or "declare it, or take it out here"
    return Problem(_place(draft, arg), message, hint)


def _likely(draft: Draft, arg: str, meant: str) -> Problem:
    message = f"{_message(draft, arg)}: unless a trigger of its base has it, it changes nothing"
    return Problem(_place(draft, arg), message, f"did you mean `{meant}`?")


def _message(draft: Draft, arg: str) -> str:
    return f"`{draft.dockerfile}` has no `ARG {arg}`"


def _place(draft: Draft, arg: str) -> Location:
    if arg in draft.file.bases:
        return draft.file.bases[arg][1]
    return draft.build.origins.get(f"args.{arg}") or draft.file.locate("args", arg)
