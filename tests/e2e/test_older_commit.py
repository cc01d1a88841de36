"""An older commit does not replace a newer deploy by accident: real git, both drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.docker_apps import app, deploys, get, url
from tests.support.fly_project import open_fly_project
from tests.support.git_commits import commit, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


def test_older_commit_at_fly(tmp_path: Path) -> None:
    """An app with a newer commit is held, with its alias; a profile or `--force` deploys it."""
    with open_fly_project(tmp_path, "web") as fly_project:
        root = fly_project.project.root
        fly_project.project.write("images/web/image.toml", 'aliases = ["latest"]\n')
        fly_project.write_settings("[profiles.staging.deploy]\nbackwards = true\n")
        older = commit(root)
        assert fly_project.invoke("deploy-all").code == 0
        fly_project.app("web", answer="2")
        newer = commit(root)
        second = fly_project.invoke("deploy-all", "--json")
        assert second.code == 0, second.err
        runs, flyctl = fly_project.digests("acme-web"), fly_project.deploys()
        git(root, "checkout", "--quiet", older)

        ran = fly_project.invoke("deploy-all", "--json")
        plan = fly_project.invoke("plan", "--exit-code", "--json")
        moved = fly_project.invoke(
            "exists", f"{fly_project.fly.registry}/acme-web:latest", "--json"
        )

        why = f"commit {newer[:7]} runs, which is newer"
        assert ran.code == 1
        (deploy,) = ran.json["deploys"]
        assert (deploy["status"], deploy["reason"]) == ("held", why)
        assert f"held: `acme-web`: {why}" in ran.err
        assert plan.code == 0, plan.err
        assert [(d["action"], d["reason"]) for d in plan.json["deploys"]] == [("held", why)]
        assert (fly_project.digests("acme-web"), fly_project.deploys()) == (runs, flyctl)
        assert {moved.json["digest"]} == runs

        let = fly_project.invoke("deploy-all", "--json", "--profile", "staging")
        assert let.code == 0, let.err
        assert fly_project.digests("acme-web") == {let.json["images"][0]["digest"]} != runs

        git(root, "checkout", "--quiet", newer)
        assert fly_project.invoke("deploy-all").code == 0
        git(root, "checkout", "--quiet", older)
        forced = fly_project.invoke("deploy-all", "--only", "web", "--force", "--json")
        assert forced.code == 0, forced.err
        assert fly_project.digests("acme-web") == {let.json["images"][0]["digest"]}


def test_older_commit_on_an_engine(docker_project: Project, tmp_path: Path) -> None:
    """The same with the driver `docker`; after a rollback, the newer commit is held."""
    older = commit(docker_project.root)
    docker_project.invoke("deploy", "web")
    app(docker_project, tmp_path, "web", answer="web 2")
    commit(docker_project.root)
    address = url(docker_project.invoke("deploy", "web", "--json"), "web")
    git(docker_project.root, "checkout", "--quiet", older)

    held = docker_project.invoke("deploy", "web", "--json")
    after = get(address)
    git(docker_project.root, "checkout", "--quiet", "main")
    back = docker_project.invoke("rollback", "web")
    again = docker_project.invoke("deploy", "web", "--json")
    stays = get(address)
    (docker_project.root / ".git").rename(tmp_path / "git")
    without_git = docker_project.invoke("deploy", "web", "--json")
    free = docker_project.invoke("deploy", "web", "--force", "--json")

    assert (held.code, deploys(held), after) == (1, {"web": "held"}, "web 2")
    assert (back.code, again.code, deploys(again), stays) == (0, 0, {"web": "held"}, "web 1")
    assert (without_git.code, deploys(without_git)) == (0, {"web": "held"})
    assert (free.code, deploys(free), get(address)) == (0, {"web": "deployed"}, "web 2")
