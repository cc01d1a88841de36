"""Check `after` in `image.toml`: the images whose apps are deployed before an image's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import graph
from ..errors import Problem, first_problems, quoted_list
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..errors import Location
    from ..model.image import Image
    from ..reference import ImageName
    from .image_file import ImageFile


def check_after(
    apps: Sequence[Image],
    images: Sequence[Image],
    files: Mapping[ImageName, ImageFile],
    unread: Collection[ImageName] = (),
) -> list[Problem]:
    """Find names in `after` that are not app images, and cycles, each at its location.

    `apps` are those of `images` that are deployed; `files` has the `image.toml` of each. `unread`
    are images of which nothing is known but the name.
    """
    names = {image.name for image in apps}
    bases = {image.name for image in images} - names
    needs = {image.name: image.deploy.after for image in apps if image.deploy}
    owners = {app: image.name for image in apps if image.deploy for app in image.deploy.apps}
    wrong = [
        (image, index, name)
        for image, after in needs.items()
        for index, name in enumerate(after)
        if name not in names and name not in unread
    ]

    def problem(one: tuple[ImageName, int, ImageName]) -> Problem:
        image, index, name = one
        what = "is a base, which is not deployed" if name in bases else "is not an image"
        location = files[image].locate("deploy", "after", index)
        hint = _hint(name, names - {image}, owners)
        return Problem(location, f"`after` names `{name}`, which {what}", hint)

    return first_problems(wrong, problem) + [
        _cycle(path, needs, files) for path in graph.cycles(needs)
    ]


def _hint(name: str, names: Collection[ImageName], owners: Mapping[str, ImageName]) -> str:
    if name in owners:
        return f"`{name}` is an app; `after` names its image: `{owners[name]}`"
    if near := did_you_mean(name, names):
        return near
    return f"those that are deployed are {quoted_list(sorted(names))}" if names else "remove it"


def _cycle(
    path: Sequence[ImageName],
    needs: Mapping[ImageName, tuple[ImageName, ...]],
    files: Mapping[ImageName, ImageFile],
) -> Problem:
    first, second = path[0], path[1]
    location: Location = files[first].locate("deploy", "after", needs[first].index(second))
    message = f"`after` forms a cycle: {graph.shown(path)}"
    return Problem(location, message, "remove one of these names")
