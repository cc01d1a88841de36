"""Reuse images: put one that exists under its new tag if its bases changed and contain the same.

An image waits for its bases if an image of the same inputs was ever built (`model.reuse`). When
they are there, what they contain is read from the registry, and the image that was built on the
same contents is asked for. It is put under the new tag as a build would be published, so several
runs agree on one image. Whatever goes wrong costs a notice, and the image is built.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..buildkit.outcome import Built
from ..errors import PipelineError, UnknownError
from ..fingerprints.reuse_key import own_key, reuse_key
from ..http.errors import HttpError
from ..model.events import ImageChanged, Notice, Phase
from ..model.plan import to_build
from ..model.plan_apps import replan_reused
from ..model.presence import Present
from ..model.report import ImageStatus
from ..model.reuse import may_wait, own_reference, reuse_reference, without_dependents
from ..registry.errors import AbsentError, KeptTagError
from ..registry.verify import Look, look_closer
from .aliases import DONE
from .contents import Contents, begins_with, read_contents
from .publish import Pushed, publish
from .record import write_records_again

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..buildkit.outcome import Outcome
    from ..model.actions import ImageAction
    from ..model.events import Reporter
    from ..model.inputs import Inputs
    from ..model.plan import Plan
    from ..model.presence import Availability
    from ..model.project import Project
    from ..model.state import Goal
    from ..reference import ImageName, Reference
    from ..registry.client import Registry
    from ..registry.manifest import Manifest
    from .tools import Tools


def find_reusable(
    project: Project,
    goal: Goal,
    inputs: Mapping[ImageName, Inputs],
    presence: Mapping[ImageName, Availability],
    registry: Registry,
    report: Reporter,
) -> frozenset[ImageName]:
    """Return the missing images that may be reused, if their bases contain the same as before.

    That takes one request for each that has a base of this project. One that the registry does not
    answer for is built.
    """
    building = to_build(project, presence, goal.names(project), force=goal.force)
    names = may_wait(project, goal, presence, building)
    found = ((n, own_reference(project, n, own_key(project.image(n), inputs[n]))) for n in names)
    places = {name: reference for name, reference in found if reference}
    answers = registry.head_all(list(dict.fromkeys(places.values())))
    errors = {n: a for n, r in places.items() if isinstance(a := answers[r], HttpError)}
    _report_errors(report, errors)
    return frozenset(n for n, r in places.items() if isinstance(answers[r], Present))


class Reuse:
    """The images of a run that wait to be reused, and the tags by which a later run finds others.

    `waiting` are those that are neither reused nor to be built yet.
    """

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self.waiting = frozenset(action.name for action in plan.images if action.reusable)
        self._plan = plan
        self._tools = tools
        self._known: dict[Reference, Contents | str] = {}
        """Contents by digest, or why they are not known."""

    def settle(self, pending: Sequence[ImageAction]) -> None:
        """Reuse the images whose bases are there, one level after the other.

        What cannot be reused waits no longer, nor does what depends on it: all of it is built.
        """
        while ready := self._ready(pending):
            self._reuse(ready)
            names = {action.name for action in ready}
            missed = names - self._tools.results.images.keys()
            left = without_dependents(self._plan.project, self.waiting, missed)
            self.waiting = left - names

    def _ready(self, pending: Sequence[ImageAction]) -> list[ImageAction]:
        if self._tools.stop.is_set():
            return []
        done = self._tools.results.images
        return [
            action
            for action in pending
            if action.name in self.waiting
            and action.name not in done
            and all(n in done and done[n].status in DONE for n in action.image.base_names)
        ]

    def _reuse(self, ready: Sequence[ImageAction]) -> None:
        """Put those that exist under their tags, and record them."""
        registry = self._tools.registry
        bases = {a.name: self._published_bases(a) for a in ready}
        self._read({place: None for each in bases.values() for place in each.values()})
        places = {a.name: self._place(a, bases[a.name]) for a in ready}
        answers = registry.each(_read_manifest(registry), [r for r in places.values() if r])
        found: list[Pushed] = []
        errors: dict[ImageName, HttpError] = {}
        for action in ready:
            place = places[action.name]
            answer = answers[place] if place else None
            if isinstance(answer, HttpError):
                errors[action.name] = answer
            elif answer is not None:
                found.append(Pushed(action, answer))
        _report_errors(self._tools.report, errors)
        found = [one for one in found if self._is_complete(one, places[one.action.name])]
        for one in found:
            self._tools.report(ImageChanged(one.action.name, Phase.COPYING, _reason(one.action)))
        self._publish(found)

    def _publish(self, found: Sequence[Pushed]) -> None:
        write_records_again(self._plan, found, self._tools)
        answers = publish(found, self._tools.registry)
        for action in (one.action for one in found):
            answer = answers[action.name]
            if isinstance(answer, Present):
                reason = _reason(action)
                self._tools.end_image(action, ImageStatus.COPIED, reason, answer.digest)
            else:
                why = answer.message if isinstance(answer, PipelineError) else "it vanished"
                text = f"`{action.name}` could not be reused, and is built: {why}"
                self._tools.report(Notice(text))
                self._tools.report(ImageChanged(action.name, Phase.WAITING))

    def _published_bases(self, action: ImageAction) -> dict[ImageName, Reference]:
        done = self._tools.results.images
        return {
            name: done[name].reference.pinned(digest)
            for name in action.image.base_names
            if (digest := done[name].digest)
        }

    def _place(self, action: ImageAction, bases: Mapping[ImageName, Reference]) -> Reference | None:
        """Return the reference with the reuse key; `None` if the contents of a base are unknown."""
        known = {name: self._known[place] for name, place in bases.items()}
        keys = {name: one.key for name, one in known.items() if isinstance(one, Contents)}
        if keys.keys() != set(action.image.base_names):
            return None
        own = own_key(action.image, self._plan.inputs[action.name])
        key = reuse_key(action.image, own, keys)
        return reuse_reference(self._plan.project, action.name, key)

    def _is_complete(self, found: Pushed, place: Reference | None) -> bool:
        """Check an image as one that exists: with `--verify deep`, it must have all its parts."""
        if not self._plan.deep or place is None:
            return True
        pinned = place.pinned(found.manifest.digest)
        look = Look(pinned, found.manifest.present, found.action.image.platforms)
        answer = look_closer(self._tools.registry, [look])[pinned]
        return isinstance(answer, Present)

    def _read(self, places: Mapping[Reference, Manifest | None]) -> None:
        """Read the contents of images, each once in a run; their manifest may be known."""
        registry = self._tools.registry
        new = [place for place in places if place not in self._known]
        answers = registry.each(lambda place: read_contents(registry, place, places[place]), new)
        for place, answer in answers.items():
            self._known[place] = answer.message if isinstance(answer, HttpError) else answer

    def record(
        self,
        batch: Sequence[ImageAction],
        outcomes: Mapping[ImageName, Outcome],
        pushed: Sequence[Pushed],
    ) -> None:
        """Put the tags by which a later run finds the images of a solve that stand on others.

        Only what is certain is put: the image that was built in this very solve, is now under its
        own tag, and begins with the layers of its base.
        """
        if not self._plan.project.settings.build.reuse or self._tools.stop.is_set():
            return
        manifests = {one.action.name: one.manifest for one in pushed}
        built = {n: m for n, m in manifests.items() if _is_built(outcomes.get(n), m)}
        bases: dict[ImageName, dict[ImageName, Reference]] = {}
        places: dict[Reference, Manifest | None] = {}
        solved = {action.name: action for action in batch}
        for action in batch:
            if not action.image.base_names or not self._is_ours(action, built.get(action.name)):
                continue
            found = self._bases_in_solve(action, solved, built)
            if found is not None:
                bases[action.name] = found
                places |= {place: built.get(name) for name, place in found.items()}
        self._read(places)

        def put(name: ImageName) -> str:
            try:
                return self._put(solved[name], bases[name], built[name])
            except PipelineError as error:
                return error.message

        _report_untagged(self._tools.report, self._tools.registry.each(put, list(bases)))

    def _is_ours(self, action: ImageAction, manifest: Manifest | None) -> bool:
        """Return whether the tag of an image has what this solve made, and nothing unaccounted."""
        result = self._tools.results.images.get(action.name)
        return (
            manifest is not None
            and result is not None
            and result.status is ImageStatus.BUILT
            and result.digest == manifest.digest
            and not result.unaccounted
        )

    def _bases_in_solve(
        self,
        action: ImageAction,
        solved: Mapping[ImageName, ImageAction],
        built: Mapping[ImageName, Manifest],
    ) -> dict[ImageName, Reference] | None:
        """Return the bases that an image was built on: those of its solve, or published before.

        Another run may have published another image under the tag of a base since then. `None` if
        it is not certain which a base was.
        """
        found: dict[ImageName, Reference] = {}
        for name in action.image.base_names:
            result = self._tools.results.images.get(name)
            if name in solved and name in built:
                found[name] = solved[name].reference.pinned(built[name].digest)
            elif name not in solved and result and result.digest:
                found[name] = result.reference.pinned(result.digest)
            else:
                return None
        return found

    def _put(
        self, action: ImageAction, bases: Mapping[ImageName, Reference], manifest: Manifest
    ) -> str:
        """Put both tags of an image; return why that was not done, or nothing."""
        unknown = [one for place in bases.values() if isinstance(one := self._known[place], str)]
        if unknown:
            return unknown[0]
        known = ((name, self._known[place]) for name, place in bases.items())
        roots = [one for n, one in known if n in action.image.roots and isinstance(one, Contents)]
        registry, place = self._tools.registry, self._place(action, bases)
        own = own_key(action.image, self._plan.inputs[action.name])
        marker = own_reference(self._plan.project, action.name, own)
        if place is None or marker is None:
            return ""
        pinned = action.reference.pinned(manifest.digest)
        if roots and not begins_with(registry, pinned, manifest, roots):
            return "it does not begin with the layers of its base"
        for reference in (place, marker):
            with suppress(KeptTagError):  # it is there, with an image of the same inputs
                registry.put(reference, manifest)
        return ""


def replan(plan: Plan, tools: Tools) -> Plan:
    """Return the plan in which apps whose images were reused are current, if they run these."""
    done = tools.results.images
    reused = {
        action.name: result.digest
        for action in plan.images
        if action.reusable
        and (result := done.get(action.name))
        and result.status is ImageStatus.COPIED
    }
    if not reused:
        return plan
    deploys = tuple(
        replan_reused(one, reused[one.image]) if one.image in reused else one
        for one in plan.deploys
    )
    return replace(plan, deploys=deploys)


def _reason(action: ImageAction) -> str:
    names = " and ".join(f"`{name}`" for name in action.image.base_names)
    return f"it was built before, on the same contents of {names}"


def _is_built(outcome: Outcome | None, manifest: Manifest) -> bool:
    """Return whether the last attempt at a solve made this very image."""
    return isinstance(outcome, Built) and outcome.digest == manifest.digest


def _read_manifest(registry: Registry) -> Callable[[Reference], Manifest | None]:
    def read(reference: Reference) -> Manifest | None:
        try:
            return registry.manifest(reference)
        except AbsentError:
            return None

    return read


def _report_errors(report: Reporter, errors: Mapping[ImageName, UnknownError]) -> None:
    _report_once(report, "built, and not looked for", {n: e.message for n, e in errors.items()})


def _report_untagged(report: Reporter, answers: Mapping[ImageName, str | HttpError]) -> None:
    reasons = {n: a.message if isinstance(a, HttpError) else a for n, a in answers.items()}
    _report_once(report, "a later run cannot reuse it", reasons)


def _report_once(report: Reporter, what: str, reasons: Mapping[ImageName, str]) -> None:
    """Report each reason once, with one of the images that it is about."""
    names: dict[str, list[ImageName]] = {}
    for name, why in reasons.items():
        if why:
            names.setdefault(why, []).append(name)
    for why, found in names.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        report(Notice(f"`{found[0]}`{more}: {what}: {why}"))
