"""Find buildx beside other work, once in a run: docker and its plugin take a moment to start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .buildx import find_buildx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.settings import BuildSettings
    from .buildx import Buildx


class BuildxSearch:
    """A search that has begun, in another thread."""

    def __init__(self, settings: BuildSettings, environ: Mapping[str, str]) -> None:
        pool = ThreadPoolExecutor(1, thread_name_prefix="buildx")
        self._found = pool.submit(find_buildx, settings, environ)
        pool.shutdown(wait=False)

    def result(self) -> Buildx:
        """Wait for the end of the search. Raises as `find_buildx` does, at each call."""
        return self._found.result()
