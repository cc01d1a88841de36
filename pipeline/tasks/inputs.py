"""`inputs`: all that goes into an image's fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._load import load_project
from ._options import ALLOW, JSON, PROFILE, STRICT
from ._reference import one_image
from ._say import warn, write_json

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


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
    from ..console import as_json, show  # noqa: PLC0415
    from ..fingerprints.fingerprint import fingerprint  # noqa: PLC0415 - loaded late

    project = load_project(profile, allow, strict=strict)
    image = one_image(project, name)
    found = fingerprint(project, only=[image])[image]
    warn(project, found.warnings)
    if json:
        write_json(as_json.inputs_json(found))
    else:
        show.print_inputs(found)
    return 0
