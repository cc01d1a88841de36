"""`graph`, `inputs` and `exists`: look, and change nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import usage_error
from pipeline.tasks.command import (
    ALLOW,
    JSON,
    PROFILE,
    STRICT,
    VERIFY,
    check_look,
    choose,
    is_deep,
    load_project,
    load_settings,
    looks,
    warn,
    write_json,
)

if TYPE_CHECKING:
    from invoke.context import Context

    from pipeline.core.model import Project, Settings
    from pipeline.core.presence import Hollow, Presence
    from pipeline.core.reference import ImageName, Platform, Reference
    from pipeline.tasks.command import Words

ABSENT = 1
FORMATS = ("tree", "json", "dot", "mermaid")


@task(
    help={
        "format_": "tree, json, dot or mermaid",
        "strict": STRICT,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def graph(
    _c: Context,
    *,
    format_: str = "tree",
    strict: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Draw which image stands on which."""
    from pipeline.console import as_json  # noqa: PLC0415 - loaded late
    from pipeline.console import graph as pictures  # noqa: PLC0415

    if format_ not in FORMATS:
        raise usage_error(f"there is no format `{format_}`", hint=f"one of: {', '.join(FORMATS)}")
    project = load_project(profile, allow, strict=strict)
    warn(project, (problem for image in project for problem in image.warnings))
    if format_ == "json":
        write_json(as_json.graph_json(project))
    else:
        sys.stdout.write(getattr(pictures, format_)(project))
    return 0


@task(
    help={"name": "the image", "strict": STRICT, "json": JSON, "allow": ALLOW, "profile": PROFILE},
    iterable=["allow"],
)
@looks
def inputs(
    _c: Context,
    name: str,
    *,
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Show all that goes into an image's fingerprint."""
    import pipeline  # noqa: PLC0415 - loaded late
    from pipeline.console import as_json, show  # noqa: PLC0415

    project = load_project(profile, allow, strict=strict)
    image = _one(project, name)
    found = pipeline.fingerprint(project, only=[image])[image]
    warn(project, found.warnings)
    if json:
        write_json(as_json.inputs_json(found))
    else:
        show.print_inputs(found)
    return 0


@task(
    help={
        "name": "an image of the project, or any reference `host/repository:tag`",
        "verify": VERIFY,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def exists(
    _c: Context,
    name: str,
    *,
    verify: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Ask the registry for an image: 0 it exists, 1 it does not, 4 could not find out."""
    from pipeline.console import as_json, show  # noqa: PLC0415 - loaded late
    from pipeline.core.presence import Present  # noqa: PLC0415

    deep = is_deep(verify)
    settings, reference, platforms = asked(name, profile, allow)
    check_look(settings)
    answer = _ask(settings, reference, platforms, deep=deep, ours=_is_name(name))
    if json:
        write_json(as_json.exists_json(reference, answer))
    else:
        show.print_exists(reference, answer)
    return 0 if isinstance(answer, Present) else ABSENT


def _one(project: Project, word: str) -> ImageName:
    names = choose(project, word)
    if len(names) != 1:
        raise usage_error(f"`{word}` is {len(names)} images, and one is wanted")
    return names[0]


def _is_name(word: str) -> bool:
    """Whether a word is an image's name, and no reference that is written out."""
    return not any(mark in word for mark in "/:@")


def _reference_of_image(project: Project, name: str) -> Reference:
    """The reference under which an image of the project is, or would be, pushed."""
    import pipeline  # noqa: PLC0415 - loaded late
    from pipeline.core.model import reference_of  # noqa: PLC0415

    image = _one(project, name)
    found = pipeline.fingerprint(project, only=[image])[image]
    return reference_of(project, image, found.fingerprint)


def _written_reference(word: str) -> Reference:
    """A reference that is written out. Raises `ConfigError`."""
    from pipeline.core.reference import ReferenceSyntaxError, parse_reference  # noqa: PLC0415

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
    if not _is_name(name):
        return load_settings(profile, allow), _written_reference(name), ()
    project = load_project(profile, allow)
    platforms = project.image(_one(project, name)).platforms
    return project.settings, _reference_of_image(project, name), platforms


def _ask(
    settings: Settings,
    reference: Reference,
    platforms: tuple[Platform, ...],
    *,
    deep: bool,
    ours: bool,
) -> Presence | Hollow:
    """Whether a reference exists, which for an image of ours is one that is pushed to."""
    from pipeline.shell.further import look_closer_at  # noqa: PLC0415 - loaded late
    from pipeline.shell.registry import open_registry  # noqa: PLC0415 - loaded late

    with open_registry(settings, os.environ) as registry:
        if ours:
            registry.pushes_to([reference.repository])
        if deep:
            return look_closer_at(registry, reference, platforms)
        return registry.head(reference)
