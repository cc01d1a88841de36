"""Run one BuildKit solve: many images at once through `docker buildx bake`."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError
from ..model.events import Notice
from ..process.cleanup import private_folder
from ..process.retry import ATTEMPTS, retry
from ..process.supervise import run
from .buildx import bake_command, builder_error, check_network, is_overloaded, unsure
from .definition import GROUP, definition
from .environment import bake_environ, secret_variables
from .metadata import read_metadata
from .outcome import (
    Attempts,
    Broken,
    after_connection_loss,
    after_failure,
    after_success,
    blame_unfinished,
    last_error,
)
from .progress import Progress, progress
from .reach import builder_fault
from .stream import Decoder, masked
from .transient import is_transient, needs_no_cache, transient_failure

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..model.events import Reporter
    from ..model.masking import Mask
    from ..model.settings import BuildSettings
    from ..process.environ import ChildEnviron
    from ..reference import ImageName
    from .buildx_search import BuildxSearch
    from .definition import Target
    from .outcome import Metadata, Outcome
    from .stream import StreamRecord

MAX_TARGETS = 32
"""The most targets that a solve should have.

Each has a session and a job of its own, for which BuildKit waits 5 s and 6 s. With an engine on two
busy cores, 48 targets were too many once in four runs, and 150 always (docker/buildx#3810).
"""


class _Work(Struct, frozen=True):
    """The inputs of a solve: the definition as `request`, and where events go."""

    root: Path
    targets: Sequence[Target]
    environ: ChildEnviron
    request: bytes
    report: Reporter
    stop: threading.Event
    mask: Mask


class _Solved(Struct, frozen=True):
    """A solve that ended, with or without success."""

    code: int
    progress: Progress
    metadata: Mapping[ImageName, Metadata]


class Solve(Struct, frozen=True):
    """How each image of a solve ended, and the error that left some of them unknown, if any."""

    outcomes: Mapping[ImageName, Outcome]
    error: UnknownError | None = None


def solve(  # noqa: PLR0913 - one solve, and all that it needs of the world
    root: Path,
    targets: Sequence[Target],
    settings: BuildSettings,
    *,
    search: BuildxSearch,
    environ: Mapping[str, str],
    report: Reporter,
    stop: threading.Event,
    mask: Mask,
) -> Solve:
    """Build `targets` together, push or load each, and return how each of them ended.

    `search` finds buildx. `environ` is all that a build sees of the environment. `mask` removes
    secrets from BuildKit's messages. A failure of one image cancels the others; after a transient
    failure everything is tried again. When `stop` is set, the build is stopped, and the result is
    what is known by then.
    An image in which a step ran that nobody asked for has failed, even if it was pushed
    (`buildkit.triggers`).
    Raises `ConfigError` if names clash (`buildkit.definition.clashes`) or a source policy is set
    (`buildkit.environment`), and `UnknownError` if docker or buildx is missing, before anything is
    built.
    """
    if not targets:
        return Solve({})
    request = json.dumps(definition(targets, settings)).encode()
    called = _with_network(settings, targets)
    buildx = search.result().seeing(environ)
    check_network(buildx, called)
    if note := unsure(buildx):
        report(Notice(note))
    secrets = secret_variables([spec for target in targets for spec in target.image.secrets])
    seen = bake_environ(buildx.environ, settings, secrets)
    work = _Work(root, targets, seen, request, report, stop, mask)
    command = partial(bake_command, buildx, called, GROUP)
    flags: tuple[str, ...] = ()
    attempts = Attempts()

    def attempt() -> _Solved:
        nonlocal flags
        solved = _run(work, lambda metadata: [*command(metadata), *flags])
        attempts.take(solved.progress)
        if needs_no_cache(solved.progress):
            flags = ("--no-cache",)
        return solved

    solved = retry(attempt, _transient, report, stop)
    outcomes, error = _outcomes(solved, stopped=stop.is_set())
    return Solve(attempts.judge(outcomes, solved.progress.names), error)


def _with_network(settings: BuildSettings, targets: Sequence[Target]) -> BuildSettings:
    """Return the settings for the command, with host networking if one step asks for it.

    The user has allowed it by then (`project.permissions`).
    """
    if any(target.image.host_network for target in targets):
        return replace(settings, network="host")
    return settings


def _transient(solved: _Solved) -> str:
    """Return why another attempt may succeed, empty if not; finished steps are in the cache."""
    if not solved.code:
        return ""
    if is_overloaded(last_error(solved.progress)):
        return "the builder was overloaded and gave up"
    boot = solved.progress.boot
    if boot and is_transient(boot.error):
        return f"the builder could not be started: {boot.error}"
    return transient_failure(solved.progress)


def _run(work: _Work, command: Callable[[str], list[str]]) -> _Solved:
    decoder, seen = Decoder(), progress(work.targets)

    def take(records: Sequence[StreamRecord]) -> None:
        seen.stopping = seen.stopping or work.stop.is_set()
        for record in records:
            for event in seen.take(masked(record, work.mask)):
                work.report(event)

    with private_folder("solve", work.environ) as folder:
        metadata = folder / "metadata.json"
        code = run(
            command(str(metadata)),
            cwd=work.root,
            environ=work.environ,
            stdin=work.request,
            take=lambda line: take(decoder.feed(line)),
            stop=work.stop,
        )
        take(decoder.end())
        for event in seen.end():
            work.report(event)
        return _Solved(code, seen, read_metadata(metadata, seen.targets))


def _outcomes(
    solved: _Solved, *, stopped: bool
) -> tuple[Mapping[ImageName, Outcome], UnknownError | None]:
    if solved.code == 0:
        return after_success(solved.progress, solved.metadata), None
    outcomes = after_failure(solved.progress)
    if stopped:
        return outcomes, None
    said = last_error(solved.progress) or "\n".join(solved.progress.text[-3:])
    if error := _builder_fault(solved.progress, said):
        return after_connection_loss(solved.progress), error
    if not solved.progress.failures and is_overloaded(said):
        message = f"the builder gave up {ATTEMPTS} times: it is overloaded"
        hint = "run again when the machine is less busy; what was pushed is kept"
        return outcomes, UnknownError(message, hint=hint)
    if not any(isinstance(outcome, Broken) for outcome in outcomes.values()):
        return blame_unfinished(solved.progress, outcomes), None
    return outcomes, None


def _builder_fault(progress: Progress, said: str) -> UnknownError | None:
    """Return the error for a solve that failed because of its builder, not of an image."""
    return builder_fault(progress) or (None if progress.failures else builder_error(said))
