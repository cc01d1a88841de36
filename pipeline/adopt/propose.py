"""Propose the settings of a repository: find its images, load them, and mend what that shows.

All is tried in a temporary folder that has copies of the Dockerfiles and configurations, so that
nothing is written before it is known to load.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import ConfigError, usage_error
from ..process.paths import is_there
from ..process.read_file import FileError, read_file
from ..project.globs import matching
from ..project.image_folders import MARKS
from ..project.image_names import dockerfile_stem, fitted_name, settings_stem
from ..project.load import load
from ..project.schema import FOLDER
from ..project.settings import PIPELINE_FILE
from .choose_context import take_out_if_covered
from .definitions import read_targets
from .find_candidates import Finder, unknown_definitions, unlisted
from .foreign_platforms import set_platforms
from .join import Joiner
from .notes import notes_of
from .patterns import entries_for
from .proposal import Proposal, Question, put_together
from .registry import choose_registry, example
from .render import image_text, pipeline_text
from .repository import dockerfile_at, read_repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..dockerfile import Dockerfile
    from ..errors import Problem
    from ..model.project import Project
    from ..project.globs import Match
    from .candidate import Candidate
    from .definitions import Target
    from .patterns import Entry
    from .repository import Repository

_TASKS = PurePosixPath("tasks.py")
_MOST_ROUNDS = 20
_UNSET = re.compile(r"give `(\w+)` a value: ")


def propose(root: Path, environ: Mapping[str, str]) -> Proposal:
    """Return the files for the repository at `root`, which is only read.

    Raises `ConfigError` where no image is found, or where `pipeline.toml` is there already, and
    `UnknownError` if buildx, which reads compose and bake files, is missing.
    """
    if is_there(root / PIPELINE_FILE):
        hint = "`invoke graph` shows what it says; to begin anew, move it away first"
        raise usage_error(f"`{PIPELINE_FILE}` is there already: nothing was written", hint=hint)
    repository = read_repository(root, environ)
    targets, unread = read_targets(root, repository.definitions, environ)
    repository = _with_named(repository, targets)
    finder = Finder(repository, targets)
    candidates = finder.all()
    _require_names(candidates, repository.dockerfiles, root.name)
    asked = [*repository.questions, *unread, *unknown_definitions(repository, targets)]
    if not candidates:
        hint = "; ".join(f"{q.where}: {q.what}" for q in asked[:3])
        raise usage_error(
            f"there is no Dockerfile in `{root}`", hint=hint or "write images/NAME/Dockerfile first"
        )
    with TemporaryDirectory(prefix="pipeline-init-") as folder:
        trial = _Trial(Path(folder).resolve(), repository, _plain(environ))
        project, written = trial.run(candidates)
    asked += [*finder.questions, *trial.questions, *_about_tasks(root)]
    asked += unlisted(targets, candidates)
    asked = [take_out_if_covered(one, trial.entries) for one in asked]
    files = _new_files(root, written, asked)
    known = [one for one in candidates if one.name in project.names]
    return Proposal(files, project, put_together(asked), notes_of(project, known, targets))


class _Trial:
    """A copy of what `load` reads, in which files are tried until the graph is whole."""

    def __init__(self, folder: Path, repository: Repository, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.repository = repository
        self.environ = environ
        self.questions: list[Question] = []
        self.problems: tuple[Problem, ...] = ()
        self.entries: Sequence[Entry] = ()

    def run(self, candidates: Sequence[Candidate]) -> tuple[Project, dict[PurePosixPath, str]]:
        """Return the project, and all files that make it. Raises `ConfigError`."""
        self._copy()
        left = list(candidates)
        for _ in range(_MOST_ROUNDS):
            if not left:
                break
            for one in left:
                one.tables.pop("bases", None)
            files, questions = self._files(left, ())
            project, left = self._loaded(files, left)
            if project is None:
                continue
            references = [e.written for image in project for e in image.externals]
            before, (files, questions) = files, self._files(left, references)
            if files != before:
                project, left = self._loaded(files, left)
            if project is None:
                continue
            joiner = Joiner(project, left, self.repository.dockerfiles)
            joiner.check_links()
            if joiner.join():
                files, _ = self._files(left, references)
                project, left = self._loaded(files, left)
            if project is not None and set_platforms(project, left):
                files, _ = self._files(left, references)
                project, left = self._loaded(files, left)
            if project is not None:
                self.questions += [*questions, *joiner.questions]
                return project, files
        raise ConfigError(self.problems)

    def _copy(self) -> None:
        """Copy the Dockerfiles, configurations and settings of images, also those with mistakes."""
        root = self.repository.root
        configs = [config.file for config in self.repository.configs]
        marks = self.repository.marks
        for file in dict.fromkeys((*self.repository.dockerfiles, *marks, *configs)):
            try:
                self._write(file, read_file(root, file) or b"")
            except FileError:  # a link that the reader of Dockerfiles followed in its own way
                parsed = self.repository.dockerfiles.get(file)
                self._write(file, parsed.source if parsed else b"")

    def _write(self, file: PurePosixPath, content: bytes) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _files(
        self, candidates: Sequence[Candidate], references: Sequence[str]
    ) -> tuple[dict[PurePosixPath, str], tuple[Question, ...]]:
        """Return the files for these images."""
        root = self.repository.root
        places = {one.place for one in candidates}
        others = self.repository.places - places
        self.entries = entries = entries_for(candidates, others, self._fits, root.name)
        registry, questions = choose_registry(candidates, references)
        schema = _schema_path(root)
        pushed = example(registry, candidates[0].name)
        files = {PIPELINE_FILE: pipeline_text(entries, registry, schema, pushed)}
        for one in candidates:
            if text := image_text(one):
                files[one.settings] = text
        if line := _tasks_line(root):
            files[_TASKS] = line
        return files, questions

    def _fits(self, glob: str, members: Sequence[Candidate]) -> bool:
        """Return whether a glob matches nothing on the disk that is not known."""
        known = self.repository.places | {one.place for one in members}
        return all(
            match.path in known or not _is_mark(self.repository.root, match)
            for match in matching(self.repository.root, glob)
        )

    def _loaded(
        self, files: Mapping[PurePosixPath, str], candidates: list[Candidate]
    ) -> tuple[Project | None, list[Candidate]]:
        """Load the project; leave out images with problems, each with a question."""
        there = {file for file in files if is_there(self.repository.root / file)}
        for file, text in files.items():
            if file not in there:
                self._write(file, text.encode())
        try:
            return load(self.folder, environ=self.environ), candidates
        except ConfigError as error:
            self.problems = error.problems
            wrong = {id(one): p for p in error.problems for one in candidates if _is_of(one, p)}
            if not wrong:
                raise
            for one in (one for one in candidates if id(one) in wrong):
                self.questions.append(_unloadable(one, wrong[id(one)]))
            return None, [one for one in candidates if id(one) not in wrong]
        finally:
            for file in files.keys() - there:
                (self.folder / file).unlink()


def _plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that no profile or registry comes from."""
    return {k: v for k, v in environ.items() if not k.startswith(("PIPELINE_", "FLY_"))}


def _is_mark(root: Path, match: Match) -> bool:
    return match.is_file or any(is_there(root / match.path / name) for name in MARKS)


def _is_of(one: Candidate, problem: Problem) -> bool:
    if problem.location is None:
        return False
    file = PurePosixPath(problem.location.file)
    stems = {settings_stem(file.name), dockerfile_stem(file.name)}
    beside = file.parent == one.folder and not stems.isdisjoint({"", one.stem})
    return beside or file in {one.dockerfile, one.settings, one.place, one.config}


def _unloadable(one: Candidate, problem: Problem) -> Question:
    hint = f"{problem.hint}; then " if problem.hint else ""
    if unset := _UNSET.match(problem.hint):
        base = f'`bases = {{ {unset[1]} = "NAME" }}` for an image of this project'
        hint = f"write {base}, or `args` for another, into `{one.settings}`; then "
    other = f'{hint}add "{one.place}" to `images`'
    return Question(str(problem.location), problem.message, "left out", other, must=True)


def _with_named(repository: Repository, targets: Sequence[Target]) -> Repository:
    """Add Dockerfiles of other names, which targets name."""
    questions = list(repository.questions)
    more: dict[PurePosixPath, Dockerfile] = {}
    for path in dict.fromkeys(target.dockerfile for target in targets):
        if path in repository.dockerfiles or not is_there(repository.root / path):
            continue
        if read := dockerfile_at(repository.root, path, questions):
            more[path] = read
    everything = dict(sorted({**repository.dockerfiles, **more}.items()))
    return replace(repository, dockerfiles=everything, questions=tuple(questions))


def _require_names(
    candidates: Sequence[Candidate], dockerfiles: Mapping[PurePosixPath, Dockerfile], root: str
) -> None:
    """Set the names of services, and the names that Dockerfiles use for contexts.

    An image that begins with another of its own name (`nginx/Dockerfile` with `FROM nginx`) gets
    another name.
    """
    usual = {one.usual_name for one in candidates}
    for one in candidates:
        # A service is known by its name; an app by that of its folder, as the app has one too.
        if one.targets and not one.app and one.usual_name not in one.targets:
            name = fitted_name(one.targets[0])
            one.required = name if name not in usual else ""
            usual.add(name)
    by_target = {target: one for one in candidates for target in one.targets}
    for one in candidates:
        for name, target in one.linked.items():
            if target in by_target and fitted_name(name) == name:
                by_target[target].required = name
    for one in candidates:
        parsed = dockerfiles.get(one.dockerfile) if one.dockerfile else None
        begins = [stage.start.base for stage in parsed.stages] if parsed else []
        name = one.required or one.usual_name
        if name in [written.removesuffix(":latest") for written in begins]:
            one.required = fitted_name(f"{root}-{name}")


def _new_files(
    root: Path, written: Mapping[PurePosixPath, str], questions: list[Question]
) -> dict[PurePosixPath, str]:
    """Return the files that are not there; add a question for lines that the others lack."""
    files = {}
    for file, text in written.items():
        if not os.path.lexists(root / file):
            files[file] = text
            continue
        there = _text(root, file)
        lines = [line for line in text.splitlines() if line and line not in there.splitlines()]
        if lines and not (file == _TASKS and ".tasks import ns" in there):
            what = "it is there already, and nothing is written over it"
            other = f"add to it: {' / '.join(lines)}"
            questions.append(Question(str(file), what, "it stays as it is", other))
    return files


def _text(root: Path, file: PurePosixPath) -> str:
    try:
        return (read_file(root, file) or b"").decode(errors="replace")
    except FileError:
        return ""


def _tasks_line(root: Path) -> str:
    """Return the text of `tasks.py`; empty beside a package `tasks`, which Python would take."""
    if is_there(root / "tasks"):
        return ""
    theirs = is_there(root / "pipeline") or is_there(root / "pipeline.py")
    package = "fly_image_pipeline" if theirs else "pipeline"
    return f"from {package}.tasks import ns  # for `invoke`; `fip` needs no tasks.py\n"


def _about_tasks(root: Path) -> Iterator[Question]:
    if not _tasks_line(root):
        what = "Invoke would read this folder of yours in place of a file `tasks.py`"
        other = "for `invoke`, rename it, and write `from pipeline.tasks import ns` into `tasks.py`"
        yield Question("tasks", what, "no `tasks.py`: `fip` runs the tasks without it", other)


def _schema_path(root: Path) -> str:
    """Return the path of the schema from the project, if it is in a clone in it or beside it.

    The path into an environment is another on each machine.
    """
    path = os.path.relpath(FOLDER / "pipeline.schema.json", root)
    parts = PurePosixPath(path).parts
    near = parts.count("..") < 2 and len(root.parts) > 2
    foreign = any(part.startswith(".") and part != ".." for part in parts)
    return path if near and not foreign and "site-packages" not in parts else ""
