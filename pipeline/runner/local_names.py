"""After a solve: what the local engine keeps has the name that people look for, not the run's own.

The engine keeps what it pushed, under the tag that it was pushed to (`buildkit.staging`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from ..buildkit.engine import connect, rename
from ..buildkit.staging import staged
from ..errors import UnknownError
from ..model.settings import BuildSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.plan import ImageAction
    from ..model.report import ImageResult
    from ..reference import ImageName
    from .tools import Tools

_AT_ONCE = 8


def rename_images(
    batch: Sequence[ImageAction],
    ended: Mapping[ImageName, ImageResult],
    settings: BuildSettings,
    tools: Tools,
) -> None:
    """Rename what the builder `default` left on the local engine; others keep images elsewhere.

    The images are published by now: what the engine says to it is nobody's trouble.
    """
    if settings.builder != BuildSettings().builder:
        return

    def one(action: ImageAction) -> None:
        result = ended.get(action.name)
        digest = result.digest if result else None
        rename(client, staged(action.reference, tools.mark), action.reference, digest)

    with (
        suppress(UnknownError),
        connect(tools.environ) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        list(pool.map(one, batch))
