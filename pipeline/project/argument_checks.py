"""Check that the Dockerfile uses the arguments and contexts that the settings give: typos."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

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


class Misuse(Struct, frozen=True):
    """Errors and warnings about names."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def check_bindings(draft: Draft, names: Names) -> list[Problem]:
    """Find `[bases]` that bind an argument to an image that does not exist."""
    bound = draft.file.bases.items()
    wrong = [(arg, name, location) for arg, (name, location) in bound if name not in names.bare]
    hint = f"there are: {quoted_list(sorted(names.bare))}" if wrong else ""

    def problem(one: tuple[str, ImageName, Location]) -> Problem:
        arg, name, location = one
        return Problem(location, f"there is no image `{name}` to bind `{arg}` to", hint)

    return first_problems(wrong, problem)


def undeclared_arguments(draft: Draft, found: Resolved) -> Misuse:
    """Find given arguments that nothing declares.

    An argument of `image.toml` is an error, and one of a `fly.toml` a warning, as flyctl accepts
    it. A frontend other than Docker's may read any argument. A trigger that is not known may
    declare anything: then only a name that is nearly a declared one is a warning.
    """
    if not is_official(found.frontend):
        return Misuse()
    sure, fly = found.triggers_known, draft.build.from_fly
    errors = [arg for arg in found.unused if sure and f"args.{arg}" not in fly]
    warned = [arg for arg in found.unused if sure and f"args.{arg}" in fly]
    names = Typos(found.arguments)
    likely = [] if sure else [arg for arg in found.unused if names.meant(arg)]
    return Misuse(
        (
            *_wrong_time(draft, found),
            *first_problems(errors, lambda arg: _error(draft, arg, found.arguments)),
        ),
        (
            *first_problems(warned, lambda arg: _warning(draft, arg, found.arguments)),
            *first_problems(likely, lambda arg: _likely_typo(draft, arg, names.meant(arg))),
        ),
    )


def unused_contexts(draft: Draft, found: Resolved, externals: Sequence[External]) -> list[Problem]:
    """Find contexts from which nothing takes."""
    names = [external.written for external in externals]

    def problem(name: str) -> Problem:
        return Problem(
            draft.file.locate("contexts", name),
            f"nothing in `{draft.dockerfile}` takes from `{name}`",
            did_you_mean(name, names) or "remove it",
        )

    return first_problems(found.unused_contexts, problem)


def _error(draft: Draft, arg: str, declared: Sequence[str]) -> Problem:
    hint = f"add `ARG` to `{draft.dockerfile}`, or remove it here"
    return Problem(_location(draft, arg), _message(draft, arg), did_you_mean(arg, declared) or hint)


def _wrong_time(draft: Draft, found: Resolved) -> list[Problem]:
    """Check the one value that every frontend checks; newer ones also accept a name for it."""
    value = draft.file.args.get(_EPOCH, "")
    names = {"context", *found.stage_names, *draft.contexts}
    if not value or value.lower() in names or _SECONDS.fullmatch(value):
        return []
    hint = 'seconds since 1970, as in "1700000000"'
    return [Problem(_location(draft, _EPOCH), f"`{value}` is not a time for `{_EPOCH}`", hint)]


def _warning(draft: Draft, arg: str, declared: Sequence[str]) -> Problem:
    message = f"{_message(draft, arg)}: the argument changes nothing"
    hint = did_you_mean(arg, declared) or "declare it, or remove it here"
    return Problem(_location(draft, arg), message, hint)


def _likely_typo(draft: Draft, arg: str, meant: str) -> Problem:
    message = f"{_message(draft, arg)}: unless a trigger of its base has it, it changes nothing"
    return Problem(_location(draft, arg), message, f"did you mean `{meant}`?")


def _message(draft: Draft, arg: str) -> str:
    return f"`{draft.dockerfile}` has no `ARG {arg}`"


def _location(draft: Draft, arg: str) -> Location:
    if arg in draft.file.bases:
        return draft.file.bases[arg][1]
    return draft.build.origins.get(f"args.{arg}") or draft.file.locate("args", arg)
