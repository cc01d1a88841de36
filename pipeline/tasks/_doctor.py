"""Check what a run needs: project, engine, buildx, registry, credentials, Fly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import __version__
from ..buildkit.builder import check_builder
from ..buildkit.engine import connect, engine_name
from ..buildkit.reach import unreachable_registry
from ..console import as_json, show
from ..console.check import CheckResult
from ..console.text import amount
from ..errors import ConfigError, PipelineError
from ..model.settings import DriverName, Settings
from ..registry.auth.fly_program import fly_program
from ..registry.auth.keychain import credentials
from ..registry.auth.namespace import Namespace
from ..runner.open_registry import open_registry
from ._load import check_docker, check_look, load_project
from ._say import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model.project import Project
    from ._command import Words

WELL, UNWELL = 0, 4
_LOGINS = "logins"


def run(
    *,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Run all checks and print them; return 4 if one failed."""
    checks = tuple(_checks(profile, allow))
    if json:
        write_json(as_json.doctor_json(checks))
    else:
        show.print_doctor(checks)
    return UNWELL if any(check.ok is False for check in checks) else WELL


def _checks(profile: str, allow: Words) -> Iterator[CheckResult]:
    try:
        project = load_project(profile, allow)
    except ConfigError as error:
        yield _version("")
        for problem in error.problems:
            yield CheckResult("project", ok=False, detail=str(problem), hint=problem.hint)
        yield from _builds(Settings())
        return
    yield _version(project.settings.requires)
    yield CheckResult(
        "project",
        ok=True,
        detail=f"{amount(len(project.images), 'image', 'images')} in {project.root}",
    )
    builds = tuple(_builds(project.settings))
    yield from builds
    if any(check.name == _LOGINS for check in builds):
        return
    yield _credential(project)
    yield _check("registry", lambda: _registry(project))
    yield _fly(project)


def _builds(settings: Settings) -> Iterator[CheckResult]:
    """Check docker, builder and engine; only what the project may run for a look."""
    try:
        check_look(settings)
        check_docker(settings)
    except ConfigError as error:
        for problem in error.problems:
            yield CheckResult(_LOGINS, ok=False, detail=str(problem), hint=problem.hint)
        return
    yield _check("builder", lambda: _builder(settings))
    yield _check("engine", _engine)


def _version(requires: str) -> CheckResult:
    wanted = f"; the project requires {requires}" if requires else ""
    return CheckResult("version", ok=True, detail=f"Fly Image Pipeline {__version__}{wanted}")


def _check(name: str, look: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(name, ok=True, detail=look())
    except PipelineError as error:
        return CheckResult(name, ok=False, detail=error.message, hint=error.hint)


def _builder(settings: Settings) -> str:
    found = check_builder(settings.build, os.environ)
    if error := unreachable_registry(found.driver, found.options, settings.registry.host):
        raise error
    return str(found)


def _engine() -> str:
    with connect(os.environ) as client:
        version = client.version()
        return f"{engine_name(version)} on {version.get('Os')}/{version.get('Arch')}"


def _credential(project: Project) -> CheckResult:
    host = project.settings.registry.host
    try:
        found = credentials(os.environ)(Namespace(host))
    except PipelineError as error:
        return CheckResult("credential", ok=False, detail=error.message, hint=error.hint)
    detail = f"for `{host}`: " + (found.source if found else "none; requests are anonymous")
    return CheckResult("credential", ok=True if found else None, detail=detail)


def _registry(project: Project) -> str:
    host = project.settings.registry.host
    known = credentials(os.environ)(Namespace(host)) is not None
    with open_registry(project.settings, os.environ) as registry:
        registry.ping(host)
        known = known and host not in registry.doubtful
    return f"`{host}` answers" + (", and accepts the credential" if known else "")


def _fly(project: Project) -> CheckResult:
    try:
        found = fly_program(os.environ)
    except PipelineError as error:
        by_fly = project.settings.deploy.driver is DriverName.FLY
        needed = by_fly and any(image.deploy for image in project)
        why = "" if needed else "; this project does not need it"
        ok = False if needed else None
        return CheckResult("flyctl", ok=ok, detail=f"{error.message}{why}", hint=error.hint)
    return CheckResult("flyctl", ok=True, detail=f"{found.version}, {found.path}")
