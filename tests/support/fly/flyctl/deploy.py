"""`fly deploy` of an image: resolve it, create a release, then update machine by machine.

Order of steps and texts: facts, sections 3.1 to 3.3; superfly/flyctl `internal/command/deploy/
deploy.go` (`DeployWithConfig`). It builds nothing: without an image it fails.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.fly.flyctl import fly_toml
from tests.support.fly.flyctl.context import COMPACT
from tests.support.fly.flyctl.rollout import Rollout
from tests.support.fly.flyctl.session import FailedError, InterruptedRunError
from tests.support.fly.graphql_nodes import image_id
from tests.support.fly.images import NotFoundError
from tests.support.fly.state import Release, now

if TYPE_CHECKING:
    from tests.support.fly.flyctl.context import Context
    from tests.support.fly.images import Image
    from tests.support.fly.state import App

STRATEGIES = ("canary", "rolling", "immediate", "bluegreen")


def deploy(context: Context) -> None:
    """Run `fly deploy`."""
    line, session = context.line, context.session
    if len(line.words) > 1:
        raise FailedError(f"accepts at most 1 arg(s), received {len(line.words)}")
    name, config = _verified(context)
    app = context.flaps_app(name)
    image = _image(context, app, config)
    if line.on("build-only"):
        return
    session.out(f"\nWatch your deployment at https://fly.io/apps/{name}/monitoring\n\n")
    release = _run(_start(context, app, config, image))
    if session.environ.get("FLY_EMIT_RELEASE_JSON"):
        told = {"id": release.id, "version": release.version, "image_ref": release.image_ref}
        session.out(json.dumps(told, separators=(",", ":")) + "\n")
    if "http_service" in config or "services" in config:
        session.out(f"\nVisit your newly deployed app at https://{name}.fly.dev/\n\n")


def _verified(context: Context) -> tuple[str, dict[str, Any]]:
    context.token_text()
    found = context.config()
    name = context.app_name(found[1] if found else None)
    context.session.err("==> Verifying app config\n")
    if found:
        context.session.out(f"Validating {found[0]}\n✓ Configuration is valid\n")
    config = found[1] if found else _config_of_release(context, name)
    context.session.err("--> Verified app config\n")
    return name, config


def _run(rollout: Rollout) -> Release:
    """Deploy. A killed flyctl cannot report to Fly, so its release stays `running`."""
    release = rollout.release
    try:
        rollout.all()
    except InterruptedRunError:
        release.status = "interrupted"
        raise
    except FailedError:
        release.status = "failed"
        raise
    release.status = "complete"
    return release


def _config_of_release(context: Context, name: str) -> dict[str, Any]:
    try:
        app = context.graphql_app(name)
    except FailedError as failed:
        if "Could not find App" not in str(failed):
            raise
        hint = "did you create the app or misspell it in the fly.toml file or via -a?"
        raise FailedError(f"the app name {name} could not be found, {hint}") from None
    if not app.releases:
        raise FailedError(
            "could not create a fly.toml from any machines :-(\nNo machines configured for this app"
        )
    return app.config


def _image(context: Context, app: App, config: dict[str, Any]) -> Image:
    wanted = context.line.value("image") or (config.get("build") or {}).get("image", "")
    context.session.err("==> Building image\n")
    if not wanted:
        raise FailedError(_unfetched("the fake flyctl builds nothing: give --image"))
    context.reach("rest")
    context.session.err(f"Searching for image '{wanted}' remotely...\n")
    try:
        context.graphql_app(app.name)
        image = context.images.resolve(wanted, app.org, context.graphql_token())
    except NotFoundError:
        raise FailedError(_unfetched(f'{COMPACT}Could not find image "{wanted}"')) from None
    except FailedError as failed:
        raise FailedError(_unfetched(str(failed))) from None
    context.session.err(f"image found: {image_id(image.ref.digest)}\n")
    return image


def _unfetched(cause: str) -> str:
    return f"failed to fetch an image or build from source: {cause}"


def _start(context: Context, app: App, config: dict[str, Any], image: Image) -> Rollout:
    token = context.token()
    if token is None or not token.changes(app):
        raise FailedError('failed to create release (status 403): {"error":"Not authorized"}')
    context.reach("rest")
    reference = str(image.ref)
    try:
        # `POST /api/v1/releases` resolves the reference again; its tag may have been removed by
        # now.
        lag = context.world.knobs.release_lag_seconds
        image = context.images.resolve(reference, app.org, token, lag=lag)
    except NotFoundError:
        body = json.dumps({"error": f'Could not find image "{reference}"'}, separators=(",", ":"))
        raise FailedError(f"failed to create release (status 404): {body}") from None
    return Rollout(context, app, config, release=_release(context, app, config, image))


def _release(context: Context, app: App, config: dict[str, Any], image: Image) -> Release:
    with context.world.lock:
        strategy = context.line.value("strategy") or (config.get("deploy") or {}).get(
            "strategy", ""
        )
        if strategy and strategy not in STRATEGIES:
            session = context.session
            session.err(f"unsupported deployment strategy '{strategy}'; Apps v2 supports the")
            session.err(f" following strategies: {', '.join(STRATEGIES)}\n")
            raise FailedError("App configuration is not valid")
        made = Release(
            id=context.world.new_id("release", app.name),
            version=len(app.releases) + 1,
            image_ref=str(image.ref),
            digest=image.ref.digest,
            config=fly_toml.definition({**config, "app": app.name}),
            strategy=strategy or "rolling",
            user=app.org,
            created_at=now(),
        )
        app.releases.append(made)
        return made
