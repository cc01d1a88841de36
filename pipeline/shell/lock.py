"""Pin externals: ask their registries which manifest each reference is, and write it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core import graph
from pipeline.core.contents import manifests_of_platforms
from pipeline.shell.config.lock_file import LOCK_FILE, lock_text
from pipeline.shell.registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core.model import Project
    from pipeline.core.reference import Digest, ImageName, Platform, Reference
    from pipeline.edge.registry import Manifest

Pins = dict["Reference", tuple["Digest", "Mapping[Platform, Digest]"]]
"""For each reference: the digest of its index or manifest, and of the manifest of each platform."""


def look_up(project: Project, environ: Mapping[str, str]) -> Pins:
    """What every external that names no digest itself is now.

    Raises `AbsentError` for one that does not exist, `UnknownError` where that cannot be told.
    """
    with open_registry(project.settings.registry, environ) as registry:
        manifests = {reference: registry.manifest(reference) for reference in externals(project)}
    return {r: (m.digest, _platforms(r, m)) for r, m in manifests.items()}


def externals(project: Project) -> tuple[Reference, ...]:
    """The references of externals that a lock can pin, sorted, each once."""
    every = (external.reference for image in project for external in image.externals)
    return tuple(sorted({reference for reference in every if reference.digest is None}))


def moved(project: Project, found: Pins) -> list[tuple[Reference, Digest | None, Digest]]:
    """Those that are not as the lock has them: the reference, before (if locked), now."""
    locked = {e.reference: e.locked for image in project for e in image.externals}
    return [(r, locked[r], now) for r, (now, _) in found.items() if locked[r] != now]


def affected(project: Project, reference: Reference) -> tuple[ImageName, ...]:
    """The images that a change of `reference` rebuilds: its users, and what stands on them."""
    users = [i.name for i in project if any(e.reference == reference for e in i.externals)]
    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, users)
    return tuple(name for name in project.names if name in reached)


def write(project: Project, found: Pins) -> None:
    """Write `pipeline.lock`, whole or not at all."""
    file = project.root / LOCK_FILE
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(lock_text(found), encoding="utf-8")
    draft.replace(file)


def _platforms(reference: Reference, manifest: Manifest) -> dict[Platform, Digest]:
    from pipeline.edge.registry import contents_of  # noqa: PLC0415 - the edge is opened late

    return manifests_of_platforms(contents_of(manifest, reference).children)
