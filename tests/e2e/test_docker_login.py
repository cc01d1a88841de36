"""`docker-credential-fly` and `invoke login`: docker logs in to Fly's registry."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sysconfig
from typing import TYPE_CHECKING

import bcrypt
import pytest

from tests.support.docker import docker_home
from tests.support.fake_programs import write_program
from tests.support.project import Project
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

OLD, NEW = "fm2_the-first-secret", "fm2_the-second-secret"
SCRIPTS = sysconfig.get_path("scripts")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Make a project for a registry like Fly's that accepts the first token."""
    with secured_registry(tmp_path / "fly", user="x", password=OLD) as (registry, trust):
        root = tmp_path / "project"
        root.mkdir()
        environ = {**trust, "FLY_REGISTRY_HOST": registry.address}
        made = Project(root, tmp_path / "fly" / "registry.log", environ)
        made.write("tasks.py", "from pipeline.tasks import ns\n")
        made.write("pipeline.toml", "")
        yield made


def host(project: Project) -> str:
    """Return the registry's host and port."""
    return project.environ["FLY_REGISTRY_HOST"]


def docker(
    project: Project, environ: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the real docker with our helper on PATH."""
    path = {"PATH": f"{os.environ['PATH']}:{SCRIPTS}"}
    return subprocess.run(
        ["docker", *words],
        env={**os.environ, **project.environ, **path, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def flyctl(folder: Path) -> Path:
    """Write a flyctl that prints the current token of a file."""
    folder.mkdir()
    token = folder / "token"
    token.write_text(OLD)
    write_program(
        folder / "fly",
        '[ "$*" = "auth token --json" ] || exit 1\n'
        "echo 'this command is deprecated' >&2\n"
        f'printf \'{{"token": "FlyV1 %s"}}\' "$(cat {token})"',
    )
    return token


def rotate(project: Project, token: Path) -> None:
    """Renew the login: registry and flyctl accept only the second token."""
    hashed = bcrypt.hashpw(NEW.encode(), bcrypt.gensalt(4)).decode()
    passwords = project.log.parent / "htpasswd"
    passwords.write_text(f"x:{hashed}\n")
    # The server reads the file again when its time has changed.
    later = passwords.stat().st_mtime + 5
    os.utime(passwords, (later, later))
    token.write_text(NEW)


def test_docker_pushes_with_the_helper(project: Project, tmp_path: Path) -> None:
    """The real docker runs `docker-credential-fly`, and the registry accepts the token."""
    environ = docker_home(tmp_path / "docker", {"credHelpers": {host(project): "fly"}})
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    build = ["buildx", "build", "--provenance=false", "--push", "-t", f"{host(project)}/acme:1"]

    refused = docker(project, environ, *build, str(tmp_path))
    pushed = docker(project, {**environ, "FLY_API_TOKEN": OLD}, *build, str(tmp_path))

    assert refused.returncode != 0
    assert pushed.returncode == 0, pushed.stderr
    assert OLD not in pushed.stdout + pushed.stderr


def test_a_login_that_is_renewed_during_a_build(project: Project, tmp_path: Path) -> None:
    """A token that is renewed during the build is read again from flyctl for the push."""
    token = flyctl(tmp_path / "flyctl")
    path = {"PATH": f"{tmp_path}/flyctl:{os.environ['PATH']}"}
    project.image("web", "FROM debian:bookworm-slim\nRUN sleep 4; date +%N > /x\n")

    with project.start("build-all", "--json", environ=path) as process:
        while "sleep 4" not in process.stderr.readline():  # type: ignore[union-attr]
            assert process.poll() is None
        rotate(project, token)
        out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err
    assert json.loads(out)["images"][0]["status"] == "built"
    assert OLD not in out + err
    assert NEW not in out + err


def test_invoke_login(project: Project, tmp_path: Path) -> None:
    """`invoke login` does what `fly auth docker` does, and keeps the rest of the configuration."""
    environ = docker_home(tmp_path / "docker", {"psFormat": "table"})
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=c\n")
    build = ["buildx", "build", "--provenance=false", "--push", "-t", f"{host(project)}/acme:2"]

    ran = project.invoke("login", environ={**environ, "FLY_API_TOKEN": f"FlyV1 {OLD}"})
    pushed = docker(project, environ, *build, str(tmp_path))

    written = json.loads((tmp_path / "docker/config.json").read_text())
    assert ran.code == 0, ran.err
    assert pushed.returncode == 0, pushed.stderr
    assert written["psFormat"] == "table"
    assert OLD not in ran.out + ran.err


def test_login_with_helper_stores_no_token(project: Project, tmp_path: Path) -> None:
    """With `--helper` no file contains the token, and an earlier one is removed."""
    earlier = {f"https://{host(project)}/v2/": {"auth": "eDpvbGRlci1zZWNyZXQ="}}
    others = {"ghcr.io": {"auth": "dTpw"}}
    before = {"psFormat": "table", "auths": {**earlier, **others}}
    environ = docker_home(tmp_path / "docker", before)
    token = {"FLY_API_TOKEN": OLD, "PATH": f"{os.environ['PATH']}:{SCRIPTS}"}

    ran = project.invoke("login", "--helper", environ={**environ, **token})

    file = tmp_path / "docker/config.json"
    assert ran.code == 0, ran.err
    assert json.loads(file.read_text())["credHelpers"] == {host(project): "fly"}
    assert json.loads(file.read_text())["psFormat"] == "table"
    assert json.loads(file.read_text())["auths"] == others
    assert OLD not in file.read_text()


def test_docker_logs_in_pulls_and_out_with_the_helper(project: Project, tmp_path: Path) -> None:
    """The real docker can log in, pull and log out with the helper, which stores nothing."""
    environ = docker_home(tmp_path / "docker", {"credHelpers": {host(project): "fly"}})
    known = {**environ, "FLY_API_TOKEN": f"FlyV1 {OLD},fo1_discharge"}
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL a={host(project)}\n")
    image = f"{host(project)}/acme:1"
    build = ["buildx", "build", "--provenance=false", "--push", "-t", image, str(tmp_path)]

    login = docker(project, known, "login", host(project))
    built = docker(project, known, *build)
    pulled, refused = docker(project, known, "pull", image), docker(project, environ, "pull", image)
    out = docker(project, known, "logout", host(project))
    docker(project, known, "rmi", image)

    codes = [one.returncode for one in (login, built, pulled, out)]
    assert codes == [0] * 4, login.stderr + built.stderr + pulled.stderr + out.stderr
    assert "Login Succeeded" in login.stdout
    assert refused.returncode != 0
    assert OLD not in (tmp_path / "docker/config.json").read_text()


def test_login_with_helper_writes_through_a_symbolic_link(project: Project, tmp_path: Path) -> None:
    """If Docker's configuration is a symbolic link, its target is written."""
    environ = docker_home(tmp_path / "docker", {})
    kept = tmp_path / "dotfiles"
    kept.mkdir()
    (tmp_path / "docker/config.json").rename(kept / "docker.json")
    (tmp_path / "docker/config.json").symlink_to("../dotfiles/docker.json")
    token = {"FLY_API_TOKEN": OLD, "PATH": f"{os.environ['PATH']}:{SCRIPTS}"}

    ran = project.invoke("login", "--helper", environ={**environ, **token})

    assert ran.code == 0, ran.err
    assert (tmp_path / "docker/config.json").is_symlink()
    assert json.loads((kept / "docker.json").read_text())["credHelpers"] == {host(project): "fly"}
    assert [file.name for file in kept.iterdir()] == ["docker.json"]
    assert stat.S_IMODE((kept / "docker.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("words", [["login"], ["login", "--helper"]])
def test_login_with_a_wrong_token(project: Project, tmp_path: Path, words: list[str]) -> None:
    """The registry checks the token before anything is written."""
    environ = docker_home(tmp_path / "docker", {})
    before = (tmp_path / "docker/config.json").read_text()

    ran = project.invoke(*words, environ={**environ, "FLY_API_TOKEN": "wrong-secret"})
    none = project.invoke(*words, environ=environ)

    assert ran.code == none.code == 4
    assert "wrong-secret" not in ran.out + ran.err
    assert "FLY_API_TOKEN" in none.err
    assert (tmp_path / "docker/config.json").read_text() == before
