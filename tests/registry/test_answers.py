"""The meaning of each response of a registry: present, absent, or an error."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry
from pipeline.registry.errors import AbsentError
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.reference import Reference

INDEX = "application/vnd.oci.image.index.v1+json"
BODY = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
FOUND = {"Content-Type": INDEX, "Docker-Content-Digest": DIGEST, "Content-Length": str(len(BODY))}
JSON = {"Content-Type": "application/json"}
DISTRIBUTION = {**JSON, "Docker-Distribution-Api-Version": "registry/2.0"}
QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""Short pauses, and long timeouts for a busy machine."""


def errors(code: str) -> bytes:
    """Return an error body of the distribution specification."""
    return json.dumps({"errors": [{"code": code, "message": "as it says"}]}).encode()


def result_of_head(script: Callable[[Request], Reply]) -> Present | Absent | HttpError:
    """Return the result of `head` with that registry."""
    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        try:
            return registry.head(reference(server.address))
        except HttpError as error:
            return error


def reference(host: str) -> Reference:
    """Return a reference on a host."""
    return parse_reference(f"{host}/acme-api:0123456789abcdef0123")


def test_an_existing_manifest_costs_one_head() -> None:
    """200 with a digest and a manifest's type means present."""
    with scripted_server(lambda _: Reply(200, FOUND)) as server, Registry(policy=QUICK) as registry:
        found = registry.head(reference(server.address))

        assert found == Present(DIGEST, INDEX, len(BODY))  # type: ignore[arg-type]
        assert [one.method for one in server.requests] == ["HEAD"]
        assert registry.requests == 1


def test_a_registrys_404_is_absence_in_one_head() -> None:
    """Headers of the distribution API show that it is a registry's 404."""
    with (
        scripted_server(lambda _: Reply(404, DISTRIBUTION)) as server,
        Registry(policy=QUICK) as registry,
    ):
        assert registry.head(reference(server.address)) == Absent()
        assert server.count() == 1


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
def test_a_404_without_headers_is_queried_by_get(code: str) -> None:
    """The body of a GET shows that it is a registry's 404."""
    assert result_of_head(
        lambda a: Reply(404, JSON, b"" if a.method == "HEAD" else errors(code))
    ) == (Absent())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "text/plain"}, b"404 page not found\n"),
        ({"Content-Type": "text/html"}, b"<h1>Not Found</h1>"),
        (JSON, b"{}"),
        (JSON, b'{"errors": []}'),
        (JSON, errors("DENIED")),
        (JSON, errors("UNAUTHORIZED")),
        (JSON, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}, {"code": "DENIED"}]}'),
    ],
)
def test_a_foreign_404_is_not_absence(headers: dict[str, str], body: bytes) -> None:
    """A proxy's, a login page's, and that of a registry that hides forbidden repositories."""
    assert isinstance(result_of_head(lambda _: Reply(404, headers, body)), HttpError)


@pytest.mark.parametrize("body", [b"", errors("DENIED"), errors("MANIFEST_UNKNOWN"), b"\xff{"])
@pytest.mark.parametrize(
    "status", [204, 301, 400, 401, 403, 406, 408, 410, 418, 429, 451, 500, 502, 503, 504, 599]
)
def test_other_statuses_are_unknown(status: int, body: bytes) -> None:
    """Neither present nor absent, whatever the body says."""
    headers = {**DISTRIBUTION, "Docker-Content-Digest": DIGEST, "Retry-After": "0"}

    found = result_of_head(lambda _: Reply(status, headers, b"" if status == 204 else body))

    assert isinstance(found, HttpError)
    assert found.status == status
    assert found.message
    assert found.hint


@pytest.mark.parametrize("cut", [None, 0, 10])
def test_a_closed_connection_is_unknown(cut: int | None) -> None:
    """A connection that is closed before or within a response."""
    reply = Reply(0) if cut is None else Reply(200, {"Content-Length": "999"}, BODY, cut=cut)

    found = result_of_head(lambda _: reply)

    assert isinstance(found, HttpError)
    assert found.details.unreachable


def test_no_server_listens() -> None:
    """The error names the address."""
    with scripted_server(lambda _: Reply(200, FOUND)) as server:
        gone = server.address
    with Registry(policy=QUICK) as registry, pytest.raises(HttpError, match=gone):
        registry.head(reference(gone))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": INDEX},
        {"Content-Type": "text/html", "Docker-Content-Digest": DIGEST},
        {"Content-Type": INDEX, "Docker-Content-Digest": "sha256:nonsense"},
    ],
)
def test_an_incomplete_head_is_checked_by_get(headers: dict[str, str]) -> None:
    """A HEAD without a valid digest or type: the body of a GET is checked against the headers."""

    def script(request: Request) -> Reply:
        return Reply(200, headers if request.method == "HEAD" else FOUND, BODY)

    assert result_of_head(script) == Present(DIGEST, INDEX, len(BODY))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [b"<html>log in</html>", b"{}", b"[]", b"null", b'{"schemaVersion": 1}', BODY + b" "],
)
def test_a_200_with_other_content_is_not_presence(body: bytes) -> None:
    """A login page, another document, or a manifest with another digest."""
    headers = {"Content-Type": INDEX, "Docker-Content-Digest": DIGEST}

    def script(request: Request) -> Reply:
        return Reply(200, {} if request.method == "HEAD" else headers, body)

    assert isinstance(result_of_head(script), HttpError)


def test_an_endless_body_is_not_read_to_its_end() -> None:
    """A manifest has at most 4 MiB."""
    large = BODY + b" " * (5 << 20)

    found = result_of_head(lambda a: Reply(200, {} if a.method == "HEAD" else FOUND_LARGE, large))

    assert isinstance(found, HttpError)
    assert "4 MiB" in found.message


FOUND_LARGE = {"Content-Type": INDEX}


@pytest.mark.parametrize("status", [405, 501])
def test_get_replaces_an_unsupported_head(status: int) -> None:
    """GET finds out both present and absent."""

    def answering(reply: Reply) -> Callable[[Request], Reply]:
        return lambda request: Reply(status) if request.method == "HEAD" else reply

    assert isinstance(result_of_head(answering(Reply(200, FOUND, BODY))), Present)
    assert result_of_head(answering(Reply(404, JSON, errors("MANIFEST_UNKNOWN")))) == Absent()


@pytest.mark.parametrize("trouble", [Reply(500), Reply(502), Reply(429), Reply(0)])
def test_temporary_failures_are_retried(trouble: Reply) -> None:
    """After two failures the third response counts."""
    replies = iter([trouble, trouble])

    found = result_of_head(lambda _: next(replies, Reply(404, DISTRIBUTION)))

    assert found == Absent()


def test_attempts_are_bounded_and_not_multiplied() -> None:
    """Three by HEAD, and one GET for the reason."""
    with scripted_server(lambda _: Reply(503, JSON)) as server, Registry(policy=QUICK) as registry:
        with pytest.raises(HttpError, match="503"):
            registry.head(reference(server.address))

        assert (server.count("HEAD"), server.count("GET")) == (3, 1)


def test_too_long_a_wait_is_an_error() -> None:
    """A registry that asks for an hour is not retried; the error has the time."""
    found = result_of_head(lambda _: Reply(429, {**JSON, "Retry-After": "3600"}))

    assert isinstance(found, HttpError)
    assert "3600" in found.hint


def test_retry_after_is_kept_and_reported() -> None:
    """In seconds; all requests to the host wait, and it is reported once."""
    replies = iter([Reply(429, {"Retry-After": "1"})])
    told: list[object] = []
    with (
        scripted_server(lambda _: next(replies, Reply(404, DISTRIBUTION))) as server,
        Registry(policy=QUICK, report=told.append) as registry,
    ):
        began = time.monotonic()
        assert registry.head(reference(server.address)) == Absent()

        assert time.monotonic() - began >= 1
        assert len(told) == 1


def test_retries_of_a_broken_host_are_limited() -> None:
    """A hundred references on a broken host do not cause hundreds of requests."""
    policy = Policy(pause=0.001, total=3.0, allowance=10)
    with scripted_server(lambda _: Reply(500, JSON)) as server, Registry(policy=policy) as registry:
        wanted = [parse_reference(f"{server.address}/acme:{number}") for number in range(100)]

        answers = registry.head_all(wanted)

        assert all(isinstance(answer, HttpError) for answer in answers.values())
        assert list(answers) == wanted
        # At most: each once by HEAD and by GET, and ten retries.
        assert server.count() <= 100 * 2 + 10


def test_another_digest_than_requested_is_an_error() -> None:
    """Content requested by digest must have that digest."""
    with (
        scripted_server(lambda _: Reply(200, FOUND, BODY)) as server,
        Registry(policy=QUICK) as registry,
    ):
        other = parse_reference(f"{server.address}/acme@sha256:{'0' * 64}")

        with pytest.raises(HttpError):
            registry.head(other)
        with pytest.raises(HttpError):
            registry.manifest(other)


def test_a_missing_manifest() -> None:
    """`manifest` names what is missing, which differs from an unknown state."""
    reply = Reply(404, JSON, errors("MANIFEST_UNKNOWN"))
    with (
        scripted_server(lambda _: reply) as server,
        Registry(policy=QUICK) as registry,
        pytest.raises(AbsentError),
    ):
        registry.manifest(reference(server.address))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500])
def test_a_put_that_was_refused_is_an_error(status: int) -> None:
    """An alias has moved only if the registry says so."""

    def script(request: Request) -> Reply:
        return Reply(status, JSON) if request.method == "PUT" else Reply(200, FOUND, BODY)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        at = reference(server.address)
        manifest = registry.manifest(at)

        with pytest.raises(HttpError):
            registry.put(at, manifest)


def test_a_put_into_a_repository_that_is_not_there() -> None:
    """Fly makes none: the error says so, and how one is made."""

    def script(request: Request) -> Reply:
        missing = Reply(404, JSON, errors("NAME_UNKNOWN"))
        return missing if request.method == "PUT" else Reply(200, FOUND, BODY)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        at = reference(server.address)
        with pytest.raises(HttpError, match="there is no repository `") as found:
            registry.put(at, registry.manifest(at))
    assert "`fly apps create NAME`" in found.value.hint


def test_a_put_that_was_stored_as_something_else_is_an_error() -> None:
    """The digest in the response must be that of the sent bytes."""

    def script(request: Request) -> Reply:
        if request.method == "PUT":
            return Reply(201, {"Docker-Content-Digest": f"sha256:{'0' * 64}"})
        return Reply(200, FOUND, BODY)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        at = reference(server.address)

        with pytest.raises(HttpError, match="stored as"):
            registry.put(at, registry.manifest(at))


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"])
def test_a_put_is_retried_while_another_run_links_the_same_blobs(status: int, code: str) -> None:
    """Distribution 2.8 was seen to answer so while eight runs mounted the same blobs at once."""
    left = [Reply(status, JSON, errors(code))] * 2

    def script(request: Request) -> Reply:
        if request.method == "PUT":
            return left.pop() if left else Reply(201)
        return Reply(200, FOUND, BODY)

    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        at = reference(server.address)

        assert registry.put(at, registry.manifest(at)) == DIGEST
        assert server.count("PUT") == 3


def test_a_put_whose_blobs_stay_unknown_is_an_error() -> None:
    """After three attempts, with the registry's own words."""
    unknown = Reply(400, JSON, errors("MANIFEST_BLOB_UNKNOWN"))
    with (
        scripted_server(
            lambda request: unknown if request.method == "PUT" else Reply(200, FOUND, BODY)
        ) as server,
        Registry(policy=QUICK) as registry,
    ):
        at = reference(server.address)
        with pytest.raises(HttpError, match="manifest_blob_unknown as it says"):
            registry.put(at, registry.manifest(at))

        assert server.count("PUT") == 3
