"""`impact`: say which images and apps a change reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, ARG, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "since": "a Git revision: what has changed since then, such as `origin/main`",
        "files": "files, separated by commas: what a change of them would build",
        "base": "an image or an external, such as `debian`: what depends on it",
        "markdown": "print a Markdown table, as for the comment of a pull request",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
        "offline": "ask neither the registry nor Fly how long it takes and which machines restart",
    },
    iterable=["allow", "arg"],
)
@looks
def impact(  # noqa: PLR0913 - each an option of the command line
    _c: Context,
    *,
    since: str = "",
    files: str = "",
    base: str = "",
    markdown: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
    offline: bool = False,
) -> int:
    """Show which images a change would build, and which apps it would deploy.

    An image that exists already is listed, too. Records of earlier builds say about how long it
    takes, and Fly says which machines restart; where they cannot be asked, that is not known.
    """
    from ._impact import run

    form = "json" if json else "markdown" if markdown else ""
    return run(
        since, files, base, form=form, allow=allow, profile=profile, arg=arg, offline=offline
    )
