"""httpcore logs addresses and headers, presigned queries and all: not those of ours."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


class _Thread(local):
    under_way = 0


_thread = _Thread()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep it from logging what this thread asks meanwhile; others are not touched."""
    _thread.under_way += 1
    try:
        yield
    finally:
        _thread.under_way -= 1


def _is_loud(_record: logging.LogRecord) -> bool:
    return not _thread.under_way


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_is_loud)
