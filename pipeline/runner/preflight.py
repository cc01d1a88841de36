"""Check before anything is done: permissions, secrets, published logins, warnings, the driver.

A project may use only its own files and what the user allows (`project.permissions`).
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..deploy.protocol import CautiousDriver
from ..errors import Problem, WorkError, raise_problems
from ..model.actions import DeployAction
from ..model.events import Warned
from ..model.permission import Allowed
from ..process.git import keeps
from ..process.paths import real_path
from ..project.image_file import read_image_document
from ..project.permissions import READ, WRITE, image_needs, settings_needs
from ..project.settings import settings_document
from ..registry.auth.docker_login import docker_proxies
from .rollback import with_releases
from .secrets import missing_secrets, written_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import PurePosixPath

    from ..model.events import Reporter
    from ..model.image import Image
    from ..model.permission import Need
    from ..model.plan import Plan
    from ..model.project import Project
    from ..project.document import Document
    from ..project.permissions import Requirement
    from .apps import OpenDriver

_PATHS = frozenset({READ, WRITE})
_TAKEN = ("build", "cache_from")
_KEPT = "`{}` is in the repository, as whoever committed it made it"
_LOGIN_HINT = (
    '`provenance = "mode=min"` publishes no arguments; or take the login out of the proxy\'s '
    "address, if the proxy needs none"
)


def check_before(plan: Plan, environ: Mapping[str, str], report: Reporter) -> None:
    """Report the plan's warnings. Raises `ConfigError` for what must not or cannot be built.

    That is what the user has not allowed, secrets that are missing, and logins that would be
    published; and the warnings, if the settings are strict.
    """
    if plan.project.settings.strict:
        raise_problems(plan.warnings)
    for problem in plan.warnings:
        report(Warned(problem))
    raise_problems((*unmet(plan, environ), *published_logins(plan, environ)))


def check_driver(plan: Plan, driver: OpenDriver, *, rollback: bool) -> None:
    """Find out before anything is built what would stop the deploys after it.

    Raises `ConfigError` if the driver cannot roll back, `UnknownError` for what it lacks.
    """
    if not any(action.action is DeployAction.DEPLOY for action in plan.deploys):
        return
    opened = driver()
    if rollback:
        with_releases(opened)
    if isinstance(opened, CautiousDriver):
        opened.ready()


def not_allowed(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return what the user must allow before the plan is carried out.

    That is nothing if nothing is built or copied.
    """
    if not plan.to_build and not plan.to_copy:
        return ()
    project = plan.project
    names = [image.name for image in project if not image.public]
    wanted = settings_needs(project.settings, names)
    find_document = partial(settings_document, project.root, project.settings.profile)
    found = [
        *_problems(project, wanted, environ, find_document),
        *(p for a in plan.to_build for p in _image_problems(project, a.image, environ)),
    ]
    return tuple(dict.fromkeys(found))


def unmet(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return what the user has not allowed, and which secrets are missing.

    A secret that is not allowed is not looked for.
    """
    if not plan.to_build and not plan.to_copy:
        return ()
    refused = not_allowed(plan, environ)
    locations = {problem.location for problem in refused}
    missing = (p for p in missing_secrets(plan, environ) if p.location not in locations)
    return (*refused, *missing)


def published_logins(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return a problem if provenance would publish logins of proxies with images that are built.

    With `mode=max`, BuildKit attests all arguments of a build, and the proxies of docker's
    configuration are among them (moby/buildkit `provenance.FilterArgs`).
    """
    # However it is written: BuildKit reads it as a line of CSV.
    if "max" not in plan.project.settings.build.provenance or not plan.to_build:
        return ()
    named = [name for name, value in docker_proxies(environ).items() if "@" in value]
    if not named:
        return ()
    document = settings_document(plan.project.root, plan.project.settings.profile)
    location = document.locate("build", "provenance") if document else None
    whose = ", ".join(f"`{name}`" for name in named)
    message = f"it would be pushed with the login of docker's own proxy in it ({whose})"
    return (Problem(location, message, _LOGIN_HINT),)


def _image_problems(
    project: Project, image: Image, environ: Mapping[str, str]
) -> tuple[Problem, ...]:
    """Return what the user must allow before an image is built, as its own file wants it."""
    root, profile = project.root, project.settings.profile

    def document() -> Document | None:
        return read_image_document(root, image.settings_file, profile).value

    return _problems(project, image_needs(image, environ), environ, document)


def check_image(project: Project, image: Image, environ: Mapping[str, str]) -> None:
    """Raise `WorkError` if an image that is about to be built wants what is not allowed."""
    if problem := next(iter(_image_problems(project, image, environ)), None):
        raise WorkError(str(problem), hint=problem.hint)


def _problems(
    project: Project,
    wanted: Iterable[Requirement],
    environ: Mapping[str, str],
    document: Callable[[], Document | None],
) -> tuple[Problem, ...]:
    root = real_path(project.root)
    outside = [one for w in wanted for one in _outside(w, root, environ)]
    if not outside:
        return ()
    allowed = _real_words(project.settings.allowed, root, environ)
    refused = [one for one in outside if not one.is_allowed(allowed)]
    file = document() if refused else None
    return tuple(
        Problem(
            one.location or (file.locate(*one.key) if file else None), one.message, one.need.hint
        )
        for one in refused
    )


def _outside(wanted: Requirement, root: Path, environ: Mapping[str, str]) -> Iterator[Requirement]:
    """Return what is wanted with real paths; nothing for what lies in the project entirely."""
    if wanted.need.word not in _PATHS:
        yield wanted
        return
    needs = [_real(need, wanted.base, root, environ) for need in (wanted.need, *wanted.each)]
    used = needs[1:] or needs
    inside = [need for need in used if Path(need.value).is_relative_to(root)]
    if len(inside) < len(used):
        yield from _each(wanted, needs[0], used)
    elif wanted.key[:2] == _TAKEN and keeps(root, [Path(n.value) for n in inside], environ):
        yield from _each(replace(wanted, subject=_KEPT), needs[0], used)
    for need in inside:
        for stray in _leading_out(Path(need.value), root):
            yield replace(wanted, need=replace(need, value=str(stray)), each=())


def _each(wanted: Requirement, common: Need, used: Sequence[Need]) -> Iterator[Requirement]:
    """Want all of these paths at once if they lie below `common`; else each by itself."""
    if all(Path(need.value).is_relative_to(common.value) for need in used):
        yield replace(wanted, need=common, each=tuple(used))
    else:
        yield from (replace(wanted, need=need, each=()) for need in used)


def _leading_out(folder: Path, root: Path) -> Iterator[Path]:
    """Return where the links in a folder of the project lead that lead out of it.

    BuildKit follows them in a local cache: it reads `index.json` and blobs, and writes
    `oci-layout`, `index.json` and blobs (buildkit `client/ociindex`, containerd's local store).
    """
    for at, folders, files in os.walk(folder):
        links = (path for name in (*folders, *files) if (path := Path(at, name)).is_symlink())
        yield from (real for link in links if not (real := real_path(link)).is_relative_to(root))


def _real(need: Need, base: PurePosixPath | None, root: Path, environ: Mapping[str, str]) -> Need:
    """Follow the links of a path: what matters is the file that is read or written."""
    at = root / need.value if base is None else written_path(need.value, root / base, environ)
    return replace(need, value=str(real_path(at)))


def _real_words(allowed: Allowed, root: Path, environ: Mapping[str, str]) -> Allowed:
    """Return the words with real paths, unless a link of the project decides where they lead."""

    def real(word: str, value: str) -> str:
        if word not in _PATHS:
            return value
        path = written_path(value, root, environ)
        return str(path if path.is_relative_to(root) else real_path(path))

    return Allowed(tuple((word, real(word, value)) for word, value in allowed.words))
