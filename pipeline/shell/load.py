"""Load a project: its files become one frozen value, or one error with every problem in them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import graph
from pipeline.core.model import Project
from pipeline.errors import ConfigError, Problem, raise_problems
from pipeline.shell.config.files import find_folders, find_root, load_settings
from pipeline.shell.edges import Names
from pipeline.shell.image import Draft, draft_image, finish_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.core.model import Image, Settings
    from pipeline.core.reference import ImageName


def load(
    root: Path | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Read the project at `root` (default: at or above the working directory).

    Raises `ConfigError` with all problems of all files at once.

    >>> load().names  # doctest: +SKIP
    ('os-base', 'python-base', 'web')
    """
    environ = os.environ if environ is None else environ
    root = find_root(Path.cwd()) if root is None else Path(root).resolve()
    settings, problems = load_settings(root, profile=profile, environ=environ)
    if settings is None:
        raise ConfigError(problems)
    return _assemble(root, settings, list(problems))
