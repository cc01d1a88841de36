"""What builds and deploys would take: from the records of earlier builds, and from what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..reference import ImageName
    from .record import Spent


class Known(Struct, frozen=True):
    """What is known: what the last build of an image took, and how many machines an app has."""

    spent: Mapping[ImageName, Spent] = field(default_factory=dict)
    machines: Mapping[str, int] = field(default_factory=dict)

    def cost(self, images: Collection[ImageName], apps: Collection[str]) -> Cost:
        """Return what it takes to build these images and to deploy these apps.

        A layer that several images have counts once.
        """
        spent = {name: self.spent[name] for name in images if name in self.spent}
        counted = {app: self.machines[app] for app in apps if app in self.machines}
        layers = {layer.digest: layer.size for one in spent.values() for layer in one.layers}
        return Cost(
            sum(one.seconds for one in spent.values()) if spent else None,
            sum(layers.values()) if spent else None,
            sum(counted.values()) if counted else None,
            tuple(name for name in images if name not in spent),
            tuple(app for app in apps if app not in counted),
        )


class Cost(Struct, frozen=True):
    """What builds and deploys take; `None` where nothing is known.

    `seconds` are those of all builds together, one after the other; `bytes` the size of their
    images, as they are pushed. `machines` are restarted. `unknown_images` and `unknown_apps` are
    not in these numbers.
    """

    seconds: float | None = None
    bytes: int | None = None
    machines: int | None = None
    unknown_images: tuple[ImageName, ...] = ()
    unknown_apps: tuple[str, ...] = ()
