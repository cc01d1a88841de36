"""Rows of Fly's guide to its registry, each as a user does it with us.

The guide: superfly/docs `blueprints/using-the-fly-docker-registry`. Creating apps and keeping tags
have tests of their own.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.fly.seeding import put_image
from tests.support.fly_shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Registry

pytestmark = pytest.mark.engine

QUERY = (
    "query($appName:String!,$limit:Int!){app(name:$appName){releases:releasesUnprocessed"
    "(first:$limit){nodes{id version status imageRef createdAt description reason stable "
    "user{email}}}}}"
)


@pytest.fixture
def shop(tmp_path: Path, engine: None) -> Iterator[Shop]:
    """An app that exists at Fly."""
    del engine
    with open_shop(tmp_path, "web") as opened:
        yield opened


def test_tag_authenticate_push_deploy_verify_and_list(shop: Shop) -> None:
    """A private image: each step of the guide, which here is one command, seen from outside."""
    ran = shop.invoke("deploy-all", "--json")
    assert ran.code == 0, ran.err
    (image,) = ran.json["images"]
    pushed = [r for r in shop.fly.asked("registry", "/v2/acme-web/") if r.method == "PUT"]
    assert all(r.status == 201 for r in pushed if "/manifests/" in r.path)

    exists = shop.invoke("exists", "web", "--json")
    assert exists.code == 0
    assert exists.json["digest"] == image["digest"]
    nowhere = shop.invoke("exists", f"{shop.fly.registry}/acme-web:none")
    assert nowhere.code == 1

    listed = shop.invoke("releases", "web", "--json").json["releases"]
    (node,) = by_the_query(shop, "acme-web")
    assert [(r["version"], r["status"], r["image"]) for r in listed] == [
        (str(node["version"]), node["status"], node["imageRef"])
    ]


def by_the_query(shop: Shop, app: str) -> list[dict[str, object]]:
    """The releases by the GraphQL query as the guide has it, without us."""
    body = json.dumps({"query": QUERY, "variables": {"appName": app, "limit": 25}}).encode()
    headers = {
        "Authorization": shop.fly.environ["FLY_API_TOKEN"],
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(f"{shop.fly.api}/graphql", body, headers)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
        nodes: list[dict[str, object]] = json.load(answer)["data"]["app"]["releases"]["nodes"]
    return nodes


def test_a_public_image_is_deployed_without_a_build(shop: Shop, registry: Registry) -> None:
    """From any registry, by what its tag stands for; a tag that moved is deployed anew."""
    reference = f"{registry.address}/flyio/hellofly:latest"
    first = put_image(registry.address, "flyio/hellofly", "latest", "hello 1")
    shop.fly.create_app("acme-hello")
    shop.project.write("images/hello/image.toml", f'image = "{reference}"\n')
    shop.project.write("images/hello/fly.toml", 'app = "acme-hello"\n')
    for digest in (first, None):
        want = digest or put_image(registry.address, "flyio/hellofly", "latest", "hello 2")
        ran = shop.invoke("deploy", "hello", "--json")
        assert ran.code == 0, ran.err
        assert shop.digests("acme-hello") == {want}
    assert shop.invoke("deploy", "hello", "--json").json["deploys"][0]["status"] == "current"


def test_an_app_deploys_the_image_of_another(shop: Shop) -> None:
    """One image, built once in one app's repository, and no copy of it anywhere."""
    shop.fly.create_app("acme-web-eu")
    shop.many("web", ["acme-web", "acme-web-eu"])
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    digest = ran.json["images"][0]["digest"]
    assert shop.digests("acme-web") == shop.digests("acme-web-eu") == {digest}
    assert {m.image.repository for m in shop.fly.apps["acme-web-eu"].alive} == {"acme-web"}


def test_apps_by_a_pattern_over_the_organization(shop: Shop) -> None:
    """Build once, deploy to all that there are."""
    for name in ("tenant-eu", "tenant-us", "else"):
        shop.fly.create_app(name)
    shop.project.write("images/web/image.toml", '[deploy]\napps = "match:tenant-*"\n')
    ran = shop.invoke("deploy-all", "--json")

    assert ran.code == 0, ran.err
    assert [d["app"] for d in ran.json["deploys"]] == ["tenant-eu", "tenant-us"]
    assert not shop.fly.apps["else"].alive
