"""`doctor`: what works, and what to do about the rest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ..errors import ConfigError, PipelineError
from ._command import looks
from ._load import check_docker, check_look, load_project
from ._options import ALLOW, JSON, PROFILE
from ._say import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from invoke.context import Context

    from ..console.check import Check
    from ..model.project import Project
    from ._command import Words

WELL, UNWELL = 0, 4


@task(help={"json": JSON, "allow": ALLOW, "profile": PROFILE}, iterable=["allow"])
@looks
def doctor(_c: Context, *, json: bool = False, allow: Words = None, profile: str = "") -> int:
    """Check project, engine, buildx, registry, credentials and Fly; say what to do."""
    from ..console import as_json, show  # noqa: PLC0415 - loaded late

    checks = tuple(_checks(profile, allow))
    if json:
        write_json(as_json.doctor_json(checks))
    else:
        show.print_doctor(checks)
    return UNWELL if any(check.ok is False for check in checks) else WELL


def _checks(profile: str, allow: Words) -> Iterator[Check]:
    from ..console.check import Check  # noqa: PLC0415 - loaded late
    from ..console.text import amount  # noqa: PLC0415

    try:
        project = load_project(profile, allow)
    except ConfigError as error:
        first = error.problems[0]
        yield _version("")
        yield Check("project", ok=False, detail=str(first), hint=first.hint)
        return
    yield _version(project.settings.requires)
    yield Check(
        "project",
        ok=True,
        detail=f"{amount(len(project.images), 'image', 'images')} in {project.root}",
    )
    try:
        check_look(project.settings)
        check_docker(project.settings)
    except ConfigError as error:
        first = error.problems[0]
        yield Check("logins", ok=False, detail=str(first), hint=first.hint)
        return
    yield _check("builder", lambda: _builder(project))
    yield _check("engine", _engine)
    yield _credential(project)
    yield _check("registry", lambda: _registry(project))
    yield _fly(project)


def _version(requires: str) -> Check:
    from .. import __version__  # noqa: PLC0415 - beside the other imports of a check
    from ..console.check import Check  # noqa: PLC0415 - loaded late

    wanted = f"; the project wants {requires}" if requires else ""
    return Check("version", ok=True, detail=f"Fly Image Pipeline {__version__}{wanted}")


def _check(name: str, look: Callable[[], str]) -> Check:
    from ..console.check import Check  # noqa: PLC0415 - loaded late

    try:
        return Check(name, ok=True, detail=look())
    except PipelineError as error:
        return Check(name, ok=False, detail=error.message, hint=error.hint)


def _builder(project: Project) -> str:
    from ..buildkit.builder import check_builder  # noqa: PLC0415 - loaded late

    return str(check_builder(project.settings.build, os.environ))


def _engine() -> str:
    from ..buildkit.engine import connect  # noqa: PLC0415 - loaded late

    with connect(os.environ) as client:
        version = client.version()
        return f"Docker {version.get('Version')} on {version.get('Os')}/{version.get('Arch')}"


def _credential(project: Project) -> Check:
    from ..console.check import Check  # noqa: PLC0415 - loaded late
    from ..registry.auth.keychain import credentials  # noqa: PLC0415

    host = project.settings.registry.host
    try:
        found = credentials(os.environ)(host)
    except PipelineError as error:
        return Check("credential", ok=False, detail=error.message, hint=error.hint)
    detail = f"for `{host}`: " + (found.source if found else "none, asked anonymously")
    return Check("credential", ok=True if found else None, detail=detail)


def _registry(project: Project) -> str:
    from ..registry.auth.keychain import credentials  # noqa: PLC0415 - loaded late
    from ..runner.open_registry import open_registry  # noqa: PLC0415 - loaded late

    host = project.settings.registry.host
    known = credentials(os.environ)(host) is not None
    with open_registry(project.settings, os.environ) as registry:
        registry.ping(host)
        known = known and host not in registry.doubtful
    return f"`{host}` answers" + (", and takes the credential" if known else "")


def _fly(project: Project) -> Check:
    from ..console.check import Check  # noqa: PLC0415 - loaded late
    from ..model.settings import DriverName  # noqa: PLC0415
    from ..registry.auth.fly_program import fly_program  # noqa: PLC0415

    try:
        found = fly_program(os.environ)
    except PipelineError as error:
        by_fly = project.settings.deploy.driver is DriverName.FLY
        needed = by_fly and any(image.deploy for image in project)
        why = "" if needed else "; no app here is deployed by it"
        ok = False if needed else None
        return Check("flyctl", ok=ok, detail=f"{error.message}{why}", hint=error.hint)
    return Check("flyctl", ok=True, detail=f"{found.version}, {found.path}")
