"""Credentials for a real registry with TLS and a password, used by Invoke and by BuildKit."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.docker import docker_home
from tests.support.fake_programs import write_program
from tests.support.planted_secrets import PlantedSecrets
from tests.support.project import Project, Ran, three_levels
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

TOKEN = "fm2_a-secret-that-must-not-be-seen"
ENVIRONMENT = f"FlyV1 {TOKEN},fo1_not-for-the-registry"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Make a project for a registry like Fly's: user `x` and a token."""
    with secured_registry(tmp_path / "fly", user="x", password=TOKEN) as (registry, trust):
        root = tmp_path / "project"
        root.mkdir()
        made = Project(
            root,
            tmp_path / "fly" / "registry.log",
            {**trust, "FLY_REGISTRY_HOST": registry.address},
        )
        made.write("tasks.py", "from pipeline.tasks import ns\n")
        made.write("pipeline.toml", "")
        three_levels(made)
        yield made


def access_refused(ran: Ran) -> str:
    """Check that a run was refused access with exit code 4; return what it said."""
    said = ran.err + ran.out
    assert ran.code == 4, said
    assert "Traceback" not in said
    assert "hint: " in said
    assert "building" not in said
    return said


@pytest.mark.parametrize("name", ["FLY_API_TOKEN", "FLY_ACCESS_TOKEN"])
def test_a_fly_token_is_enough(project: Project, tmp_path: Path, name: str) -> None:
    """FLY_API_TOKEN is enough to build and push, and occurs in no output or file."""
    private = tmp_path / "temporary"
    private.mkdir()
    environ = {name: ENVIRONMENT, "TMPDIR": str(private), "XDG_RUNTIME_DIR": ""}

    first = project.invoke("build-all", "--json", environ=environ)
    second = project.invoke("build-all", "--json", environ=environ)

    assert first.code == second.code == 0, first.err + second.err
    assert set(first.statuses().values()) == {"built"}
    assert set(second.statuses().values()) == {"exists"}
    assert TOKEN not in first.out + first.err + second.out + second.err
    assert list(private.iterdir()) == []


def test_order_of_token_variables(project: Project) -> None:
    """`FLY_ACCESS_TOKEN` is used before `FLY_API_TOKEN`, as by flyctl."""
    environ = {"FLY_ACCESS_TOKEN": "wrong-secret", "FLY_API_TOKEN": TOKEN}

    said = access_refused(project.invoke("build-all", environ=environ))

    assert "FLY_ACCESS_TOKEN" in said
    assert "wrong-secret" not in said


@pytest.mark.parametrize("task", [["build-all"], ["plan"], ["exists", "web"], ["build", "web"]])
def test_a_wrong_token_is_not_absence(project: Project, task: list[str]) -> None:
    """Every task that asks the registry exits with 4 and names the source of the credential."""
    said = access_refused(project.invoke(*task, environ={"FLY_API_TOKEN": "wrong-secret"}))

    assert "refused the credential from FLY_API_TOKEN" in said
    assert "wrong-secret" not in said


def test_a_missing_credential_is_not_absence(project: Project) -> None:
    """Without a credential the error says that there is none, and how to get one."""
    said = access_refused(project.invoke("build-all"))

    assert "there is no credential for it" in said


def test_docker_login_is_used(project: Project, tmp_path: Path) -> None:
    """The login of `docker login` is used for queries and pushes."""
    host = project.environ["FLY_REGISTRY_HOST"]
    auth = base64.b64encode(f"x:{TOKEN}".encode()).decode()

    environ = docker_home(tmp_path / "docker", {"auths": {host: {"auth": auth}}})
    ran = project.invoke("build-all", "--json", environ=environ)

    assert ran.code == 0, ran.err
    assert set(ran.statuses().values()) == {"built"}
    assert auth not in ran.out + ran.err


def test_a_wrong_docker_login_names_its_file(project: Project, tmp_path: Path) -> None:
    """The error names the file with the wrong login."""
    host = project.environ["FLY_REGISTRY_HOST"]
    auth = base64.b64encode(b"x:outdated-secret").decode()

    environ = docker_home(tmp_path / "docker", {"auths": {host: {"auth": auth}}})
    said = access_refused(project.invoke("build-all", environ=environ))

    assert "config.json" in said
    assert "outdated-secret" not in said
    assert auth not in said


@pytest.mark.parametrize("place", ["{host}", "{host}/acme"])
def test_podman_login_is_used(project: Project, tmp_path: Path, place: str) -> None:
    """A login of podman is used for pushes, too, also if it is for one repository only."""
    host = project.environ["FLY_REGISTRY_HOST"]
    auth = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {place.format(host=host): {"auth": auth}}}))
    project.write("pipeline.toml", '[registry]\nrepository = "acme/{name}"\n')

    ran = project.invoke("build", "os", "--json", environ={"REGISTRY_AUTH_FILE": str(file)})

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"os": "built"}
    assert auth not in ran.out + ran.err


def test_a_credential_helper_is_used(project: Project, tmp_path: Path) -> None:
    """The pipeline and BuildKit call the credential helper of the host."""
    host = project.environ["FLY_REGISTRY_HOST"]
    tools = tmp_path / "tools"
    answer = json.dumps({"ServerURL": host, "Username": "x", "Secret": TOKEN})
    write_program(tools / "docker-credential-acme", f"cat >/dev/null\necho '{answer}'")
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}

    environ = docker_home(tmp_path / "docker", {"credHelpers": {host: "acme"}})
    ran = project.invoke("build-all", "--json", environ={**environ, **path})

    assert ran.code == 0, ran.err
    assert set(ran.statuses().values()) == {"built"}
    assert TOKEN not in ran.out + ran.err


def test_the_login_of_flyctl_is_the_last_resort(project: Project, tmp_path: Path) -> None:
    """The token that `fly auth login` saved is used if there is no other."""
    (tmp_path / "config.yml").write_text(f"access_token: {ENVIRONMENT}\n", encoding="utf-8")

    ran = project.invoke("build", "os", "--json", environ={"FLY_CONFIG_DIR": str(tmp_path)})

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"os": "built"}


def test_an_untrusted_certificate_is_not_absence(project: Project, tmp_path: Path) -> None:
    """An unknown certificate authority stops the run before a credential is sent."""
    empty = tmp_path / "none"
    empty.mkdir()
    untrusting = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": str(empty)}

    said = access_refused(project.invoke("plan", environ={**untrusting, "FLY_API_TOKEN": TOKEN}))

    assert "certificate that is not trusted" in said


def test_the_image_holds_no_token(project: Project) -> None:
    """Neither history nor layers of the image contain the token."""
    ran = project.invoke("build", "os", "--json", environ={"FLY_API_TOKEN": ENVIRONMENT})

    assert ran.code == 0, ran.err
    stored = project.log.parent / "data"
    assert list(stored.rglob("blobs/sha256/*/*/data"))
    assert PlantedSecrets({"token": TOKEN}).found_under(stored) == {}
