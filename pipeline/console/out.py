"""The reporter of a command: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .terminal import Patient, wants_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from ..model.events import Reporter


@contextmanager
def reporter(
    stream: TextIO,
    *,
    live: bool | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Reporter]:
    """Show a run on `stream`, which is stderr: stdout is for data.

    `live` decides where the stream's own answer is not wanted: without it, a terminal that is not
    dumb gets the live view unless `CI` is set. On `Finished`, the summary is written, then what
    failed and why; nothing has to be written after it. A stream that breaks does not raise.

    >>> with reporter(sys.stderr) as report:  # doctest: +SKIP
    ...     run(plan, report=report)
    """
    environ = os.environ if environ is None else environ
    if wants_live(stream, environ) if live is None else live:
        from .live import live_reporter  # noqa: PLC0415 - rich costs 40 ms

        with live_reporter(stream, environ, clock) as report:
            yield report
    else:
        from .plain import PlainLines  # noqa: PLC0415 - only where it is used

        yield PlainLines(Patient(stream), clock)
