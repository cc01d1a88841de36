"""Apps, what they run, and their releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import ConfigError, UnknownError
from .configuration import Configuration
from .permission import VARIABLE
from .stamp import Revision, Stamp, Wanted, tag_of_inputs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from ..errors import Problem
    from ..reference import Digest, ImageName, Reference


NOT_RUN = "listed by a command that was not run"
"""The reason in the one row for apps that a command lists, if a task must run no command."""

HOW_TO_RUN = f"`--allow commands`, or {VARIABLE}=commands, runs the commands that list apps"


def not_run() -> UnknownError:
    """Return why the apps are unknown that a command lists, if a task must run no command."""
    return UnknownError(NOT_RUN, hint=HOW_TO_RUN)


class App(Struct, frozen=True):
    """An app to deploy to. `config` is the absolute path of its `fly.toml`, if it has one.

    `configuration` is what that file says, `revision` the commit of the project's files: a deploy
    leaves both beside the app, as a `Stamp`. `root` is the project's folder. With `backwards`, the
    app is deployed even if it runs a newer commit.
    """

    name: str
    image: ImageName
    config: Path | None = None
    strategy: str = ""
    configuration: Configuration = field(default_factory=Configuration)
    revision: Revision | None = None
    root: Path | None = None
    backwards: bool = False

    def stamp(self, image: Reference, release: str) -> Stamp:
        """Return what a deploy leaves beside this app, if it made `release` of `image`."""
        assert image.digest  # noqa: S101 - an image is deployed by its digest
        tag = tag_of_inputs(image.tag)
        return Stamp(self.configuration.digest, image.digest, release, self.revision, tag=tag)

    def wanted(self, image: Reference) -> Wanted:
        """Return what the app is to run, to compare it with what somebody rolled back from."""
        return Wanted(tag_of_inputs(image.tag), image.digest, self.configuration.digest)


class Running(Struct, frozen=True):
    """What an app runs now. `release` and `url` are the driver's, empty if unknown.

    `trouble` says why it is not healthy, if the driver knows. `stamp` is what the deploy of this
    release left, `None` if it left nothing or was not ours. `differs` names the keys in which its
    configuration differs from the files. `machines` are those that a deploy restarts, `None` if the
    driver does not count them.
    """

    digest: Digest
    release: str = ""
    healthy: bool = True
    url: str = ""
    trouble: str = ""
    stamp: Stamp | None = None
    differs: tuple[str, ...] = ()
    machines: int | None = None


class MissingAppsError(ConfigError):
    """Apps that do not exist where they are to be deployed; `running` is what the others run."""

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
    """One release of an app. `image` is `None` if the driver no longer knows it.

    `version` and `status` are as the driver writes them, `created` is RFC 3339 in UTC or empty.
    """

    version: str
    status: str
    image: Reference | None = None
    created: str = ""
