"""The docker command line with its buildx plugin: find it, make its commands, read its errors."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import UnknownError
from ..process.capture import capture
from ..process.environ import find_program, for_docker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.settings import BuildSettings

FLOOR = (0, 13)
"""The first version of buildx with `--progress rawjson`."""

_ALLOW_FLOOR = (0, 17)
"""The first version with `bake --allow`, and with the network of a target in a definition."""

_TIMEOUT = 30.0
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.\d+)?\S*?(?P<commits>-\d+-g[0-9a-f]+\S*)?")
_INSTALL = "install the package `docker-buildx` (Debian, Ubuntu) or `docker-buildx-plugin`"
_LOST = (
    r"error reading from server|code = Unavailable|transport is closing|failed to dial"
    r"|failed to list workers|failed to initialize builder|no active sessions?"
    r"|connection reset by peer|unexpected EOF"
)
# Go's `PathError` and `SyscallError` of buildx or its engine, if no step failed.
_GO_ERROR = r"\b((?:open|mkdir|write|rename|remove|fork/exec|pipe2?)\b[^\n]*: "
_LACKING = (
    "no space left on device",
    "disk quota exceeded",
    "too many open files",
    "cannot allocate memory",
    "resource temporarily unavailable",
    "input/output error",
)
_ERRORS = (
    (
        r"Cannot connect to the Docker daemon at ([^ ]+?)\.? ",
        "no engine answers at `{}`",
        "start Docker, or set DOCKER_HOST to an engine that runs; `invoke doctor` checks more",
    ),
    (
        r"permission denied while trying to connect",
        "the engine refuses access: permission denied on its socket",
        "add yourself to the group `docker`, or set DOCKER_HOST to an engine of your own",
    ),
    (
        r"no builder \"(.+?)\" found",
        "there is no builder `{}`",
        "`docker buildx ls` lists the builders; set one of them as `builder` in `[build]`",
    ),
    (
        r"error during connect: (.*)",
        "no engine answers: {}",
        "check DOCKER_HOST and that the engine runs; `invoke doctor` checks more",
    ),
    (
        _LOST,
        "the connection to the builder was lost",
        "see the engine's log, then run again; what was pushed is kept",
    ),
    (
        rf"{_GO_ERROR}read-only file system)",
        "buildx could not go on: {}",
        "it keeps its state in docker's folder: set BUILDX_CONFIG to one that you may write to",
    ),
    (
        rf"{_GO_ERROR}(?:{'|'.join(_LACKING)}))",
        "the builder could not go on: {}",
        "free disk space there; `docker system df` shows what takes it",
    ),
)
_OVERLOAD = re.compile(r"no such job|DeadlineExceeded: context deadline exceeded\Z")


class Buildx(Struct, frozen=True):
    """How to run buildx: the command, the option for the builder, the environment.

    `version` is `None` if buildx does not know its own; then it counts as a new one.
    """

    command: tuple[str, ...]
    builder: tuple[str, ...]
    version: tuple[int, int] | None
    version_text: str
    environ: Mapping[str, str]


def find_buildx(settings: BuildSettings, environ: Mapping[str, str]) -> Buildx:
    """Find docker and buildx, without a request to an engine.

    The builder `default` is the one that docker itself would use: BUILDX_BUILDER, the choice of
    `docker buildx use`, or the engine of DOCKER_HOST or of the docker context. Any other name is a
    builder of buildx or a docker context.
    Raises `UnknownError`.
    """
    docker = find_program("docker", environ)
    if docker is None:
        raise UnknownError(
            "there is no `docker` on PATH", hint="install Docker's command line and buildx"
        )
    text, version = _version(docker, environ)
    if settings.network and not _has_allow(version):
        raise UnknownError(
            f"buildx {text} cannot set the network of a build", hint="use buildx 0.17 or later"
        )
    command, builder, env = [docker], [], dict(environ)
    if settings.builder != "default" and _is_context(docker, settings.builder, environ):
        # buildx refuses `--builder` for the builder that stands for a docker context.
        command += ["--context", settings.builder]
        env.pop("BUILDX_BUILDER", None)
    elif settings.builder != "default":
        builder = ["--builder", settings.builder]
    return Buildx((*command, "buildx"), tuple(builder), version, text, env)


def bake_command(buildx: Buildx, settings: BuildSettings, group: str, metadata: str) -> list[str]:
    """Return the command that reads a definition from standard input and builds `group`."""
    allow = ["--allow", "ssh"] if _has_allow(buildx.version) else []
    if settings.network == "host":
        allow += ["--allow", "network.host"]
    progress = ["--progress", "rawjson", "--metadata-file", metadata]
    return [*buildx.command, "bake", *buildx.builder, "-f", "-", *progress, *allow, group]


def run_buildx(buildx: Buildx, arguments: Sequence[str]) -> str:
    """Run a short command of buildx and return its output. Raises `UnknownError` if it fails."""
    done = _quick([*buildx.command, *arguments], buildx.environ)
    if done.returncode:
        said = done.stderr.strip().removeprefix("ERROR: ")
        raise builder_error(said) or UnknownError(said or f"`docker buildx {arguments[0]}` failed")
    return done.stdout


def builder_error(said: str) -> UnknownError | None:
    """Return the error that a message of buildx stands for, if the builder could not be reached."""
    for pattern, message, hint in _ERRORS:
        if found := re.search(pattern, said):
            return UnknownError(message.format(*found.groups()), hint=hint)
    return None


def is_overloaded(said: str) -> bool:
    """Return whether the builder gave up because it had too much to do at once.

    BuildKit waits 5 s for a session and 6 s for a job to appear (`session/group.go`,
    `solver/jobs.go`); a busy engine with many targets needs longer (docker/buildx#3810).
    """
    return _OVERLOAD.search(said) is not None


def _version(docker: str, environ: Mapping[str, str]) -> tuple[str, tuple[int, int] | None]:
    """Return the version as buildx writes it, and as numbers; see `read_version`."""
    done = _quick([docker, "buildx", "version"], environ)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0]
        # docker/cli: "'buildx' is not a docker command", since 28 "unknown command: docker buildx".
        if said and "command" not in said:
            message = f"`docker buildx` does not run here: {said}"
            raise builder_error(said) or UnknownError(message, hint="`invoke doctor` checks more")
        raise UnknownError("docker has no buildx plugin", hint=_INSTALL)
    text, version = read_version(done.stdout)
    if version is not None and version < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise UnknownError(f"buildx {text} is too old: {floor} or later is needed", hint=_INSTALL)
    return text, version


def read_version(said: str) -> tuple[str, tuple[int, int] | None]:
    """Read the output of `docker buildx version`: the version's text, and its numbers if any.

    A buildx built from source says `v0.0.0+unknown`, a commit, or nothing. One built some commits
    after a release (`git describe`) counts as the next release.
    """
    words = said.split()[1:]
    found = next((m for word in words if (m := _VERSION.fullmatch(word))), None)
    if found is None:
        return next(iter(words), ""), None
    major, minor = int(found[1]), int(found[2])
    if (major, minor) == (0, 0):
        return found[0], None
    return found[0], (major, minor + 1 if found["commits"] else minor)


def _has_allow(version: tuple[int, int] | None) -> bool:
    return version is None or version >= _ALLOW_FLOOR


def _is_context(docker: str, name: str, environ: Mapping[str, str]) -> bool:
    return _quick([docker, "context", "inspect", "--", name], environ).returncode == 0


def _quick(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return capture(command, for_docker(environ), timeout=_TIMEOUT)
    except (subprocess.TimeoutExpired, OSError) as error:
        raise UnknownError(
            f"`docker` did not answer: {error}", hint="`invoke doctor` checks more"
        ) from error
