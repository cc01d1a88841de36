"""Locations of the values that an image is built with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..errors import KeyPath
    from .document import Document


class Origins(Mapping[str, Location]):
    """Map the name of a value to where it is written.

    `paths` are values of `document`, and are located when they are asked for: that takes another
    parse of the file, which most runs do not need. `located` are values of other files.
    """

    def __init__(
        self, document: Document, paths: Mapping[str, KeyPath], located: Mapping[str, Location]
    ) -> None:
        self._document = document
        self._paths = paths
        self._located = located

    def __getitem__(self, key: str) -> Location:
        path = self._paths.get(key)
        return self._document.locate(*path) if path else self._located[key]

    def overridden(self, located: Mapping[str, Location]) -> Origins:
        """Return these with other locations for some values."""
        paths = {key: path for key, path in self._paths.items() if key not in located}
        return Origins(self._document, paths, {**self._located, **located})

    def __iter__(self) -> Iterator[str]:
        return iter({**self._located, **self._paths})

    def __len__(self) -> int:
        return len(self._located.keys() | self._paths.keys())
