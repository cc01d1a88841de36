"""Find out which images and apps a change reaches: since a commit, of files, or of a base."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.impact import causes_of_externals, causes_of_files, reached, reached_since
from ..model.why import Side
from ..process.git_tree import Checkout, commit_of, open_repository
from .earlier import Loader
from .lock import choose_externals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.impact import Reached
    from ..model.project import Project
    from ..reference import ImageName


class Impact(Struct, frozen=True):
    """What a change reaches, and the states of the project whose builds say what that takes."""

    reached: tuple[Reached, ...]
    sides: tuple[Side, ...]

    @property
    def images(self) -> tuple[ImageName, ...]:
        """The images that are reached."""
        return tuple(one.image for one in self.reached)


def since(project: Project, revision: str, args: Mapping[str, str]) -> Impact:
    """Return what has another tag than at a Git revision.

    Raises `ConfigError` for what is no revision, or has a mistake in its files, and `UnknownError`
    if Git cannot read it.
    """
    repository = open_repository(project.root, os.environ)
    commit = commit_of(repository, revision)
    if commit is None:
        raise usage_error(f"`{revision}` is no Git revision", hint="such as `--since origin/main`")
    now = Side(project, fingerprint(project))
    with TemporaryDirectory(prefix="impact-") as folder:
        files = Checkout(repository, Path(folder))
        before = Loader(files, project, args, instant=project.instant).load(commit)
    return Impact(reached_since(before, now), (before, now))


def of_files(project: Project, files: Sequence[str]) -> Impact:
    """Return what a change of files would build; paths are relative to the working directory."""
    here = Path.cwd()
    paths = [_inside(project.root, here / file) for file in files]
    now = Side(project, fingerprint(project))
    return Impact(reached(project, causes_of_files(now, paths)), (now,))


def of_base(project: Project, word: str) -> Impact:
    """Return what a change of an image, or of an external, would build.

    Raises `ConfigError` for a word that is neither.
    """
    image = next((name for name in project.names if name == word), None)
    if image:
        found = reached(project, {image: ("it changes",)})
    else:
        found = reached(project, causes_of_externals(project, choose_externals(project, [word])))
    return Impact(found, (Side(project, fingerprint(project)),))


def _inside(root: Path, path: Path) -> str:
    """Return a path relative to the project. Raises `ConfigError` for one outside."""
    whole = Path(os.path.normpath(path))
    if not whole.is_relative_to(root):
        raise usage_error(f"`{path}` is not in the project `{root}`")
    return str(whole.relative_to(root))
