"""BuildKit's own features: secrets, caches, attestations, platforms."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.registry_documents import MANIFEST, attestations, fetch_document, manifest
from tests.support.ssh_agent import ssh_agent

if TYPE_CHECKING:
    from tests.support.project import Project

pytestmark = pytest.mark.engine

SECRET = "a-secret-of-the-build"


def build_all(project: Project, **environ: str) -> str:
    """Build everything; return the reference of `web`."""
    ran = project.invoke("build-all", "--json", environ=environ)
    assert ran.code == 0, ran.err
    assert SECRET not in ran.out + ran.err
    reference: str = next(i["reference"] for i in ran.json["images"] if i["name"] == "web")
    return reference


def settings(project: Project, text: str) -> None:
    """Append settings to those of the registry."""
    before = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f"{before}{text}")


def test_a_secret_is_visible_to_its_step_only(project: Project) -> None:
    """A step reads the secret; no layer or output has it; another value rebuilds nothing.

    Without the secret, a plan warns, nothing is built, and an existing image is still used.
    """
    project.image(
        "web",
        "FROM debian:bookworm-slim\n"
        "RUN --mount=type=secret,id=token sha256sum /run/secrets/token > /sum\n",
        image_toml='secrets = ["id=token,env=TOKEN"]\n',
    )

    told = "images/web/image.toml:1:12: `web` lacks its secret `token`: the variable `TOKEN` is"
    planned = project.invoke("plan", "--json")
    refused = project.invoke("build-all", "--json", environ={"TOKEN": ""})
    assert (planned.code, refused.code) == (0, 2)
    assert f"warning: {told} not set\n" in planned.err
    assert f"error: {told} empty\n" in refused.err
    assert [one["action"] for one in planned.json["images"]] == ["build"]
    assert {method for method, _ in project.requests()} <= {"HEAD", "GET"}

    reference = build_all(project, TOKEN=SECRET)
    again = project.invoke("build-all", "--json")

    run = ["docker", "run", "--rm", "--network=none", reference, "cat", "/sum"]
    summed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    saved = subprocess.run(["docker", "save", reference], capture_output=True, check=True).stdout
    assert summed.startswith(hashlib.sha256(SECRET.encode()).hexdigest())
    assert SECRET.encode() not in saved
    assert again.statuses() == {"web": "exists"}


def test_no_attestations_by_default(project: Project) -> None:
    """By default a tag is a plain manifest: Fly has refused indexes with attestations."""
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="plain")

    assert manifest(build_all(project))["mediaType"] == MANIFEST


@pytest.mark.parametrize(("mode", "whole"), [("true", False), ("mode=max", True)])
def test_provenance_is_attached(project: Project, mode: str, *, whole: bool) -> None:
    """With `provenance`, an index has image and attestation; `mode=max` lists every step."""
    settings(project, f'[build]\nprovenance = "{mode}"\n')
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="attested")

    stated = attestations(build_all(project))

    ((predicate, said),) = stated.items()
    steps = {
        "https://slsa.dev/provenance/v0.2": lambda: said,
        "https://slsa.dev/provenance/v1": lambda: said["buildDefinition"]["internalParameters"],
    }
    assert ("buildConfig" in steps[predicate]()) == whole


def test_an_ssh_agent_is_visible_to_its_step(project: Project) -> None:
    """A step can list the keys of the SSH agent."""
    ask = (
        "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die;"
        'print $s pack("NC", 1, 11); $s->flush;'
        'read $s, my $length, 4; read $s, my $said, unpack("N", $length); print $said;'
    )
    project.write("images/web/ask.pl", ask)
    project.image(
        "web",
        "FROM debian:bookworm-slim\nCOPY ask.pl /\n"
        "RUN --mount=type=ssh perl /ask.pl > /said && grep -c key-of-this-test /said\n",
        image_toml='ssh = ["default"]\n',
    )
    with tempfile.TemporaryDirectory() as short:
        with ssh_agent(Path(short, "agent.sock"), "key-of-this-test") as environ:
            build_all(project, **environ, PIPELINE_ALLOW="ssh")
        without = project.invoke(
            "build-all", "--force", "--allow=ssh", environ={"SSH_AUTH_SOCK": ""}
        )

    assert without.code != 0
    assert "SSH" in without.err


def test_cache_inside_the_image(project: Project) -> None:
    """With `type=inline`, another build can use the image as a cache."""
    settings(project, '[build]\ncache_to = ["type=inline"]\n')
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="inline")

    reference = build_all(project)

    repository = reference.rpartition(":")[0]
    config = fetch_document(repository, f"blobs/{manifest(reference)['config']['digest']}")
    assert "moby.buildkit.cache.v0" in config


def test_an_image_for_two_platforms(project: Project) -> None:
    """The tag's index has both platforms; neither is run."""
    project.image(
        "web",
        "FROM scratch\nCOPY web.txt /\n",
        web_txt="both",
        image_toml='platforms = ["linux/amd64", "linux/arm64"]\n',
    )

    index = manifest(build_all(project))

    assert [m["platform"]["architecture"] for m in index["manifests"]] == ["amd64", "arm64"]
