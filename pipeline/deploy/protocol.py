"""What a driver does: deploy an app, and say what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.apps import App, Release, Running
    from ..model.events import Reporter
    from ..reference import Reference


class Driver(Protocol):
    """A place to deploy to. One module per driver, one line in `deploy.drivers`."""

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """What each app (by name) runs now, `None` for nothing yet.

        Where its configuration is not the app's `configuration`, that is in `Running.differs`.
        Raises `UnknownError` where it cannot be found out, `MissingAppsError` for apps that must
        be created first.
        """

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Bring `image` (pinned by digest) to `app` and wait until it is healthy.

        `fresh` says that this run pushed the image: a registry may need a moment to show it.
        Raises `DeployError` when it is not; what ran before then still runs.
        Raises `UnknownError` where the place to deploy to cannot be reached.
        Raises `OvertakenError` where it waited for another deploy, and that was of a newer commit.
        """


@runtime_checkable
class CautiousDriver(Driver, Protocol):
    """A driver that needs more to deploy than to say what runs."""

    def ready(self) -> None:
        """Look whether apps can be deployed at all, before anything is built for them.

        Raises `UnknownError` with what is missing.
        """


@runtime_checkable
class RewindingDriver(Driver, Protocol):
    """A driver that knows an app's earlier releases and can put one back."""

    def releases(self, app: App, /) -> Sequence[Release]:
        """All that is known of the app's releases, the newest first.

        Raises `UnknownError` where it cannot be found out.
        """

    def rollback(self, app: App, report: Reporter, /, *, hold: bool = False) -> Running:
        """Put back image and configuration of the release before, and wait until it is healthy.

        That is the last good release before the newest one: where the newest failed half-way,
        what ran before it. With `hold`, it leaves beside the app that somebody went back from the
        commit that ran, so that the next run does not deploy that commit again.
        Raises `DeployError` where there is none or it is not healthy; what ran then still runs.
        Raises `UnknownError` where the place to deploy to cannot be reached.
        """


@runtime_checkable
class ListingDriver(Driver, Protocol):
    """A driver that knows which apps there are, for `[deploy] apps = "match:acme-*"`."""

    def names(self) -> Sequence[str]:
        """The names of all apps that the settings' organization has, in any order.

        Raises `UnknownError` where they cannot be found out.
        """
