"""Give build arguments of the command line to the images that declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import Location, Problem, quoted_list
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .read_image import Draft

OPTION = "--arg"


def with_arguments(draft: Draft, arguments: Mapping[str, str]) -> Draft:
    """Return an image with further arguments, which override those of its files."""
    if not arguments:
        return draft
    build = draft.build
    file = replace(build.file, args={**build.file.args, **arguments})
    located = {f"args.{name}": Location(OPTION) for name in arguments}
    origins = build.origins.overridden(located)
    return replace(draft, build=replace(build, file=file, origins=origins))


def bound_twice(draft: Draft, names: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each argument of the command line that `[bases]` binds, too."""
    for name, (image, location) in draft.file.bases.items():
        if name in names:
            message = f"`{name}` is bound to the image `{image}` here, and `{OPTION}` sets it, too"
            yield Problem(location, message, f"remove one of the two; `{OPTION}` is for `[args]`")


def undeclared(arguments: Mapping[str, str], declared: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each argument of the command line that no image declares."""
    for name in arguments:
        if name not in declared:
            known = sorted(declared)
            there = f"the arguments are {quoted_list(known)}" if known else "no image has an `ARG`"
            hint = did_you_mean(name, known) or there
            yield Problem(None, f"no Dockerfile of the project has `ARG {name}`", hint)
