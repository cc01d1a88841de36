"""Decide which apps are deployed, and why. A part of `model.plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from .actions import Action, AppAction, DeployAction
from .configuration import why_differs
from .waves import deploy_order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..reference import Digest, ImageName
    from .actions import ImageAction
    from .apps import Running
    from .hold import Held
    from .state import State

_BUILT_ANEW = "its image is built anew"
_OTHER_IMAGE = "it runs another image"
_CURRENT = "it runs this image"


def plan_apps(
    state: State,
    images: tuple[ImageAction, ...],
    apps: Collection[str],
    held: Mapping[str, Held],
    redeploy: Collection[str],
) -> tuple[AppAction, ...]:
    """Return the actions for `apps`, in the order of the deploys.

    `images` are the actions for their images, `held` those that must not be deployed, and
    `redeploy` the apps to deploy even if they are current.
    """
    actions = {action.name: action for action in images}
    names = (name for group in deploy_order(state.project) for name in group)
    chosen = frozenset(apps)
    return tuple(
        _unknown_app(state, (app, name), actions.get(name))
        or _app_action(
            (app, name),
            _why_deploy(actions.get(name), state.running.get(app), forced=app in redeploy),
            state.running.get(app),
            held.get(app),
            _why_anyway(state.running.get(app), forced=app in redeploy),
        )
        for name in names
        if (spec := state.project.image(name).deploy)
        for app in spec.apps
        if app in chosen
    )


def _app_action(
    named: tuple[str, ImageName],
    why: str,
    running: Running | None,
    held: Held | None,
    anyway: str,
) -> AppAction:
    """Return the action for an app that is deployed for the reason `why`, if there is one."""
    if why and held:
        return AppAction(*named, DeployAction.HELD, held.reason, running, held)
    if why:
        return AppAction(*named, DeployAction.DEPLOY, why, running, anyway=anyway)
    return AppAction(*named, DeployAction.CURRENT, _CURRENT, running)


def _unknown_app(
    state: State, named: tuple[str, ImageName], image: ImageAction | None
) -> AppAction | None:
    """Return the action for an app if it is not known what it runs, or whether its image exists.

    An app that runs nothing is deployed in any case.
    """
    app, name = named
    running = state.running.get(app)
    if error := state.unknown_apps.get(app):
        return AppAction(*named, DeployAction.UNKNOWN, error.message, error=error)
    if image and image.error and running:
        why = f"it is unknown whether its image `{name}` exists"
        return AppAction(*named, DeployAction.UNKNOWN, why, running, error=image.error)
    return None


def replan_app(action: AppAction, image: ImageAction) -> AppAction:
    """Return the action for an app whose image could not be copied, as `image` is in its place."""
    now = action.now.digest if action.now else None
    if action.action is not DeployAction.CURRENT or (now and now == image.digest):
        return action
    why = _BUILT_ANEW if image.action is Action.BUILD else _OTHER_IMAGE
    return replace(action, action=DeployAction.DEPLOY, reason=why)


def replan_reused(action: AppAction, digest: Digest | None) -> AppAction:
    """Return the action for an app whose image was to be built, and is `digest`, as before."""
    if action.action is not DeployAction.DEPLOY or action.now is None:
        return action
    if action.now.digest != digest:
        return replace(action, reason=_OTHER_IMAGE)
    if action.anyway:
        return replace(action, reason=action.anyway)
    return replace(action, action=DeployAction.CURRENT, reason=_CURRENT)


def _why_deploy(action: ImageAction | None, running: Running | None, *, forced: bool) -> str:
    """Say why an app is deployed; empty if it is current.

    The image of an app that is held may not be needed, and then it has no action.
    """
    if action is None:
        return "its image is not built"
    if running is None:
        return "nothing runs yet"
    if action.action is Action.BUILD:
        return _BUILT_ANEW
    if running.digest != action.digest:
        return _OTHER_IMAGE
    return _why_anyway(running, forced=forced)


def _why_anyway(running: Running | None, *, forced: bool) -> str:
    """Say why an app is deployed even if it runs its image; empty if that is no reason to."""
    if running is None:
        return "nothing runs yet"
    return _why_same_image(running) or ("forced" if forced else "")


def _why_same_image(running: Running) -> str:
    if running.differs:
        return why_differs(running.differs)
    return "" if running.healthy else running.trouble or "it is not healthy"
