"""Find out which images the apps of some images run, to compare with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import PipelineError
from ..model.settings import repository_of
from ..model.stamp import tag_of_inputs
from ..reference import Reference, ReferenceSyntaxError, parse_tag
from .apps import apps_of, configured_apps
from .status import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..errors import UnknownError
    from ..model.apps import Running
    from ..model.project import Project
    from ..reference import Digest, ImageName
    from .apps import OpenDriver


class Runs(Struct, frozen=True):
    """An image that apps run. `reference` is `None` if they do not say which tag it has.

    `commit` is that of the deploy, empty if it is not known.
    """

    digest: Digest
    apps: tuple[str, ...]
    reference: Reference | None = None
    commit: str = ""


class AppsOfImage(Struct, frozen=True):
    """What the apps of one image run, what most of them run first, and notes about the others.

    `outdated` are the apps whose configuration differs, and in what.
    """

    runs: tuple[Runs, ...] = ()
    outdated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def running_images(
    project: Project,
    names: Collection[ImageName],
    driver: OpenDriver,
    unlisted: Mapping[ImageName, UnknownError],
) -> dict[ImageName, AppsOfImage]:
    """Ask what the apps of images run; an app that cannot be asked is in the notes.

    So is why the apps of `unlisted` images are not known.
    """
    notes = {n: f"what its apps run is not known: {why.message}" for n, why in unlisted.items()}
    noted = {name: AppsOfImage(notes=(note,)) for name, note in notes.items() if name in names}
    return {**noted, **_asked(project, names, driver)}


def _asked(
    project: Project, names: Collection[ImageName], driver: OpenDriver
) -> dict[ImageName, AppsOfImage]:
    wanted = [app for app in apps_of(project) if app.image in names]
    if not wanted:
        return {}
    found: Mapping[str, Running | PipelineError | None]
    try:
        apps = configured_apps(project, [app.name for app in wanted])
        found = ask(driver(), apps)
    except PipelineError as error:
        found = {app.name: error for app in wanted}
    images = dict.fromkeys(app.image for app in wanted)
    return {
        name: _of_image(project, name, {a.name: found[a.name] for a in wanted if a.image == name})
        for name in images
    }


def _of_image(
    project: Project, name: ImageName, found: Mapping[str, Running | PipelineError | None]
) -> AppsOfImage:
    by_digest: dict[Digest, dict[str, Running]] = {}
    for app, now in found.items():
        if now is not None and not isinstance(now, PipelineError):
            by_digest.setdefault(now.digest, {})[app] = now
    runs = [_runs(project, name, digest, apps) for digest, apps in by_digest.items()]
    errors = {app: error for app, error in found.items() if isinstance(error, PipelineError)}
    notes = []
    if errors:
        first = next(iter(errors.values()))
        shown = ", ".join(f"`{app}`" for app in list(errors)[:3])
        more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
        notes.append(f"what {shown}{more} runs is not known: {first.message}")
    return AppsOfImage(
        tuple(sorted(runs, key=lambda one: -len(one.apps))),
        {a: now.differs for apps in by_digest.values() for a, now in apps.items() if now.differs},
        tuple(notes),
    )


def _runs(project: Project, name: ImageName, digest: Digest, apps: Mapping[str, Running]) -> Runs:
    stamps = [now.stamp for now in apps.values() if now.stamp]
    tag = next((tag for stamp in stamps if (tag := tag_of_inputs(stamp.tag))), "")
    commit = next((stamp.revision.id for stamp in stamps if stamp.revision), "")
    repository = repository_of(project.settings.registry, name)
    try:
        reference = Reference(repository, parse_tag(tag)) if tag else None
    except ReferenceSyntaxError:
        reference = None
    return Runs(digest, tuple(apps), reference, commit)
