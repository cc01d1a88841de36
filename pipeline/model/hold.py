"""Hold apps: leave an app alone if it runs a newer commit, or if somebody rolled back.

A newer commit is one than that of the project's files; a rollback was from what the files want.
Two CI runs of one branch may end in the wrong order, and yesterday's job may be run again. The
clone of the older run does not know the newer commit. But the newer run left the ids of the commits
before its own beside the app (`model.stamp`), and the older run's commit is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import WorkError
from .presence import Absent, Elsewhere, Incomplete, Present
from .stamp import Wanted, tag_of_inputs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..reference import ImageName, Reference
    from .apps import App, Running
    from .image import Image
    from .project import Project
    from .stamp import Revision
    from .state import State

_SHOWN = 7
_SHORTEST = 7
"""Hex digits of a parent: shorter ids than Git's own short ones match too many commits."""


ROLLED_BACK = (
    "somebody rolled back from this image and configuration: another one is deployed, or this one "
    "with `--force`"
)


class Held(Struct, frozen=True):
    """Why an app is left alone. `deliberate` if somebody rolled it back on purpose."""

    reason: str
    deliberate: bool = False


def hold(head: Revision | None, running: Running | None, wanted: Wanted) -> Held | None:
    """Say why the files of the commit `head` must not replace what runs; `None` if they may.

    What somebody rolled back from is held while it is `wanted`: with Git or without, whatever the
    commit. A stamp of an older version does not say what that was, and then the commit decides.
    Otherwise, where either commit is not known, nothing is held.
    """
    stamp = running.stamp if running else None
    if stamp is None:
        return None
    if stamp.back and any(left.is_wanted(wanted) for left in stamp.left):
        return Held(ROLLED_BACK, deliberate=True)
    theirs = stamp.revision
    if head is None or theirs is None:
        return None
    same = head.id == theirs.id and not stamp.left
    if stamp.back and (same or _is_before(head, theirs)):
        why = f"somebody went back from commit {theirs.id[:_SHOWN]}: a newer one is deployed again"
        return Held(why, deliberate=True)
    if _is_before(head, theirs):
        return Held(f"commit {theirs.id[:_SHOWN]} runs, which is newer")
    return None


def _is_before(head: Revision, theirs: Revision) -> bool:
    """Return whether `head` is among the known ancestors of `theirs`."""
    known = (parent for parent in theirs.parents if len(parent) >= _SHORTEST)
    return head.id != theirs.id and any(head.id.startswith(parent) for parent in known)


class OvertakenError(WorkError):
    """A newer commit was deployed since the plan was made, and is `running`: the app is `held`."""

    def __init__(self, held: Held, running: Running) -> None:
        super().__init__(held.reason)
        self.held = held
        self.running = running


def check_overtaken(app: App, image: Reference, running: Running | None) -> None:
    """Raise `OvertakenError` if what runs by now must not be replaced by `image` in `app`."""
    held = None if app.backwards else hold(app.revision, running, app.wanted(image))
    if held and running:
        raise OvertakenError(held, running)


def held_apps(project: Project, state: State, apps: Collection[str]) -> dict[str, Held]:
    """Return those of `apps` that must not be deployed; none if the settings allow `backwards`."""
    if project.settings.deploy.backwards:
        return {}
    found = {
        app: hold(state.revision, state.running.get(app), wanted_by(state, image, app))
        for image in project
        if image.deploy
        for app in image.deploy.apps
        if app in apps
    }
    return {app: held for app, held in found.items() if held}


def wanted_by(state: State, image: Image, app: str) -> Wanted:
    """Return what the project's files want an app to run."""
    running = state.running.get(app)
    if not (running and running.stamp and running.stamp.back):
        return Wanted()  # nothing compares it, and a digest of the configuration takes time
    found = state.presence.get(image.name)
    digest = found.digest if isinstance(found, Present | Elsewhere) else None
    configuration = state.configurations.get(app)
    return Wanted(
        tag_of_inputs(state.reference(image.name).tag),
        digest,
        configuration.digest if configuration else "",
    )


def unneeded_images(
    project: Project, state: State, held: Mapping[str, Held], apps: Collection[str]
) -> frozenset[ImageName]:
    """Name the missing images that only held apps would run: they are not built."""
    found = set()
    for image in project:
        mine = {app for app in image.deploy.apps if app in apps} if image.deploy else set()
        missing = isinstance(state.presence.get(image.name), Absent | Incomplete)
        if mine and missing and mine <= held.keys():
            found.add(image.name)
    return frozenset(found)
