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
    with open_fly_project(tmp_path, "web") as shop:
        root = shop.project.root
        shop.project.write("images/web/image.toml", 'aliases = ["latest"]\n')
        shop.write_settings("[profiles.staging.deploy]\nbackwards = true\n")
        older = commit(root)
        assert shop.invoke("deploy-all").code == 0
        shop.app("web", answer="2")
        newer = commit(root)
        second = shop.invoke("deploy-all", "--json")
        assert second.code == 0, second.err
        runs, flyctl = shop.digests("acme-web"), shop.deploys()
        git(root, "checkout", "--quiet", older)

        ran = shop.invoke("deploy-all", "--json")
        plan = shop.invoke("plan", "--exit-code", "--json")
        moved = shop.invoke("exists", f"{shop.fly.registry}/acme-web:latest", "--json")

        why = f"commit {newer[:7]} runs, which is newer"
        assert ran.code == 1
        (deploy,) = ran.json["deploys"]
        assert (deploy["status"], deploy["reason"]) == ("held", why)
        assert f"held: `acme-web`: {why}" in ran.err
        assert plan.code == 0, plan.err
        assert [(d["action"], d["reason"]) for d in plan.json["deploys"]] == [("held", why)]
        assert (shop.digests("acme-web"), shop.deploys()) == (runs, flyctl)
        assert {moved.json["digest"]} == runs

        let = shop.invoke("deploy-all", "--json", "--profile", "staging")
        assert let.code == 0, let.err
        assert shop.digests("acme-web") == {let.json["images"][0]["digest"]} != runs

        git(root, "checkout", "--quiet", newer)
        assert shop.invoke("deploy-all").code == 0
        git(root, "checkout", "--quiet", older)
        forced = shop.invoke("deploy-all", "--only", "web", "--force", "--json")
        assert forced.code == 0, forced.err
        assert shop.digests("acme-web") == {let.json["images"][0]["digest"]}


def test_older_commit_on_an_engine(shop: Project, tmp_path: Path) -> None:
    """The same with the driver `docker`; after a rollback, the newer commit is held."""
    older = commit(shop.root)
    shop.invoke("deploy", "web")
    app(shop, tmp_path, "web", answer="web 2")
    commit(shop.root)
    address = url(shop.invoke("deploy", "web", "--json"), "web")
    git(shop.root, "checkout", "--quiet", older)

    held = shop.invoke("deploy", "web", "--json")
    after = get(address)
    git(shop.root, "checkout", "--quiet", "main")
    back = shop.invoke("rollback", "web")
    again = shop.invoke("deploy", "web", "--json")
    stays = get(address)
    (shop.root / ".git").rename(tmp_path / "git")
    free = shop.invoke("deploy", "web", "--json")

    assert (held.code, deploys(held), after) == (1, {"web": "held"}, "web 2")
    assert (back.code, again.code, deploys(again), stays) == (0, 0, {"web": "held"}, "web 1")
    assert (free.code, deploys(free), get(address)) == (0, {"web": "deployed"}, "web 2")
