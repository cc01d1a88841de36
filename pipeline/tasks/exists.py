"""`exists`: ask the registry for an image."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._load import check_look
from ._options import ALLOW, JSON, PROFILE, VERIFY, is_deep
from ._reference import asked, is_name
from ._say import write_json

if TYPE_CHECKING:
    from invoke.context import Context

    from ..model.presence import Incomplete, Presence
    from ..model.settings import Settings
    from ..reference import Platform, Reference
    from ._command import Words


ABSENT = 1


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
    from ..console import as_json, show  # noqa: PLC0415 - loaded late
    from ..model.presence import Present  # noqa: PLC0415

    deep = is_deep(verify)
    settings, reference, platforms = asked(name, profile, allow)
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
    from ..runner.inspect import verify_reference  # noqa: PLC0415 - loaded late
    from ..runner.open_registry import open_registry  # noqa: PLC0415 - loaded late

    with open_registry(settings, os.environ) as registry:
        if ours:
            registry.pushes_to([reference.repository])
        if deep:
            return verify_reference(registry, reference, platforms)
        return registry.head(reference)
