"""`invoke init` where compose and bake files say what is built: buildx reads them."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline.adopt import propose
from tests.adopt.layouts import WITH_BUILDX, adopt, read_layout
from tests.adopt.table import documented_rows, row
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", sorted(WITH_BUILDX))
def test_the_graph_is_right(tmp_path: Path, name: str) -> None:
    """With the handwork of the layout, and not without it; the table of the docs has both."""
    layout = read_layout(name)
    (tmp_path / "shop").mkdir()
    adopted = adopt(layout, tmp_path / "shop")
    assert adopted.after == layout.expected
    assert (adopted.before == layout.expected) is not bool(layout.hand)
    assert row(layout, adopted) in documented_rows()


def test_a_secret_of_a_compose_file_is_not_written(tmp_path: Path) -> None:
    """Compose takes it from `.env`, which nobody commits; `image.toml` is committed."""
    write_tree(
        tmp_path,
        {
            ".env": "NPM_TOKEN=planted-secret\n",
            "web/Dockerfile": "FROM scratch\nARG NPM_TOKEN\nARG MODE\n",
            "compose.yaml": "services: { web: { build: { context: web, args: "
            "{ NPM_TOKEN: '${NPM_TOKEN}', MODE: '1' } } } }\n",
        },
    )
    found = propose(tmp_path, os.environ)
    assert found.files[PurePosixPath("web/image.toml")] == 'args = { MODE = "1" }\n'
    assert "planted-secret" not in str(found)
    assert "the argument `NPM_TOKEN` of `web` looks like a secret" in found.questions[0].what


def test_a_bake_file_with_a_mistake_is_a_question(tmp_path: Path) -> None:
    """The message is that of buildx."""
    files = {"web/Dockerfile": "FROM scratch\n", "docker-bake.hcl": 'target "web" {\n'}
    write_tree(tmp_path, files)
    found = propose(tmp_path, os.environ)
    asked = [q.what for q in found.questions if q.where == "docker-bake.hcl"]
    assert asked[0].startswith("it cannot be read: docker-bake.hcl:1")


def test_variables_of_the_environment_do_not_count(tmp_path: Path) -> None:
    """A bake file may take them; the result is the same on every machine."""
    files = {
        "web/Dockerfile": "FROM scratch\nARG V\n",
        "docker-bake.hcl": 'variable "V" {\n  default = "1"\n}\n'
        'target "web" {\n  context = "web"\n  args = { V = V }\n}\n',
    }
    write_tree(tmp_path, files)
    found = propose(tmp_path, {**os.environ, "V": "2"})
    assert found.files[PurePosixPath("web/image.toml")] == 'args = { V = "1" }\n'


def test_targets_of_one_dockerfile_beside_another_of_a_target_s_name(tmp_path: Path) -> None:
    """`image.web.toml` would be that of `Dockerfile.web`."""
    files = {
        "Dockerfile": "FROM scratch AS web\nFROM scratch AS jobs\nFROM scratch AS last\n",
        "Dockerfile.web": "FROM scratch\n",
        "compose.yaml": "services: { web: { build: { context: ., target: web } },"
        " jobs: { build: { context: ., target: jobs } } }\n",
    }
    write_tree(tmp_path, files)
    found = propose(tmp_path, os.environ)
    assert {(str(i.settings_file), str(i.dockerfile), i.target) for i in found.project} == {
        ("image.web-target.toml", "Dockerfile", "web"),
        ("image.jobs.toml", "Dockerfile", "jobs"),
        ("image.web.toml", "Dockerfile.web", None),
    }
