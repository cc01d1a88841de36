"""Apps, what runs of them, and how a driver deploys them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import ConfigError
from .configuration import Configuration
from .permission import VARIABLE
from .stamp import Revision, Stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from ..errors import Problem
    from ..reference import Digest, ImageName, Reference


NOT_RUN = "asked of a command: not run"
"""The reason of the one row for apps that a command lists, where only looking is wanted."""

HOW_TO_RUN = f"`--allow commands`, or {VARIABLE}=commands, runs the commands that list apps"


class App(Struct, frozen=True):
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


class Running(Struct, frozen=True):
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


class Release(Struct, frozen=True):
    """One release of an app. `image` is `None` where the driver no longer knows it.

    `version` and `status` are the driver's own words, `created` is RFC 3339 in UTC or empty.
    """

    version: str
    status: str
    image: Reference | None = None
    created: str = ""
