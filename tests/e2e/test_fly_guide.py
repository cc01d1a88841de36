"""The steps of Fly's guide to its registry, done with the pipeline.

The guide: superfly/docs `blueprints/using-the-fly-docker-registry`. Other tests create apps and
keep tags.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.fly.put_image import put_image
from tests.support.fly_project import FlyProject, open_fly_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.registries import Registry

pytestmark = pytest.mark.engine

QUERY = (
    "query($appName:String!,$limit:Int!){app(name:$appName){releases:releasesUnprocessed"
    "(first:$limit){nodes{id version status imageRef createdAt description reason stable "
    "user{email}}}}}"
)


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make a project with an app that exists at Fly."""
    del engine
    with open_fly_project(tmp_path, "web") as opened:
        yield opened


def test_tag_authenticate_push_deploy_verify_and_list(fly_project: FlyProject) -> None:
    """One command does each step of the guide for a private image; Fly's state confirms it."""
    ran = fly_project.invoke("deploy-all", "--json")
    assert ran.code == 0, ran.err
    (image,) = ran.json["images"]
    pushed = [
        r for r in fly_project.fly.requests_to("registry", "/v2/acme-web/") if r.method == "PUT"
    ]
    assert all(r.status == 201 for r in pushed if "/manifests/" in r.path)

    exists = fly_project.invoke("exists", "web", "--json")
    assert exists.code == 0
    assert exists.json["digest"] == image["digest"]
    nowhere = fly_project.invoke("exists", f"{fly_project.fly.registry}/acme-web:none")
    assert nowhere.code == 1

    listed = fly_project.invoke("releases", "web", "--json").json["releases"]
    (node,) = releases_by_graphql(fly_project, "acme-web")
    assert [(r["version"], r["status"], r["image"]) for r in listed] == [
        (str(node["version"]), node["status"], node["imageRef"])
    ]


def releases_by_graphql(fly_project: FlyProject, app: str) -> list[dict[str, object]]:
    """Return the releases by the guide's own GraphQL query."""
    body = json.dumps({"query": QUERY, "variables": {"appName": app, "limit": 25}}).encode()
    headers = {
        "Authorization": fly_project.fly.environ["FLY_API_TOKEN"],
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(f"{fly_project.fly.api}/graphql", body, headers)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
        nodes: list[dict[str, object]] = json.load(answer)["data"]["app"]["releases"]["nodes"]
    return nodes


def test_a_public_image_is_deployed_without_a_build(
    fly_project: FlyProject, registry: Registry
) -> None:
    """A public image is deployed by the digest of its tag, and again after the tag has moved."""
    reference = f"{registry.address}/flyio/hellofly:latest"
    first = put_image(registry.address, "flyio/hellofly", "latest", "hello 1")
    fly_project.fly.create_app("acme-hello")
    fly_project.project.write("images/hello/image.toml", f'image = "{reference}"\n')
    fly_project.project.write("images/hello/fly.toml", 'app = "acme-hello"\n')
    for digest in (first, None):
        want = digest or put_image(registry.address, "flyio/hellofly", "latest", "hello 2")
        ran = fly_project.invoke("deploy", "hello", "--json")
        assert ran.code == 0, ran.err
        assert fly_project.digests("acme-hello") == {want}
    assert fly_project.invoke("deploy", "hello", "--json").json["deploys"][0]["status"] == "current"


def test_an_app_deploys_the_image_of_another(fly_project: FlyProject) -> None:
    """An app deploys an image from another app's repository, without a copy."""
    fly_project.fly.create_app("acme-web-eu")
    fly_project.app_for_many("web", ["acme-web", "acme-web-eu"])
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    digest = ran.json["images"][0]["digest"]
    assert fly_project.digests("acme-web") == fly_project.digests("acme-web-eu") == {digest}
    assert {m.image.repository for m in fly_project.fly.apps["acme-web-eu"].alive} == {"acme-web"}


def test_apps_by_a_pattern_over_the_organization(fly_project: FlyProject) -> None:
    """A name pattern deploys one image to all matching apps of the organization."""
    for name in ("tenant-eu", "tenant-us", "else"):
        fly_project.fly.create_app(name)
    fly_project.project.write("images/web/image.toml", '[deploy]\napps = "match:tenant-*"\n')
    ran = fly_project.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    assert [d["app"] for d in ran.json["deploys"]] == ["tenant-eu", "tenant-us"]
    assert not fly_project.fly.apps["else"].alive
