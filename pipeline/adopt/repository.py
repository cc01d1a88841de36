"""Find the files of a repository that say how its images are built and deployed."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import quoted_list
from ..fingerprints.disk import Disk
from ..process.git import listed_files
from ..process.paths import inside, is_file
from ..process.read_file import FileError, read_file
from ..project.fly_build import FlyBuild, read_fly_build
from ..project.fly_toml import read_fly_toml
from ..project.image_folders import MARKS, usual_dockerfile
from ..project.image_names import dockerfile_stem, settings_stem
from ..project.read_dockerfile import read_dockerfile
from .proposal import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..dockerfile import Dockerfile
    from ..errors import Problem
    from ..project.fly_toml import FlyToml

_SKIPPED = frozenset(
    {"node_modules", "vendor", "venv", "deps", "_build", "third_party", "bower_components"}
)
"""Folders of other people's code."""
_TEMPLATES = frozenset(
    {"template", "tmpl", "tpl", "gotmpl", "j2", "jinja", "jinja2", "erb", "in", "m4", "mustache"}
    | {
        "md",
        "txt",
        "py",
        "sh",
        "js",
        "ts",
        "go",
        "rb",
        "bak",
        "orig",
        "yml",
        "yaml",
        "json",
        "toml",
    }
)
"""Endings of files that have `Dockerfile` in their names and are none."""
_FLY = re.compile(r"fly(?:[._-](.+))?\.(?:toml|json|yaml)")
_FLY_KEYS = ("app", "build", "http_service", "services", "processes", "primary_region", "vm")
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_BAKE = ("docker-bake.hcl", "docker-bake.json")
_WORKSPACES = ("pnpm-workspace.yaml", "turbo.json", "nx.json", "lerna.json", "go.work")
_MOST_FILES = 1_000_000


class FlyConfig(Struct, frozen=True):
    """A configuration of an app. `word` distinguishes it from others: `web` of `fly.web.toml`."""

    file: PurePosixPath
    word: str
    app: str
    build: FlyBuild
    dockerfile: PurePosixPath | None


class Repository(Struct, frozen=True):
    """The files that count. `definitions` are compose and bake files, `marks` make images."""

    root: Path
    dockerfiles: Mapping[PurePosixPath, Dockerfile]
    configs: tuple[FlyConfig, ...]
    definitions: tuple[PurePosixPath, ...]
    is_workspace: bool
    marks: tuple[PurePosixPath, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def places(self) -> frozenset[PurePosixPath]:
        """All that a glob of `images` would take for an image: folders and files."""
        plain = {file.parent for file in self.marks if file.name in MARKS}
        return frozenset({*self.marks, *plain})


def read_repository(root: Path, environ: Mapping[str, str]) -> Repository:
    """Read all of them; what cannot be read is left out, with a question."""
    files = sorted(_files(root, environ))
    questions: list[Question] = []
    dockerfiles = {}
    for file in files:
        if _is_dockerfile(file) and (read := dockerfile_at(root, file, questions)):
            dockerfiles[file] = read
    configs = [c for file in files if (c := _config(root, file, questions))]
    definitions = tuple(file for file in files if file.name in _COMPOSE + _BAKE)
    return Repository(
        root=root,
        dockerfiles=dockerfiles,
        configs=tuple(configs),
        definitions=definitions,
        is_workspace=_is_workspace(root),
        marks=tuple(file for file in files if _is_mark(file.name)),
        questions=tuple(questions),
    )


def dockerfile_at(root: Path, file: PurePosixPath, questions: list[Question]) -> Dockerfile | None:
    """Read a Dockerfile; one that cannot be read is a question."""
    read, problems = read_dockerfile(root, file, file.parent, Disk(root))
    if read is None:
        why = "; ".join(f"{_line(problem)}{problem.message}" for problem in problems[:2])
        other = f"if it is more than a template, correct it, and add `{file}` to `images`"
        questions.append(Question(str(file), f"it is no Dockerfile: {why}", "left out", other))
    return read


def _line(problem: Problem) -> str:
    return f"line {problem.location.line}: " if problem.location and problem.location.line else ""


def is_bake(file: PurePosixPath) -> bool:
    """Return whether a definition is a bake file, and not a compose file."""
    return file.name in _BAKE


def _files(root: Path, environ: Mapping[str, str]) -> Iterator[PurePosixPath]:
    listed = listed_files(root, environ)
    found: Iterable[PurePosixPath] = map(PurePosixPath, listed) if listed else _walk(root)
    for file in found:
        hidden = any(part.startswith(".") for part in file.parts[:-1])
        if not hidden and not _SKIPPED.intersection(file.parts):
            yield file


def _walk(root: Path) -> Iterator[PurePosixPath]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = [n for n in folders if not n.startswith(".") and n not in _SKIPPED]
        below = PurePosixPath(Path(folder).relative_to(root))
        yield from (below / name for name in names)
        count += len(names)
        if count > _MOST_FILES:
            return


def _is_dockerfile(file: PurePosixPath) -> bool:
    ending = file.name.rpartition(".")[2].lower()
    hidden = file.name.startswith(".")
    return not hidden and dockerfile_stem(file.name) is not None and ending not in _TEMPLATES


def _is_mark(name: str) -> bool:
    return dockerfile_stem(name) is not None or settings_stem(name) is not None


def _config(root: Path, file: PurePosixPath, questions: list[Question]) -> FlyConfig | None:
    found = _FLY.fullmatch(file.name)
    if not found:
        return None
    config, problems = read_fly_toml(root, file)
    if config is None or not any(key in config.document.data for key in _FLY_KEYS):
        return None
    build, wrong = read_fly_build(config)
    if build is None or problems:
        why = "; ".join(str(problem) for problem in (*problems, *wrong)[:2])
        questions.append(Question(str(file), why, "left out", "correct it, and run this again"))
        return None
    if build.foreign:
        what = f"`{build.foreign.value}` builds it, and not a Dockerfile"
        other = f"write a Dockerfile, and add `{file.parent}` to `images`"
        questions.append(Question(str(build.foreign.location), what, "left out", other))
        return None
    dockerfile = None if build.image else _dockerfile_of(root, config, build)
    if dockerfile is None and not build.image:
        what = "there is no Dockerfile beside it, and it names none"
        other = f"add a Dockerfile, and `{file.parent}` to `images`"
        questions.append(Question(str(file), what, "left out", other))
        return None
    return FlyConfig(file, found[1] or "", config.app or "", build, dockerfile)


def _dockerfile_of(root: Path, config: FlyToml, build: FlyBuild) -> PurePosixPath | None:
    folder = config.file.parent
    named = PurePosixPath(build.dockerfile.value) if build.dockerfile else None
    path = named or folder / usual_dockerfile(root, folder)
    return inside(path) if os.path.lexists(root / path) else None


def _is_workspace(root: Path) -> bool:
    """Return whether packages of several folders are built together from the root."""
    if any(is_file(root / name) for name in _WORKSPACES):
        return True
    try:
        return b'"workspaces"' in (read_file(root, "package.json") or b"")
    except FileError:
        return False


def named(files: Iterable[object]) -> str:
    """Write a few paths into a sentence."""
    return quoted_list(str(file) for file in files)
