"""A docker configuration of a user's own, for tests that log in or name builders."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def docker_home(folder: Path, config: Mapping[str, object]) -> dict[str, str]:
    """Make `folder` with `config` in it, beside the plugins in use; the variable that names it."""
    folder.mkdir()
    theirs = Path(os.environ.get("DOCKER_CONFIG", "~/.docker")).expanduser() / "cli-plugins"
    if theirs.exists():
        (folder / theirs.name).symlink_to(theirs)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return {"DOCKER_CONFIG": str(folder)}
