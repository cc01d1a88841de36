"""What builds and deploys take, as far as it is known."""

from __future__ import annotations

import pytest

from pipeline.model.cost import Cost, Known
from pipeline.model.record import Layer, Spent
from pipeline.reference import ImageName

OS, WEB, NEW = map(ImageName, ("os", "web", "new"))
BASE, OWN = Layer(f"sha256:{'a' * 64}", 1000), Layer(f"sha256:{'b' * 64}", 10)
KNOWN = Known(
    {OS: Spent(30.0, (BASE,)), WEB: Spent(12.0, (BASE, OWN))}, {"acme-web": 3, "acme-eu": 0}
)


@pytest.mark.parametrize(
    ("images", "apps", "expected"),
    [
        ([], [], Cost()),
        ([OS], [], Cost(30.0, 1000)),
        ([OS, WEB], ["acme-web"], Cost(42.0, 1010, 3)),
        ([WEB, NEW], ["acme-web", "acme-new"], Cost(12.0, 1010, 3, (NEW,), ("acme-new",))),
        ([NEW], ["acme-new"], Cost(None, None, None, (NEW,), ("acme-new",))),
        ([NEW], ["acme-eu"], Cost(None, None, 0, (NEW,))),
    ],
    ids=["nothing", "one", "shared layer", "some unknown", "all unknown", "no machines"],
)
def test_what_it_takes(images: list[ImageName], apps: list[str], expected: Cost) -> None:
    """A shared layer counts once; what is not known is named, and not zero."""
    assert KNOWN.cost(images, apps) == expected
