"""The image of builders that the sandbox makes; without Go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import builder_image
from sandbox.errors import SandboxError
from sandbox.folders import folders

if TYPE_CHECKING:
    from pathlib import Path


def test_its_programs_are_of_one_version() -> None:
    """`buildctl` connects buildx with `buildkitd`."""
    versions = {program.version for program in builder_image.PROGRAMS}

    assert len(versions) == 1
    assert versions.pop().startswith("v0.")


def test_its_dockerfile_copies_what_it_is_given() -> None:
    """The context has the programs and `runc`, and nothing else."""
    lines = (builder_image.FOLDER / "Dockerfile").read_text().splitlines()
    copied = next(line.split()[1:-1] for line in lines if line.startswith("COPY "))

    names = [program.package.rpartition("/")[2] for program in builder_image.PROGRAMS]
    assert copied == [*names, "runc"]


def test_without_a_running_sandbox(tmp_path: Path) -> None:
    """Nothing is built, which would take minutes."""
    with pytest.raises(SandboxError, match="the sandbox is not running"):
        builder_image.ensure(folders(tmp_path / "sandbox"))
