"""Put an image under other references without pulling it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from ..errors import usage_error
from ..reference import Reference, ReferenceSyntaxError, parse_reference, parse_tag
from ..runner.open_registry import open_registry
from ..runner.promote import promote as bring
from ._reference import asked, is_name
from ._say import say, tell, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runner.promote import Promoted
    from ._command import Words


def run(
    name: str,
    destination: str,
    *,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Copy an image to each destination, and report each."""
    settings, source, _ = asked(name, profile, allow, arg)
    words = [word.strip() for word in destination.split(",") if word.strip()]
    wanted = list(
        dict.fromkeys(_destination(word, source, settings.registry.host) for word in words)
    )
    if not wanted:
        raise usage_error("there is no destination", hint="`:tag`, `app:tag` or `host/app:tag`")
    with open_registry(settings, os.environ) as registry:
        done = bring(registry, source, wanted, partial(_tell, source, say if json else tell))
        requests = registry.requests
    if json:
        rows = [_row(one) for one in done]
        document = {"schema": "pipeline.promote/1", "source": str(source), "destinations": rows}
        write_json({**document, "requests": requests})
    return max((one.error.exit_code for one in done if one.error), default=0)


def _tell(source: Reference, result: Callable[[str], None], ended: Promoted) -> None:
    if ended.error:
        say(f"error: `{ended.reference}` is not `{source}`: {ended.error.message}")
        if ended.error.hint:
            say(f"hint: {ended.error.hint}")
        return
    word = "now" if ended.news else "already"
    result(f"`{ended.reference}` is {word} `{source}`, `{ended.digest}`")


def _row(one: Promoted) -> dict[str, object]:
    return {
        "reference": str(one.reference),
        "digest": one.digest,
        "copied": one.news,
        "error": one.error.message if one.error else None,
    }


def _destination(word: str, source: Reference, host: str) -> Reference:
    """Parse a destination. What it leaves out is that of the source, or of the project.

    A word alone is refused: people mean a tag by it, and on Fly it would be another app.
    """
    if is_name(word):
        hint = f"write `:{word}` for the tag, or `{host}/{word}:TAG` for another app's repository"
        raise usage_error(f"`{word}` may be a tag or an app", hint=hint)
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
        raise usage_error(f"`{word}` is a digest, but must be a tag")
    return found
