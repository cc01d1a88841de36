"""Commit a project and a change of it, and ask `why` in a fresh clone what has changed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import fingerprint, load
from pipeline.errors import PipelineError
from pipeline.model.inputs_document import inputs_document
from pipeline.reference import ImageName
from pipeline.runner.why import why
from tests.proof.tree import write
from tests.reasons.documents import Named, differences, named
from tests.support.git_commits import git
from tests.support.small_records import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.model.project import Project
    from tests.proof.cases import Case
    from tests.proof.changes import Change
    from tests.proof.tree import Tree

APP = ImageName("app")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A change: what differs, and what `why` named by the record and by Git alone."""

    case: str
    change: Change
    differs: Named
    by_record: Named
    by_git: Named

    @property
    def right(self) -> bool:
        """Return whether both named what differs, and nothing else."""
        return self.by_record == self.by_git == self.differs


@dataclass(frozen=True, slots=True)
class Place:
    """Two registries, one of them always empty, and a folder."""

    registry: str
    wiped: str
    folder: Path


class Origin:
    """A repository with the commit of a project, whose images are in the registry with records."""

    def __init__(self, case: Case, place: Place) -> None:
        """Commit and publish a case. Raises `PipelineError` for a project that has a mistake."""
        self.case, self._place = case, place
        self.tree = case.tree("nonce")
        self._store = place.folder / "origin.git"
        git(place.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self._store))
        self._commit(self.tree, "main")
        clone = self._clone("clone-before")
        self._before = self._load(clone, place.registry)
        self._document = inputs_document(fingerprint(self._before)[APP])
        commit = git(clone, "rev-parse", "HEAD")
        self._reference = publish(self._before, commit)[APP]

    def judge(self, change: Change, number: int) -> Verdict | None:
        """Ask in a fresh clone of the changed project; `None` if that has a mistake."""
        self._commit(change.after, f"change-{number}")
        clone = self._clone(f"clone-{number}", f"--branch=change-{number}")
        try:
            wiped = self._load(clone, self._place.wiped)
            after = inputs_document(fingerprint(wiped)[APP])
            by_git = self._why(wiped, "HEAD~1", self._place.wiped)
            (clone / ".git").rename(self._place.folder / f"git-{number}")
            known = self._load(clone, self._place.registry)
            by_record = self._why(known, str(self._reference), self._place.registry)
        except PipelineError:
            return None
        finally:
            shutil.rmtree(clone)
        context = str(wiped.image(APP).context)
        differs = differences(self._document, after, context)
        return Verdict(self.case.name, change, differs, by_record, by_git)

    def _commit(self, tree: Tree, name: str) -> None:
        """Commit a tree to the branch `name`, after `main` if there is one."""
        files = write(tree, self._place.folder / f"files-{name}")
        (files / "pipeline.toml").write_text(f'[registry]\nhost = "{self._place.registry}"\n')
        git(files, "init", "--quiet", "--initial-branch=work")
        if name != "main":
            git(files, "fetch", "--quiet", str(self._store), "main")
            git(files, "reset", "--quiet", "--soft", "FETCH_HEAD")
        git(files, "add", "--all", "--force")
        git(files, "commit", "--quiet", "--allow-empty", "--message=x")
        git(files, "push", "--quiet", "--force", str(self._store), f"HEAD:refs/heads/{name}")
        shutil.rmtree(files)

    def _clone(self, name: str, *words: str) -> Path:
        clone = self._place.folder / name
        git(self._place.folder, "clone", "--quiet", *words, f"file://{self._store}", str(clone))
        return clone

    def _load(self, clone: Path, registry: str) -> Project:
        return load(clone, environ=self._environ(registry))

    def _environ(self, registry: str) -> Mapping[str, str]:
        home = self._place.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PIPELINE_REGISTRY_HOST": registry,
        }

    def _why(self, project: Project, against: str, registry: str) -> Named:
        (found,) = why(project, [APP], against=against, args={}, environ=self._environ(registry))
        assert found.recorded is (against != "HEAD~1")
        return named(found.differences)
