"""A repository with its own package `pipeline` beside `tasks.py`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path


def project_with_own_pipeline(tmp_path: Path) -> Project:
    """Make a project with such a package, and the import for it in `tasks.py`."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("pipeline/__init__.py", "print('theirs')\n")
    project.write("tasks.py", "from fly_image_pipeline.tasks import ns\n")
    project.image("web", "FROM scratch\n")
    return project


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, whose packages have priority."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_tasks_are_found_and_run(tmp_path: Path) -> None:
    """Modules that a task imports later are ours, too."""
    child = project_with_own_pipeline(tmp_path).start("graph", "--format", "tree")
    out, err = child.communicate(timeout=60)

    assert (child.returncode, err) == (0, "")
    assert "web" in out
    assert "theirs" not in out


def test_the_program_needs_neither(tmp_path: Path) -> None:
    """With packages `pipeline` and `tasks` of the repository's own, and no `tasks.py`."""
    project = project_with_own_pipeline(tmp_path)
    (tmp_path / "tasks.py").unlink()
    project.write("tasks/__init__.py", "raise RuntimeError('theirs')\n")
    ran = subprocess.run(
        [sys.executable, "-m", "fly_image_pipeline", "graph"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "web\n", "")


def test_both_names_are_one(tmp_path: Path) -> None:
    """Nothing is loaded twice, whichever name is imported first."""
    for first, second in (("pipeline", "fly_image_pipeline"), ("fly_image_pipeline", "pipeline")):
        code = f"import {first}.tasks as a, {second}.tasks as b; assert a.ns is b.ns; "
        code += f"import {second} as p; from pipeline import load; assert p.load is load"
        ran = python(tmp_path, code)
        assert ran.returncode == 0, ran.stderr


def test_the_other_package_was_loaded_before(tmp_path: Path) -> None:
    """The error has the path of the other package: a process can have only one `pipeline`."""
    project_with_own_pipeline(tmp_path)

    ran = python(tmp_path, "import pipeline, fly_image_pipeline")

    assert ran.returncode == 1
    assert f"another package `pipeline` is loaded already: {tmp_path}/pipeline" in ran.stderr
