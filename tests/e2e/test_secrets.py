"""No secret occurs in any output, command line, leftover file, or image."""

from __future__ import annotations

import base64
import json
import os
import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.reference import parse_reference
from pipeline.registry.auth.docker_config import docker_config
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.auth.namespace import Namespace
from pipeline.registry.client import Registry
from tests.support import docker_apps
from tests.support.builder_trust import trusting_builder
from tests.support.docker import docker_home
from tests.support.git_commits import commit, git
from tests.support.planted_secrets import PlantedSecrets, assert_clean, command_lines, new_secret
from tests.support.project import Project, Ran
from tests.support.scripted_server import Reply, Request, scripted_server
from tests.support.secured_registry import create_certificate, secured_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

OTHER = "other.example.com"
QUICK = Policy(attempts=2, pause=0.001, total=3.0, connect=1.0, read=1.0)
JSON_TASKS = (
    ["plan", "--json"],
    ["graph", "--format", "json"],
    ["inputs", "web", "--json"],
    ["exists", "web", "--json"],
    ["doctor", "--json"],
    ["why", "--only", "web,careless", "--against", "HEAD", "--json"],
    ["impact", "--base", "careless", "--json"],
)
REFUSED = (["build-all", "--json"], ["exists", "careless"], ["login"], ["doctor"])
EXPORTED = ("FLY_API_TOKEN", "TOKEN", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG")


@pytest.fixture
def planted() -> PlantedSecrets:
    """Return one secret of each kind."""
    kinds = {
        "macaroon": "fm2_",
        "second": "fm2_",
        "discharge": "fo1_",
        "docker": "password-",
        "identity": "identity-",
        "podman": "podman-",
        "build": "build-",
        "variable": "variable-",
        "proxy": "proxy-",
        "remote": "ghp_",
    }
    return PlantedSecrets({kind: new_secret(prefix) for kind, prefix in kinds.items()})


@pytest.fixture
def environ(planted: PlantedSecrets, tmp_path: Path) -> dict[str, str]:
    """Place all secrets where a user has them; return the environment."""
    secret = planted.values
    auth = {k: base64.b64encode(f"me:{v}".encode()).decode() for k, v in secret.items()}
    podman = tmp_path / "podman.json"
    podman.write_text(json.dumps({"auths": {f"{OTHER}/acme": {"auth": auth["podman"]}}}))
    variable = {"auths": {"third.example.com": {"auth": auth["variable"]}}}
    entries = {
        OTHER: {"auth": auth["docker"]},
        "fourth.example.com": {"auth": auth["docker"], "identitytoken": secret["identity"]},
    }
    for name in ("temporary", "runtime", "cache"):
        (tmp_path / name).mkdir()
    return {
        "FLY_API_TOKEN": f"FlyV1 {secret['macaroon']},{secret['second']},{secret['discharge']}",
        "TOKEN": secret["build"],
        "DOCKER_AUTH_CONFIG": json.dumps(variable),
        "REGISTRY_AUTH_FILE": str(podman),
        "TMPDIR": str(tmp_path / "temporary"),
        "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        # No registry of these tests uses it: they are all on this machine.
        "HTTP_PROXY": f"http://me:{secret['proxy']}@127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{os.environ['PATH']}:{sysconfig.get_path('scripts')}",
        **docker_home(tmp_path / "docker", {"auths": entries}),
    }


def user(root: Path, log: Path, environ: dict[str, str]) -> Project:
    """Make a project with one image whose step prints its secret."""
    root.mkdir()
    made = Project(root, log, environ)
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", '[build]\nprovenance = "mode=max"\n[deploy]\ndriver = "docker"\n')
    made.image(
        "careless",
        "FROM debian:bookworm-slim\n"
        # A new step each time: a cached one prints nothing.
        "RUN --mount=type=secret,id=token echo it is $(cat /run/secrets/token); "
        f": {new_secret('')}\n",
        image_toml='secrets = ["id=token,env=TOKEN"]\n',
    )
    return made


def assert_no_secret(
    planted: PlantedSecrets, ran: list[Ran], argv: set[bytes], tmp_path: Path
) -> None:
    """Check that nothing was printed, is in a command line, or was left behind."""
    folders = [tmp_path / name for name in ("project", "temporary", "runtime", "cache")]
    assert_clean(planted, ran, argv, folders)
    for folder in folders[1:]:
        assert not [path for path in folder.rglob("config.json") if path.is_file()]


@pytest.fixture
def engine_shop(tmp_path: Path, engine_client: DockerClient) -> Iterator[None]:
    """Remove the containers of this test's apps at its end."""
    yield
    docker_apps.remove(engine_client, tmp_path)


@pytest.mark.usefixtures("engine_shop")
def test_no_secret_without_a_failure(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path
) -> None:
    """Every task, and the images that it made: config, history, layers and attestations."""
    secret = planted.values
    password = f"{secret['macaroon']},{secret['second']}"
    with secured_registry(tmp_path / "fly", user="x", password=password) as (registry, trust):
        more = {**environ, **trust, "FLY_REGISTRY_HOST": registry.address}
        project = user(tmp_path / "project", tmp_path / "fly/registry.log", more)
        docker_apps.app(project, tmp_path, "web", answer="web")
        git(project.root, "init", "--quiet", f"--separate-git-dir={tmp_path / 'git'}")
        commit(project.root)
        address = f"https://me:{secret['remote']}@git.example.com/acme"
        git(project.root, "remote", "add", "origin", address)
        # Tests share the proxy of the driver `docker`; it has a folder of its own.
        usual = {name: os.environ.get(name, "") for name in ("TMPDIR", "XDG_RUNTIME_DIR")}
        with command_lines() as argv:
            ran = [
                project.invoke("build-all", "--json"),
                project.invoke("build", "careless", "--force"),
                *(project.invoke(*words) for words in JSON_TASKS),
                project.invoke("deploy-all", "--json", environ=usual),
                project.invoke("status", "--json", environ=usual),
                project.invoke("releases", docker_apps.app_name("web", tmp_path), environ=usual),
                project.invoke("promote", "web", f"{registry.address}/other:1"),
                project.invoke("login", "--helper"),
            ]
            kept = (tmp_path / "docker/config.json").read_text()
            ran += [project.invoke("login", environ=docker_home(tmp_path / "plain", {}))]

    assert [one.code for one in ran] == [0] * len(ran), [one.err for one in ran]
    assert "it is ***" in ran[0].err
    assert planted.found_in(kept) == {"docker", "identity"}  # There the user had them.
    assert_no_secret(planted, ran, argv, tmp_path)
    assert planted.found_under(tmp_path / "fly/data") == {}
    # Which has the records of builds, too.
    assert [*(tmp_path / "fly/data").rglob("*.inputs")]


def echo_credentials(status: int) -> Callable[[Request], Reply]:
    """Return a registry that repeats the credentials in its responses."""

    def script(request: Request) -> Reply:
        told = request.headers.get("authorization", "")
        plain = base64.b64decode(told.removeprefix("Basic ")).decode() if told else ""
        message = f"{told} is {plain} is {plain.upper()}"
        body = json.dumps({"errors": [{"code": "DENIED", "message": message, "detail": plain}]})
        headers = {"Content-Type": "application/json", "Retry-After": "0"}
        if not told:
            headers["WWW-Authenticate"] = 'Basic realm="r"'
        return Reply(status if told else 401, headers, body.encode())

    return script


@pytest.mark.parametrize("status", [401, 403, 500])
def test_no_secret_when_the_registry_repeats_it(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path, status: int
) -> None:
    """The error responses of the registry repeat the credential, in headers and in the body."""
    certificate = create_certificate(tmp_path)
    with (
        scripted_server(echo_credentials(status), certificate) as server,
        trusting_builder(server.address, certificate.ca) as trust,
    ):
        more = {"FLY_REGISTRY_HOST": server.address, "SSL_CERT_FILE": str(certificate.ca), **trust}
        project = user(tmp_path / "project", tmp_path / "none", {**environ, **more})
        with command_lines() as argv:
            ran = [project.invoke(*words) for words in REFUSED]
        told = [one for one in server.requests if "authorization" in one.headers]

    assert {one.code for one in ran} <= {1, 4}, [one.err for one in ran]
    assert told
    assert_no_secret(planted, ran, argv, tmp_path)


def test_no_secret_when_a_push_is_refused(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path
) -> None:
    """The registry answers queries, and repeats the credential in its error for a push."""
    gone = Reply(
        404, {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
    )

    def script(request: Request) -> Reply:
        reply = echo_credentials(403)(request)
        known = "authorization" in request.headers
        return gone if known and request.method in ("HEAD", "GET") else reply

    certificate = create_certificate(tmp_path)
    with (
        scripted_server(script, certificate) as server,
        trusting_builder(server.address, certificate.ca) as trust,
    ):
        more = {"FLY_REGISTRY_HOST": server.address, "SSL_CERT_FILE": str(certificate.ca), **trust}
        project = user(tmp_path / "project", tmp_path / "none", {**environ, **more})
        with command_lines() as argv:
            ran = [project.invoke("build-all", "--json"), project.invoke("build", "careless")]
        posts = [one for one in server.requests if one.method == "POST"]

    assert [one.code for one in ran] == [1, 1], ran[0].err
    assert posts
    assert_no_secret(planted, ran, argv, tmp_path)


def test_no_secret_when_a_build_fails_or_a_bug_occurs(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path
) -> None:
    """A step prints its secret and fails; the traceback of a bug contains a token."""
    gone = Reply(
        404, {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
    )
    with scripted_server(lambda _: gone) as server:
        more = {"FLY_REGISTRY_HOST": server.address}
        project = user(tmp_path / "project", tmp_path / "none", {**environ, **more})
        project.image(
            "careless",
            "FROM debian:bookworm-slim\n"
            # BuildKit runs a step once for all builds that need it at the same time, and shows its
            # output to all of them. So no other build may need this one.
            "RUN --mount=type=secret,id=token cat /run/secrets/token >&2; "
            f"exit 7; : {new_secret('')}\n",
        )
        project.write(
            "tasks.py",
            "import os\nfrom invoke import task\nfrom pipeline.tasks import ns\n"
            "from pipeline.tasks._command import looks\n\n\n@task\n@looks\n"
            "def fault(c):\n"
            f"    told = [os.environ[n] for n in {EXPORTED[0::2]!r} if n in os.environ]\n"
            "    raise RuntimeError(' '.join(told))\n\n\nns.add_task(fault)\n",
        )
        with command_lines() as argv:
            broken, fault = project.invoke("build-all", "--json"), project.invoke("fault")

    assert (broken.code, fault.code) == (1, 3), broken.err + fault.err
    assert "***" in broken.out
    assert "RuntimeError" in fault.err
    kept = Path(broken.json["images"][0]["failure"]["log_file"])
    assert "***" in kept.read_text()
    assert f"full log: {kept}" in broken.err
    assert kept.is_relative_to(tmp_path / "cache")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert_no_secret(planted, [broken, fault], argv, tmp_path)


def test_no_secret_in_exceptions(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path
) -> None:
    """Text, `repr`, arguments and traceback of each error and of its causes have no secret."""
    broken = tmp_path / "broken"
    known = (tmp_path / "docker/config.json").read_text()
    broken.mkdir()
    (broken / "config.json").write_text(known[:-1])
    caught: list[BaseException] = []
    with scripted_server(echo_credentials(403)) as server:
        hosts = {**environ, "FLY_REGISTRY_HOST": server.address}
        for where in (hosts, {**hosts, "FLY_API_TOKEN": "", "DOCKER_CONFIG": str(broken)}):
            source = credentials(where)
            with Registry(credentials=source, policy=QUICK) as registry:
                with pytest.raises(HttpError) as error:
                    registry.head(parse_reference(f"{server.address}/acme:1"))
                caught.append(error.value)
    with pytest.raises(HttpError) as error:
        credentials({**environ, "DOCKER_CONFIG": str(broken)})(Namespace(OTHER))
    caught.append(error.value)

    for one in caught:
        at: BaseException | None = one
        while at is not None:
            text = f"{at} {at!r} {at.args} {''.join(traceback.format_exception(at))}"
            assert not planted.found_in(text)
            at = at.__cause__ or at.__context__


def test_the_search_finds_each_secret(
    planted: PlantedSecrets, environ: dict[str, str], tmp_path: Path
) -> None:
    """The search used here finds each secret in every encoding."""
    (tmp_path / "project").mkdir()
    source = credentials(environ)
    fly = source(Namespace("registry.fly.io"))
    podman = source(Namespace(f"{OTHER}/acme/web"))

    assert fly is not None
    assert podman is not None
    assert planted.found_in((tmp_path / "docker/config.json").read_text()) == {"docker", "identity"}
    assert planted.found_in(fly.basic.upper()) == {"macaroon", "second"}
    assert planted.found_in(environ["FLY_API_TOKEN"]) == {"macaroon", "second", "discharge"}
    with docker_config({"registry.fly.io": fly, OTHER: podman}, environ):
        held = planted.found_under(tmp_path / "runtime")
    assert set().union(*held.values()) >= {"docker", "identity"}
    with command_lines() as argv, pytest.raises(AssertionError):
        assert_no_secret(planted, [Ran(0, environ["TOKEN"], "")], argv, tmp_path)
