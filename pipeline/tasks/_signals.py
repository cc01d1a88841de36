"""Ctrl-C, SIGTERM and SIGHUP: stop cleanly, or leave at once."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Concatenate, NoReturn, ParamSpec, TypeVar

from ._say import say

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]


P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a CI job that is cancelled, a terminal that is closed."""
_GRACE = 1.0
"""Seconds in which an interruption ends by itself, as nothing was begun that it had to end."""


@contextmanager
def stoppable(stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and SIGHUP set; a second signal interrupts at once.

    Further ones in the second after it are ignored: they would interrupt the cleaning up.
    """
    stop = stop or threading.Event()
    interrupted = -math.inf

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if not stop.is_set():
            stop.set()
        elif time.monotonic() - interrupted >= _GRACE:
            interrupted = time.monotonic()
            raise KeyboardInterrupt

    with handled_by(on_signal):
        yield stop


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
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


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def watched() -> Iterator[None]:
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
            if any(signal.getsignal(number) is interrupt for number in numbers):
                time.sleep(_GRACE)
                leave()


def leave() -> NoReturn:
    """End at once. A thread may still wait for an answer, and Python would wait for the thread."""
    with suppress(OSError):  # the terminal may be gone
        say("interrupted")
        sys.stdout.flush()
    os._exit(INTERRUPTED)
