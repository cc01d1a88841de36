"""The table in `docs/registry.md`: each row is checked with a server."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from msgspec.structs import replace

from pipeline.http.errors import HttpError
from pipeline.http.retry import TRANSIENT, Policy
from pipeline.http.send import MAX_BODY, MAX_ERROR_BODY
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.client import Registry
from tests.registry.test_answers import BODY, DIGEST, DISTRIBUTION, FOUND, INDEX, JSON, errors
from tests.support.scripted_server import Reply, Request, ScriptedServer, scripted_server
from tests.support.secured_registry import create_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE = Path(__file__).parents[2] / "docs" / "registry.md"
POLICY = Policy(attempts=3, pause=0.001, total=60.0, connect=30.0, read=30.0)
HASTY = replace(POLICY, read=0.3)
"""A short timeout, for the response that comes too late."""
HTML = {"Content-Type": "text/html"}
OTHER = f"sha256:{'0' * 64}"


class Row(NamedTuple):
    """A row of the table: the response, its meaning, whether it is retried, and the message."""

    answer: str
    means: str
    again: str
    message: str
    hint: str


def rows() -> list[Row]:
    """Return the rows of the table under "What an answer means"."""
    section = PAGE.read_text(encoding="utf-8").partition("## What an answer means")[2]
    lines = section.partition("\n## ")[0].splitlines()
    cells = [[c.strip() for c in line[1:-1].split("|")] for line in lines if line.startswith("|")]
    return [Row(*row) for row in cells[2:]]


def get_only(head: Reply, get: Reply) -> Callable[[Request], Reply]:
    """Return a server with different responses to HEAD and GET."""
    return lambda request: head if request.method == "HEAD" else get


def answer_slowly(_: Request) -> Reply:
    """Answer after the timeout."""
    time.sleep(HASTY.read * 2)
    return Reply(200, FOUND)


def redirect_to_itself(request: Request) -> Reply:
    """Redirect to the same address."""
    return Reply(307, {"Location": request.path})


def challenged(realm: str) -> Callable[[Request], Reply]:
    """Return a registry that requires a token from `realm`."""
    return lambda _: Reply(401, {**DISTRIBUTION, "WWW-Authenticate": f'Bearer realm="{realm}"'})


SCRIPTS: Mapping[str, Callable[[Request], Reply]] = {
    "200, with a digest and a manifest's type": lambda _: Reply(200, FOUND),
    "200 without one of them; GET gives a manifest": get_only(
        Reply(200, JSON), Reply(200, FOUND, BODY)
    ),
    "404 with the headers of a registry": lambda _: Reply(404, DISTRIBUTION),
    "404 without; GET gives 404 and `MANIFEST_UNKNOWN` or its like": get_only(
        Reply(404), Reply(404, JSON, errors("MANIFEST_UNKNOWN"))
    ),
    "404 of any other server": lambda _: Reply(404, HTML, b"<h1>Not Found</h1>"),
    "405 or 501 to HEAD; GET gives a manifest": get_only(Reply(405), Reply(200, FOUND, BODY)),
    "405 or 501 to HEAD; GET gives a registry's 404": get_only(
        Reply(501), Reply(404, JSON, errors("NAME_UNKNOWN"))
    ),
    "200 to HEAD, and a registry's 404 to GET": get_only(
        Reply(200, HTML), Reply(404, JSON, errors("MANIFEST_UNKNOWN"))
    ),
    "401, and we have no credential": lambda _: Reply(401, DISTRIBUTION),
    "401, and we have shown one": lambda _: Reply(401, DISTRIBUTION),
    "401 that sends us to another host for a token": challenged("https://evil.example.com/token"),
    "403": lambda _: Reply(403, DISTRIBUTION, errors("DENIED")),
    "407": lambda _: Reply(407, HTML),
    "429": lambda _: Reply(429, {**DISTRIBUTION, "Retry-After": "0"}),
    "429 with `Retry-After: 3600`": lambda _: Reply(429, {"Retry-After": "3600"}),
    "408, 500, 502, 503 or 504": lambda _: Reply(503, DISTRIBUTION),
    "any other status": lambda _: Reply(418, DISTRIBUTION),
    "a redirect that we do not follow ([why](#redirects))": lambda _: Reply(
        307, {"Location": "http://user@127.0.0.1/"}
    ),
    "redirects without an end": redirect_to_itself,
    "a redirect to nowhere": lambda _: Reply(307),
    "200 with a page, or another document": lambda _: Reply(200, HTML, b"<h1>Log in</h1>"),
    "a manifest whose bytes are not of the digest beside them": get_only(
        Reply(200), Reply(200, {**FOUND, "Docker-Content-Digest": OTHER}, BODY)
    ),
    "more than 4 MiB": get_only(
        Reply(200), Reply(200, {"Content-Type": INDEX}, BODY + b" " * MAX_BODY)
    ),
    "no answer in time": answer_slowly,
    "a connection that is closed or reset": lambda _: Reply(0),
}


def result_of_row(row: Row, folder: Path) -> tuple[object, list[Request], str]:
    """Return the result of a HEAD, the requests, and the host."""
    if row.answer == "nobody listens":
        with scripted_server(lambda _: Reply(200)) as gone:
            pass
        return outcome(gone, anonymous=True), [], gone.address
    if row.answer == "a certificate that is not trusted":
        with scripted_server(lambda _: Reply(200, FOUND), create_certificate(folder)) as server:
            return outcome(server, anonymous=True), server.requests, server.address
    with scripted_server(SCRIPTS[row.answer]) as server:
        anonymous = row.answer == "401, and we have no credential"
        policy = HASTY if SCRIPTS[row.answer] is answer_slowly else POLICY
        found = outcome(server, anonymous=anonymous, policy=policy)
        return found, server.requests, server.address


def outcome(server: ScriptedServer, *, anonymous: bool, policy: Policy = POLICY) -> object:
    """Return what `head` returns or raises."""
    who = None if anonymous else Credential("me", "a-secret", "SOURCE")
    with Registry(credentials=lambda _: who, policy=policy) as registry:
        try:
            return registry.head(parse_reference(f"{server.address}/acme/web:1"))
        except HttpError as error:
            return error


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.answer)
def test_a_response_means_what_is_documented(row: Row, tmp_path: Path) -> None:
    """Present, absent or unknown; retried or not; with the exact message."""
    found, requests, host = result_of_row(row, tmp_path)

    means = (
        "present"
        if isinstance(found, Present)
        else "absent"
        if isinstance(found, Absent)
        else "unknown"
    )
    assert means == row.means
    if isinstance(found, HttpError):
        assert found.exit_code == 4
        assert found.message.replace(host, "HOST").replace(DIGEST, "D").replace(OTHER, "O") == (
            row.message
        )
        assert found.hint.replace(host, "HOST") == row.hint
    else:
        assert row.message == row.hint == ""
    if requests:
        first = max(sum(one.method == method for one in requests) for method in ("HEAD", "GET"))
        assert (first == POLICY.attempts) == (row.again == "yes")


def test_every_response_is_documented() -> None:
    """Each row has a script, and each script a row."""
    others = {"nobody listens", "a certificate that is not trusted"}

    assert {row.answer for row in rows()} == {*SCRIPTS, *others}


def test_the_numbers_are_documented() -> None:
    """Attempts, pauses, timeouts and sizes are those of the code."""
    policy, page = Policy(), PAGE.read_text(encoding="utf-8")
    numbers = dict(re.findall(r"^\| ([^|]+?) \| ([\d.]+)", page, re.MULTILINE))

    assert numbers["attempts at one request"] == str(policy.attempts)
    assert numbers["pause before the second, in seconds"] == str(policy.pause)
    assert numbers["one request with all its attempts, in seconds"] == f"{policy.total:.0f}"
    assert numbers["failures beyond its successes before a host is left alone"] == str(
        policy.allowance
    )
    assert numbers["to connect, in seconds"] == f"{policy.connect:.0f}"
    assert numbers["to wait for the next bytes, in seconds"] == f"{policy.read:.0f}"
    assert numbers["a manifest, in MiB"] == str(MAX_BODY >> 20)
    assert numbers["any other answer, in KiB"] == str(MAX_ERROR_BODY >> 10)
    assert ", ".join(map(str, sorted(TRANSIENT))) in page
