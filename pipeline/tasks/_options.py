"""Options that several tasks have: their help, and the values of those of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ._command import Words

PROFILE = "profile of pipeline.toml, merged over its other settings (also: PIPELINE_PROFILE)"
ALLOW = "permissions for the project, separated by commas, such as `ssh` (also: PIPELINE_ALLOW)"
ARG = "NAME=VALUE, a build argument for every image that declares it; may be repeated"
STRICT = "turn warnings about files and tags into errors (also: `strict` in pipeline.toml)"
JSON = "print the result as JSON on stdout"
VERIFY = "`deep`: also check that existing images have all platforms and layers"

PLAN_HELP = {
    "verify": VERIFY,
    "strict": STRICT,
    "json": JSON,
    "allow": ALLOW,
    "profile": PROFILE,
    "arg": ARG,
}
"""The help of the options in `PlanOptions` that `plan` has, too."""

RUN_HELP = {
    "keep_going": "after a failure, go on with what does not depend on it",
    **PLAN_HELP,
    "log": "`plain`: print lines instead of the live view",
    "no_record": "put no record of its inputs beside an image (also: `records` in pipeline.toml)",
}
"""The help of the options of `build`, `build-all`, `deploy` and `deploy-all`."""


class PlanOptions(NamedTuple):
    """The options of tasks that make a plan.

    `plan` itself has neither the first two nor the last two.
    """

    force: bool = False
    keep_going: bool = False
    verify: str = ""
    strict: bool = False
    json: bool = False
    allow: Words = None
    profile: str = ""
    arg: Words = None
    log: str = ""
    no_record: bool = False

    @property
    def deep(self) -> bool:
        """Whether existing images are verified (`_load.is_deep` checks the word)."""
        return self.verify == "deep"
