"""`invoke deploy-all` with the driver `docker`: real containers on the real engine."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from typing import TYPE_CHECKING

import docker
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine

SERVER = r"""
use strict; use IO::Socket::INET;
$| = 1; $SIG{TERM} = sub { exit 0 };
sub text { open(my $file, "<", $_[0]) or return ""; local $/; my $all = <$file>; chomp $all; $all }
my $status = text("/status");
print "status is $status\n";
exit 3 if $status eq "crash";
my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die "port";
while (my $client = $server->accept) {
    my $line = <$client>;
    while (my $header = <$client>) { last if $header =~ /^\r?$/ }
    my $code = $line =~ m{ /healthz } ? $status : "200 OK";
    my $body = $line =~ m{ /env } ? "$ENV{FLY_APP_NAME} $ENV{COLOUR}" : text("/answer");
    print $client "HTTP/1.0 $code\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
}
"""

DOCKERFILE = """\
FROM debian:bookworm-slim
COPY server.pl answer status /
CMD ["perl", "/server.pl"]
"""


@pytest.fixture
def engine_client(engine: None, tmp_path: Path) -> Iterator[DockerClient]:
    """A client of the engine; this test's containers are removed at its end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        for container in containers(client, tmp_path):
            container.remove(force=True)
        client.close()


def containers(client: DockerClient, tmp_path: Path) -> list[Container]:
    """The containers of the apps of this test, running or not."""
    suffix = f"-{tmp_path.name.replace('_', '-')}"
    found = client.containers.list(all=True, filters={"label": "pipeline.app"}, ignore_removed=True)
    return [c for c in found if c.labels["pipeline.app"].endswith(suffix)]


@pytest.fixture
def shop(project: Project, tmp_path: Path, engine_client: DockerClient) -> Project:
    """Two apps on the local engine that answer over HTTP."""
    del engine_client
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    for name in ("api", "web"):
        app(project, tmp_path, name, answer=f"{name} 1")
    return project


def app(
    project: Project, tmp_path: Path, name: str, *, answer: str, status: str = "200 OK"
) -> None:
    """An app that answers `answer`, and its health check with `status`."""
    project.image(name, DOCKERFILE, server_pl=SERVER, answer=answer, status=status)
    project.write(
        f"images/{name}/fly.toml",
        f'app = "{called(name, tmp_path)}"\n[env]\nCOLOUR = "blue"\n'
        '[deploy]\nwait_timeout = "4s"\n[http_service]\ninternal_port = 8080\n'
        '[[http_service.checks]]\npath = "/healthz"\ninterval = "200ms"\ntimeout = "1s"\n',
    )


def called(name: str, tmp_path: Path) -> str:
    """The app's name: no other test's."""
    return f"{name}-{tmp_path.name.replace('_', '-')}"


def deploys(ran: Ran) -> dict[str, str]:
    """The status of each app by its image."""
    return {deploy["image"]: deploy["status"] for deploy in ran.json["deploys"]}


def url(ran: Ran, image: str) -> str:
    """Where an app answers."""
    found: str = next(d["url"] for d in ran.json["deploys"] if d["image"] == image)
    return found


def get(address: str) -> str:
    """What an app answers."""
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own address
        text: str = answer.read().decode()
        return text


def test_apps_are_deployed_once(shop: Project, tmp_path: Path) -> None:
    """The first run builds and deploys both, and they answer; the second finds them current."""
    first = shop.invoke("deploy-all", "--json")
    second = shop.invoke("deploy-all", "--json")

    assert first.code == second.code == 0, first.err + second.err
    assert deploys(first) == {"api": "deployed", "web": "deployed"}
    assert deploys(second) == {"api": "current", "web": "current"}
    assert get(url(first, "api")) == "api 1"
    assert get(url(second, "web")) == "web 1"
    assert get(f"{url(second, 'web')}/env") == f"{called('web', tmp_path)} blue"


def test_only_what_changed_is_deployed(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """One app's source changes: it alone is swapped, and the old container is gone."""
    first = shop.invoke("deploy-all", "--json")
    before = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    shop.write("images/web/answer", "web 2")

    planned = shop.invoke("plan", "--json")
    second = shop.invoke("deploy-all", "--json")

    after = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    assert first.code == second.code == 0, first.err + second.err
    assert {d["image"]: d["action"] for d in planned.json["deploys"]} == {
        "api": "current",
        "web": "deploy",
    }
    assert deploys(second) == {"api": "current", "web": "deployed"}
    assert get(url(second, "web")) == "web 2"
    assert before[called("api", tmp_path)] == after[called("api", tmp_path)]
    assert len(containers(engine_client, tmp_path)) == 2


@pytest.mark.parametrize(
    ("status", "why"),
    [("500 Broken", "/healthz answers 500"), ("crash", "it ended with exit code 3")],
)
def test_what_is_not_healthy_does_not_take_over(
    shop: Project, tmp_path: Path, engine_client: DockerClient, status: str, why: str
) -> None:
    """The old one goes on; it is said what the new one answered, and what it wrote."""
    shop.invoke("deploy-all", "--json")
    app(shop, tmp_path, "web", answer="web 2", status=status)

    ran = shop.invoke("deploy", "web", "--json")
    planned = shop.invoke("plan", "--json")

    assert ran.code == 1, ran.err
    assert deploys(ran) == {"web": "failed"}
    assert why in ran.err
    assert f"status is {status}" in ran.err
    (old,) = [c for c in containers(engine_client, tmp_path) if c.name == called("web", tmp_path)]
    port = old.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
    assert get(f"http://127.0.0.1:{port}") == "web 1"
    assert old.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert len(containers(engine_client, tmp_path)) == 2
    assert {d["image"]: d["action"] for d in planned.json["deploys"]}["web"] == "deploy"


def test_an_app_waits_for_those_that_it_comes_after(shop: Project, tmp_path: Path) -> None:
    """`after` names what must be well before; when it is not, the app is left as it is."""
    shop.write("images/web/image.toml", '[deploy]\nafter = ["api"]\n')
    app(shop, tmp_path, "api", answer="", status="crash")

    failing = shop.invoke("deploy-all", "--json", "--keep-going")
    app(shop, tmp_path, "api", answer="", status="200 OK")
    well = shop.invoke("deploy-all", "--json")

    assert failing.code == 1
    assert deploys(failing) == {"api": "failed", "web": "blocked"}
    assert well.code == 0, well.err
    assert [d["image"] for d in well.json["deploys"]] == ["api", "web"]
    assert deploys(well) == {"api": "deployed", "web": "deployed"}


def test_a_wave_that_fails_stops_the_rest(shop: Project, tmp_path: Path) -> None:
    """One app first, and it is sick: the others are left alone, also with `--keep-going`."""
    settings = (shop.root / "pipeline.toml").read_text()
    shop.write("pipeline.toml", f"{settings}waves = [1]\n")
    names = [f"{called('web', tmp_path)}-{n}" for n in range(3)]
    shop.write("images/web/image.toml", f"[deploy]\napps = {json.dumps(names)}\n")
    app(shop, tmp_path, "web", answer="", status="crash")

    ran = shop.invoke("deploy", "web", "--json", "--keep-going")

    assert ran.code == 1, ran.err
    statuses = [(d["app"], d["status"]) for d in ran.json["deploys"]]
    assert statuses == list(zip(names, ("failed", "blocked", "blocked"), strict=True))


def test_one_app_by_its_name(shop: Project, tmp_path: Path) -> None:
    """`deploy` takes images and apps; what was not named is not touched."""
    ran = shop.invoke("deploy", called("api", tmp_path), "--json")

    assert ran.code == 0, ran.err
    assert deploys(ran) == {"api": "deployed"}
    assert {image["name"] for image in ran.json["images"]} == {"api"}


def test_an_interrupted_deploy_leaves_what_ran(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Ctrl-C while the new one is not yet healthy: exit 130, and the old one goes on."""
    shop.invoke("deploy-all", "--json")
    app(shop, tmp_path, "web", answer="web 2", status="500 Broken")
    shop.write(
        "images/web/fly.toml",
        (shop.root / "images/web/fly.toml").read_text().replace("4s", "120s"),
    )

    with shop.start("deploy", "web", "--json") as process:
        wait_for(lambda: len(containers(engine_client, tmp_path)) == 3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130, out + err
    assert '"status": "failed"' in out
    assert "interrupted before it was healthy" in out
    assert len(containers(engine_client, tmp_path)) == 2


def test_an_engine_that_is_gone_is_not_a_failed_app(shop: Project, tmp_path: Path) -> None:
    """What runs cannot be found out: exit 4, before anything is done."""
    shop.invoke("build-all")

    ran = shop.invoke("deploy-all", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    assert ran.code == 4
    assert "no Docker engine answers" in ran.err


def wait_for(happened: object) -> None:
    """Until it has, and not much longer."""
    end = time.monotonic() + 60
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
