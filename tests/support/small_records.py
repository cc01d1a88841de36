"""Push small images with their records, as a build leaves them, without a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import fingerprint
from pipeline.model.project import reference_of
from pipeline.model.record import Layer, Spent, compress, record_reference, record_text
from pipeline.reference import parse_digest, parse_reference
from pipeline.registry.artifact import put_artifact
from pipeline.registry.client import Registry
from pipeline.runner.record import KIND
from tests.support.small_images import push_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.project import Project
    from pipeline.reference import ImageName, Reference

SECONDS = 90.0


def publish(project: Project, commit: str = "") -> dict[ImageName, Reference]:
    """Push an image for each of a project, and its record before its tag; return the references."""
    inputs = fingerprint(project)
    known = {name: reference_of(project, name, one.fingerprint) for name, one in inputs.items()}
    with Registry() as registry:
        for name, reference in known.items():
            staged = f"{reference.tag}-0a1b2c3d"
            pushed = push_image(str(reference.repository), staged, content=str(name).encode())
            manifest = registry.manifest(parse_reference(f"{reference.repository}:{staged}"))
            image = project.image(name)
            layers = (Layer(pushed.layer, 1_000_000), Layer(parse_digest(pushed.config), 1000))
            bases: Mapping[ImageName, Reference] = {base: known[base] for base in image.base_names}
            text = record_text(
                image, inputs[name], Spent(SECONDS, layers), revision=commit, bases=bases
            )
            at = record_reference(reference)
            assert at is not None
            put_artifact(registry, at, KIND, compress(text), manifest)
            registry.put(reference, manifest)
    return known
