"""`exists` of a public image asks the mirror first, as BuildKit and the engine do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.invoker import invoke
from tests.support.scripted_server import Reply, Request, scripted_server
from tests.support.small_projects import write_tree
from tests.unchanged.views import has_everything, plain_environ

if TYPE_CHECKING:
    from pathlib import Path


def test_a_public_image_is_asked_of_the_mirror(tmp_path: Path) -> None:
    """Docker Hub may be out of reach; an image on the project's own host is never asked there."""
    asked: list[str] = []

    def mirror(request: Request) -> Reply:
        asked.append(request.path)
        return has_everything(request)

    root = tmp_path / "project"
    write_tree(root, {"pipeline.toml": "", "tasks.py": "from pipeline.tasks import ns\n"})
    with scripted_server(mirror) as server, scripted_server(has_everything) as own:
        environ = {
            **plain_environ(tmp_path),
            "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
            "FLY_REGISTRY_HOST": own.address,
            "PIPELINE_ALLOW": f"mirror=docker.io/{server.address}",
        }
        found = invoke(["exists", "debian:bookworm-slim"], root, environ)
        before = len(asked)
        ours = invoke(["exists", f"{own.address}/web:1"], root, environ)
    assert (found.returncode, ours.returncode) == (0, 0), found.stderr + ours.stderr
    assert any("library/debian/manifests/bookworm-slim" in path for path in asked)
    assert len(asked) == before
