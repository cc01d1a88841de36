"""Test images before they are pushed: one with a test is pushed only if the test passes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..buildkit.engine import connect
from ..buildkit.image_test import run_test, sweep_tests
from ..buildkit.outcome import Broken, Built, Cancelled
from ..buildkit.push import push
from ..buildkit.staging import staged
from ..model.events import ImageChanged, Phase
from ..registry.auth.namespace import namespace_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from ..buildkit.outcome import Outcome
    from ..model.actions import ImageAction
    from ..reference import ImageName
    from .tools import Tools


ToTest = list[tuple["ImageAction", "Built"]]
"""Images that were built and loaded into the engine, and must pass a test before the push."""


def set_aside(batch: Sequence[ImageAction], outcomes: dict[ImageName, Outcome]) -> ToTest:
    """Return what is to be tested; in `outcomes` it counts as not pushed, whatever happens now."""
    found = [(a, o) for a in batch if a.image.test and isinstance(o := outcomes.get(a.name), Built)]
    outcomes |= {action.name: Cancelled() for action, _ in found}
    return found


def test_and_push(to_test: ToTest, outcomes: dict[ImageName, Outcome], tools: Tools) -> None:
    """Run the tests of loaded images, push those that pass, and write each outcome.

    Raises `UnknownError` if engine or registry cannot be reached.
    """
    if not to_test:
        return
    with ExitStack() as stack:
        client = stack.enter_context(connect(tools.environ))
        sweep_tests(client)
        for action, built in to_test:
            if not tools.stop.is_set():
                outcomes[action.name] = _test_one(client, action, built, tools)


def _test_one(client: DockerClient, action: ImageAction, built: Built, tools: Tools) -> Outcome:
    if action.image.test is None:
        return built
    image = staged(action.reference, tools.mark)
    tools.report(ImageChanged(action.name, Phase.TESTING))
    failure = run_test(
        client,
        image,
        action.image.test,
        report=tools.report,
        image_name=action.name,
        stop=tools.stop,
    )
    if tools.stop.is_set():
        return Cancelled()
    if failure:
        return Broken(failure)
    tools.report(ImageChanged(action.name, Phase.PUSHING))
    credential = tools.credentials(namespace_of(action.reference.repository))
    return replace(built, digest=push(client, image, credential, tools.report, tools.stop))
