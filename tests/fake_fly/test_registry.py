"""The fake registry refuses what Fly's refuses (facts, section 2.4)."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.docker import docker_home
from tests.support.fly import fake_fly
from tests.support.fly.raw_requests import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.fly import FakeFly

MANIFEST = "/web/manifests/v1"
UPLOAD = "/web/blobs/uploads/"
TOKENS: dict[str, Callable[[FakeFly], str]] = {
    "org": lambda fly: fly.org_token(),
    "its app": lambda fly: fly.app_token("web"),
    "another app": lambda fly: fly.app_token("worker"),
    "another org": lambda fly: fly.org_token("rival"),
    "read-only": lambda fly: fly.readonly_token(),
    "expired": lambda fly: fly.expired_token(),
    "none": lambda _: "",
    "unknown": lambda _: "FlyV1 fm2_unknown",
}


@pytest.mark.parametrize(
    ("method", "path", "token", "status", "code"),
    [
        ("GET", MANIFEST, "org", 200, ""),
        ("HEAD", MANIFEST, "its app", 200, ""),
        ("GET", MANIFEST, "read-only", 200, ""),
        ("GET", MANIFEST, "another app", 403, "DENIED"),
        ("GET", MANIFEST, "another org", 403, "DENIED"),
        ("GET", MANIFEST, "expired", 401, "UNAUTHORIZED"),
        ("GET", MANIFEST, "unknown", 401, "UNAUTHORIZED"),
        ("GET", MANIFEST, "none", 401, "UNAUTHORIZED"),
        ("GET", "/web/manifests/absent", "org", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/nobody/manifests/v1", "org", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/web/sub/manifests/v1", "org", 404, "MANIFEST_UNKNOWN"),
        ("POST", UPLOAD, "org", 202, ""),
        ("POST", UPLOAD, "its app", 202, ""),
        ("POST", UPLOAD, "another app", 403, "DENIED"),
        ("POST", UPLOAD, "read-only", 403, "DENIED"),
        ("POST", UPLOAD, "none", 401, "UNAUTHORIZED"),
        ("POST", "/nobody/blobs/uploads/", "org", 404, "NAME_UNKNOWN"),
        ("POST", "/secret/blobs/uploads/", "org", 403, "DENIED"),
        ("GET", "/web/tags/list", "org", 404, "UNSUPPORTED"),
        ("GET", "/_catalog", "org", 404, "UNSUPPORTED"),
        ("DELETE", MANIFEST, "org", 405, "UNSUPPORTED"),
    ],
)
def test_permissions(
    fly: FakeFly, method: str, path: str, token: str, status: int, code: str
) -> None:
    """With the known status and code of Fly."""
    said = registry(fly, method, path, TOKENS[token](fly))

    assert said.status == status
    if code:
        assert said.json["errors"][0]["code"] == code


def test_without_credentials_existing_and_missing_look_alike(fly: FakeFly) -> None:
    """A probe without credentials learns nothing."""
    here = registry(fly, "GET", MANIFEST)
    gone = registry(fly, "GET", "/nobody/manifests/v1")

    assert here.headers["www-authenticate"] == 'Basic realm="flyio-registry.fly.dev"'
    assert here.body == gone.body
    assert {**here.headers, "date": ""} == {**gone.headers, "date": ""}


def test_the_user_is_x(fly: FakeFly) -> None:
    """Other names are refused, also with a valid token."""
    token = fly.org_token()

    assert registry(fly, "GET", MANIFEST, token, user="x").status == 200
    assert registry(fly, "GET", MANIFEST, token, user="acme").status == 401


def test_an_image_that_was_pruned_is_gone_until_it_is_pushed_again(fly: FakeFly) -> None:
    """Pruning removes the manifest, not the permission to push."""
    reference = fly.push("worker", "old")
    fly.prune(reference)
    gone = registry(fly, "GET", "/worker/manifests/old", fly.org_token())
    fly.push("worker", "old")
    back = registry(fly, "GET", "/worker/manifests/old", fly.org_token())

    assert (gone.status, back.status) == (404, 200)


def test_a_blob_is_not_mounted_from_where_the_token_may_not_read(fly: FakeFly) -> None:
    """Otherwise a mount would read other organizations' blobs."""
    token = fly.org_token()
    layer = registry(fly, "GET", MANIFEST, token).json["layers"][0]["digest"]
    secret = registry(fly, "GET", "/secret/manifests/v1", fly.org_token("rival")).json
    hidden = secret["layers"][0]["digest"]
    mount = "/worker/blobs/uploads/?mount={}&from={}"

    assert registry(fly, "POST", mount.format(layer, "web"), token).status == 201
    assert registry(fly, "POST", mount.format(hidden, "secret"), token).status == 202


def test_the_registry_knows_an_app_a_while_after_its_creation(tmp_path: Path) -> None:
    """Until then its repository is unknown."""
    with fake_fly(tmp_path / "fly", registry_knows_app_after=3600) as fly:
        fly.world.create_app("web", "acme")
        said = registry(fly, "POST", UPLOAD, fly.org_token())

        assert said.status == 404
        assert b"app repository not found" in said.body
        fly.knobs.registry_knows_app_after = 0
        assert registry(fly, "POST", UPLOAD, fly.org_token()).status == 202


def test_unused_images_are_pruned(tmp_path: Path) -> None:
    """An image that was only pushed is pruned."""
    with fake_fly(tmp_path / "fly", retention_seconds=0.0) as fly:
        fly.create_app("web")
        fly.push("web", "v1")

        assert registry(fly, "HEAD", MANIFEST, fly.org_token()).status == 404


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_buildkit_pushes_and_pulls_through_it(fly: FakeFly, tmp_path: Path) -> None:
    """The real engine logs in and pushes; without a login it is refused."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n", encoding="utf-8")
    reference = f"{fly.registry}/web:built"
    environ = {**os.environ, **docker_home(tmp_path / "docker", {})}

    def docker(*words: str, asked: str = "") -> subprocess.CompletedProcess[str]:
        command = ["docker", *words]
        return subprocess.run(
            command, input=asked, text=True, capture_output=True, check=False, env=environ
        )

    refused = docker("buildx", "build", "--push", "-t", reference, str(tmp_path))
    bare = fly.environ["FLY_API_TOKEN"].removeprefix("FlyV1 ")
    login = docker("login", "-u", "x", "--password-stdin", fly.registry, asked=bare)
    pushed = docker("buildx", "build", "--push", "-t", reference, str(tmp_path))

    assert refused.returncode != 0
    assert login.returncode == 0, login.stderr
    assert pushed.returncode == 0, pushed.stderr
    assert registry(fly, "GET", "/web/manifests/built", fly.org_token()).status == 200
    assert ("web", "built") in fly.images.tags
