"""The reference that a word of the command line names: an image of the project, or any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import usage_error
from ._choose import choose
from ._load import load_project, load_settings

if TYPE_CHECKING:
    from ..model.project import Project
    from ..model.settings import Settings
    from ..reference import ImageName, Platform, Reference
    from ._command import Words


def one_image(project: Project, word: str) -> ImageName:
    names = choose(project, word)
    if len(names) != 1:
        raise usage_error(f"`{word}` is {len(names)} images, and one is wanted")
    return names[0]


def is_name(word: str) -> bool:
    """Whether a word is an image's name, and no reference that is written out."""
    return not any(mark in word for mark in "/:@")


def _reference_of_image(project: Project, name: str) -> Reference:
    """The reference under which an image of the project is, or would be, pushed."""
    from ..fingerprints.fingerprint import fingerprint  # noqa: PLC0415 - loaded late
    from ..model.project import reference_of  # noqa: PLC0415

    image = one_image(project, name)
    found = fingerprint(project, only=[image])[image]
    return reference_of(project, image, found.fingerprint)


def _written_reference(word: str) -> Reference:
    """A reference that is written out. Raises `ConfigError`."""
    from ..reference import ReferenceSyntaxError, parse_reference  # noqa: PLC0415

    try:
        return parse_reference(word)
    except ReferenceSyntaxError as error:
        raise usage_error(str(error)) from error


def asked(
    name: str, profile: str, allow: Words
) -> tuple[Settings, Reference, tuple[Platform, ...]]:
    """Where to ask, for what, and the platforms it must have: those of an image, else any.

    For a reference that is written out, no image is read.
    """
    if not is_name(name):
        return load_settings(profile, allow), _written_reference(name), ()
    project = load_project(profile, allow)
    platforms = project.image(one_image(project, name)).platforms
    return project.settings, _reference_of_image(project, name), platforms
