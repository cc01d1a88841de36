"""`invoke apps` with a fake Fly: missing apps are created, failures are reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.console import schemas
from tests.support.fly import FakeFly, fake_fly
from tests.support.processes import wait_until
from tests.support.project import Project, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENERATED = re.compile(r"[a-z]+-[a-z]+-\d{4}")


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[FakeFly]:
    """Start a fake Fly without apps."""
    with fake_fly(tmp_path / "fly") as running:
        yield running


@pytest.fixture
def sample_project(tmp_path: Path, fly: FakeFly) -> Project:
    """Make a base, an app, and an image for two apps; each image has its own repository."""
    project = Project(tmp_path / "project", tmp_path / "none", {**fly.environ})
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", '[registry]\nrepository = "acme-{name}"\n[fly]\norg = "acme"\n')
    project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
    project.image("web", "FROM os\n", fly_toml='app = "acme-web"\n')
    project.image("api", "FROM os\n", image_toml='[deploy]\napps = ["acme-eu", "acme-us"]\n')
    return project


def statuses(ran: Ran) -> dict[str, str]:
    """Return the status of each app."""
    jsonschema.validate(ran.json, schemas.APPS)
    return {app["name"]: app["status"] for app in ran.json["apps"]}


def row(ran: Ran, name: str) -> Any:
    """Return the row of one app."""
    return next(app for app in ran.json["apps"] if app["name"] == name)


def test_missing_apps_are_created_once(sample_project: Project, fly: FakeFly) -> None:
    """Apps to deploy to and apps of repositories are created once; the second run creates none."""
    fly.create_app("acme-eu")
    checked = sample_project.invoke("apps", "--check", "--json")
    before = set(fly.apps)
    first = sample_project.invoke("apps", "--json")
    second = sample_project.invoke("apps", "--json")
    checked_again = sample_project.invoke("apps", "--check")
    creations = [one for one in fly.requests_to("machines") if one.method == "POST"]

    names = {"acme-os", "acme-web", "acme-api", "acme-us"}
    assert checked.code == 5, checked.err
    assert statuses(checked) == dict.fromkeys(names, "missing") | {"acme-eu": "exists"}
    assert before == {"acme-eu"}
    assert first.code == 0, first.err
    assert statuses(first) == dict.fromkeys(names, "created") | {"acme-eu": "exists"}
    assert row(first, "acme-web")["images"] == ["web"]
    assert {fly.apps[name].org for name in names} == {"acme"}
    assert second.code == 0
    assert set(statuses(second).values()) == {"exists"}
    assert checked_again.code == 0
    assert "exists 5" in checked_again.out
    assert len(creations) == 4


def test_the_registry_is_waited_for(sample_project: Project, fly: FakeFly) -> None:
    """After `invoke apps` a push succeeds, though the registry learns of new apps with a delay."""
    fly.knobs.registry_knows_app_after = 1.5
    created = sample_project.invoke("apps", "--json")
    begun = [one for one in fly.requests_to("registry", "/blobs/uploads/") if one.method == "POST"]
    given_up = [
        one for one in fly.requests_to("registry", "/blobs/uploads/") if one.method == "DELETE"
    ]

    assert created.code == 0, created.err
    for repository in ("acme-os", "acme-web", "acme-api"):
        answers = [one.status for one in begun if f"/{repository}/" in one.path]
        assert answers[0] == 404
        assert answers[-1] == 202
    # `acme-eu` and `acme-us` run images of `acme-api`: nothing is pushed to them.
    assert not any("/acme-eu/" in one.path or "/acme-us/" in one.path for one in begun)
    assert [one.status for one in given_up] == [204] * 3


def test_one_app_may_hold_all_images(sample_project: Project, fly: FakeFly) -> None:
    """A repository that is shared by all images needs one app."""
    sample_project.write(
        "pipeline.toml",
        '[registry]\nrepository = "acme-images"\ntag = "{name}-{fingerprint}"\n'
        '[fly]\norg = "acme"\n',
    )
    ran = sample_project.invoke("apps", "--json")

    assert ran.code == 0, ran.err
    assert set(fly.apps) == {"acme-images", "acme-web", "acme-eu", "acme-us"}
    assert set(row(ran, "acme-images")["images"]) == {"os", "web", "api"}


def test_generate_name(sample_project: Project, fly: FakeFly) -> None:
    """A generated name is written into `fly.toml` if asked for; the rest is unchanged."""
    sample_project.write("images/web/fly.toml", '# ours\r\n[env]\r\nA = "1"\r\n')
    sample_project.write("images/api/image.toml", "[deploy]\n")
    plain = sample_project.invoke("apps")
    unsaved = sample_project.invoke("apps", "--generate-name", "--json")
    untouched = (sample_project.root / "images/web/fly.toml").read_text()
    saved = sample_project.invoke("apps", "--generate-name", "--save", "--json")
    again = sample_project.invoke("apps", "--generate-name", "--save", "--json")

    assert plain.code == 2
    assert "images/web/fly.toml: no app is named" in plain.err
    assert "images/api/image.toml:1:2: no app is named" in plain.err
    assert "invoke apps --generate-name" in plain.err
    assert unsaved.code == saved.code == 0, unsaved.err + saved.err
    first = {a["generated_for"]: a["name"] for a in unsaved.json["apps"] if a["generated_for"]}
    assert set(first) == {"images/web/fly.toml", "images/api/fly.toml"}
    assert all(GENERATED.fullmatch(name) and name in fly.apps for name in first.values())
    assert untouched.startswith("# ours")
    assert f'write `app = "{first["images/web/fly.toml"]}"` into `images/web/fly.toml`' in (
        unsaved.err
    )
    second = {a["generated_for"]: a["name"] for a in saved.json["apps"] if a["generated_for"]}
    web = (sample_project.root / "images/web/fly.toml").read_bytes().decode()
    assert web == f'app = "{second["images/web/fly.toml"]}"\r\n# ours\r\n[env]\r\nA = "1"\r\n'
    api = (sample_project.root / "images/api/fly.toml").read_text()
    assert api == f'app = "{second["images/api/fly.toml"]}"\n'
    assert again.code == 0
    assert set(statuses(again).values()) == {"exists"}
    assert {a["generated_for"] for a in again.json["apps"]} == {None}


def test_a_taken_name_is_reported_and_the_others_are_created(
    sample_project: Project, fly: FakeFly
) -> None:
    """Another organization has the name: it is reported, and the other apps are created."""
    fly.create_app("acme-web", org="rival")
    ran = sample_project.invoke("apps", "--json")

    assert ran.code == 1, ran.err
    assert statuses(ran)["acme-web"] == "failed"
    assert {"acme-os", "acme-api", "acme-eu", "acme-us"} == {
        name for name, status in statuses(ran).items() if status == "created"
    }
    assert "the name `acme-web` is taken" in row(ran, "acme-web")["reason"]
    assert "hint: " in ran.err
    assert "--generate-name" in ran.err
    assert sample_project.invoke("apps", "--check").code == 1


def test_apps_that_others_create_meanwhile(sample_project: Project, fly: FakeFly) -> None:
    """An app that is created meanwhile is accepted in our organization, and refused in another."""
    fly.knobs.latency = 1.0
    with sample_project.start("apps", "--json") as running:
        wait_until(
            lambda: all(fly.requests_to("machines", f"acme-{name}") for name in ("web", "us"))
        )
        fly.create_app("acme-web")
        fly.create_app("acme-us", org="rival")
        fly.knobs.latency = 0.0
        out, err = running.communicate(timeout=60)

    ran = Ran(running.returncode, out, err)
    assert ran.code == 1, ran.err
    others = dict.fromkeys(("acme-os", "acme-api", "acme-eu"), "created")
    assert statuses(ran) == {**others, "acme-web": "exists", "acme-us": "failed"}
    assert "the name `acme-us` is taken" in row(ran, "acme-us")["reason"]
    assert [one.status for one in fly.requests_to("machines") if one.method == "POST"].count(
        422
    ) == 2


def test_an_app_token_cannot_see_other_apps(sample_project: Project, fly: FakeFly) -> None:
    """With an app's token a 403 may mean another organization; the message says no more."""
    for name in ("acme-os", "acme-web"):
        fly.create_app(name)
    sample_project.environ["FLY_API_TOKEN"] = fly.app_token("acme-web")
    checked = sample_project.invoke("apps", "--check", "--json")
    ran = sample_project.invoke("apps", "--json")

    assert checked.code == 1, checked.err
    assert statuses(checked)["acme-web"] == "exists"
    assert statuses(checked)["acme-os"] == "failed"
    assert "or one that this token does not reach" in row(checked, "acme-os")["reason"]
    assert "fly tokens create org" in checked.err
    assert statuses(ran)["acme-eu"] == "failed"
    assert "does not reach the organization" in row(ran, "acme-eu")["reason"]
    assert set(fly.apps) == {"acme-os", "acme-web"}


@pytest.mark.parametrize("how", ["503", "drop"])
def test_nothing_is_created_where_fly_is_down(
    sample_project: Project, fly: FakeFly, how: str
) -> None:
    """While Fly is down the run exits with 4 and prints an error, and no table."""
    fly.down("machines", how=how)
    ran = sample_project.invoke("apps", "--json")

    assert ran.code == 4
    assert ran.json["schema"] == "pipeline.error/1"
    assert ran.err.startswith("error: Fly")
    assert "status.flyio.net" in ran.err
    fly.up()
    assert fly.apps == {}


def test_a_registry_that_never_learns_of_an_app(sample_project: Project, fly: FakeFly) -> None:
    """Ctrl-C ends the wait for a registry that never learns of an app; the report has the app."""
    fly.knobs.registry_knows_app_after = 600
    with sample_project.start("apps", "--json") as process:
        while len(fly.apps) < 5:
            assert process.poll() is None
        process.terminate()
        out, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert out.count('"created"') == 5, out
    assert "does not know its repository yet" in out


def test_without_a_token_or_an_organization(sample_project: Project, fly: FakeFly) -> None:
    """A token's only organization is used; without a token the error says how to get one."""
    sample_project.write("pipeline.toml", '[registry]\nrepository = "acme-{name}"\n')
    nobody = sample_project.invoke("apps", environ={"FLY_API_TOKEN": ""})
    other = sample_project.invoke("apps", "--json", environ={"FLY_ORG": "rival"})
    ours = sample_project.invoke("apps", "--json")

    assert nobody.code == 4
    assert "there is no token" in nobody.err
    assert other.code == 4
    assert set(statuses(other).values()) == {"failed"}
    assert ours.code == 0, ours.err
    assert {app.org for app in fly.apps.values()} == {"acme"}


def test_rate_limits_with_sixty_apps(sample_project: Project, fly: FakeFly) -> None:
    """One request lists existing apps; creations stay within the rate limit."""
    names = [f"tenant-{number:02}" for number in range(57)]
    sample_project.write("images/api/image.toml", '[deploy]\napps = "file:apps.txt"\n')
    sample_project.write("images/api/apps.txt", "\n".join(names))
    for name in (*names[:54], "acme-os", "acme-api"):
        fly.create_app(name)
    fly.knobs.rate_limits = True
    ran = sample_project.invoke("apps", "--json")

    assert ran.code == 0, ran.err
    assert sorted(statuses(ran).values()) == ["created"] * 4 + ["exists"] * 56
    assert fly.limits.refused == 0
    looks = [one for one in fly.requests_to("machines") if one.method == "GET"]
    assert len(looks) == 1 + 4


def test_a_project_on_another_registry_needs_no_apps(sample_project: Project) -> None:
    """`invoke apps` is wrong usage for a project on another registry."""
    sample_project.write(
        "pipeline.toml", '[registry]\nhost = "127.0.0.1:1"\n[deploy]\ndriver = "docker"\n'
    )
    ran = sample_project.invoke("apps")

    assert ran.code == 2
    assert "this project does not use Fly" in ran.err


@pytest.mark.engine
def test_a_push_to_a_missing_app_names_the_command(sample_project: Project, engine: None) -> None:
    """The error of a push to a missing app names the command that creates it."""
    del engine
    refused = sample_project.invoke("build", "os", "--json")
    made = sample_project.invoke("apps")
    pushed = sample_project.invoke("build", "os", "--json")

    assert refused.code == 1, refused.err
    assert "`invoke apps` creates" in refused.err
    assert made.code == 0, made.err
    assert pushed.code == 0, pushed.err
