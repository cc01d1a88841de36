"""The protocol of a driver: deploy apps, and say what they run.

The optional protocols (`CautiousDriver`, `RollbackDriver`, `ListingDriver`, `OwningDriver`) are for
drivers that can do more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..model.apps import App, Release, Running
    from ..model.events import Reporter
    from ..reference import Reference


class Driver(Protocol):
    """Deploys apps to one place. A driver is one module and one line in `deploy.drivers`."""

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """Return what each app (by name) runs now, `None` if it was never deployed.

        `Running.differs` says in what its configuration differs from the app's `configuration`.
        Raises `UnknownError` if it cannot be found out, `MissingAppsError` for apps that must be
        created first.
        """

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Deploy `image` (pinned by digest) to `app` and wait until it is healthy.

        `fresh` means that this run pushed the image: a registry may need a moment to show it.
        Raises `DeployError` if it does not become healthy; the release before it still runs.
        Raises `UnknownError` if the place cannot be reached.
        Raises `OvertakenError` if it waited for another deploy, and that was of a newer commit.
        """


@runtime_checkable
class CautiousDriver(Driver, Protocol):
    """A driver that needs more to deploy than to say what runs."""

    def ready(self) -> None:
        """Check that apps can be deployed, before anything is built for them.

        Raises `UnknownError` with what is missing.
        """


@runtime_checkable
class RollbackDriver(Driver, Protocol):
    """A driver that knows earlier releases of an app and can roll back to one of them."""

    def releases(self, app: App, /) -> Sequence[Release]:
        """Return the known releases of the app, newest first.

        Raises `UnknownError` if they cannot be found out.
        """

    def rollback(
        self, app: App, report: Reporter, /, *, hold: bool = False, to: str = ""
    ) -> Running:
        """Deploy image and configuration of an earlier release again; wait until it is healthy.

        That is release `to`, or the last good release before the newest one: if the newest failed
        half-way, the one that ran before it; if it is a rollback itself, the one before the release
        that it restored. With `hold`, it also records with the app what somebody rolled back from,
        so that the next run does not deploy that again.
        Raises `DeployError` if there is no such release or it is not healthy; what ran before still
        runs.
        Raises `UnknownError` if the place cannot be reached.
        """


@runtime_checkable
class ListingDriver(Driver, Protocol):
    """A driver that can list apps, for `[deploy] apps = "match:acme-*"`."""

    def names(self) -> Sequence[str]:
        """Return the names of all apps in the settings' organization, in any order.

        Raises `UnknownError` if they cannot be found out.
        """


@runtime_checkable
class OwningDriver(Driver, Protocol):
    """A driver that knows which project an app was deployed from."""

    def deployed_from(self, root: Path, /) -> Mapping[str, Running]:
        """Return what each app runs whose newest release comes from the project at `root`.

        Raises `UnknownError` if it cannot be found out.
        """
