"""What flyctl asks of Fly for the commands that we run, sent without flyctl.

Which commands send what is in `tests/support/fly/facts/`, and in superfly/flyctl and fly-go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fly.raw_requests import Response, ask, graphql, machines

if TYPE_CHECKING:
    from tests.support.fly import FakeFly

APP = """query($appName: String!) { app(name: $appName) {
  cnameTarget config { definition } services { protocol internalPort ports { port handlers } }
  currentRelease { evaluationId status inProgress version }
  organization { id slug paidPlan }
  ipAddresses { nodes { id address type createdAt } } sharedIpAddress
  imageDetails { registry repository tag digest version }
  machines { nodes { id name config state region createdAt app { name } host { id }
    ips { nodes { family kind ip maskSize } } } }
  postgresAppRole: role { name } secrets { name } } }"""
VIEWER = (
    """query { viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } } }"""
)
BLUEGREEN = """query($appName: String!) { canPerformBluegreenDeployment(name: $appName) }"""
CREATE_RELEASE = """mutation($input: CreateReleaseInput!) {
  createRelease(input: $input) { release { id version } } }"""
UPDATE_RELEASE = """mutation($input: UpdateReleaseInput!) {
  updateRelease(input: $input) { release { id } } }"""
CREATE_TOKEN = """mutation($input: CreateLimitedAccessTokenInput!) {
  createLimitedAccessToken(input: $input) { limitedAccessToken { tokenHeader } } }"""
SERVICE = {"protocol": "tcp", "internal_port": 8080, "ports": [{"port": 443, "handlers": ["tls"]}]}


def rest(fly: FakeFly, method: str, path: str, value: Any = None, token: str = "") -> Response:
    """Send a request below `/api/v1`, with `Bearer` as flyctl does."""
    bare = (token or fly.environ["FLY_API_TOKEN"]).removeprefix("FlyV1 ")
    address = fly.api.removeprefix("http://")
    return ask(address, method, f"/api/v1{path}", value=value, authorization=f"Bearer {bare}")


def started(fly: FakeFly, app: str, **config: Any) -> str:
    """Create an app with a started machine; return the machine's id."""
    fly.create_app(app)
    body = {"config": {"image": fly.push(app, "v1"), "services": [SERVICE], **config}}
    return str(machines(fly, "POST", f"/apps/{app}/machines", body).json["id"])


def test_an_app_has_all_fields_that_apps_create_shows(fly: FakeFly) -> None:
    """With `--json`, flyctl asks for nearly everything of it."""
    started(fly, "shown")
    machines(fly, "POST", "/apps/shown/ip_assignments", {"type": "shared_v4"})
    machines(fly, "POST", "/apps/shown/secrets/KEY", {"value": "x"})
    found = graphql(fly, APP, appName="shown")["data"]["app"]

    assert found["cnameTarget"].endswith(".shown.fly.dev")
    assert found["organization"]["paidPlan"] is True
    assert found["services"][0]["ports"] == [{"port": 443, "handlers": ["TLS"]}]
    assert found["ipAddresses"]["nodes"][0]["address"] == found["sharedIpAddress"]
    assert found["imageDetails"]["digest"] == fly.images.tags["shown", "v1"]
    assert [one["app"] for one in found["machines"]["nodes"]] == [{"name": "shown"}]
    assert (found["postgresAppRole"], found["secrets"]) == (None, [{"name": "KEY"}])


def test_small_queries(fly: FakeFly) -> None:
    """The user behind a token, and whether an app may be deployed in blue and green."""
    unseen = graphql(fly, BLUEGREEN, appName="secret")

    assert graphql(fly, VIEWER)["data"]["viewer"] == {"email": "acme@example.com"}
    assert graphql(fly, BLUEGREEN, appName="web")["data"]["canPerformBluegreenDeployment"] is True
    assert unseen["errors"][0]["message"] == "Could not find App"


def test_a_release_is_created_and_updated_by_rest(fly: FakeFly) -> None:
    """`fly deploy` does it so; its status goes from running to complete."""
    started(fly, "by-rest")
    body = {
        "app_name": "by-rest",
        "image": f"{fly.registry}/by-rest:v1",
        "strategy": "ROLLING",
        "definition": {"app": "by-rest"},
        "build_id": 0,
    }
    made = rest(fly, "POST", "/releases", body)
    changed = rest(fly, "PATCH", f"/releases/{made.json['release']['id']}", {"status": "complete"})
    release = fly.apps["by-rest"].releases[0]

    assert made.json["release"]["image_ref"] == body["image"]
    assert (changed.json["status"], release.status) == ("complete", "complete")
    assert (release.digest, release.config) == (
        fly.images.tags["by-rest", "v1"],
        {"app": "by-rest"},
    )
    assert rest(fly, "PATCH", "/releases/none", {"status": "complete"}).status == 404
    assert rest(fly, "POST", "/releases", {**body, "strategy": "SLOW"}).status == 422
    assert rest(fly, "POST", "/releases", {**body, "image": "web:none"}).status == 404
    assert rest(fly, "POST", "/releases", body, fly.readonly_token()).status == 403
    assert len(fly.apps["by-rest"].releases) == 1


def test_a_release_is_created_and_updated_by_graphql(fly: FakeFly) -> None:
    """fly-go has that, too."""
    started(fly, "by-graphql")
    given = {
        "appId": "by-graphql",
        "image": f"{fly.registry}/by-graphql:v1",
        "platformVersion": "machines",
        "strategy": "ROLLING",
        "definition": {"app": "by-graphql"},
    }
    made = graphql(fly, CREATE_RELEASE, input=given)["data"]["createRelease"]["release"]
    graphql(fly, UPDATE_RELEASE, input={"releaseId": made["id"], "status": "failed"})
    lost = graphql(fly, CREATE_RELEASE, input={**given, "image": f"{fly.registry}/by-graphql:no"})

    assert [one.status for one in fly.apps["by-graphql"].releases] == ["failed"]
    assert lost["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_tokens_are_created_by_profile(fly: FakeFly) -> None:
    """One for an app reaches no other app; one of an app creates none for the organization."""
    org = graphql(fly, "query { organizations { nodes { id } } }")["data"]["organizations"]
    given = {"name": "ci", "organizationId": org["nodes"][0]["id"], "expiry": "24h"}
    of_app = {**given, "profile": "deploy", "profileParams": {"app_id": "web"}}
    made = graphql(fly, CREATE_TOKEN, input=of_app)["data"]["createLimitedAccessToken"]
    token = made["limitedAccessToken"]["tokenHeader"]
    more = graphql(fly, CREATE_TOKEN, token, input={**given, "profile": "deploy_organization"})

    assert machines(fly, "GET", "/apps/web", authorization=token).status == 200
    assert machines(fly, "GET", "/apps/worker", authorization=token).status == 403
    assert more["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"


def test_a_build_is_recorded_around_the_search_for_an_image(fly: FakeFly) -> None:
    """`fly deploy --image` builds nothing, but says so before and after."""
    made = rest(fly, "POST", "/builds", {"app_name": "web", "builder_type": "remote"}).json
    done = {"build_id": made["id"], "app_name": "web", "status": "completed"}

    assert rest(fly, "POST", "/builds/finish", done).json["id"] == made["id"]
    assert rest(fly, "POST", "/builds", {"app_name": "nobody"}).status == 404
    assert rest(fly, "POST", "/builds", {"app_name": "web", "wrong": 1}).status == 400


def test_organizations_by_rest(fly: FakeFly) -> None:
    """Only that of the token."""
    assert rest(fly, "GET", "/organizations/acme").json["organization"]["paid_plan"] is True
    assert rest(fly, "GET", "/organizations/rival").status == 404


def test_what_rest_does_not_answer_is_named(fly: FakeFly) -> None:
    """With method and path."""
    said = rest(fly, "DELETE", "/releases/1")

    assert said.status == 501
    assert said.json["error"] == "the fake Fly does not answer DELETE /api/v1/releases/1"


def test_addresses_secrets_and_volumes(fly: FakeFly) -> None:
    """A first deploy asks for them; what is assigned is listed."""
    fly.create_app("first")
    given = [
        machines(fly, "POST", "/apps/first/ip_assignments", {"type": kind}).json
        for kind in ("v6", "shared_v4")
    ]
    listed = machines(fly, "GET", "/apps/first/ip_assignments").json["ips"]
    volume = machines(fly, "POST", "/apps/first/volumes", {"name": "data", "size_gb": 3}).json
    machines(fly, "POST", "/apps/first/secrets", {"values": {"A": "1", "B": "2"}})
    machines(fly, "POST", "/apps/first/secrets", {"values": {"A": None}})
    secrets = machines(fly, "GET", "/apps/first/secrets").json["secrets"]

    assert listed == given
    assert [one["shared"] for one in listed] == [False, True]
    assert machines(fly, "GET", "/apps/first/volumes").json == [volume]
    assert (volume["size_gb"], volume["attached_machine_id"]) == (3, None)
    assert [one["name"] for one in secrets] == ["B"]
    assert machines(fly, "POST", "/apps/first/ip_assignments", {"type": "v5"}).status == 400


def test_exec_signal_and_processes(fly: FakeFly) -> None:
    """Of a started machine; a signal by its name or, as fly-go sends it, by its number."""
    path = f"/apps/signals/machines/{started(fly, 'signals')}"
    done = machines(fly, "POST", f"{path}/exec", {"cmd": "true"})
    sockets = machines(fly, "GET", f"{path}/ps").json[0]["listen_sockets"]
    wrong = machines(fly, "POST", f"{path}/signal", {"signal": "SIGNOTHING"})
    gentle = machines(fly, "POST", f"{path}/signal", {"signal": "SIGUSR1"})
    before = fly.apps["signals"].machines[0].state
    killed = machines(fly, "POST", f"{path}/signal", {"signal": 9})
    late = machines(fly, "POST", f"{path}/exec", {"cmd": "true"})

    assert done.json == {"exit_code": 0, "stdout": "", "stderr": ""}
    assert sockets == [{"proto": "tcp", "address": "0.0.0.0:8080"}]
    assert (wrong.status, gentle.status, before, killed.status) == (400, 200, "started", 200)
    assert (fly.apps["signals"].machines[0].state, late.status) == ("stopped", 412)


def test_waiting_for_a_stop_needs_no_version(fly: FakeFly) -> None:
    """Flyctl sends none."""
    path = f"/apps/stopping/machines/{started(fly, 'stopping')}"
    machines(fly, "POST", f"{path}/stop", {})

    assert machines(fly, "GET", f"{path}/wait?state=stopped&timeout=1").status == 200


@pytest.mark.parametrize("parameter", ["kill=true", "force=true"])
def test_a_running_machine_is_destroyed_by_either_parameter(fly: FakeFly, parameter: str) -> None:
    """fly-go sends `kill`, the OpenAPI description has `force`."""
    app = f"gone-{parameter.partition('=')[0]}"
    path = f"/apps/{app}/machines/{started(fly, app)}"

    assert machines(fly, "DELETE", path).status == 412
    assert machines(fly, "DELETE", f"{path}?{parameter}").status == 200


def test_a_lease_has_the_same_owner_from_a_launch_and_later(fly: FakeFly) -> None:
    """It is the token's."""
    fly.create_app("leased")
    body = {"config": {"image": fly.push("leased", "v1")}, "lease_ttl": 30}
    first = machines(fly, "POST", "/apps/leased/machines", body).json["id"]
    second = machines(fly, "POST", "/apps/leased/machines", {**body, "lease_ttl": 0}).json["id"]
    machines(fly, "POST", f"/apps/leased/machines/{second}/lease?ttl=30")
    owners = {
        machines(fly, "GET", f"/apps/leased/machines/{one}/lease").json["data"]["owner"]
        for one in (first, second)
    }

    assert owners == {"acme@tokens.fly.io"}


def test_the_filter_of_fly_go_filters_nothing(fly: FakeFly) -> None:
    """`List(app, "started")` asks for `?started`."""
    started(fly, "listed")

    assert len(machines(fly, "GET", "/apps/listed/machines?stopped").json) == 1
    assert machines(fly, "GET", "/apps/listed/machines?happy").status == 400
