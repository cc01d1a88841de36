"""Find the reference that a word of the command line names: an image of the project, or any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.project import reference_of
from ..reference import ReferenceSyntaxError, parse_reference
from ._choose import choose_one
from ._load import load_project, load_settings

if TYPE_CHECKING:
    from ..model.project import Project
    from ..model.settings import Settings
    from ..reference import Platform, Reference
    from ._command import Words


def is_name(word: str) -> bool:
    """Return whether a word is the name of an image, and not a whole reference."""
    return not any(mark in word for mark in "/:@")


def _reference_of_image(project: Project, name: str) -> Reference:
    """Return the reference under which an image of the project is, or would be, pushed."""
    image = choose_one(project, name)
    found = fingerprint(project, only=[image])[image]
    return reference_of(project, image, found.fingerprint)


def _written_reference(word: str) -> Reference:
    """Parse a whole reference. Raises `ConfigError`."""
    try:
        return parse_reference(word)
    except ReferenceSyntaxError as error:
        raise usage_error(str(error)) from error


def asked(
    name: str, profile: str, allow: Words, arg: Words
) -> tuple[Settings, Reference, tuple[Platform, ...]]:
    """Return the settings, the reference that `name` stands for, and the platforms it must have.

    For a whole reference no image is loaded, and any platform will do; `--arg` has no meaning then.
    """
    if not is_name(name):
        if arg:
            raise usage_error("`--arg` is for images of the project, and not for a whole reference")
        return load_settings(profile, allow), _written_reference(name), ()
    project = load_project(profile, allow, arg)
    platforms = project.image(choose_one(project, name)).platforms
    return project.settings, _reference_of_image(project, name), platforms
