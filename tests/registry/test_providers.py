"""What registries of providers answer, imitated from public traces, and what we make of it.

Each row names where its answer was seen. `docs/registry.md` lists the same by provider.
"""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.client import Registry
from tests.registry.test_answers import BODY, DIGEST, FOUND
from tests.support.fake_clock import FakeClock
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

    Script = Callable[[Request], Reply]

QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
JSON = {"Content-Type": "application/json; charset=utf-8"}
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
HTML = {"Content-Type": "text/html"}
TEXT = {"Content-Type": "text/plain"}
ABSENT, PRESENT, UNKNOWN = "absent", "present", "unknown"


def error(code: str, message: str) -> bytes:
    """Return an error document."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def basic(status: int, body: bytes, headers: dict[str, str] = JSON) -> Script:
    """Answer after a login by password; a HEAD has no body."""

    def script(request: Request) -> Reply:
        if not request.headers.get("authorization", "").startswith("Basic "):
            return Reply(401, {**JSON, "WWW-Authenticate": 'Basic realm="provider"'})
        return Reply(status, headers, body)

    return script


def bearer(
    answer: Reply,
    token: Reply = Reply(200, JSON, b'{"token": "good"}'),  # noqa: B008 - frozen
    *,
    needs: str = "pull",
) -> Script:
    """Answer after a login at the token server; `needs` are the actions that a token must have."""

    def script(request: Request) -> Reply:
        url = urlsplit(request.path)
        if url.path == "/token":
            granted = parse_qs(url.query).get("scope", [""])[0].rpartition(":")[2]
            if token.status != 200:
                return token
            return Reply(200, JSON, json.dumps({"token": f"for-{granted}"}).encode())
        if request.headers.get("authorization") != f"Bearer for-{needs}":
            realm = f'Bearer realm="http://{request.headers["host"]}/token",service="provider"'
            return Reply(401, {**JSON, **VERSION, "WWW-Authenticate": realm})
        return answer

    return script


def strict(request: Request) -> Reply:
    """Find an index only for a client that accepts its type."""
    if FOUND["Content-Type"] in request.headers.get("accept", ""):
        return Reply(200, FOUND, BODY)
    said = "OCI index found, but Accept header does not support OCI indexes"
    return Reply(404, JSON, error("MANIFEST_UNKNOWN", said))


class Seen(NamedTuple):
    """An answer of a provider, what it means, what the message says, and where it was seen."""

    provider: str
    case: str
    script: Script
    means: str
    says: str
    source: str


LIMIT = "You have reached your pull rate limit. You may increase the limit by authenticating"
NGINX = b"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n</html>\r\n"
HIDDEN = 'Permission "artifactregistry.repositories.downloadArtifacts" denied (or it may not exist)'
SEEN = [
    Seen(
        "GHCR",
        "no such tag",
        bearer(Reply(404, JSON, error("MANIFEST_UNKNOWN", "manifest unknown"))),
        ABSENT,
        "",
        "Substra/substra-frontend#102",
    ),
    Seen(
        "GHCR",
        "no such package, with a login",
        bearer(Reply(404, JSON, error("NAME_UNKNOWN", "repository name not known to registry"))),
        ABSENT,
        "",
        "podtato-head/podtato-head#66",
    ),
    Seen(
        "GHCR",
        "not allowed, or no such package",
        bearer(Reply(403, JSON, error("DENIED", "denied"))),
        UNKNOWN,
        "may not read `acme/web`",
        "podtato-head/podtato-head#66",
    ),
    Seen(
        "GHCR",
        "an index, found only by its type in Accept",
        strict,
        PRESENT,
        "",
        "cyanheads/mcp-ts-core#262",
    ),
    Seen(
        "ECR",
        "no such repository",
        basic(404, error("NAME_UNKNOWN", "The repository with name 'acme/web' does not exist")),
        ABSENT,
        "",
        "plexsystems/sinker#55",
    ),
    Seen(
        "ECR",
        "an invalid tag",
        basic(400, b""),
        UNKNOWN,
        "answers 400 Bad Request",
        "bazel-contrib/rules_oci#720",
    ),
    Seen(
        "Google Artifact Registry",
        "no such repository",
        bearer(Reply(404, JSON, error("NAME_UNKNOWN", 'Repository "acme" not found'))),
        ABSENT,
        "",
        "GoogleCloudPlatform/gke-gitops-tutorial-cloudbuild#15",
    ),
    Seen(
        "Google Artifact Registry",
        "no permission, or no such repository: no token",
        bearer(Reply(500), Reply(403, JSON, error("DENIED", HIDDEN))),
        UNKNOWN,
        "refused the credential from the test",
        "argoproj/argo-cd#26260",
    ),
    Seen(
        "Google Artifact Registry",
        "a name of two parts",
        bearer(Reply(400, JSON, error("NAME_INVALID", "Missing image name. Pushes should be of"))),
        UNKNOWN,
        "name_invalid Missing image name",
        "docker/build-push-action#171",
    ),
    Seen(
        "Harbor",
        "no such tag",
        bearer(Reply(404, JSON, error("NOT_FOUND", "artifact acme/web:1 not found"))),
        ABSENT,
        "",
        "buildpacks/lifecycle#304",
    ),
    Seen(
        "Harbor",
        "no permission",
        bearer(Reply(401, JSON, error("UNAUTHORIZED", "unauthorized to access repository"))),
        UNKNOWN,
        "refused the credential from the test",
        "goharbor/harbor#13988",
    ),
    Seen(
        "GitLab",
        "no permission, or no such project: no token",
        bearer(Reply(500), Reply(403, JSON, error("DENIED", "access forbidden"))),
        UNKNOWN,
        "refused the credential from the test",
        "getwud/wud#600",
    ),
    Seen(
        "Quay",
        "no such repository, for a robot that may create it",
        bearer(Reply(404, JSON, error("NAME_UNKNOWN", "repository not found")), needs="pull,push"),
        ABSENT,
        "",
        "quay/quay endpoints/v2/v2auth.py",
    ),
    Seen(
        "Docker Hub",
        "no such repository, and no permission to create it",
        bearer(Reply(500), needs="nothing that is granted"),
        UNKNOWN,
        "refused the credential from the test",
        "docker/build-push-action#160",
    ),
    Seen(
        "Artifactory",
        "no such tag, and a virtual repository with a part that we may not read",
        basic(403, b""),
        UNKNOWN,
        "may not read `acme/web`",
        "google/go-containerregistry#1691",
    ),
    Seen(
        "Fly",
        "no such app",
        basic(404, error("NAME_UNKNOWN", "app repository not found"), {**JSON, **VERSION}),
        ABSENT,
        "",
        "lyz7805/v2ray4flyio#18",
    ),
    Seen(
        "Docker Hub",
        "limit of pulls",
        bearer(Reply(429, {**JSON, **VERSION}, error("TOOMANYREQUESTS", LIMIT))),
        UNKNOWN,
        "has had too many requests",
        "docker/docs#21908",
    ),
    Seen(
        "Quay",
        "limit of requests, from nginx",
        bearer(Reply(429, HTML, NGINX)),
        UNKNOWN,
        "has had too many requests",
        "3scale/3scale-operator#583",
    ),
    Seen(
        "Quay",
        "limit of requests at the token server",
        bearer(Reply(500), Reply(429, HTML, NGINX)),
        UNKNOWN,
        "gave no token",
        "quay/quay#4133",
    ),
    Seen(
        "Docker Hub",
        "limit of all requests",
        bearer(Reply(429, {**TEXT, "Retry-After": "60"}, b"Too Many Requests (HAP429).\n")),
        UNKNOWN,
        "has had too many requests",
        "docker/hub-feedback#1907",
    ),
]


def result(script: Script) -> Present | Absent | HttpError:
    """Return what a HEAD of an image that we push comes to."""
    known = Credential("me", "a-secret", "the test")
    with (
        scripted_server(script) as server,
        Registry(credentials=lambda _: known, policy=QUICK, clock=FakeClock()) as registry,
    ):
        reference = parse_reference(f"{server.address}/acme/web:1")
        registry.pushes_to([reference.repository])
        try:
            return registry.head(reference)
        except HttpError as error:
            return error


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen.provider}: {seen.case}")
def test_what_a_provider_answers(seen: Seen) -> None:
    """Only an answer that says so after a login is absence; an error shows the provider's words."""
    found = result(seen.script)

    if seen.means == PRESENT:
        assert isinstance(found, Present)
        assert found.digest == DIGEST
    elif seen.means == ABSENT:
        assert found == Absent()
    else:
        assert isinstance(found, HttpError)
        assert seen.says in found.message


def test_lines_that_end_without_a_carriage_return() -> None:
    """As Docker Hub's rate limiter wrote them (docker/hub-feedback#1907): a 429, no absence."""
    raw = (
        b"HTTP/1.1 429 Too Many Requests\nCache-Control: no-cache\nConnection: close\n"
        b"Content-Type: text/plain\nRetry-After: 60\n\nToo Many Requests (HAP429).\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=_answer_always, args=(listening, raw), daemon=True)
        thread.start()
        with Registry(policy=QUICK) as registry, pytest.raises(HttpError) as caught:
            registry.head(parse_reference(f"{address}/acme/web:1"))
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()

    assert caught.value.status == 429
    assert "60 seconds" in caught.value.hint


def _answer_always(listening: socket.socket, raw: bytes) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            if connection.recv(65536).startswith((b"HEAD", b"GET")):
                connection.sendall(raw)
