"""The plan: what is to be done, in order, each action with its reason.

`plan` is pure: it looks at a project and at what exists, and answers with a value. `run` does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core.model import Fingerprint, Image, Kind, Project
    from pipeline.core.reference import Digest, ImageName, Reference


class Action(StrEnum):
    """What is to be done about an image."""

    BUILD = "build"
    EXISTS = "exists"


class DeployAction(StrEnum):
    """What is to be done about an app."""

    DEPLOY = "deploy"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class ImageAction:
    """An image, and whether it is built. `digest` is known for what exists."""

    image: Image
    reference: Reference
    fingerprint: Fingerprint
    action: Action
    reason: str
    digest: Digest | None = None

    @property
    def name(self) -> ImageName:
        """The image's name."""
        return self.image.name

    @property
    def kind(self) -> Kind:
        """Whether it is a base or an app image."""
        return self.image.kind


@dataclass(frozen=True, slots=True)
class DeployStep:
    """An app, and whether it is deployed; steps are in the order in which they are done."""

    app: str
    image: ImageName
    action: DeployAction
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in build order (bases first) and deploys in order of `after`."""

    project: Project
    images: tuple[ImageAction, ...]
    deploys: tuple[DeployStep, ...] = ()
    floating: Mapping[ImageName, tuple[str, ...]] = field(default_factory=dict)

    @property
    def to_build(self) -> tuple[ImageAction, ...]:
        """The actions that build."""
        return tuple(a for a in self.images if a.action is Action.BUILD)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.to_build and all(d.action is DeployAction.CURRENT for d in self.deploys)
