"""Load the settings under the profile that the user chose, which some file must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Location, Problem, quoted_list
from ..spelling import did_you_mean
from .document import read_document
from .image_folders import find_images
from .profiles import profiles_of
from .result import Result
from .settings import PIPELINE_FILE, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..model.settings import Settings


def load_settings(
    root: Path, *, profile: str | None, environ: Mapping[str, str]
) -> Result[Settings]:
    """Read the settings as `read_settings` does, under a profile that some file must have.

    If `pipeline.toml` does not have the profile, each `image.toml` is searched for it.
    """
    name = profile or environ.get("PIPELINE_PROFILE", "")
    settings, problems = read_settings(root, profile=name, environ=environ)
    if settings is None:
        return Result(None, problems)
    if name and (problem := _unknown(root, settings, name, by_flag=bool(profile))):
        return Result(None, (*problems, problem))
    return Result(settings, problems)


def _unknown(root: Path, settings: Settings, name: str, *, by_flag: bool) -> Problem | None:
    known: dict[str, None] = {}
    for names in _profiles(root, settings):
        if names is None or name in names:
            return None
        known.update(dict.fromkeys(names))
    source = "`--profile`" if by_flag else "`PIPELINE_PROFILE`"
    there = (
        f"the profiles are {quoted_list(known)}" if known else f"write a table `[profiles.{name}]`"
    )
    message = f"there is no profile `{name}`, which {source} names"
    return Problem(Location(str(PIPELINE_FILE)), message, did_you_mean(name, known) or there)


def _profiles(root: Path, settings: Settings) -> Iterable[Iterable[str] | None]:
    """Yield the names of each file's profiles; `None` for a file that cannot be read."""
    document = read_document(root, PIPELINE_FILE).value
    # A file's own error is reported where it is read, and this must not hide it.
    yield profiles_of(document) if document else None
    found = find_images(root, settings).value
    for place in found.images if found else ():
        document = read_document(root, place.settings_file).value
        yield profiles_of(document) if document else None
