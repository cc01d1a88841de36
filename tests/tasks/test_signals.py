"""A signal that Python cannot deliver as an exception."""

from __future__ import annotations

import signal
import sys
import weakref
from typing import TYPE_CHECKING, NoReturn

import pytest

from pipeline.tasks._signals import interrupt, watched

if TYPE_CHECKING:
    from collections.abc import Callable


class Thing:
    """Something that ends."""


def _interrupted(_thing: object) -> None:
    interrupt(signal.SIGINT, None)


def _broken(_thing: object) -> NoReturn:
    raise ValueError


@pytest.mark.parametrize(("callback", "shown"), [(_interrupted, []), (_broken, [ValueError])])
def test_an_interrupted_finalizer_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    callback: Callable[[object], None],
    shown: list[type[Exception]],
) -> None:
    """Python only shows what is raised there; the process ends by itself a moment later."""
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: seen.append(found.exc_type))

    with watched():
        thing = Thing()
        kept = weakref.ref(thing, callback)
        del thing

    assert kept() is None
    assert seen == shown
