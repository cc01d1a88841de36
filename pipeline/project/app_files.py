"""Read an app's configuration and the files that it names, which flyctl sends along.

flyctl runs in the folder of the configuration, and reads `local_path` from there
(`internal/appconfig/config.go`), as well as the folders of `[[statics]]` with a relative path,
which it uploads (`internal/command/deploy/statics`). It finds keys in any case of letters: those
that lead to files are accepted in one spelling only, so that none is overlooked.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..errors import ConfigError, Location, Problem, raise_problems
from ..model.configuration import Configuration
from .containers import add_containers
from .document import read_document
from .named_files import NamedFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAMING = frozenset({"files", "statics", "experimental", "machine_config", "container"})
"""Keys of a configuration below which files are named."""


def read_configuration(root: Path, file: Path) -> Configuration:
    """Read a configuration of the project at `root`, and the files that it names.

    Raises `ConfigError` for what cannot be read, and for what flyctl would refuse after the build,
    such as a missing file.
    """
    shown = PurePosixPath(file.relative_to(root))
    named = NamedFiles(root, shown.parent)
    document, problems = read_document(root, shown)
    if document is None or not document.exists:  # it could be read when the project was loaded
        gone = Problem(Location(str(shown)), f"there is no `{shown}`")
        raise ConfigError(problems or [gone])
    data = document.data
    named.spell(data, (), _NAMING)
    for index, entry in _tables(data, "files"):
        named.spell(entry, ("files", index), {"local_path"})
        path = entry.get("local_path")
        if path and isinstance(path, str):
            named.count(path, ("files", index, "local_path"))
    for index, entry in _tables(data, "statics"):
        named.spell(entry, ("statics", index), {"guest_path", "tigris_bucket"})
        path = entry.get("guest_path")
        bucket = entry.get("tigris_bucket")
        if path and isinstance(path, str) and not path.startswith("/") and not bucket:
            named.below(path, ("statics", index, "guest_path"))
    add_containers(data, named)
    if named.problems:
        raise_problems([Problem(document.locate(*k), w, h) for k, w, h in named.problems])
    return Configuration(data, named.contents)


def _tables(data: Mapping[str, object], key: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    found = data.get(key)
    entries = found if isinstance(found, list) else ()
    yield from ((index, one) for index, one in enumerate(entries) if isinstance(one, dict))
