"""Create and update releases, by whichever API they are created.

flyctl uses `POST` and `PATCH /api/v1/releases` (superfly/flyctl `internal/uiex/releases.go`),
fly-go the mutations `createRelease` and `updateRelease` (`resource_releases.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.fly.errors import RefusedError
from tests.support.fly.images import NotFoundError
from tests.support.fly.state import Release, now

if TYPE_CHECKING:
    from tests.support.fly.images import Images
    from tests.support.fly.state import App, World
    from tests.support.fly.tokens import Token

STRATEGIES = ("BLUEGREEN", "CANARY", "IMMEDIATE", "ROLLING", "ROLLING_ONE", "SIMPLE")
STATUSES = ("pending", "running", "complete", "failed", "interrupted")


def create_release(
    world: World,
    images: Images,
    app: App,
    token: Token,
    *,
    image: str,
    config: dict[str, Any],
    strategy: str,
) -> Release:
    """Create a release, which resolves the reference again: its tag may have been removed by now.

    Raises:
        RefusedError: 403 for a token that may not deploy, 404 for an image that is not found, 422
            for a strategy that Fly does not have.

    """
    if not token.changes(app):
        raise RefusedError(403, "Not authorized")
    if strategy not in STRATEGIES:
        raise RefusedError(422, f"strategy is not one of {', '.join(STRATEGIES)}")
    try:
        found = images.resolve(image, app.org, token, lag=world.knobs.release_lag_seconds)
    except NotFoundError:
        raise RefusedError(404, f'Could not find image "{image}"') from None
    with world.lock:
        made = Release(
            id=world.new_id("release", app.name),
            version=len(app.releases) + 1,
            image_ref=str(found.ref),
            digest=found.ref.digest,
            config=config,
            strategy=strategy.lower(),
            user=app.org,
            created_at=now(),
        )
        app.releases.append(made)
        return made


def update_release(world: World, token: Token, release_id: str, status: str) -> Release:
    """Set the status of a release.

    Raises:
        RefusedError: 404, or 422 for a status that flyctl never sends.

    """
    for app in world.of_org(token.org):
        for release in app.releases:
            if release.id == release_id and token.changes(app):
                if status not in STATUSES:
                    raise RefusedError(422, f"status is not one of {', '.join(STATUSES)}")
                release.status = status
                return release
    raise RefusedError(404, "Could not find Release")
