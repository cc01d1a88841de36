"""An app's configuration with the files that it names, which flyctl sends along.

flyctl is run in the folder of the configuration, and reads `local_path` from there
(`internal/appconfig/config.go`).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.configuration import Configuration
from pipeline.errors import ConfigError, Location, Problem, raise_problems
from pipeline.shell.config.document import read_document
from pipeline.shell.containers import add_containers
from pipeline.shell.named_files import NamedFiles

if TYPE_CHECKING:
    from pathlib import Path


def read_configuration(root: Path, file: Path) -> Configuration:
    """Read what a configuration of the project at `root` says, and the files that it names.

    Raises `ConfigError` for what cannot be read, and for what flyctl would refuse after the build,
    such as a file that is missing.
    """
    shown = PurePosixPath(file.relative_to(root))
    named = NamedFiles(root, shown.parent)
    document, problems = read_document(root, shown)
    if document is None or not document.exists:  # it could be read when the project was loaded
        gone = Problem(Location(str(shown)), f"there is no `{shown}`")
        raise ConfigError(problems or [gone])
    data = document.data
    files = data.get("files")
    for index, entry in enumerate(files if isinstance(files, list) else ()):
        path = entry.get("local_path") if isinstance(entry, dict) else ""
        if path and isinstance(path, str):
            named.read(path, ("files", index, "local_path"))
    add_containers(data, named)
    if named.troubles:
        raise_problems([Problem(document.locate(*k), w, h) for k, w, h in named.troubles])
    return Configuration(data, named.contents)
