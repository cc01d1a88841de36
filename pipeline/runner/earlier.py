"""Load the project of an earlier commit, to compare it with that of now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import ConfigError, UnknownError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.why import Side
from ..process.git_tree import Checkout, commit_of, open_repository, time_of
from ..project.load import load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ..model.project import Project
    from ..process.git_tree import Repository
    from ..reference import ImageName


class Loader:
    """Load commits into `files` with the profile of `now`, and `args` of the command line.

    `instant` chooses the periods of `refresh`, and by default those when each commit was made.
    """

    def __init__(
        self,
        files: Checkout,
        now: Project,
        args: Mapping[str, str],
        environ: Mapping[str, str] | None = None,
        *,
        instant: int | None = None,
    ) -> None:
        self.files = files
        self._profile = now.settings.profile or None
        self._args = args
        self._environ = environ
        self._instant = instant

    def load(self, commit: str, names: Collection[ImageName] | None = None) -> Side:
        """Return a commit's project with the inputs of those of `names` that it has, or of all.

        Raises `ConfigError` if its files have a mistake.
        """
        self.files.move_to(commit)
        try:
            project = load(
                self.files.root,
                profile=self._profile,
                environ=self._environ,
                args=self._args,
                instant=self._instant_of(commit),
            )
            known = None if names is None else [name for name in names if name in project.names]
            return Side(project, fingerprint(project, only=known))
        except ConfigError as error:
            raise usage_error(f"at commit {commit[:7]}: {error.problems[0]}") from None

    def _instant_of(self, commit: str) -> int:
        return time_of(self.files.repository, commit) if self._instant is None else self._instant


class Commits:
    """The commits of a project's repository, which is opened when it is first needed.

    Their files are written into `folder`, one commit after the other.
    """

    def __init__(
        self, project: Project, folder: Path, args: Mapping[str, str], environ: Mapping[str, str]
    ) -> None:
        self._now, self._folder = project, folder
        self._args, self._environ = args, environ
        self._loader: Loader | None = None

    @property
    def loader(self) -> Loader:
        """Raises `UnknownError` where there is no repository."""
        if self._loader is None:
            files = Checkout(open_repository(self._now.root, os.environ), self._folder)
            self._loader = Loader(files, self._now, self._args, self._environ)
        return self._loader

    @property
    def repository(self) -> Repository:
        """Raises `UnknownError` where there is none."""
        return self.loader.files.repository

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a revision names, `None` where it names none."""
        try:
            return commit_of(self.repository, revision)
        except UnknownError:
            return None
