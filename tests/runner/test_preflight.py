"""Files and secrets outside the project are refused before use, with the missing permission."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, WorkError
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.plan import plan
from pipeline.model.presence import Absent, Elsewhere, Present
from pipeline.model.state import State
from pipeline.project.load import load
from pipeline.reference import Digest, parse_reference
from pipeline.runner.preflight import check_image, not_allowed
from pipeline.runner.run import run
from tests.support.git_commits import git
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem
    from pipeline.model.plan import Plan
    from pipeline.model.presence import Presence
    from pipeline.model.project import Project

DIGEST = Digest("sha256:" + "1" * 64)
PIPELINE = """
[registry]
host = "r.test"
also = ["web", "evil/{name}"]

[build]
network = "host"
cache_from = ["type=gha", "type=local,src=cache"]
cache_to = ["type=local,dest=link/out"]

[profiles.quiet.build]
network = "none"
cache_to = []
"""
IMAGE = """
secrets = ["id=a,env=A", "id=b,env=FLY_API_TOKEN", "id=c,src=../../link/key"]
ssh = ["default", "keys=link/key"]
"""
SAID = {
    "images/web/Dockerfile:2:5": (
        "steps of the build could reach all that listens on the builder's machine"
    ),
    "images/web/image.toml:2:26": (
        "steps of the build would be given `FLY_API_TOKEN`, which is for logging in"
    ),
    "images/web/image.toml:2:52": (
        "`{out}/key` lies outside the project: a secret of the build would be read there"
    ),
    "images/web/image.toml:3:8": "steps of the build could use the keys of your SSH agent",
    "images/web/image.toml:3:19": (
        "`{out}/key` lies outside the project: a key or an agent of the build would be used there"
    ),
    "pipeline.toml:4:16": (
        "`r.test/evil/web` is not a repository of this project's images: "
        "images would be copied from there to the project's own tags"
    ),
    "pipeline.toml:7:11": (
        "steps of the build could reach all that listens on the builder's machine"
    ),
    "pipeline.toml:9:13": "`{out}/out` lies outside the project: builds would write there",
}
WORDS = "secret=FLY_API_TOKEN,fs.read={out},ssh,repository=r.test/evil/web,network.host"


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Make a project of a stranger, beside a folder outside it."""
    write_tree(
        tmp_path,
        {
            "outside/key": "k3y",
            "project/link": "-> ../outside",
            "project/pipeline.toml": PIPELINE,
            "project/images/web/Dockerfile": "FROM scratch\nRUN --network=host whoami\n",
            "project/images/web/image.toml": IMAGE,
        },
    )
    return tmp_path / "project"


def planned(project: Project, presence: Presence | Elsewhere | None = None) -> Plan:
    """Return the plan for a registry without images, or with this answer."""
    found = dict.fromkeys(project.names, presence or Absent())
    return plan(project, State(project, fingerprint(project), found))


def problems(root: Path, said: str = "", profile: str = "") -> tuple[Problem, ...]:
    """Return what is not allowed with these permissions."""
    words = said.format(out=root.parent / "outside")
    environ = {"A": "a", "FLY_API_TOKEN": "t", "PIPELINE_ALLOW": words, "HOME": str(root.parent)}
    project = load(root, profile=profile or None, environ=environ)
    return not_allowed(planned(project), environ)


def test_everything_is_refused_at_once_with_locations(root: Path) -> None:
    """All are reported at once with their locations, with exit code 2; links are resolved.

    The messages do not say whether the variable or file exists.
    """
    told: list[object] = []
    environ = {"A": "a"}
    (root.parent / "outside/key").unlink()
    project = load(root, environ=environ)

    with pytest.raises(ConfigError) as caught:
        run(planned(project), report=told.append, environ=environ)

    out = root.parent / "outside"
    found = {str(problem.location): problem.message for problem in caught.value.problems}
    assert found == {place: text.format(out=out) for place, text in SAID.items()}
    assert caught.value.exit_code == 2
    assert told == []


def test_each_hint_is_the_missing_permission(root: Path) -> None:
    """Each hint names the missing permission; with all of them nothing is missing."""
    said = ""
    for _ in SAID:
        if not (found := problems(root, said)):
            break
        said += "," + found[0].hint.partition("--allow ")[2].partition("`")[0]

    assert problems(root, said) == ()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("", 8),
        (WORDS, 1),
        (WORDS + ",fs.write={out}/out", 0),
        (WORDS + ",fs.write=~/outside", 0),
        (WORDS + ",fs.write=../outside", 0),
        (WORDS + ",fs.write=link", 1),
        (WORDS + ",fs.write={out}/ou", 1),
    ],
)
def test_paths_in_permissions(root: Path, said: str, left: int) -> None:
    """Paths are relative to the home folder or to the project, with links resolved."""
    assert len(problems(root, said)) == left


def test_a_profile_is_merged_before_the_check(root: Path) -> None:
    """The merged profile is checked."""
    assert len(problems(root, profile="quiet")) == 6


@pytest.mark.parametrize(
    ("presence", "count"),
    [(Present(DIGEST), 0), (Elsewhere(parse_reference("r.test/evil/web:1"), DIGEST), 3)],
)
def test_only_what_is_used(root: Path, presence: Presence | Elsewhere, count: int) -> None:
    """Only what is used: nothing if all images exist, and only sources of images to build."""
    project = load(root, environ={})

    assert len(not_allowed(planned(project, presence), {})) == count


def test_an_image_whose_copy_failed_is_looked_at_before_it_is_built(root: Path) -> None:
    """An image whose copy failed is checked before it is built instead."""
    project = load(root, environ={"PIPELINE_ALLOW": "ssh"})

    with pytest.raises(WorkError) as caught:
        check_image(project, project.image(project.names[0]), {})

    assert caught.value.message.startswith("images/web/Dockerfile:2:5: ")
    assert "--allow network.host" in caught.value.hint


@pytest.mark.parametrize("name", ["index.json", "oci-layout", "blobs", "ingest/1/data"])
def test_links_in_a_cache_of_the_project(tmp_path: Path, name: str) -> None:
    """BuildKit would follow links in a cache folder; the permission is that of their target."""
    toml = """
[build]
cache_from = ["type=local,src=c/{name}"]
cache_to = ["type=local,dest=c/{name}"]
"""
    write_tree(
        tmp_path / "project",
        {
            "pipeline.toml": toml,
            "images/web/Dockerfile": "FROM scratch\n",
            "c/web/inside": "-> ../../pipeline.toml",
            f"c/web/{name}": f"-> {tmp_path}/key",
        },
    )
    project = load(tmp_path / "project", environ={})

    found = not_allowed(planned(project), {})
    allowed = load(
        project.root,
        environ={"PIPELINE_ALLOW": f"fs.read={tmp_path}/key,fs.write={tmp_path}/key"},
    )

    assert [str(problem.location) for problem in found] == [
        "pipeline.toml:3:15",
        "pipeline.toml:4:13",
    ]
    assert all(f"`{tmp_path}/key` lies outside" in problem.message for problem in found)
    assert not_allowed(planned(allowed), {}) == ()


def test_a_cache_in_the_repository(tmp_path: Path) -> None:
    """A cache in the repository could fake the result of a step, so it needs a permission."""
    write_tree(
        tmp_path,
        {
            "pipeline.toml": '[build]\ncache_from = ["type=local,src=c"]\n',
            "images/web/Dockerfile": "FROM scratch\n",
            "c/index.json": "{}",
        },
    )
    environ = {"PATH": os.environ["PATH"]}
    git(tmp_path, "init", "--quiet")
    restored = not_allowed(planned(load(tmp_path, environ=environ)), environ)
    git(tmp_path, "add", "c")
    (found,) = not_allowed(planned(load(tmp_path, environ=environ)), environ)
    said = {**environ, "PIPELINE_ALLOW": "fs.read=c"}

    assert restored == ()
    assert "is in the repository" in found.message
    assert not_allowed(planned(load(tmp_path, environ=said)), said) == ()


@pytest.mark.parametrize("key", ["cache_from", "cache_to"])
def test_a_cache_path_outside_the_allowed_folder(tmp_path: Path, key: str) -> None:
    """A cache path outside the allowed folder, hidden by a template of many images."""
    side = {"cache_from": "src", "cache_to": "dest"}[key]
    word = {"cache_from": "fs.read", "cache_to": "fs.write"}[key]
    write_tree(
        tmp_path,
        {
            "pipeline.toml": f'[build]\n{key} = ["type=local,{side}=/ok/{{name}}/../../etc"]\n',
            "images/api/Dockerfile": "FROM scratch\n",
            "images/web/Dockerfile": "FROM scratch\n",
        },
    )
    project = load(tmp_path, environ={"PIPELINE_ALLOW": f"{word}=/ok"})

    (found,) = not_allowed(planned(project), {})

    assert f"--allow {word}=/etc`" in found.hint
