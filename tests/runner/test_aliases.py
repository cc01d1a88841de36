"""Aliases: of images that share a repository, and those that would move a tag of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline import inspect, load, plan, run
from pipeline.errors import ConfigError
from pipeline.reference import ImageName, Tag
from tests.support.contexts import write_tree
from tests.support.oci import MANIFEST
from tests.support.scripted import Reply, scripted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scripted import Asked

ALIAS = "99e119ac964f836b8d22"


def write(root: Path, repository: str) -> None:
    """Two images with the alias `latest`."""
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
    """In a repository for all, a bare `latest` would be moved to and fro by each run."""
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
    """The same tag, in two repositories."""
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
def test_an_alias_is_no_tag_of_inputs(tmp_path: Path, settings: str, file: str, place: str) -> None:
    """Refused when the file is read, in whatever profile, under whatever template."""
    write(tmp_path, "{name}")
    (tmp_path / "pipeline.toml").write_text(f"[registry]\n{settings}")
    text = file.replace("FP", "99e119ac964f836b8d22")
    (tmp_path / "images/web/image.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem.location) == f"images/web/{place}"
    assert "may be a fingerprint tag, which never moves" in problem.message


def test_no_cache_goes_to_a_tag_of_inputs(tmp_path: Path) -> None:
    """BuildKit would put it there without a look."""
    write(tmp_path, "{name}")
    cache = "type=registry,ref=registry.fly.io/web:99e119ac964f836b8d22"
    (tmp_path / "pipeline.toml").write_text(f'[build]\ncache_to = ["{cache}"]\n')

    with pytest.raises(ConfigError, match=r"pipeline.toml:2:13: .* exports cache to a tag with 20"):
        load(tmp_path)


def test_a_program_that_uses_us_moves_none_either(tmp_path: Path) -> None:
    """It may make a project of its own: the last look is where the tag would be put."""

    def answers(asked: Asked) -> Reply:
        digest = ("ab" if asked.path.endswith(ALIAS) else "cd") * 32
        head = {"Docker-Content-Digest": f"sha256:{digest}", "Content-Type": MANIFEST}
        return Reply(200, {**head, "Content-Length": "2"})

    with scripted(answers) as server:
        write_tree(tmp_path, {"images/web/Dockerfile": "FROM scratch\n"})
        (tmp_path / "pipeline.toml").write_text(f'registry = {{ host = "{server.address}" }}\n')
        project = load(tmp_path, environ={})
        evil = replace(project.image(ImageName("web")), aliases=(Tag(ALIAS),))
        project = replace(project, images=(evil,))
        report = run(plan(project, inspect(project, environ={})), environ={})

    assert "cannot be an alias" in report.images[0].reason
    assert not server.count("PUT")
