"""Ask the registry whether an image exists."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import as_json, show
from ..model.presence import Present
from ..runner.inspect import verify_reference
from ..runner.open_registry import open_registry
from ._load import check_look, is_deep
from ._reference import asked, is_name
from ._say import write_json

if TYPE_CHECKING:
    from ..model.presence import Incomplete, Presence
    from ..model.settings import Settings
    from ..reference import Platform, Reference
    from ._command import Words


ABSENT = 1


def run(
    name: str,
    *,
    verify: str,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Ask for an image and print the answer; return 1 if it is absent."""
    deep = is_deep(verify)
    settings, reference, platforms = asked(name, profile, allow, arg)
    check_look(settings)
    answer = _ask(settings, reference, platforms, deep=deep, ours=is_name(name))
    if json:
        write_json(as_json.exists_json(reference, answer))
    else:
        show.print_exists(reference, answer)
    return 0 if isinstance(answer, Present) else ABSENT


def _ask(
    settings: Settings,
    reference: Reference,
    platforms: tuple[Platform, ...],
    *,
    deep: bool,
    ours: bool,
) -> Presence | Incomplete:
    """Whether a reference exists, which for an image of ours is one that is pushed to."""
    with open_registry(settings, os.environ) as registry:
        if ours:
            registry.pushes_to([reference.repository])
        elif reference.repository.host != settings.registry.host:
            registry.reads_public([reference.repository])
        if deep:
            return verify_reference(registry, reference, platforms)
        return registry.head(reference)
