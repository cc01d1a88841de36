"""Errors of a solve that are about no image, with a docker that prints real messages."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.buildx_search import BuildxSearch
from pipeline.buildkit.outcome import Cancelled
from pipeline.buildkit.solve import solve
from pipeline.model.events import silent
from pipeline.model.masking import masker
from pipeline.model.settings import BuildSettings
from tests.buildkit.example import image, target
from tests.buildkit.test_progress import END, vertex
from tests.buildkit.test_reach import PUSH
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 'test "$2" != version || exec echo "github.com/docker/buildx v0.29.1 1234567"'


@pytest.mark.parametrize(
    "said",
    [
        "failed to update builder last activity time: open /a/b: read-only file system",
        "write /a/.tmp-metadata.json1: no space left on device",
    ],
)
def test_a_lack_of_resources_is_no_failure_of_an_image(tmp_path: Path, said: str) -> None:
    """Also if the solve has only one image."""
    write_program(tmp_path / "bin" / "docker", f'{VERSION}\necho "ERROR: {said}" >&2; exit 1')
    environ = {"PATH": f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}

    solved = solve(
        tmp_path,
        [target(image("web"))],
        BuildSettings(),
        search=BuildxSearch(BuildSettings(), environ),
        environ=environ,
        report=silent,
        stop=threading.Event(),
        mask=masker(()),
    )

    assert solved.outcomes == {"web": Cancelled()}
    assert solved.error
    assert said.rpartition(": ")[2] in solved.error.message


def test_a_registry_that_the_builder_cannot_reach_is_no_failure_of_an_image(tmp_path: Path) -> None:
    """One sentence instead of one failure for each image."""
    images = [target(image(name)) for name in ("web", "api")]
    stream = [
        vertex(f"[{name}] exporting to image", name, completed=END, error=PUSH)
        for name in ("web", "api")
    ]
    text = f"ERROR: target web: failed to solve: {PUSH}".encode()
    (tmp_path / "stream").write_bytes(b"\n".join([*stream, text, b""]))
    write_program(tmp_path / "bin" / "docker", f"{VERSION}\ncat {tmp_path}/stream >&2; exit 1")
    environ = {"PATH": f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}

    solved = solve(
        tmp_path,
        images,
        BuildSettings(),
        search=BuildxSearch(BuildSettings(), environ),
        environ=environ,
        report=silent,
        stop=threading.Event(),
        mask=masker(()),
    )

    assert solved.outcomes == dict.fromkeys(("web", "api"), Cancelled(written=True))
    assert solved.error
    assert "cannot reach the registry `127.0.0.1:5000`" in solved.error.message
    assert "\n" not in solved.error.message
