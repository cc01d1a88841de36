"""The docker command line with its buildx plugin: find it, make its commands, read its errors."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError
from ..process.capture import capture
from ..process.environ import find_program, for_docker
from .abilities import FLOOR, TRIAL, abilities, read_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.settings import BuildSettings
    from .abilities import Abilities

_TIMEOUT = 30.0
_INSTALL = (
    "install Docker's package `docker-buildx-plugin`,"
    " or `docker-buildx` of Debian 13 or Ubuntu; Docker Desktop has it"
)
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
# buildx from 0.31 on says the second, if there is no such socket or no such name.
_NO_ENGINE = (
    r"(?:Cannot connect to the Docker daemon|failed to connect to the docker API) at (\S+?)[.;:]? "
)
_ERRORS = (
    (
        _NO_ENGINE,
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

    `version` is its version as it writes it, or `without a version`.
    """

    command: tuple[str, ...]
    builder: tuple[str, ...]
    version: str
    can: Abilities
    environ: Mapping[str, str]

    def seeing(self, environ: Mapping[str, str]) -> Buildx:
        """Return the same for commands that see another environment."""
        by_context = "--context" in self.command
        left_out = {"BUILDX_BUILDER"} if by_context else frozenset()
        return replace(self, environ={k: v for k, v in environ.items() if k not in left_out})


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
    version, can = _version(docker, environ)
    command, builder = [docker], []
    if settings.builder != "default" and _is_context(docker, settings.builder, environ):
        # buildx refuses `--builder` for the builder that stands for a docker context.
        command += ["--context", settings.builder]
    elif settings.builder != "default":
        builder = ["--builder", settings.builder]
    found = Buildx((*command, "buildx"), tuple(builder), version, can, environ).seeing(environ)
    check_network(found, settings)
    return found


def check_network(buildx: Buildx, settings: BuildSettings) -> None:
    """Raise `UnknownError` if the settings name a network, and buildx cannot set it."""
    if settings.network and not buildx.can.allow:
        raise UnknownError(
            f"buildx {buildx.version} cannot set the network of a build: it lacks `bake --allow`",
            hint="use buildx 0.17 or later",
        )


def bake_command(buildx: Buildx, settings: BuildSettings, group: str, metadata: str) -> list[str]:
    """Return the command that reads a definition from standard input and builds `group`."""
    allow = ["--allow", "ssh"] if buildx.can.allow else []
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


def unsure(buildx: Buildx) -> str:
    """Return a sentence about a buildx whose version does not tell what it can do, or nothing."""
    if not buildx.can.tried:
        return ""
    return f"buildx {buildx.version} does not say how new it is; it is tried"


def _version(docker: str, environ: Mapping[str, str]) -> tuple[str, Abilities]:
    """Return the version as buildx writes it, and what it can do. Raises `UnknownError`."""
    done = _quick([docker, "buildx", "version"], environ)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0]
        # docker/cli: "'buildx' is not a docker command", since 28 "unknown command: docker buildx".
        if said and "command" not in said:
            message = f"`docker buildx` does not run here: {said}"
            raise builder_error(said) or UnknownError(message, hint="`invoke doctor` checks more")
        raise UnknownError("docker has no buildx plugin", hint=_INSTALL)
    written, version = read_version(done.stdout)
    text = written or "without a version"
    can = abilities(version, lambda words: _attempt([docker, "buildx", *words], environ))
    if not can.stream:
        raise UnknownError(
            f"buildx {text} is too old: it lacks `--progress rawjson`;"
            f" {'.'.join(map(str, FLOOR))} or later is needed",
            hint=_INSTALL,
        )
    return text, can


def _attempt(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a trial; return its error, empty if it succeeded."""
    done = _quick(command, environ, TRIAL)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def _is_context(docker: str, name: str, environ: Mapping[str, str]) -> bool:
    return _quick([docker, "context", "inspect", "--", name], environ).returncode == 0


def _quick(
    command: Sequence[str], environ: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    try:
        return capture(command, for_docker(environ), timeout=_TIMEOUT, given=given)
    except (subprocess.TimeoutExpired, OSError) as error:
        raise UnknownError(
            f"`docker` did not answer: {error}", hint="`invoke doctor` checks more"
        ) from error
