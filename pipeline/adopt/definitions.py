"""Read compose and bake files with `docker buildx bake --print`, which knows all of both formats.

It needs no engine. The environment of the user is not passed on, as variables of a bake file may be
set by it: the result is the same on every machine.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import DecodeError, Struct, field, json

from ..buildkit.buildx import find_buildx
from ..errors import UnknownError
from ..model.settings import BuildSettings
from ..process.capture import capture
from ..process.environ import for_docker
from ..process.paths import inside
from ..process.read_file import FileError, read_file
from .proposal import Question
from .repository import is_bake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..buildkit.buildx import Buildx

_PASSED = ("PATH", "HOME", "DOCKER_CONFIG", "TMPDIR")
_TIMEOUT = 30.0
_TARGET = re.compile(r'^\s*target\s+"([^"]+)"', re.MULTILINE)
_NOT_BUILT = ("_", "docker-metadata-action")
"""How the names begin of targets that others inherit from."""
_LINKS = ("target:", "service:")
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|(?:^|_)KEY|_AUTH", re.IGNORECASE)
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@|(?:target|service):")


class _Table(Struct, frozen=True, rename="kebab"):
    """A target as buildx prints it. Newer versions print a secret as a table."""

    context: str = "."
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str | None = None
    target: str = ""
    args: dict[str, str | None] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    secret: tuple[str | dict[str, str], ...] = ()


class _Printed(Struct, frozen=True):
    """What `docker buildx bake --print` prints."""

    target: dict[str, _Table] = field(default_factory=dict)


class _Named(Struct, frozen=True):
    """The names of the targets of a bake file in JSON."""

    target: dict[str, object] = field(default_factory=dict)


class Target(Struct, frozen=True):
    """A target of a bake file, or a service of a compose file. Paths are relative to the root.

    `linked` are named contexts that are other targets: their names by those of the contexts.
    """

    name: str
    file: PurePosixPath
    dockerfile: PurePosixPath
    context: PurePosixPath
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, PurePosixPath] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()


def read_targets(
    root: Path, files: Iterable[PurePosixPath], environ: Mapping[str, str]
) -> tuple[tuple[Target, ...], tuple[Question, ...]]:
    """Read all files; what cannot be read is a question.

    Raises `UnknownError` if there is something to read, and buildx is missing.
    """
    targets: list[Target] = []
    questions: list[Question] = []
    buildx: Buildx | None = None
    for file in files:
        buildx = buildx or _buildx_for(file, environ)
        try:
            definition = _printed(root, file, buildx)
        except _UnreadableError as error:
            other = f"`docker buildx bake -f {file.name} --print` must succeed: then run this again"
            questions.append(Question(str(file), f"it cannot be read: {error}", "left out", other))
            continue
        for name, table in definition.target.items():
            targets += _target(root, file, name, table, questions)
    return tuple(targets), tuple(questions)


class _UnreadableError(Exception):
    """A definition cannot be read; the message says why."""


def _buildx_for(file: PurePosixPath, environ: Mapping[str, str]) -> Buildx:
    """Find buildx. Without it, nobody knows which images the file connects."""
    passed = {name: environ[name] for name in _PASSED if name in environ}
    try:
        return find_buildx(BuildSettings(), passed)
    except UnknownError as error:
        what = f"`{file}` cannot be read, so nothing was written: {error.message}"
        raise UnknownError(what, hint=error.hint) from None


def _printed(root: Path, file: PurePosixPath, buildx: Buildx) -> _Printed:
    folder = root / file.parent
    words = [*buildx.command, "bake", "-f", file.name, "--print", *_names(root, file)]
    try:
        # A compose file is found by its name in the working directory, as its `.env` is.
        done = capture(words, for_docker(buildx.environ), timeout=_TIMEOUT, folder=folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _UnreadableError(str(error)) from None
    try:
        return json.decode(done.stdout, type=_Printed)
    except (DecodeError, RecursionError):
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or [
            "it prints no targets"
        ]
        raise _UnreadableError(said[-1].removeprefix("ERROR: ")) from None


def _names(root: Path, file: PurePosixPath) -> list[str]:
    """Return the targets of a bake file, whose default is not all of them."""
    if not is_bake(file):
        return []
    try:
        text = (read_file(root, file) or b"").decode(errors="replace")
    except FileError as error:
        raise _UnreadableError(error.what) from None
    if file.name.endswith(".json"):
        try:
            names = list(json.decode(text, type=_Named).target)
        except (DecodeError, RecursionError):
            names = []
    else:
        names = _TARGET.findall(text)
    return [name for name in names if not name.startswith(_NOT_BUILT)]


def _target(
    root: Path,
    file: PurePosixPath,
    name: str,
    table: _Table,
    questions: list[Question],
) -> list[Target]:
    """Return a target, or nothing if it is not of a Dockerfile of the project."""
    written = table.context
    context = _folder(root, file, written)
    inline = table.dockerfile_inline is not None
    if context is None or inline:
        what = f"`{name}` has its Dockerfile {'inline' if inline else f'outside: {written}'}"
        other = "put the Dockerfile into a folder, and that into `images`"
        questions.append(Question(str(file), what, "left out", other))
        return []
    dockerfile = inside(context / table.dockerfile)
    if dockerfile is None:
        return []
    found = table.contexts
    linked = {k: v.partition(":")[2] for k, v in found.items() if v.startswith(_LINKS)}
    folders = {k: path for k, v in found.items() if (path := _folder(root, file, v))}
    for key in found.keys() - linked.keys() - folders.keys():
        what = f"`{name}` has the context `{key}` = `{found[key]}`, which is no folder here"
        other = f"name the image in the Dockerfile itself, in place of `{key}`"
        questions.append(Question(str(file), what, "left out", other))
    return [
        Target(
            name=name,
            file=file,
            dockerfile=dockerfile,
            context=context,
            target=table.target,
            args=_args(file, name, table.args, questions),
            contexts=folders,
            linked=linked,
            tags=table.tags,
            secrets=tuple(_secret(one) for one in table.secret),
            platforms=table.platforms,
        )
    ]


def _args(
    file: PurePosixPath, name: str, written: Mapping[str, str | None], questions: list[Question]
) -> dict[str, str]:
    """Return the arguments; one that looks like a secret is not written, but asked for."""
    found = {}
    for arg, value in written.items():
        if value is None:
            continue
        if _SECRET.search(arg):
            what = f"the argument `{arg}` of `{name}` looks like a secret, and would be in a tag"
            other = f'give it at the build, as `{arg} = {{ env = "{arg}" }}` under `[args]`'
            questions.append(Question(str(file), what, "its value is not written", other))
        else:
            found[arg] = value
    return found


def _folder(root: Path, file: PurePosixPath, written: str) -> PurePosixPath | None:
    """Return a folder of the project, relative to its root; `None` for another place."""
    if _REMOTE.match(written):
        return None
    path = PurePosixPath(written)
    if path.is_absolute():
        return path.relative_to(root) if path.is_relative_to(root) else None
    return inside(file.parent / path)


def _secret(written: str | dict[str, str]) -> str:
    """Write a secret as BuildKit does."""
    if isinstance(written, dict):
        return ",".join(f"{key}={value}" for key, value in written.items() if value)
    return written
