"""The reporter of a run: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .terminal import TolerantStream, wants_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from ..model.events import Reporter


@contextmanager
def reporter(
    stream: TextIO,
    *,
    results: TextIO | None = None,
    live: bool | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Reporter]:
    """Show the progress of a run on `stream`, and its summary on `results`; by default on one.

    `live` forces or forbids the live view. By default a terminal gets it, unless it is dumb or `CI`
    is set. `Finished` prints the summary, and to `stream` what failed and why. A broken stream does
    not raise.

    >>> with reporter(sys.stderr, results=sys.stdout) as report:  # doctest: +SKIP
    ...     run(plan, report=report)
    """
    environ = os.environ if environ is None else environ
    if wants_live(stream, environ) if live is None else live:
        from .live import live_reporter  # noqa: PLC0415 - rich costs 40 ms

        with live_reporter(stream, results, environ, clock) as report:
            yield report
    else:
        from .plain import PlainLines  # noqa: PLC0415 - the live view does not need it

        progress = TolerantStream(stream)
        yield PlainLines(progress, TolerantStream(results) if results else progress, clock)
