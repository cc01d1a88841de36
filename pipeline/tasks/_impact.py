"""Print which images and apps a change reaches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import as_json
from ..console.impact import print_impact, print_markdown
from ..errors import usage_error
from ..model.cost import Known
from ..runner.costs import known_costs
from ..runner.impact import of_base, of_files, since
from ._load import load_apps, read_arguments
from ._say import write_json

if TYPE_CHECKING:
    from ..model.project import Project
    from ..runner.impact import Impact
    from ._command import Words


def run(  # noqa: PLR0913 - each an option of the command line
    revision: str,
    files: str,
    base: str,
    *,
    form: str,
    allow: Words,
    profile: str,
    arg: Words,
    offline: bool,
) -> int:
    """Print the result as a table, as JSON or as Markdown."""
    if sum(map(bool, (revision, files, base))) != 1:
        raise usage_error(
            "`impact` needs one of `--since`, `--files` and `--base`",
            hint="such as `--since origin/main`",
        )
    project = load_apps(profile, allow, arg, look=True)
    found = _find(project, revision, files, base, arg)
    costs = Known() if offline else known_costs(found.sides, found.images, os.environ)
    if form == "json":
        write_json(as_json.impact_json(found.reached, costs))
    elif form == "markdown":
        print_markdown(found.reached, costs)
    else:
        print_impact(found.reached, costs)
    return 0


def _find(project: Project, revision: str, files: str, base: str, arg: Words) -> Impact:
    if revision:
        return since(project, revision, read_arguments(arg))
    if files:
        return of_files(project, [file.strip() for file in files.split(",") if file.strip()])
    return of_base(project, base)
