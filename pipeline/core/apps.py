"""Apps, what runs of them, and how a driver deploys them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pipeline.core.allowed import VARIABLE
from pipeline.core.configuration import Configuration
from pipeline.core.stamp import Revision, Stamp
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.core.events import Reporter
    from pipeline.core.reference import Digest, ImageName, Reference
    from pipeline.errors import Problem


NOT_RUN = "asked of a command: not run"
"""The reason of the one row for apps that a command lists, where only looking is wanted."""

HOW_TO_RUN = f"`--allow commands`, or {VARIABLE}=commands, runs the commands that list apps"


@dataclass(frozen=True, slots=True)
class App:
    """An app to deploy to. `config` is its `fly.toml` as an absolute path, if it has one.

    `configuration` is what that file says, `revision` the commit that the project's files are of:
    a deploy leaves both beside the app, as a `Stamp`. `root` is the project's folder. With
    `backwards` it is deployed also over a newer commit.
    """

    name: str
    image: ImageName
    config: Path | None = None
    strategy: str = ""
    configuration: Configuration = field(default_factory=Configuration)
    revision: Revision | None = None
    root: Path | None = None
    backwards: bool = False

    def stamp(self, image: Digest, release: str) -> Stamp:
        """What a deploy of this app leaves, where it made `release` of `image`."""
        return Stamp(self.configuration.digest, image, release, self.revision)


@dataclass(frozen=True, slots=True)
class Running:
    """What an app runs now. `release` and `url` are the driver's, empty where unknown.

    `trouble` says why it is not healthy, where the driver knows. `stamp` is what the deploy left
    that made it, `None` where somebody else deployed, or nothing was left. `differs` are the keys
    of its configuration that are not as the files say, in words; none where it is as they say.
    """

    digest: Digest
    release: str = ""
    healthy: bool = True
    url: str = ""
    trouble: str = ""
    stamp: Stamp | None = None
    differs: tuple[str, ...] = ()


class MissingAppsError(ConfigError):
    """Apps that the place to deploy to does not know; `running` is what the others run."""

    def __init__(
        self,
        problems: Iterable[Problem],
        apps: Collection[str],
        running: Mapping[str, Running | None],
    ) -> None:
        super().__init__(problems)
        self.apps = frozenset(apps)
        self.running = running


@dataclass(frozen=True, slots=True)
class Release:
    """One release of an app. `image` is `None` where the driver no longer knows it.

    `version` and `status` are the driver's own words, `created` is RFC 3339 in UTC or empty.
    """

    version: str
    status: str
    image: Reference | None = None
    created: str = ""


class Driver(Protocol):
    """A place to deploy to. One file per driver, one line in `pipeline.edge.deploy.DRIVERS`."""

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
