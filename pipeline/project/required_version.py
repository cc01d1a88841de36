"""`requires`: the versions of this software that may work on a project."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import Problem
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from .document import Document

KEY = "requires"
NAME = "fly-image-pipeline"
_LONGEST = 255


def specifier(text: str) -> str:
    """Check a version specifier of PEP 440. Raises `WrongValueError` for anything else."""
    hint = f'write the least that will do, as in {KEY} = ">={__version__}"'
    if not text.strip():
        raise WrongValueError("it is empty", hint=hint)
    if len(text) > _LONGEST:  # numbers in it may have more digits than Python converts
        raise WrongValueError(f"it is longer than {_LONGEST} characters", hint=hint)
    try:
        _parse(text)
    except ValueError:
        raise WrongValueError(f"`{text}` is not a PEP 440 version specifier", hint=hint) from None
    return text


def allows(text: str, version: str = __version__) -> bool:
    """Return whether a specifier allows `version`, pre-releases included.

    >>> allows(">=0.2,<1", "0.3.0"), allows("~=0.3", "0.2.0"), allows(">=0.2", "0.3.0.dev1")
    (True, False, True)
    """
    return _parse(text).contains(version, prereleases=True)


def _parse(text: str) -> SpecifierSet:
    """Parse a specifier. Raises `InvalidSpecifier`, which is a `ValueError`."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - most projects have none

    return SpecifierSet(text)


def check_version(document: Document) -> Problem | None:
    """Return a problem if `pipeline.toml` requires another version than this one.

    A `requires` that cannot be parsed is left to the check of the whole file.
    """
    wanted = document.data.get(KEY)
    try:
        if not isinstance(wanted, str) or allows(specifier(wanted)):
            return None
    except WrongValueError:
        return None
    return Problem(
        document.locate(KEY),
        f"this project requires Fly Image Pipeline {wanted}, and this is {__version__}",
        f'install "{NAME}{wanted}" from where this one came; it runs in `{sys.prefix}`',
    )
