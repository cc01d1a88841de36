"""Print why images would be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..console import as_json
from ..console.why import print_why
from ..runner.why import why
from ._choose import choose
from ._load import check_look, is_deep, load_project, read_arguments, with_known_apps
from ._say import write_json

if TYPE_CHECKING:
    from ._command import Words


def run(  # noqa: PLR0913 - each an option of the command line
    only: str,
    against: str,
    *,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
    verify: str,
) -> int:
    """Print the explanations."""
    deep = is_deep(verify)
    project = load_project(profile, allow, arg)
    check_look(project.settings)
    chosen = choose(project, only) if only else ()
    # Against something that is named, no app is asked what it runs.
    project, unlisted = (project, {}) if against else with_known_apps(project)
    arguments = read_arguments(arg)
    found = why(project, chosen, against=against, args=arguments, deep=deep, unlisted=unlisted)
    if json:
        write_json(as_json.why_json(found))
    else:
        print_why(found)
    return 0
