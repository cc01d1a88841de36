"""What an attestation would tell everybody who may pull an image, and is nobody's business.

With `mode=max`, BuildKit writes down all arguments of a build, and the proxies that docker's
configuration has are among them (moby/buildkit `provenance.FilterArgs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Problem
from ..project.settings import settings_document
from ..registry.auth.build_proxies import docker_proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.plan import Plan

_HINT = (
    '`provenance = "mode=min"` tells no arguments; or take the login out of the proxy\'s address, '
    "where the proxy needs none"
)


def published_logins(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """The logins of proxies that would be pushed beside images that are to be built."""
    # However it is written: BuildKit reads it as a line of CSV.
    if "max" not in plan.project.settings.build.provenance or not plan.to_build:
        return ()
    named = [name for name, value in docker_proxies(environ).items() if "@" in value]
    if not named:
        return ()
    document = settings_document(plan.project.root, plan.project.settings.profile)
    place = document.locate("build", "provenance") if document else None
    whose = ", ".join(f"`{name}`" for name in named)
    message = f"it would be pushed with the login of docker's own proxy in it ({whose})"
    return (Problem(place, message, _HINT),)
