"""The fake Machines API refuses what Fly's refuses (facts, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fly import fake_fly
from tests.support.fly.raw_requests import machines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fly import FakeFly

LIST = "/apps/web/machines"


def image(fly: FakeFly, **config: Any) -> dict[str, Any]:
    """Return the body for a machine that is not started."""
    return {"skip_launch": True, "config": {"image": f"{fly.registry}/web:v1", **config}}


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("FlyV1 {org}", 200),
        ("Bearer {org}", 200),
        ("Bearer FlyV1 {org}", 401),
        ("{org}", 401),
        ("FlyV1 {app}", 200),
        ("FlyV1 {readonly}", 200),
        ("FlyV1 {worker}", 403),
        ("FlyV1 {rival}", 403),
        ("FlyV1 {expired}", 401),
        ("FlyV1 fm2_unknown", 401),
        ("FlyV1 fm2_unknown,{org}", 200),
        ("", 401),
    ],
)
def test_which_tokens_see_an_app(fly: FakeFly, token: str, status: int) -> None:
    """By scheme, token, its scope and its age."""
    given = {
        "org": fly.org_token(),
        "app": fly.app_token("web"),
        "readonly": fly.readonly_token(),
        "worker": fly.app_token("worker"),
        "rival": fly.org_token("rival"),
        "expired": fly.expired_token(),
    }
    bare = {name: value.removeprefix("FlyV1 ") for name, value in given.items()}
    said = machines(fly, "GET", "/apps/web", authorization=token.format(**bare))

    assert said.status == status
    assert said.headers["fly-request-id"]
    if status != 200:
        assert set(said.json) == {"error", "status"}


def test_a_name_is_free_taken_here_or_taken_elsewhere(fly: FakeFly) -> None:
    """404, 200 and 403."""
    statuses = [machines(fly, "GET", f"/apps/{name}").status for name in ("no", "web", "secret")]

    assert statuses == [404, 200, 403]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "new", "org_slug": "acme"}, 201, "pending"),
        ({"name": "newer", "org_slug": "acme", "network": "apart"}, 201, "pending"),
        ({"name": "secret", "org_slug": "acme"}, 422, "name_taken"),
        ({"name": "Bad_Name", "org_slug": "acme"}, 422, "unknown"),
        ({"name": "more", "org_slug": "rival"}, 403, "unknown"),
        ({"name": "more"}, 400, "unknown"),
        ({"name": "more", "org_slug": "acme", "region": "iad"}, 400, "unknown"),
    ],
)
def test_creating_apps(fly: FakeFly, body: dict[str, str], status: int, code: str) -> None:
    """Names are unique across organizations; unknown fields are refused.

    flyctl reads the name of a new app in the response.
    """
    said = machines(fly, "POST", "/apps", body)

    assert said.status == status
    assert said.json.get("status") == code
    assert said.json.get("name") == (body["name"] if status == 201 else None)


def test_the_list_of_apps_needs_the_organization(fly: FakeFly) -> None:
    """It has only apps that the token can see."""
    one = machines(fly, "GET", "/apps?org_slug=acme", authorization=fly.app_token("web")).json

    assert machines(fly, "GET", "/apps").status == 400
    assert machines(fly, "GET", "/apps?org_slug=rival").status == 403
    # The token of one app sees no other app, without an error.
    assert [app["name"] for app in one["apps"]] == ["web"]
    assert one["total_apps"] == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "image is required"),
        ({"config": {"image": "{registry}/web:absent"}}, "MANIFEST_UNKNOWN"),
        ({"config": {"image": "{registry}/secret:v1"}}, "unauthorized"),
        ({"config": {"image": "{registry}/nobody:v1"}}, "unauthorized"),
        ({"config": {"image": "nobody/nothing:latest"}}, "MANIFEST_UNKNOWN"),
        ({"config": {"image": "a b"}}, "invalid reference format"),
        ({"config": {"image": "{registry}/web:v1", "environment": {}}}, 'unknown field "environ'),
        ({"config": {"image": "{registry}/web:v1", "env": {"PORT": 80}}}, "body.config.env.PORT"),
        ({"config": {"image": "{registry}/web:v1", "services": {}}}, "must be an array"),
        ({"config": {"image": "{registry}/web:v1", "guest": {"cpus": "1"}}}, "guest.cpus"),
        ({"config": {"image": "{registry}/web:v1"}, "skipLaunch": True}, 'unknown field "skipL'),
        ({"config": {"image": "{registry}/web:v1"}, "skip_launch": "yes"}, "body.skip_launch"),
        (
            {"config": {"image": "{registry}/web:v1", "restart": {"policy": "sometimes"}}},
            "one of no, always, on-failure",
        ),
    ],
)
def test_invalid_machines(fly: FakeFly, body: dict[str, Any], says: str) -> None:
    """The image must exist; fields and types must be those of the description."""
    config = body.get("config", {})
    if "image" in config:
        body = {
            **body,
            "config": {**config, "image": config["image"].format(registry=fly.registry)},
        }
    said = machines(fly, "POST", LIST, body)

    assert said.status == 400
    assert says in said.json["error"]


def test_a_machine_of_no_launch_stays_created_and_names_its_digest(fly: FakeFly) -> None:
    """`keep` depends on that."""
    made = machines(fly, "POST", LIST, {**image(fly), "name": "kept", "region": "fra"}).json
    path = f"{LIST}/{made['id']}"
    again = machines(fly, "POST", LIST, {**image(fly), "name": "kept"})
    started = machines(fly, "POST", f"{path}/start", {})
    waited = machines(fly, "GET", f"{path}/wait?state=started&timeout=1")

    assert (made["state"], made["region"]) == ("created", "fra")
    assert made["image_ref"]["digest"] == fly.images.tags["web", "v1"]
    assert (again.status, "unique machine name violation" in again.json["error"]) == (409, True)
    assert started.status == 412
    assert waited.status == 408
    assert waited.json["error"].startswith("deadline_exceeded: machine failed to reach desired")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/wait?state=started&timeout=61", 400),
        ("GET", "/wait?state=happy", 400),
        ("GET", "/nothing", 501),
        ("PATCH", "", 501),
        ("DELETE", "", 412),
        ("POST", "/metadata/role", 400),
    ],
)
def test_invalid_requests(fly: FakeFly, method: str, path: str, status: int) -> None:
    """Of states, times and paths."""
    made = machines(fly, "POST", LIST, {**image(fly), "skip_launch": False}).json
    value = {"wrong": 1} if method != "GET" else None

    assert machines(fly, method, f"{LIST}/{made['id']}{path}", value).status == status


def test_an_update_replaces_the_configuration(fly: FakeFly) -> None:
    """Missing keys are removed."""
    made = machines(fly, "POST", LIST, image(fly, env={"A": "1"}, metadata={"role": "keep"})).json
    path = f"{LIST}/{made['id']}"
    stale = machines(fly, "POST", path, {**image(fly), "current_version": "01OLD"})
    known = machines(fly, "POST", path, {**image(fly), "current_version": made["instance_id"]})

    assert stale.status == 409
    assert known.status == 200
    assert "env" not in known.json["config"]
    assert "metadata" not in known.json["config"]
    assert known.json["instance_id"] != made["instance_id"]


def test_changes_need_the_lease(fly: FakeFly) -> None:
    """Until it is released."""
    made = machines(fly, "POST", LIST, image(fly)).json
    path = f"{LIST}/{made['id']}"
    lease = machines(fly, "POST", f"{path}/lease", {"ttl": 30})
    nonce = lease.json["data"]["nonce"]
    second = machines(fly, "POST", f"{path}/lease", {"ttl": 30})
    without = machines(fly, "DELETE", path)
    given_back = machines(fly, "DELETE", f"{path}/lease", fly_machine_lease_nonce=nonce)

    assert (lease.status, lease.json["status"]) == (201, "success")
    assert (second.status, without.status) == (409, 409)
    assert given_back.status == 200
    assert machines(fly, "DELETE", path).status == 200


def test_metadata_changes_key_by_key_or_all_at_once(fly: FakeFly) -> None:
    """Null and empty values remove a key; an outdated version is refused."""
    made = machines(fly, "POST", LIST, image(fly, metadata={"a": "1", "b": "2"})).json
    path = f"{LIST}/{made['id']}/metadata"
    all_at_once = {"metadata": {"a": "", "c": "3"}, "machine_version": made["instance_id"]}

    assert machines(fly, "POST", f"{path}/a", {"value": "4"}).status == 204
    assert machines(fly, "GET", f"{path}/a").json == {"value": "4"}
    assert machines(fly, "GET", f"{path}/none").status == 404
    assert machines(fly, "PATCH", path, {**all_at_once, "machine_version": "01OLD"}).status == 412
    assert machines(fly, "PATCH", path, all_at_once).status == 204
    assert machines(fly, "GET", path).json == {"b": "2", "c": "3"}
    assert machines(fly, "DELETE", f"{path}/b").status == 204
    assert machines(fly, "GET", path).json == {"c": "3"}


def test_filters_of_lists(fly: FakeFly) -> None:
    """By region, state and metadata; unknown filters are refused."""
    fly.create_app("many")
    path = "/apps/many/machines"
    for region, role in (("fra", "keep"), ("iad", "keep"), ("iad", "other")):
        machines(fly, "POST", path, {**image(fly, metadata={"role": role}), "region": region})
    machines(fly, "DELETE", f"{path}/{fly.apps['many'].machines[2].id}")

    def count(query: str) -> int:
        return len(machines(fly, "GET", f"{path}?{query}").json)

    summary = machines(fly, "GET", f"{path}?summary=true").json[0]
    assert [count(q) for q in ("", "region=fra", "include_deleted=true")] == [2, 1, 3]
    assert [count(q) for q in ("state=created", "state=started,stopped")] == [2, 0]
    assert [count(q) for q in ("metadata.role=keep", "metadata.role=x")] == [2, 0]
    assert "config" not in summary
    assert machines(fly, "GET", f"{path}?colour=red").status == 400
    assert machines(fly, "GET", f"{path}?state=happy").status == 400


def test_rate_limits(tmp_path: Path) -> None:
    """Separately for each app."""
    with fake_fly(tmp_path / "fly", rate_limits=True) as fly:
        fly.create_app("web")
        fly.create_app("worker")
        statuses = [machines(fly, "GET", LIST).status for _ in range(4)]
        other = machines(fly, "GET", "/apps/worker/machines").status

    assert statuses == [200, 200, 200, 429]
    assert other == 200
    assert fly.limits.refused == 1


def test_a_surface_that_is_down(tmp_path: Path) -> None:
    """503, or a dropped connection."""
    with fake_fly(tmp_path / "fly") as fly:
        fly.down("machines")
        said = machines(fly, "GET", "/apps/web")
        fly.down("machines", how="drop")
        with pytest.raises(ConnectionError):
            machines(fly, "GET", "/apps/web")
        fly.up()
        back = machines(fly, "GET", "/apps/web")

    assert (said.status, back.status) == (503, 404)
    assert [one.status for one in fly.requests_to("machines")] == [503, 0, 404]


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /volumes",
        "PUT /apps/web/volumes/vol_1",
        "POST /apps/web/certificates",
        "GET /orgs/acme",
    ],
)
def test_a_request_that_flyctl_does_not_send_is_named(fly: FakeFly, request_line: str) -> None:
    """Not a 404, which would say that something does not exist."""
    method, path = request_line.split()
    said = machines(fly, method, path)

    assert said.status == 501
    assert said.json["error"] == f"the fake Fly does not answer {method} /v1{path}"
