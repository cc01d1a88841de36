"""Check the references that the templates of `pipeline.toml` make of the images' names.

A template by itself is checked where it is read (`project.value_checks`); whether a reference is
too long, or two are equal, depends on the images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Problem
from ..model.cache import parse_cache
from ..model.settings import repository_of
from ..reference import (
    Reference,
    ReferenceSyntaxError,
    parse_reference,
    parse_repository,
    parse_repository_on,
    parse_tag,
)
from .image_file import read_image_document
from .settings import settings_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..model.image import Image
    from ..model.settings import Settings

_FINGERPRINT = "0" * 20


def find_long_references(root: Path, settings: Settings, images: Sequence[Image]) -> list[Problem]:
    """Find templates that are too long for the longest of the images' names."""
    names = [image.name for image in images if not image.public]
    if not names:
        return []
    name = max(names, key=len)
    found = []
    for key, text, read in _templates(settings):
        try:
            read(text.replace("{name}", name).replace("{fingerprint}", _FINGERPRINT))
        except ReferenceSyntaxError as error:
            document = settings_document(root, settings.profile)
            written = document is not None and document.has(*key)
            location = document.locate(*key) if document and written else None
            hint = f"shorten the name `{name}`, or the text beside it here"
            found.append(Problem(location, str(error), hint))
    return found


def find_alias_clashes(root: Path, settings: Settings, images: Sequence[Image]) -> list[Problem]:
    """Find tags that are an alias of two images, as is possible if all share one repository."""
    owner: dict[Reference, Image] = {}
    problems = []
    for image in images:
        repository = repository_of(settings.registry, image.name)
        for index, tag in enumerate(image.aliases):
            first = owner.setdefault(Reference(repository, tag), image)
            if first is not image:
                document, _ = read_image_document(root, image.settings_file, settings.profile)
                location = document.locate("aliases", index) if document else None
                message = f"`{repository}:{tag}` is an alias of `{first.name}` already"
                problems.append(Problem(location, message, f'write "{image.name}-{tag}"'))
    return problems


def _templates(
    settings: Settings,
) -> Iterator[tuple[tuple[str | int, ...], str, Callable[[str], object]]]:
    registry, build = settings.registry, settings.build
    yield ("registry", "repository"), f"{registry.host}/{registry.repository}", parse_repository
    yield ("registry", "tag"), registry.tag, parse_tag
    for index, text in enumerate(registry.also):
        yield (
            ("registry", "also", index),
            text,
            lambda written: parse_repository_on(written, registry.host),
        )
    for key, texts in (("cache_from", build.cache_from), ("cache_to", build.cache_to)):
        for index, text in enumerate(texts):
            yield ("build", key, index), text, _read_cache


def _read_cache(text: str) -> None:
    for cache in parse_cache(text):
        if cache.type == "registry":
            parse_reference(cache.get("ref"))
