"""Invalid responses of Fly's APIs: each is an error with a message, and none is trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.deploy.fly.running import running_of
from pipeline.fly.api import FlyApi
from pipeline.fly.create_app import only_org
from pipeline.fly.errors import FlyError
from pipeline.fly.queries import app_of, apps_of_org, machines_of, releases_of
from pipeline.fly.retention import reference_of, since, slot_of
from pipeline.fly.values import Machine
from pipeline.http.retry import Policy
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.scripted_server import Request

    Answers = Callable[..., FlyApi]

QUICK = Policy(attempts=1, pause=0.01, total=5.0, connect=1.0, read=2.0)
DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[bytes]]]:
    """Return an address and its responses: one after the other, the last one for ever."""
    left: list[bytes] = []

    def script(_: Request) -> Reply:
        return Reply(200, {}, left.pop(0) if len(left) > 1 else left[0])

    with scripted_server(script) as running:
        yield f"http://{running.address}", left


@pytest.fixture
def answers(server: tuple[str, list[bytes]]) -> Iterator[Answers]:
    """Return a client of an API with the given responses."""
    base, left = server
    environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": base, "FLY_API_BASE_URL": base}

    def client_of(*bodies: object) -> FlyApi:
        left[:] = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in bodies]
        return api

    with FlyApi(environ, policy=QUICK) as api:
        yield client_of


def page(*nodes: object, more: object = False, cursor: object = "c") -> dict[str, Any]:
    """Return a page of releases."""
    info = {"hasNextPage": more, "endCursor": cursor}
    return {"data": {"app": {"releasesUnprocessed": {"nodes": list(nodes), "pageInfo": info}}}}


def release(version: object, **more: object) -> dict[str, object]:
    """Return a complete release."""
    return {"version": version, "status": "complete", "imageRef": "a@b", **more}


def machine(**more: object) -> dict[str, Any]:
    """Return a healthy machine."""
    return {
        "id": "148e",
        "state": "started",
        "image_ref": {"digest": DIGEST},
        "config": {"metadata": {"fly_platform_version": "v2", "fly_release_version": "3"}},
        **more,
    }


def ended(code: object) -> dict[str, object]:
    """Return the event of a machine that exited."""
    return {"type": "exit", "request": {"exit_event": {"exit_code": code}}}


NO_LISTS = [b"", b"[{", b'{"machines": []}', b'"none"', b"0", b"[null]", b'["148e"]', b"[[]]"]
NO_LISTS += [b"[" + b"{}," * 600_000 + b"{}]"]  # At the size limit it would take a gigabyte.
NO_IDS: list[object] = [None, "", 7, "../../web/machines/148e", "148e?force=true", "a b", "\x1b[2J"]


@pytest.mark.parametrize("body", NO_LISTS, ids=range(len(NO_LISTS)))
def test_invalid_lists_of_machines(answers: Answers, body: bytes) -> None:
    """Otherwise the app would be deployed, and its keeping machines added again."""
    with pytest.raises(FlyError, match="Fly answers with something unexpected"):
        machines_of(answers(body), "web")


def test_empty_lists_of_machines(answers: Answers) -> None:
    """An empty list, and the `null` of an empty Go slice."""
    api = answers([], None)
    assert machines_of(api, "web") == machines_of(api, "web") == ()


@pytest.mark.parametrize("name", NO_IDS)
def test_a_machine_without_an_id(answers: Answers, name: object) -> None:
    """The id is part of the next request's path."""
    with pytest.raises(FlyError, match="a machine without an id"):
        machines_of(answers([machine(id=name)]), "web")


@pytest.mark.parametrize("body", [{}, {"apps": "web"}, {"apps": [{"name": 7}]}, {"apps": [None]}])
def test_invalid_lists_of_apps(answers: Answers, body: object) -> None:
    """No app is dropped, because a pattern would silently not match it."""
    if body == {}:
        assert apps_of_org(answers(body), "acme") == []
    else:
        with pytest.raises(FlyError, match="Fly answers with"):
            apps_of_org(answers(body), "acme")


@pytest.mark.parametrize("body", [b"null", b"[]", b"{"])
def test_an_invalid_app(answers: Answers, body: bytes) -> None:
    """It does not mean that the name is free."""
    with pytest.raises(FlyError, match="something unexpected"):
        app_of(answers(body), "web")


@pytest.mark.parametrize("version", [None, "", "v3", -1, 1.5, "²", "9" * 5000, [3], {}])
def test_a_release_without_a_number(answers: Answers, version: object) -> None:
    """A rollback needs the number."""
    with pytest.raises(FlyError, match="a release without a number"):
        list(releases_of(answers(page(release(version))), "web"))


def test_releases_out_of_order(answers: Answers) -> None:
    """The numbers sort a page; releases out of order across pages are an error."""
    api = answers(page(release(2), release(4), release("3")))
    assert [one.version for one in releases_of(api, "web")] == [4, 3, 2]
    api = answers(page(release(4), more=True), page(release(5)))
    with pytest.raises(FlyError, match="the releases of `web` out of order"):
        list(releases_of(api, "web"))


@pytest.mark.parametrize("nodes", [(), (release(7),)])
def test_pages_that_do_not_end(answers: Answers, nodes: tuple[object, ...]) -> None:
    """The same cursor again, with an empty page or with the same one."""
    with pytest.raises(FlyError, match="Fly answers with"):
        list(releases_of(answers(page(*nodes, more=True)), "web"))


@pytest.mark.parametrize(
    "data",
    [
        {"data": None},
        {"data": {"app": {"releasesUnprocessed": []}}},
        {"data": {"app": {"releasesUnprocessed": {"nodes": {}, "pageInfo": {}}}}},
        {"data": {"app": {"releasesUnprocessed": {"nodes": [3], "pageInfo": {}}}}},
        {"data": {"app": {"releasesUnprocessed": {"nodes": []}}}},
        {"data": {"app": "web"}},
        {"errors": "no"},
        {"errors": [None]},
        {"errors": [{"message": {"a": 1}, "extensions": []}], "data": {"app": {}}},
    ],
)
def test_invalid_lists_of_releases(answers: Answers, data: object) -> None:
    """Also if there is data beside the error."""
    with pytest.raises(FlyError):
        list(releases_of(answers(data), "web"))


def test_a_configuration_that_is_too_deep(answers: Answers) -> None:
    """It would exceed the recursion limit of the comparison."""
    deep: object = 1
    for _ in range(300):
        deep = {"env": deep}
    with pytest.raises(FlyError, match="nested too deeply"):
        list(releases_of(answers(page(release(1, configDefinition=deep))), "web"))


def test_an_organization_without_a_name(answers: Answers) -> None:
    """No app is created in it."""
    assert only_org(answers({"data": {"organizations": {"nodes": [{"slug": ["x"]}]}}})) == ""


@pytest.mark.parametrize(
    ("more", "trouble"),
    [
        ({}, ""),
        ({"state": "\x1b[31mglowing"}, "machine 148e is [31mglowing"),
        ({"state": None}, "machine 148e is in no state that Fly names"),
        ({"state": {"now": "started"}}, "machine 148e is in no state that Fly names"),
        ({"checks": "passing"}, ""),
        ({"checks": [{"name": "a\nb", "status": 1}]}, "check `a b` of machine 148e is not known"),
        ({"state": "stopped", "events": [ended("\x1b[2J")]}, "machine 148e ended with [2J"),
        ({"state": "stopped", "events": [None, {"type": "exit", "request": []}]}, ""),
    ],
)
def test_unknown_states(more: dict[str, object], trouble: str) -> None:
    """They are shown, sanitized for terminals, and the app is not healthy."""
    now = running_of("web", [Machine(machine(**more))])
    assert now is not None
    assert (now.trouble, now.healthy) == (trouble, not trouble)


@pytest.mark.parametrize("digest", [None, "", "latest", "sha256:12", [DIGEST]])
def test_a_machine_whose_image_is_not_known(digest: object) -> None:
    """It differs from machines whose image is known."""
    silent_one = machine(id="24d8", image_ref={"digest": digest})
    now = running_of("web", [Machine(machine()), Machine(silent_one)])
    assert now is not None
    assert now.trouble == "Fly does not say which image machine 24d8 runs"
    assert running_of("web", [Machine(silent_one)]) is None


@pytest.mark.parametrize("value", [None, 7, [], {}, ["base"], "other"])
def test_metadata_of_other_types(value: object) -> None:
    """The machine is not ours, whatever it runs."""
    metadata = {"pipeline_keep": value, "pipeline_keep_image": value, "fly_release_version": value}
    strange = Machine(machine(config={"metadata": metadata, "image": value}, updated_at=value))
    assert slot_of("web", strange) is None
    assert not strange.serves
    assert isinstance(since(strange), str)
    reference_of(strange)
