"""`promote`: an image under another tag, or in another app's repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.core.reference import (
    Reference,
    ReferenceSyntaxError,
    parse_reference,
    parse_tag,
)
from pipeline.errors import usage_error
from pipeline.tasks.command import JSON, PROFILE, command, load_project, say, write_json
from pipeline.tasks.looking import named_reference

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    positional=["name", "destination"],
    help={
        "name": "an image of the project, or any reference `host/repository:tag`",
        "destination": "`:tag`, `repository:tag` on the project's registry, or a whole reference; "
        "several with commas between them",
        "json": JSON,
        "profile": PROFILE,
    },
)
@command
def promote(
    _c: Context, name: str, destination: str, *, json: bool = False, profile: str = ""
) -> int:
    """Put an image under another tag or app, without pulling it."""
    from pipeline.edge.registry import copy  # noqa: PLC0415 - loaded late
    from pipeline.shell.inspect import open_registry  # noqa: PLC0415

    project = load_project(profile)
    source = named_reference(project, name)
    host = project.settings.registry.host
    wanted = [_destination(word.strip(), source, host) for word in destination.split(",")]
    done: list[dict[str, object]] = []
    with open_registry(project, os.environ) as registry:
        for reference in wanted:
            digest, news = copy(registry, source, reference)
            done.append({"reference": str(reference), "digest": digest, "copied": news})
            say(f"`{reference}` is {'now' if news else 'already'} `{source}`, `{digest}`")
        requests = registry.requests
    if json:
        document = {"schema": "pipeline.promote/1", "source": str(source), "destinations": done}
        write_json({**document, "requests": requests})
    return 0


def _destination(word: str, source: Reference, host: str) -> Reference:
    """A destination as it is written: what it leaves out is the source's, or the project's."""
    try:
        if word.startswith(":"):
            return Reference(source.repository, parse_tag(word[1:]), None)
        head, slash, _ = word.partition("/")
        whole = bool(slash) and ("." in head or ":" in head or head == "localhost")
        named = word if whole else f"{host}/{word}"
        tagged = ":" in named.rpartition("/")[2]
        found = parse_reference(named if tagged else f"{named}:{source.tag or 'latest'}")
    except ReferenceSyntaxError as error:
        raise usage_error(str(error), hint="`:tag`, `app:tag` or `host/repository:tag`") from error
    if found.digest:
        raise usage_error(f"`{word}` is a digest, and a tag is wanted")
    return found
