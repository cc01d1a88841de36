"""A lack of resources is reported as such, not as a bug."""

from __future__ import annotations

import errno

import pytest

from pipeline.errors import FaultError, UnknownError, as_pipeline_error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "x", "/run/a"), "no space left on device: `/run/a`"),
        (OSError(errno.ENOSPC, "x", b"/run/\xff"), "no space left on device: `/run/\udcff`"),
        (OSError(errno.EDQUOT, "x"), "disk quota exceeded"),
        (OSError(errno.EROFS, "x", "/a"), "read-only file system: `/a`"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (BlockingIOError(errno.EAGAIN, "x"), "resource temporarily unavailable"),
        (RuntimeError("can't start new thread"), "resource temporarily unavailable"),
        (MemoryError(), "cannot allocate memory"),
    ],
)
def test_a_lack_of_resources(error: Exception, told: str) -> None:
    """A sentence, a hint, and exit code 4."""
    found = as_pipeline_error(error)

    assert found.message == f"this machine could not go on: {told}"
    assert (found.exit_code, bool(found.hint)) == (4, True)


@pytest.mark.parametrize("error", [RuntimeError("a"), KeyError("a"), FileNotFoundError(2, "a")])
def test_everything_else_is_a_bug(error: Exception) -> None:
    """Everything else is a bug, exit code 3."""
    assert isinstance(as_pipeline_error(error), FaultError)
    assert as_pipeline_error(UnknownError("a")).message == "a"
