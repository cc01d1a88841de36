"""Mirrors: which the engine names, when they are queried, and what they never get."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.project.load import load
from pipeline.reference import Digest, parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.client import Registry
from pipeline.registry.manifest import digest_of
from pipeline.registry.mirrors import Mirror, mirrors_in
from pipeline.runner import lock
from tests.support.scripted_server import Reply, Request, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.model.events import Event

QUICK = Policy(attempts=2, pause=0.001, total=3.0, connect=1.0, read=1.0)
TYPE = "application/vnd.oci.image.manifest.v1+json"
GONE = Reply(
    404,
    {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"},
    b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}',
)


def manifest_reply(word: str) -> Reply:
    """Return a different manifest for each word."""
    config = {"digest": digest_of(word.encode()), "size": 1}
    body = json.dumps({"schemaVersion": 2, "mediaType": TYPE, "config": config}).encode()
    return Reply(200, {"Content-Type": TYPE, "Docker-Content-Digest": digest_of(body)}, body)


THEIRS, OURS = manifest_reply("the mirror's"), manifest_reply("the registry's")


@pytest.mark.parametrize(
    ("said", "mirrors"),
    [
        ({"Mirrors": ["https://m.test/"]}, [Mirror("m.test")]),
        ({"Mirrors": ["https://m.test:5000", "https://n.test/"]}, ["m.test:5000", "n.test"]),
        ({"Mirrors": ["http://m.test/"]}, [Mirror("m.test", insecure=True)]),
        ({"Mirrors": ["m.test"]}, [Mirror("m.test")]),
        ({"Mirrors": ["https://m.test/hub/"]}, [Mirror("m.test", "/hub")]),
        ({"Mirrors": ["https://me:secret@m.test/"]}, []),
        ({"Mirrors": ["ftp://m.test/", "https://", "https://[::1", 3, None, ""]}, []),
        ({"IndexConfigs": {"docker.io": {"Mirrors": ["https://m.test/"]}}}, ["m.test"]),
        (
            {"Mirrors": ["https://m.test/"], "IndexConfigs": {"m.test": {"Secure": False}}},
            [Mirror("m.test", insecure=True)],
        ),
        (
            {"Mirrors": ["https://192.0.2.7/"], "InsecureRegistryCIDRs": ["192.0.2.0/24"]},
            [Mirror("192.0.2.7", insecure=True)],
        ),
        (
            {"Mirrors": ["https://192.0.3.7/"], "InsecureRegistryCIDRs": ["192.0.2.0/24", "x", 1]},
            [Mirror("192.0.3.7")],
        ),
        ({"Mirrors": None, "IndexConfigs": None}, []),
        ({"Mirrors": "https://m.test/"}, []),
        (None, []),
        ([], []),
    ],
)
def test_mirrors_of_an_engine(said: object, mirrors: list[Mirror | str]) -> None:
    """In its order, without invalid entries."""
    wanted = [Mirror(one) if isinstance(one, str) else one for one in mirrors]

    assert list(mirrors_in({"RegistryConfig": said})) == wanted


@pytest.mark.parametrize("info", [None, [], "x", {}, {"RegistryConfig": 3}])
def test_an_engine_without_mirrors(info: object) -> None:
    """No mirrors, and no error."""
    assert mirrors_in(info) == ()


def test_the_loopback_of_an_engine_elsewhere_is_not_ours() -> None:
    """On this machine another program listens there."""
    hosts = ("127.0.0.1:5000", "localhost:5000", "[::1]:5000", "127.1:5000", "2130706433:5000")
    urls = [*(f"http://{host}" for host in hosts), "https://m.test"]
    info = {"RegistryConfig": {"Mirrors": urls}}

    assert len(mirrors_in(info)) == 6
    assert mirrors_in(info, here=False) == (Mirror("m.test"),)


class RegistryAndMirror:
    """A registry, its mirror, and a client of both; `told` has the reported events."""

    def __init__(self, registry: ScriptedServer, mirror: ScriptedServer, client: Registry) -> None:
        self.registry, self.mirror, self.client = registry, mirror, client
        self.reference = parse_reference(f"{registry.address}/library/os:1")
        self.told: list[Event] = []
        self.requests: list[str] = []


@contextmanager
def registry_and_mirror(
    mirror: Callable[[Request], Reply],
    registry: Callable[[Request], Reply] = lambda _: OURS,
    *,
    path: str = "",
    public: bool = True,
) -> Iterator[RegistryAndMirror]:
    """Start a registry and its mirror, each with a credential that contains its address."""
    known = lambda place: Credential("me", f"secret-of-{place}", "the test")  # noqa: E731
    with scripted_server(mirror) as before, scripted_server(registry) as behind:
        made: list[RegistryAndMirror] = []

        def find(name: str) -> tuple[Mirror, ...]:
            made[0].requests.append(name)
            return (Mirror(before.address, path),)

        def report(event: Event, /) -> None:
            made[0].told.append(event)

        with Registry(credentials=known, policy=QUICK, mirrors=find, report=report) as client:
            made.append(RegistryAndMirror(behind, before, client))
            if public:
                client.reads_public([made[0].reference.repository])
            yield made[0]


def test_a_mirror_replaces_the_registry() -> None:
    """By HEAD and GET; the mirrors are looked up once, when first needed."""
    with registry_and_mirror(lambda _: THEIRS) as run:
        assert run.requests == []
        found = run.client.head(run.reference)
        manifest = run.client.manifest(run.reference)

    assert isinstance(found, Present)
    assert found.digest == manifest.digest == THEIRS.headers["Docker-Content-Digest"]
    assert run.registry.count() == 0
    assert run.requests == [run.registry.address]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (GONE, 0),
        (Reply(404), 0),
        (Reply(401), 1),
        (Reply(403), 1),
        (Reply(500), 1),
        (Reply(0), 1),
        (Reply(200, {"Content-Type": "text/html"}, b"<h1>Log in</h1>"), 1),
        (Reply(200, {**THEIRS.headers, "Docker-Content-Digest": "sha256:" + "0" * 64}, b"{}"), 1),
    ],
    ids=str,
)
def test_a_mirror_without_the_image(answer: Reply, told: int) -> None:
    """The registry is queried, as by the engine; a failing mirror is reported once."""
    with registry_and_mirror(lambda _: answer) as run:
        for _ in range(2):
            found = run.client.manifest(run.reference)

    assert found.digest == OURS.headers["Docker-Content-Digest"]
    assert len(run.told) == told
    assert all(run.mirror.address in str(event) for event in run.told)


def test_a_mirror_with_another_digest() -> None:
    """A reference with a digest is then queried at the registry."""
    with registry_and_mirror(lambda _: THEIRS) as run:
        wanted = run.reference.pinned(Digest(OURS.headers["Docker-Content-Digest"]))
        found = run.client.head(wanted)

    assert isinstance(found, Present)
    assert found.digest == wanted.digest
    assert len(run.told) == 1


def test_a_mirror_that_is_down() -> None:
    """It is tried once in a run."""
    with registry_and_mirror(lambda _: Reply(0)) as run:
        for _ in range(3):
            assert isinstance(run.client.head(run.reference), Present)

    assert run.mirror.count() == 1
    assert len(run.told) == 1


def test_neither_has_it() -> None:
    """Only the registry can say that an image is absent."""
    with registry_and_mirror(lambda _: GONE, lambda _: GONE) as run:
        assert run.client.head(run.reference) == Absent()
        assert run.registry.count() == 1

    with (
        registry_and_mirror(lambda _: GONE, lambda _: Reply(503)) as run,
        pytest.raises(HttpError, match="is not available"),
    ):
        run.client.head(run.reference)


def test_each_host_gets_its_own_credential() -> None:
    """Each gets only its own credential."""
    with registry_and_mirror(lambda _: GONE) as run:
        run.client.head(run.reference)
        sent = {
            server.address: {one.headers["authorization"] for one in server.requests}
            for server in (run.mirror, run.registry)
        }

    for address, headers in sent.items():
        assert headers == {f"Basic {Credential('me', f'secret-of-{address}', '').basic}"}


def test_the_token_server_of_a_mirror() -> None:
    """A mirror's token server gets the mirror's credential."""

    def script(request: Request) -> Reply:
        if request.path.startswith("/token"):
            return Reply(200, {}, b'{"token": "lent"}')
        if request.headers.get("authorization") == "Bearer lent":
            return THEIRS
        where = f'Bearer realm="http://{request.headers["host"]}/token"'
        return Reply(401, {"WWW-Authenticate": where})

    with registry_and_mirror(script) as run:
        assert isinstance(run.client.head(run.reference), Present)
        heard = [one.headers.get("authorization", "") for one in run.mirror.requests]

    theirs = Credential("me", f"secret-of-{run.registry.address}", "").basic
    assert run.registry.count() == 0
    assert not any(theirs in header for header in heard)


def test_own_repositories_use_no_mirror() -> None:
    """A mirror may be outdated: our own repositories are neither read nor written there."""
    with registry_and_mirror(lambda _: THEIRS, public=False) as run:
        run.client.head(run.reference)
        assert (run.mirror.count(), run.requests) == (0, [])

    with registry_and_mirror(lambda _: THEIRS) as run:
        run.client.pushes_to([run.reference.repository])
        run.client.head(run.reference)
        run.client.put(run.reference, run.client.manifest(run.reference))
        assert run.mirror.count() == 0


def test_a_mirror_below_a_path() -> None:
    """As with Artifactory and Nexus."""
    with registry_and_mirror(lambda _: THEIRS, path="/hub") as run:
        run.client.head(run.reference)

    assert [one.path for one in run.mirror.requests] == ["/hub/v2/library/os/manifests/1"]


def project(root: Path, *externals: str) -> None:
    """Make a project whose image has these externals."""
    (root / "images/web").mkdir(parents=True)
    stages = "".join(f"FROM {name} AS s{i}\n" for i, name in enumerate(externals))
    copies = "".join(f"COPY --from=s{i} /a /\n" for i in range(len(externals)))
    (root / "images/web/Dockerfile").write_text(f"{stages}FROM scratch\n{copies}")


def test_the_users_mirror_of_any_registry(tmp_path: Path) -> None:
    """`PIPELINE_ALLOW` names it; the registry itself, which does not exist, is not queried."""
    project(tmp_path, "r.test/outside/os:1")
    with scripted_server(lambda _: THEIRS) as mirror:
        environ = {"HOME": str(tmp_path), "PIPELINE_ALLOW": f"mirror=r.test/{mirror.address}"}
        pins = lock.look_up(load(tmp_path, environ=environ), environ)

    assert [pin.digest for pin in pins.values()] == [THEIRS.headers["Docker-Content-Digest"]]


def engine(mirror: str) -> Callable[[Request], Reply]:
    """Return an engine with a mirror."""
    info = {"RegistryConfig": {"Mirrors": [f"http://{mirror}/"]}}
    told = {"/version": {"ApiVersion": "1.45"}, "/info": info}

    def script(request: Request) -> Reply:
        body = next((json.dumps(v) for k, v in told.items() if request.path.endswith(k)), "OK")
        return Reply(200, {"Content-Type": "application/json"}, body.encode())

    return script


def test_the_engines_mirror_of_docker_hub(tmp_path: Path) -> None:
    """The engine is queried once for its mirrors, whatever the number of externals."""
    project(tmp_path, "debian:12", "acme/tool:1")
    with (
        scripted_server(lambda _: THEIRS) as mirror,
        scripted_server(engine(mirror.address)) as daemon,
    ):
        environ = {"HOME": str(tmp_path), "DOCKER_HOST": f"tcp://{daemon.address}"}
        pins = lock.look_up(load(tmp_path, environ=environ), environ)
        requests = [one.path for one in daemon.requests if one.path.endswith("/info")]

    assert len(pins) == 2
    assert len(requests) == 1


def test_without_docker_hub_no_engine_is_queried(tmp_path: Path) -> None:
    """Nor is an engine needed."""
    with scripted_server(lambda _: OURS) as server, scripted_server(engine("m.test")) as daemon:
        project(tmp_path, f"{server.address}/outside/os:1")
        environ = {"HOME": str(tmp_path), "DOCKER_HOST": f"tcp://{daemon.address}"}
        lock.look_up(load(tmp_path, environ=environ), environ)

        assert daemon.count() == 0


def test_docker_hub_without_an_engine(tmp_path: Path) -> None:
    """Without an engine, the user's mirror is queried, by any name of Docker Hub."""
    project(tmp_path, "debian:12")
    with scripted_server(lambda _: THEIRS) as mirror:
        environ = {
            "HOME": str(tmp_path),
            "DOCKER_HOST": "tcp://127.0.0.1:1",
            "PIPELINE_ALLOW": f"mirror=index.docker.io/{mirror.address}",
        }
        pins = lock.look_up(load(tmp_path, environ=environ), environ)

    assert len(pins) == 1


def test_a_public_image_is_queried_at_a_mirror(tmp_path: Path) -> None:
    """Only public images; images that the project pushes are not queried there."""
    for name, text in {"hello": 'image = "r.test/acme/hello:1"\n', "web": ""}.items():
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "image.toml").write_text(
            f'{text}[deploy]\napps = ["{name}"]\n'
        )
    (tmp_path / "images/web/Dockerfile").write_text("FROM scratch\n")
    with scripted_server(lambda _: THEIRS) as mirror, scripted_server(lambda _: GONE) as server:
        settings = f'registry = {{ host = "{server.address}" }}\ndeploy = {{ driver = "docker" }}\n'
        (tmp_path / "pipeline.toml").write_text(settings)
        words = f"mirror=r.test/{mirror.address},mirror={server.address}/{mirror.address}"
        environ = {"HOME": str(tmp_path), "PIPELINE_ALLOW": words}
        state = pipeline.inspect(load(tmp_path, environ=environ), environ=environ)

        assert [type(found) for found in state.presence.values()] == [Present, Absent]
        assert mirror.count() == server.count() == 1
