"""What every task shares: exit codes for errors, names with commas, a way to stop, the console."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Concatenate, NoReturn, ParamSpec, TypeVar

from invoke.exceptions import Exit

from pipeline.errors import (
    ConfigError,
    PipelineError,
    Problem,
    UnknownError,
    machine_error,
    raise_problems,
    usage_error,
)
from pipeline.tasks.faults import FAULT, tell_fault
from pipeline.tasks.output import patient_output, unwritten

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]

    from pipeline.core.allowed import Allowed
    from pipeline.core.events import Reporter
    from pipeline.core.model import Project, Settings
    from pipeline.core.reference import ImageName

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""

PROFILE = "profile of pipeline.toml to merge over the rest (also: PIPELINE_PROFILE)"
ALLOW = "what the project may use beyond its own, commas between (also: PIPELINE_ALLOW)"
STRICT = "take warnings about what a tag may hide as errors (also: `strict` in pipeline.toml)"
JSON = "print the result as JSON on stdout"
VERIFY = "`deep`: also see that platforms and all parts of what exists are there"
INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a CI job that is cancelled, a terminal that is closed."""
QUIET = frozenset({0, 5})
"""Codes with which nothing has failed."""
ANSWERS = QUIET | {1}
"""Those that say what a task found that only looks: it exists, it is absent, there is work."""
_GRACE = 1.0
"""Seconds in which an interruption ends by itself, as nothing was begun that it had to end."""


def looks(body: Body[P]) -> Made[P]:
    """Make a task of what only looks: Invoke's `--dry` is nothing to it.

    Each task tells errors to a person, and ends with the exit code that they stand for.
    """
    return _task(body, answers=True)


def plans(body: Body[P]) -> Made[P]:
    """Make a task of what does as a plan says: with `--dry` it shows the plan (`is_dry`)."""
    return _task(body, answers=False)


def changes(*, see: str, unless: str = "") -> Callable[[Body[P]], Made[P]]:
    """Make a task of what changes something and has no plan: `--dry` is refused.

    `see` is what looks, and says most of what the task would do. With the option `unless`, if one
    is named, the task itself only looks.
    """

    def decorate(body: Body[P]) -> Made[P]:
        @functools.wraps(body)
        def checked(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> int:
            if is_dry(c) and not kwargs.get(unless):
                raise usage_error(
                    f"`{body.__name__}` has no plan that `--dry` could show, and nothing was done",
                    hint=f"run it without `--dry`; `invoke {see}` looks, and changes nothing",
                )
            return body(c, *args, **kwargs)

        return _task(checked, answers=False)

    return decorate


def _task(body: Body[P], *, answers: bool) -> Made[P]:
    @functools.wraps(body)
    def task_body(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        code = _guarded(functools.partial(body, c, *args, **kwargs), answers=answers)
        if code:
            raise Exit(code=code)

    return task_body


def is_dry(c: Context) -> bool:
    """Whether the user only wants to see what would be done: Invoke's `--dry`, or `run.dry`."""
    return bool(c.config.run.dry)


def load_project(profile: str, allow: Words = None, *, strict: bool = False) -> Project:
    """The project at or above the working directory; what looks unintended is said on stderr.

    With `strict`, its settings are strict whatever its file says. `allow` adds to what the
    environment allows it (`pipeline.core.allowed`).
    """
    from pipeline.shell.load import load  # noqa: PLC0415 - pydantic costs 100 ms

    more = _allowed(allow)
    project = load(profile=profile or None)
    for warning in project.warnings:
        say(f"warning: {warning}")
    settings = replace(project.settings, strict=strict or project.settings.strict)
    return replace(project, settings=settings.allowing(more))


def load_settings(profile: str, allow: Words = None) -> Settings:
    """The settings of that project alone, for what concerns none of its images."""
    from pipeline.shell.config import chosen, folders  # noqa: PLC0415 - loaded late

    more = _allowed(allow)
    root = folders.find_root(folders.working_folder())
    loaded, problems = chosen.load_settings(root, profile=profile or None, environ=os.environ)
    if loaded is None:
        raise ConfigError(problems)
    return loaded.allowing(more)


def _allowed(words: Words) -> Allowed:
    from pipeline.core.allowed import parse_allowed  # noqa: PLC0415 - not needed for `invoke --list`

    return parse_allowed(",".join(words or ()), "`--allow`")


def load_apps(
    profile: str, allow: Words = None, *, strict: bool = False, look: bool = False
) -> Project:
    """As `load_project`, with the names of apps that must be asked for; see `with_apps`."""
    return with_apps(load_project(profile, allow, strict=strict), look=look)


def with_apps(before: Project, *, look: bool = False) -> Project:
    """The project with the names of apps that must be asked for.

    Who only wants to `look` runs no command of the project's, unless they allow it.
    """
    from pipeline.shell.app_lists import resolve_apps  # noqa: PLC0415 - loaded late

    if look:
        check_look(before.settings)
    commands = not look or before.settings.allowed.commands
    project = resolve_apps(before, os.environ, commands=commands)
    for warning in project.warnings[len(before.warnings) :]:
        say(f"warning: {warning}")
    return project


def check_look(settings: Settings) -> None:
    """Raise `ConfigError` where a look would run what a login in the project names."""
    from pipeline.shell.config import folders  # noqa: PLC0415 - loaded late
    from pipeline.shell.tree_logins import check_logins  # noqa: PLC0415

    check_logins(folders.find_root(folders.working_folder()), settings, os.environ)


def check_docker(settings: Settings) -> None:
    """Raise `ConfigError` where docker, run for a look, would run plugins of the project."""
    from pipeline.shell.config import folders  # noqa: PLC0415 - loaded late
    from pipeline.shell.tree_logins import check_plugins  # noqa: PLC0415

    check_plugins(folders.find_root(folders.working_folder()), settings, os.environ)


def tell_unasked(project: Project) -> int:
    """Say which apps at Fly a look has left out, as only a command knows them: the exit code."""
    from pipeline.core.apps import HOW_TO_RUN, NOT_RUN  # noqa: PLC0415 - loaded late
    from pipeline.core.fly_apps import unasked  # noqa: PLC0415

    for name in unasked(project):
        say(f"note: the apps of `{name}` are {NOT_RUN}; {HOW_TO_RUN}")
    return UnknownError.exit_code if unasked(project) else 0


def choose(project: Project, words: str, *, what: str = "image") -> tuple[ImageName, ...]:
    """The names that `words` (commas between them, `*` and `?` allowed) choose, in build order.

    Raises `ConfigError` with every word that chooses nothing.
    """
    return choose_from(project.names, words, what=what)


def choose_from(names: Iterable[Name], words: str, *, what: str) -> tuple[Name, ...]:
    """As `choose`, from any names."""
    known = tuple(names)
    patterns = [word.strip() for word in words.split(",") if word.strip()]
    lost = [p for p in patterns if not any(_fits(name, p) for name in known)]
    raise_problems([_no_such(word, known, what) for word in lost])
    return tuple(name for name in known if any(_fits(name, p) for p in patterns))


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def is_deep(word: str) -> bool:
    """Whether `--verify` asks for a closer look. Raises `ConfigError` for another word."""
    if word not in {"", "deep"}:
        raise usage_error(f"`{word}` is no way to verify", hint="`deep`, or leave `--verify` out")
    return word == "deep"


def say(text: str) -> None:
    """A line for the person, on stderr; names in it may be anybody's."""
    from pipeline.console.text import clean  # noqa: PLC0415 - loaded late

    print(clean(text), file=sys.stderr)  # noqa: T201 - tasks and console are where printing is done


def warn(project: Project, problems: Iterable[Problem]) -> None:
    """Say on stderr what tags may hide, each once; where the project is strict, raise it."""
    from pipeline.console.errors import show_warnings  # noqa: PLC0415 - loaded late

    found = tuple(dict.fromkeys(problems))
    if project.settings.strict:
        raise_problems(found)
    show_warnings(found, sys.stderr)


def tell(error: PipelineError) -> None:
    """An error for the person, on stderr: what happened, and what to do next."""
    from pipeline.console.errors import show_error  # noqa: PLC0415 - only when there is one

    show_error(error, sys.stderr)


def write_json(value: dict[str, object]) -> None:
    """A result for scripts, on stdout."""
    from pipeline.console.as_json import dump  # noqa: PLC0415 - loaded late

    dump(value, sys.stdout)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM and SIGHUP set; a second signal interrupts at once."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with _handled_by(on_signal):
        yield stop


@contextmanager
def console() -> Iterator[Reporter]:
    """The view of a run: live in a terminal, plain lines elsewhere; on stderr."""
    from pipeline.console.out import reporter  # noqa: PLC0415 - rich costs 40 ms

    with reporter(sys.stderr) as report:
        yield report


@contextmanager
def _handled_by(handler: Handler) -> Iterator[None]:
    """Give the signals of `SIGNALS` to a handler, but for those that are ignored (`nohup`)."""
    # Python gives signals to its main thread alone.
    ours = threading.current_thread() is threading.main_thread()
    heard = [s for s in SIGNALS if ours and signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, handler) for s in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _watched() -> Iterator[None]:
    """End the process on a signal also where its main thread cannot hear it.

    CPython runs a handler in the main thread between two instructions: for a signal that comes
    right before a call that waits in the kernel, that is when the call returns.
    """
    import socket  # noqa: PLC0415 - not needed for `invoke --list`

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    here, there = socket.socketpair()
    there.setblocking(False)
    before = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(here,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        there.close()


def _watch(line: socket.socket) -> None:
    with line:
        while numbers := line.recv(16):
            if any(signal.getsignal(number) is _interrupt for number in numbers):
                time.sleep(_GRACE)
                _leave()


def _guarded(body: Callable[[], int], *, answers: bool) -> int:
    """The exit code of a task, whose output may be lost: then that counts, unless work has failed.

    Where the codes of `ANSWERS` are answers of a task that only looks, an answer is lost as well.
    """
    try:
        with patient_output(keep=not answers) as out:
            code = _ended(body)
            out.flush()
            lost = unwritten(out)
    except Exception as error:  # noqa: BLE001 - whatever happens to the telling, 1 means something
        tell_fault(error)
        return FAULT
    outranked = ANSWERS if answers else QUIET
    return lost if lost and code in outranked else code


def _ended(body: Callable[[], int]) -> int:
    try:
        with _handled_by(_interrupt), _watched():
            return body()
    except PipelineError as error:
        tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        _leave()
    except UnicodeEncodeError as error:
        return _unreadable_names(error)
    except Exception as error:  # noqa: BLE001 - the last handler: any other is a fault of ours
        if lacking := machine_error(error):
            tell(lacking)
            return lacking.exit_code
        tell_fault(error)
        return FAULT


def _unreadable_names(error: UnicodeEncodeError) -> int:
    """Tell of a file's name that Python cannot say in the encoding which it was told to use."""
    ours = sys.getfilesystemencoding()
    if ours == "utf-8" or error.encoding != ours:
        tell_fault(error)
        return FAULT
    wrong = usage_error(
        f"`{error.object}` cannot be the name of a file here: names are read as {ours}",
        hint="set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
    )
    tell(wrong)
    return wrong.exit_code


def _leave() -> NoReturn:
    """End at once. A thread may still wait for an answer, and Python would wait for the thread."""
    with suppress(OSError):  # the terminal may be gone
        say("interrupted")
        sys.stdout.flush()
    os._exit(INTERRUPTED)


def _no_such(word: str, known: tuple[str, ...], what: str) -> Problem:
    from difflib import get_close_matches  # noqa: PLC0415 - only when there is one

    near = get_close_matches(word, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known) or 'none'}"
    return Problem(None, f"there is no {what} `{word}`", hint)
