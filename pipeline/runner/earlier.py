"""Load the project of an earlier commit, to compare it with that of now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.why import Side
from ..process.git_tree import time_of
from ..project.load import load

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.project import Project
    from ..process.git_tree import Checkout
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
