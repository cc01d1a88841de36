"""Resolve the base of each stage (FROM): another stage, an image, `scratch`.

Facts from buildkit `frontend/dockerfile/dockerfile2llb/convert.go`: FROM sees the stages above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import Problem, raise_problems
from ..reference import Platform, ReferenceSyntaxError, parse_platform, parse_reference
from ..spelling import did_you_mean
from .errors import RefusedError
from .expansion_limit import TooMuchError
from .variable_expansion import Rules, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .parser import Dockerfile, Stage
    from .variable_expansion import Expansion
    from .variable_scope import Globals

SCRATCH = "scratch"


class Origin(Struct, frozen=True):
    """What something is taken from: the stage of that index, or an image (or `scratch`).

    Or the folder that is known as `context`, a name of `[contexts]`.

    If it is not `used`, nothing of it gets into the build; it must exist all the same.
    """

    stage: int | None
    image: str = ""
    used: bool = True
    context: str = ""


class StageBase(Struct, frozen=True):
    """A stage and its base; `used` are the global arguments that its FROM uses."""

    stage: Stage
    base: Origin
    platform: Platform | None
    used: frozenset[str]


def resolve_bases(
    dockerfile: Dockerfile, arguments: Globals, problems: list[Problem]
) -> tuple[StageBase, ...]:
    """Resolve every FROM of the file, needed or not, as BuildKit does."""
    above: dict[str, int] = {}
    links: list[StageBase] = []
    for stage in dockerfile.stages:
        try:
            links.append(_link(stage, above, arguments, dockerfile.escape))
        except RefusedError as error:
            location = stage.start.line.find(error.blame or stage.start.base)
            problems.append(Problem(location, error.message, error.hint))
            if isinstance(error, TooMuchError):
                raise_problems(problems)
            links.append(StageBase(stage, Origin(None), None, frozenset()))
        if stage.name:
            above[stage.name] = stage.index
    return tuple(links)


def _link(stage: Stage, above: Mapping[str, int], arguments: Globals, escape: str) -> StageBase:
    rules = Rules(escape=escape)
    base = expand(stage.start.base, arguments.values, rules, arguments.budget)
    if not base.text:
        raise RefusedError(
            f"`FROM {stage.start.base}` expands to nothing", hint=_unset_hint(base.unset)
        )
    platform, used = None, base.used
    if stage.start.platform:
        expansion = expand(stage.start.platform, arguments.values, rules, arguments.budget)
        platform = _platform(stage.start.platform, expansion)
        used |= expansion.used
    if base.text in above:
        return StageBase(stage, Origin(above[base.text]), platform, used)
    if base.text != SCRATCH:
        check_image(base.text, lambda: _from_hint(base, above))
    return StageBase(stage, Origin(None, base.text), platform, used)


def check_image(written: str, hint: Callable[[], str]) -> None:
    """Raise `RefusedError` with `hint` if a name is neither a stage's nor an image's."""
    try:
        parse_reference(written)
    except ReferenceSyntaxError as error:
        raise RefusedError(
            f"`{written}` is not an image: {error}", hint=hint(), blame=written
        ) from None


def _platform(written: str, expansion: Expansion) -> Platform:
    if not expansion.text:
        raise RefusedError(
            f"`--platform={written}` expands to nothing",
            hint=_unset_hint(expansion.unset),
            blame="--platform",
        )
    try:
        return parse_platform(expansion.text)
    except ReferenceSyntaxError as error:
        raise RefusedError(
            f"`--platform={written}`: {error}", hint=_unset_hint(expansion.unset), blame=written
        ) from None


def _from_hint(base: Expansion, above: Mapping[str, int]) -> str:
    if base.unset:
        return _unset_hint(base.unset)
    if base.text.lower() in above:
        return f"`FROM` finds a stage by its name in lower case: `{base.text.lower()}`"
    return did_you_mean(base.text, above)


def _unset_hint(names: frozenset[str]) -> str:
    if not names:
        return ""
    name = min(names)
    return f"give `{name}` a value: `ARG {name}=…` before the first `FROM`, or under `args`"
