"""What is asked after a first answer: whether what is present is whole, where else a lack is met.

Where nothing is missing and no closer look is wished for, nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from ..errors import Problem, UnknownError, raise_problems
from ..model.candidates import candidates
from ..model.events import Notice
from ..model.presence import Absent, Elsewhere, Hollow, Present
from ..model.project import reference_of
from ..registry.verify import Look, look_closer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model.events import Reporter
    from ..model.inputs import Inputs
    from ..model.presence import Presence, Standing
    from ..model.project import Project
    from ..reference import ImageName, Platform, Reference
    from ..registry.client import Registry

K = TypeVar("K")
V = TypeVar("V")


class Asking(Struct, frozen=True):
    """Whom to ask for what: `deep` for parts and platforms, `copies` for other places."""

    project: Project
    inputs: Mapping[ImageName, Inputs]
    registry: Registry
    report: Reporter
    deep: bool = False
    copies: bool = True

    def reference(self, name: ImageName) -> Reference:
        """The reference that the image's inputs give it."""
        return reference_of(self.project, name, self.inputs[name].fingerprint)


def look_further(
    asking: Asking, answers: Mapping[ImageName, Presence]
) -> dict[ImageName, Standing]:
    """How images stand for which these answers came.

    Raises `UnknownError`, and `ConfigError` for a hollow image that nobody builds.
    """
    standing: dict[ImageName, Standing] = {**answers}
    if asking.deep:
        standing |= _closer(asking, {n: a for n, a in answers.items() if isinstance(a, Present)})
    if asking.copies:
        standing |= _elsewhere(asking, [n for n, s in standing.items() if isinstance(s, Absent)])
    return standing


def look_closer_at(
    registry: Registry, reference: Reference, platforms: tuple[Platform, ...] = ()
) -> Presence | Hollow:
    """Whether `reference` is there, for `platforms` and with all its parts.

    Raises `UnknownError`.
    """
    found = registry.head(reference)
    if not isinstance(found, Present):
        return found
    answers: dict[Reference, Presence | Hollow] = certain(
        look_closer(registry, [Look(reference, found, platforms)])
    )
    return answers[reference]


def certain(answers: Mapping[K, V | UnknownError]) -> dict[K, V]:
    """The answers. Raises `UnknownError` for all that are none, together."""
    found: dict[K, V] = {}
    errors: dict[str, UnknownError] = {}
    for key, answer in answers.items():
        if isinstance(answer, UnknownError):
            errors.setdefault(answer.message, answer)
        else:
            found[key] = answer
    if errors:
        raise _together(list(errors.values()), asked=len(answers), answered=len(found))
    return found


def _closer(asking: Asking, found: Mapping[ImageName, Present]) -> dict[ImageName, Standing]:
    looks = {
        name: Look(asking.reference(name), present, asking.project.image(name).platforms)
        for name, present in found.items()
    }
    answers: dict[Reference, Presence | Hollow] = certain(
        look_closer(asking.registry, list(looks.values()))
    )
    standing: dict[ImageName, Standing] = {n: answers[k.reference] for n, k in looks.items()}
    raise_problems(list(_useless(asking.project, standing)))
    return standing


def _useless(project: Project, standing: Mapping[ImageName, Standing]) -> Iterable[Problem]:
    """The hollow images that nobody builds."""
    for name, found in standing.items():
        image = project.image(name)
        if image.public and isinstance(found, Hollow):
            hint = "`invoke exists REFERENCE --verify deep` looks at any other"
            yield Problem(image.externals[0].location, found.reason, hint)


def _elsewhere(asking: Asking, names: Iterable[ImageName]) -> dict[ImageName, Standing]:
    """Of images that are absent, those that stand elsewhere; what cannot be asked is told."""
    places = candidates(asking.project, asking.inputs, names)
    if not places:
        return {}
    answers = asking.registry.head_all([place for found in places.values() for place in found])
    troubles = {a.message: r for r, a in answers.items() if isinstance(a, UnknownError)}
    for message, reference in troubles.items():
        text = f"`{reference}` could not be asked for, and is not copied: {message}"
        asking.report(Notice(text))
    present = {r: a for r, a in answers.items() if isinstance(a, Present)}
    firsts = {n: next((r for r in found if r in present), None) for n, found in places.items()}
    return {name: Elsewhere(r, present[r].digest) for name, r in firsts.items() if r}


def _together(errors: list[UnknownError], *, asked: int, answered: int) -> UnknownError:
    first = errors[0]
    if asked == 1:
        return first
    more = f" (and {len(errors) - 1} more such)" if len(errors) > 1 else ""
    message = f"{first.message}{more}; {answered} of {asked} images could be looked up"
    return UnknownError(message, hint=first.hint)
