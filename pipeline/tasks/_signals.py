"""Handle Ctrl-C, SIGTERM and SIGHUP: stop cleanly, or end at once."""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from ._say import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Handler = Callable[[int, FrameType | None], None]

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a CI job that is cancelled, a terminal that is closed."""
_GRACE = 1.0
"""Seconds until a signal that the main thread does not hear ends the process."""


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
    """Set a handler for the signals of `SIGNALS`, except for ignored ones (`nohup`)."""
    # Python runs signal handlers in its main thread only.
    ours = threading.current_thread() is threading.main_thread()
    heard = [s for s in SIGNALS if ours and signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, handler) for s in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal as Ctrl-C."""
    raise KeyboardInterrupt


@contextmanager
def watched() -> Iterator[None]:
    """End the process on a signal even if its main thread does not hear it.

    CPython runs a handler in the main thread between two instructions. After a signal that comes
    right before a blocking call, that is when the call returns. In a finalizer, it would print the
    exception of the handler with its traceback, and go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    here, there = socket.socketpair()
    there.setblocking(False)
    before = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(here,), daemon=True).start()
    show = sys.unraisablehook
    sys.unraisablehook = lambda found: None if _is_interrupt(found) else show(found)
    try:
        yield
    finally:
        sys.unraisablehook = show
        signal.set_wakeup_fd(before)
        there.close()


def _is_interrupt(found: sys.UnraisableHookArgs) -> bool:
    return issubclass(found.exc_type, KeyboardInterrupt)


def _watch(line: socket.socket) -> None:
    with line:
        while numbers := line.recv(16):
            if any(signal.getsignal(number) is interrupt for number in numbers):
                time.sleep(_GRACE)
                leave()


def leave() -> NoReturn:
    """End the process at once. Python would wait for threads that wait for answers."""
    with suppress(OSError):  # the terminal may be gone
        say("interrupted")
        sys.stdout.flush()
    os._exit(INTERRUPTED)
