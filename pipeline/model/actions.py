"""The actions of a plan: what is done about one image, and about one app."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..errors import UnknownError
    from ..reference import Digest, ImageName, Reference
    from .apps import Running
    from .hold import Held
    from .image import Image, ImageKind
    from .inputs import Fingerprint


class Action(StrEnum):
    """What is done about an image."""

    BUILD = "build"
    COPY = "copy"
    EXISTS = "exists"
    UNKNOWN = "unknown"


class DeployAction(StrEnum):
    """What is done about an app."""

    DEPLOY = "deploy"
    CURRENT = "current"
    HELD = "held"
    UNKNOWN = "unknown"


class ImageAction(Struct, frozen=True):
    """What is done about an image, and why. `digest` is known if it exists, or is copied.

    An image that is deployed without a build (`Image.public`) always exists, under its own
    `reference`; its `fingerprint` is in no tag, and a tag that moves to another digest is a reason
    to deploy.

    `move` are the aliases that do not point to this image yet. With `forced`, the image is built
    even if the registry has it, so its presence there is no proof of this build; the same holds for
    an incomplete image. `source` is the reference that an image is copied from, and `fallback` what
    is done if that fails. `error` is why the action is unknown; such a plan is never run. A build
    that is `reusable` may turn out not to be needed, as its bases contain the same (`model.reuse`).
    """

    image: Image
    reference: Reference
    fingerprint: Fingerprint
    action: Action
    reason: str
    digest: Digest | None = None
    move: tuple[Reference, ...] = ()
    forced: bool = False
    source: Reference | None = None
    fallback: Fallback | None = None
    error: UnknownError | None = None
    reusable: bool = False

    @property
    def name(self) -> ImageName:
        """The image's name."""
        return self.image.name

    @property
    def kind(self) -> ImageKind:
        """The image's kind: base or app image."""
        return self.image.kind


class Fallback(Struct, frozen=True):
    """What is done if an image cannot be copied: the build, and what that needs besides the plan.

    `build` is the action for the image itself. `more` are the actions for bases that the plan does
    not have, in build order. `error` is why it is not known which of them exist.
    """

    build: ImageAction
    more: tuple[ImageAction, ...] = ()
    error: UnknownError | None = None


class AppAction(Struct, frozen=True):
    """What is done about an app, and why. `now` is what it runs.

    `held` says why an app is left alone that would be deployed otherwise, `error` why the action is
    unknown. `anyway` says why it is deployed even if its image turns out to be the one it runs.
    """

    app: str
    image: ImageName
    action: DeployAction
    reason: str
    now: Running | None = None
    held: Held | None = None
    error: UnknownError | None = None
    anyway: str = ""
