"""A plan shows what could be found out; the rest is `unknown` in it, and the exit code is 4."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import load, plan, run
from pipeline.errors import UnknownError
from pipeline.runner.inspect import look
from tests.support.project import Project
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Ran
    from tests.support.scripted_server import ScriptedServer

CLOSED = "127.0.0.1:9"
DISTRIBUTION = {
    "Content-Type": "application/json",
    "Docker-Distribution-Api-Version": "registry/2.0",
}
REFUSED = "Fly refused the token from FLY_API_TOKEN"
BUILT = {"base": "build", "web": "build"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make an app of Fly and its base, on a registry that cannot be reached."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.image("base", "FROM debian:bookworm-slim\nCOPY a.txt /\n", a_txt="a")
    made.image("web", "FROM base\nCOPY b.txt /\n", b_txt="b", fly_toml='app = "acme-web"\n')
    set_host(made, CLOSED)
    return made


def set_host(project: Project, host: str) -> None:
    """Let the project use another registry."""
    project.write("pipeline.toml", f'[registry]\nhost = "{host}"\n[fly]\norg = "acme"\n')


@pytest.fixture
def refused() -> Iterator[dict[str, str]]:
    """Return the environment for a Fly that refuses the token, which takes no retries."""
    with scripted_server(lambda _request: Reply(401)) as fly:
        yield token(fly)


def token(fly: ScriptedServer) -> dict[str, str]:
    """Return the environment for a Fly and a token."""
    address = f"http://{fly.address}"
    there = {"FLY_API_BASE_URL": address, "FLY_FLAPS_BASE_URL": address}
    return {**there, "FLY_API_TOKEN": "FlyV1 fm2_x"}


def actions(ran: Ran) -> dict[str, str]:
    """Return the actions of a plan for images and apps; no fingerprint is missing."""
    document = ran.json
    assert document["schema"] == "pipeline.plan/1"
    assert all(image["fingerprint"][:20] in image["reference"] for image in document["images"])
    images = {image["name"]: image["action"] for image in document["images"]}
    return images | {step["app"]: step["action"] for step in document["deploys"]}


def absent(_request: Request) -> Reply:
    """Answer that there is no such manifest."""
    return Reply(404, DISTRIBUTION, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


def absent_but_web(request: Request) -> Reply:
    """Refuse one repository, and have nothing in the others."""
    refused = request.path.startswith("/v2/web/")
    return (
        Reply(403, DISTRIBUTION, b'{"errors":[{"code":"DENIED"}]}') if refused else absent(request)
    )


def test_neither_registry_nor_fly_answers(project: Project, refused: dict[str, str]) -> None:
    """All is shown, each with its reason, in text and as JSON, and what to do about it."""
    ran = project.invoke("plan", environ=refused)
    shown = project.invoke("--dry", "deploy-all", "--json", environ=refused)

    assert (ran.code, shown.code) == (4, 4)
    assert set(actions(shown).values()) == {"unknown"}
    for image in shown.json["images"]:
        assert image["reason"] == f"no answer from `{CLOSED}`: connection refused"
        assert f"unknown  {image['name']}" in ran.out
        assert f"`{image['reference']}`: {image['reason']}" in ran.out
    assert f"acme-web  {REFUSED}" in ran.out
    assert len(shown.json["hints"]) == 2
    assert all(f"hint: {hint}" in ran.out for hint in shown.json["hints"])


def test_builds_are_planned_without_fly(project: Project, refused: dict[str, str]) -> None:
    """As for a pull request from a fork, whose job has no token, or an old one."""
    with scripted_server(absent) as server:
        set_host(project, server.address)
        bare = project.invoke("plan", "--json", "--exit-code")
        old = project.invoke("plan", "--json", "--exit-code", environ=refused)

    assert (bare.code, old.code) == (4, 4)
    assert actions(bare) == actions(old) == {**BUILT, "acme-web": "unknown"}
    reason = "Fly requires a login, and there is no token"
    assert bare.json["deploys"][0]["reason"] == reason
    assert old.json["deploys"][0]["reason"] == REFUSED


def test_one_refused_repository_hides_no_other(project: Project) -> None:
    """An image and its base are known by themselves."""
    with scripted_server(absent_but_web) as server:
        set_host(project, server.address)
        ran = project.invoke("plan", "--only-builds", "--json")

    assert ran.code == 4
    assert actions(ran) == {"base": "build", "web": "unknown"}


def test_only_builds_does_not_ask_fly(project: Project) -> None:
    """Neither for what apps run, nor for the apps that a pattern matches."""
    project.write("images/web/image.toml", '[deploy]\napps = "match:acme-*"\n')
    with scripted_server(absent) as server, scripted_server(absent) as fly:
        set_host(project, server.address)
        ran = project.invoke("plan", "--only-builds", "--json", environ=token(fly))
        due = project.invoke("plan", "--only-builds", "--exit-code", environ=token(fly))

    assert (ran.code, due.code) == (0, 5)
    assert actions(ran) == BUILT
    assert not fly.requests


def test_apps_that_fly_does_not_list(project: Project, refused: dict[str, str]) -> None:
    """One row stands for all of them, with the reason; the images are planned."""
    project.write("images/web/image.toml", '[deploy]\napps = "match:acme-*"\n')
    with scripted_server(absent) as server:
        set_host(project, server.address)
        shown = project.invoke("plan", "--json", environ=refused)
        dry = project.invoke("--dry", "deploy-all", environ=refused)
        ran = project.invoke("plan", environ=refused)

    (row,) = shown.json["deploys"]
    assert (shown.code, ran.code, dry.code) == (4, 4, 4)
    assert (row["app"], row["image"], row["action"]) == (None, "web", "unknown")
    assert row["reason"] == REFUSED
    assert "unknown  apps of web" in ran.out
    assert dry.out == ran.out


@pytest.mark.parametrize("words", [("build", "web"), ("deploy-all",)])
def test_nothing_is_built_on_an_unknown(
    project: Project, refused: dict[str, str], words: tuple[str, ...]
) -> None:
    """A task that works stops before its work."""
    with scripted_server(absent_but_web) as server:
        set_host(project, server.address)
        ran = project.invoke(*words, environ=refused)

    assert ran.code == 4
    assert not ran.out
    assert f"may not read `web` on `{server.address}`: denied" in ran.err


def test_run_refuses_a_plan_with_an_unknown(project: Project) -> None:
    """The library does, too."""
    with scripted_server(absent_but_web) as server:
        set_host(project, server.address)
        loaded = load(project.root)
        found = plan(loaded, look(loaded, environ=os.environ))

        with pytest.raises(UnknownError, match="may not read `web`"):
            run(found)
