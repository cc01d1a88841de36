"""Aliases of images that share a repository, and aliases that are fingerprint tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline import inspect, load, plan, run
from pipeline.errors import ConfigError
from pipeline.reference import ImageName, Tag
from tests.support.registry_documents import MANIFEST
from tests.support.scripted_server import Reply, scripted_server
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scripted_server import Request

ALIAS = "99e119ac964f836b8d22"


def write(root: Path, repository: str) -> None:
    """Write two images with the alias `latest`."""
    tag = "{name}-{fingerprint}"
    settings = f'[registry]\nrepository = "{repository}"\ntag = "{tag}"\n'
    (root / "pipeline.toml").write_text(settings)
    for name in ("api", "web"):
        folder = root / "images" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM debian:bookworm-slim\n")
        aliases = f'aliases = ["{name}-stable", "latest"]\n'
        (folder / "image.toml").write_text(aliases)


def test_one_tag_is_the_alias_of_one_image(tmp_path: Path) -> None:
    """In a shared repository one alias belongs to one image; otherwise each run would move it."""
    write(tmp_path, "acme-images")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem) == (
        "images/web/image.toml:1:26: `registry.fly.io/acme-images:latest` is an alias of `api` "
        "already"
    )
    assert problem.hint == 'write "web-latest"'


def test_repositories_of_their_own_have_their_own_aliases(tmp_path: Path) -> None:
    """The same alias in two repositories is fine."""
    write(tmp_path, "{name}")

    assert load(tmp_path).names == ("api", "web")


@pytest.mark.parametrize(
    ("settings", "file", "place"),
    [
        ("", 'aliases = ["latest", "FP"]\n', "image.toml:1:22"),
        ("", '[profiles.staging]\naliases = ["FP"]\n', "image.toml:2:12"),
        (
            'repository = "acme"\ntag = "{name}-{fingerprint}"\n',
            'aliases = ["nobody-FP"]\n',
            "image.toml:1:12",
        ),
        ('tag = "v{fingerprint}"\n', 'aliases = ["FP"]\n', "image.toml:1:12"),
    ],
)
def test_an_alias_is_no_fingerprint_tag(
    tmp_path: Path, settings: str, file: str, place: str
) -> None:
    """An alias that may be a fingerprint tag is refused when the file is read."""
    write(tmp_path, "{name}")
    (tmp_path / "pipeline.toml").write_text(f"[registry]\n{settings}")
    text = file.replace("FP", "99e119ac964f836b8d22")
    (tmp_path / "images/web/image.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem.location) == f"images/web/{place}"
    assert "may be a fingerprint tag, which never moves" in problem.message


def test_a_cache_under_a_fingerprint_tag(tmp_path: Path) -> None:
    """A cache under a fingerprint tag is refused, as BuildKit would overwrite the tag."""
    write(tmp_path, "{name}")
    cache = "type=registry,ref=registry.fly.io/web:99e119ac964f836b8d22"
    (tmp_path / "pipeline.toml").write_text(f'[build]\ncache_to = ["{cache}"]\n')

    with pytest.raises(ConfigError, match=r"pipeline.toml:2:13: .* exports cache to a tag with 20"):
        load(tmp_path)


def test_the_library_moves_no_fingerprint_tag(tmp_path: Path) -> None:
    """The library refuses it, too, before it puts the tag."""

    def answers(request: Request) -> Reply:
        digest = ("ab" if request.path.endswith(ALIAS) else "cd") * 32
        head = {"Docker-Content-Digest": f"sha256:{digest}", "Content-Type": MANIFEST}
        return Reply(200, {**head, "Content-Length": "2"})

    with scripted_server(answers) as server:
        write_tree(tmp_path, {"images/web/Dockerfile": "FROM scratch\n"})
        (tmp_path / "pipeline.toml").write_text(f'registry = {{ host = "{server.address}" }}\n')
        project = load(tmp_path, environ={})
        evil = replace(project.image(ImageName("web")), aliases=(Tag(ALIAS),))
        project = replace(project, images=(evil,))
        report = run(plan(project, inspect(project, environ={})), environ={})

    assert "cannot be an alias" in report.images[0].reason
    assert not server.count("PUT")
