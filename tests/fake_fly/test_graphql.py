"""The fake GraphQL API: Fly's types and errors (facts, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fly import fake_fly
from tests.support.fly.raw_requests import ask, flyctl, graphql

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fly import FakeFly

RELEASES = """query($appName:String!,$limit:Int!){app(name:$appName){releases:releasesUnprocessed(
first:$limit){nodes{id version status imageRef createdAt}}}}"""
PAGES = """query($app:String!,$after:String){app(name:$app){releasesUnprocessed(
first:2,after:$after){nodes{version} pageInfo{hasNextPage endCursor}}}}"""
IMAGE = """query($appName:String!,$imageRef:String!){app(name:$appName){image(ref:$imageRef)
{id digest ref compressedSize:compressedSizeFull manifest}}}"""
APPS = """query($org: ID, $after: String) {
  apps(type: "container", first: 200, after: $after, organizationId: $org) {
    pageInfo { hasNextPage endCursor }
    nodes { id name deployed hostname platformVersion network organization { slug name }
            currentRelease { createdAt status } status }
  }
}"""


def deployed(fly: FakeFly, app: str, cwd: Path, times: int = 1) -> None:
    """Create an app and deploy it."""
    fly.create_app(app)
    (cwd / "fly.toml").write_text(f'app = "{app}"\n[http_service]\ninternal_port = 80\n')
    for number in range(times):
        image = fly.push(app, f"v{number}")
        done = flyctl(fly, "deploy", "--image", image, "--ha=false", cwd=cwd)
        assert done.returncode == 0, done.stderr


def test_the_query_of_the_guide_runs_as_it_is_written(fly: FakeFly, tmp_path: Path) -> None:
    """Newest first, with the image of each release."""
    deployed(fly, "guide", tmp_path, times=2)
    nodes = graphql(fly, RELEASES, appName="guide", limit=5)["data"]["app"]["releases"]["nodes"]

    assert [one["version"] for one in nodes] == [2, 1]
    assert nodes[0]["imageRef"] == f"{fly.registry}/guide:v1"
    assert nodes[0]["status"] == "complete"


def test_releases_come_in_pages(fly: FakeFly, tmp_path: Path) -> None:
    """By cursor, until there are no more."""
    deployed(fly, "paged", tmp_path, times=5)
    pages, after = [], None
    while True:
        page = graphql(fly, PAGES, app="paged", after=after)["data"]["app"]["releasesUnprocessed"]
        pages.append([one["version"] for one in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert pages == [[5, 4], [3, 2], [1]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('{app(name:"nobody"){id}}', "Could not find App"),
        ('{app(name:"secret"){id}}', "Could not find App"),
        ('{organization(slug:"rival"){id}}', "Could not find Organization"),
        (
            '{app(name:"web"){image(ref:"nobody/none"){digest}}}',
            'Could not find image "nobody/none"',
        ),
        ('{app(name:"web"){releasesUnprocessed(after:"?"){nodes{id}}}}', "Invalid cursor: ?"),
        ('{app(name:"web"){digest}}', "Cannot query field 'digest' on type 'App'."),
        ("{app(name:1){id}}", "String cannot represent a non string value: 1"),
        ('{app(name:"web"){organization}}', "must have a selection of subfields"),
        ('{app(name:"web"){', "Syntax Error"),
    ],
)
def test_invalid_queries(fly: FakeFly, query: str, message: str) -> None:
    """HTTP 200, with the message in `errors`."""
    error = graphql(fly, query)["errors"][0]

    assert message in error["message"]
    assert error["extensions"]["code"]


@pytest.mark.parametrize("kind", ["none", "expired", "bearer of a scheme too many"])
def test_queries_without_a_token(fly: FakeFly, kind: str) -> None:
    """Not even whether the app exists."""
    header = {
        "none": "FlyV1 fm2_none",
        "expired": fly.expired_token(),
        "bearer of a scheme too many": f"Bearer {fly.org_token()}",
    }[kind]
    for name in ("web", "nobody"):
        told = graphql(fly, f'{{app(name:"{name}"){{id}}}}', token=header)
        assert told["data"] == {"app": None}
        assert told["errors"][0]["message"] == "You must be authenticated to view this."


def test_apps_are_listed_for_an_org_token_and_refused_to_one_of_an_app(fly: FakeFly) -> None:
    """As measured by `simonw/datasette-publish-fly`."""
    mine = graphql(fly, APPS)["data"]["apps"]["nodes"]
    refused = graphql(fly, APPS, token=fly.app_token("web"))

    assert {"web", "worker"} <= {one["name"] for one in mine}
    assert "secret" not in {one["name"] for one in mine}
    assert refused["data"] is None
    assert refused["errors"]


def _digest(fly: FakeFly, ref: str, app: str = "web", token: str = "") -> Any:
    told = graphql(fly, IMAGE, token, appName=app, imageRef=ref)
    image = told["data"]["app"]["image"]
    return image and image["digest"]


def test_an_image_resolves_by_tag_by_digest_and_by_public_name(fly: FakeFly) -> None:
    """Also for another app of the organization, but not for other organizations."""
    digest = fly.images.tags["web", "v1"]
    public = fly.publish("flyio/hellofly:latest")

    assert _digest(fly, f"{fly.registry}/web:v1", app="worker") == digest
    assert _digest(fly, f"{fly.registry}/web@{digest}") == digest
    assert _digest(fly, "flyio/hellofly:latest") == public
    assert _digest(fly, f"{fly.registry}/secret:v1") is None
    assert _digest(fly, f"{fly.registry}/web:v1", "worker", fly.app_token("worker")) is None


def test_an_image_that_was_just_pushed_is_not_there_yet(tmp_path: Path) -> None:
    """The registry has it, but deploys do not find it for a while."""
    with fake_fly(tmp_path / "fly", propagation_seconds=3600) as fly:
        fly.create_app("web")
        reference = fly.push("web", "v1")
        before = _digest(fly, reference)
        fly.knobs.propagation_seconds = 0

        assert before is None
        assert _digest(fly, reference)


def test_requests_are_listed_by_what_they_ask(fly: FakeFly) -> None:
    """Also with aliases and variables."""
    graphql(fly, RELEASES, appName="web", limit=1)
    said = ask(fly.api.removeprefix("http://"), "POST", "/graphql", value={"no": "query"})

    assert fly.requests[-2].path == "app.releasesUnprocessed"
    assert (said.status, fly.requests[-1].path) == (400, "?")
