"""The kinds of faults, and a seeded random choice among them."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING

from tests.support.faults.fault import NO_ANSWER, Fault, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.faults.fault import Request

OTHER_DIGEST = f"sha256:{'5' * 64}"
OVERSIZE = b" " * (5 << 20)
"""Padding in front of JSON that is larger than a manifest may be (4 MiB)."""

_MANIFEST = re.compile(r"/v2/[^?]+/manifests/[^/?]+")
_SESSION = re.compile(r"(/blobs/uploads/)[^/?]+.*")
_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: `make` takes a random source and the address of a foreign server.

    `fits` says for which requests it is possible, `weight` how often it is chosen among those.
    """

    name: str
    make: Callable[[Random, str], Fault]
    fits: Callable[[Request], bool] = lambda _: True
    weight: float = 1.0


def no_faults(_request: Request) -> Fault | None:
    """Choose no fault for any request."""
    return None


class RandomFaults:
    """Choose a fault for a share of the requests, the same ones for the same seed.

    The choice depends on the seed, the request, and how often that request came before. It does not
    depend on the order of concurrent requests.
    """

    def __init__(self, *, seed: int, rate: float, stranger: str) -> None:
        self._seed, self._rate, self._stranger = seed, rate, stranger

    def __call__(self, request: Request) -> Fault | None:
        """Return the fault of a request, or `None` to forward it unchanged."""
        what = f"{request.method} {_plainly(request.path)} {request.number}"
        chance = Random(f"{self._seed} {what}")  # noqa: S311 - it is to come again
        if chance.random() >= self._rate:
            return None
        fitting = [kind for kind in KINDS if kind.fits(request)]
        chosen = chance.choices(fitting, [kind.weight for kind in fitting])[0]
        return chosen.make(chance, self._stranger)

    def resets_connection(self, connection: int) -> bool:
        """Return whether to reset the connection of that number before the TLS handshake."""
        chance = Random(f"{self._seed} connection {connection}")  # noqa: S311
        return chance.random() < self._rate / 10


def counter() -> Callable[[str, str], int]:
    """Return a counter of requests to the same path; all upload sessions count as one path."""
    seen: Counter[tuple[str, str]] = Counter()

    def count(method: str, path: str) -> int:
        key = method, _plainly(path)
        seen[key] += 1
        return seen[key]

    return count


def _plainly(path: str) -> str:
    return _SESSION.sub(r"\1", path)


def has_body(request: Request) -> bool:
    """Return whether the response has a body that matters to the client."""
    return request.method == "GET"


def is_head(request: Request) -> bool:
    """Return whether it is a HEAD."""
    return request.method == "HEAD"


def is_manifest_request(request: Request) -> bool:
    """Return whether the request concerns a manifest."""
    return bool(_MANIFEST.fullmatch(request.path.partition("?")[0]))


def _status(status: int, code: str = "", **headers: str) -> Fault:
    """Return a fault that sends a status with an error body of the OCI specification."""
    body = json.dumps({"errors": [{"code": code or "UNKNOWN", "message": "a fault"}]}).encode()
    reply = Reply(status, _JSON, body).given(**headers)
    return Fault(_name(status, headers), instead=reply)


def _name(status: int, headers: dict[str, str]) -> str:
    after = headers.get("Retry_After")
    return f"{status}" if after is None else f"{status}, {'s' if after.isdigit() else 'date'}"


def _login_page(status: int) -> Fault:
    return Fault(f"{status} html", instead=Reply(status, _HTML, b"<h1>Please log in</h1>"))


def _date(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _elsewhere(kind: str, location: str) -> Fault:
    return Fault(kind, instead=Reply(307, {"Location": location}))


def _challenge(kind: str, header: str) -> Fault:
    return Fault(kind, instead=Reply(401, {**_JSON, "WWW-Authenticate": header}))


def _many(where: str) -> str:
    return ", ".join(f'Bearer realm="https://{where}/{n}",service="s{n}"' for n in range(60))


def _garbage(chance: Random) -> str:
    return "".join(chance.choices('Bearerbasic="\\,;= \t', k=200))


def _no_head(status: int) -> Fault:
    return Fault(f"HEAD {status}", instead=Reply(status, _HTML))


def _halved(reply: Reply) -> Reply:
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])


def _scrambled(reply: Reply) -> Reply:
    middle = len(reply.body) // 2
    return Reply(
        reply.status, reply.headers, reply.body[:middle] + b"\x00" + reply.body[middle + 1 :]
    )


def _swollen(reply: Reply) -> Reply:
    return Reply(reply.status, reply.headers, reply.body + OVERSIZE)


def _lying(reply: Reply) -> Reply:
    known = any(name.lower() == "docker-content-digest" for name in reply.headers)
    return reply.given(docker_content_digest=OTHER_DIGEST) if known else reply


KINDS: tuple[Kind, ...] = (
    Kind("401", lambda _, __: _status(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="r"')),
    Kind("403", lambda _, __: _status(403, "DENIED")),
    Kind("404 html", lambda _, __: _login_page(404)),
    Kind("200 html", lambda _, __: _login_page(200), lambda a: has_body(a) or is_head(a)),
    Kind("408", lambda _, __: _status(408)),
    Kind("429, s", lambda _, __: _status(429, "TOOMANYREQUESTS", Retry_After="1")),
    Kind("429, date", lambda _, __: _status(429, "TOOMANYREQUESTS", Retry_After=_date(2))),
    Kind("500", lambda _, __: _status(500)),
    Kind("502 html", lambda _, __: _login_page(502)),
    Kind("503", lambda _, __: _status(503, "UNAVAILABLE")),
    Kind("503, s", lambda _, __: _status(503, "UNAVAILABLE", Retry_After="1")),
    Kind("504 html", lambda _, __: _login_page(504)),
    Kind("delay", lambda chance, _: Fault("delay", wait=chance.uniform(0.1, 1.5))),
    # Longer than the client waits for a response (`Policy.read`).
    Kind("stall", lambda _, __: Fault("stall", wait=11.0, instead=NO_ANSWER), weight=0.1),
    Kind("reset before", lambda _, __: Fault("reset before", instead=NO_ANSWER, reset=True)),
    Kind("closed before", lambda _, __: Fault("closed before", instead=NO_ANSWER)),
    Kind("reset after", lambda _, __: Fault("reset after", cut=0, reset=True)),
    Kind("reset inside", lambda c, _: Fault("reset inside", cut=c.randrange(1, 1200), reset=True)),
    Kind("closed inside", lambda c, _: Fault("closed inside", cut=c.randrange(1, 1200))),
    Kind("halved", lambda _, __: Fault("halved", change=_halved), has_body),
    Kind("other bytes", lambda _, __: Fault("other bytes", change=_scrambled), has_body),
    Kind("oversized", lambda _, __: Fault("oversized", change=_swollen), has_body, 0.5),
    Kind("other digest", lambda _, __: Fault("other digest", change=_lying), is_manifest_request),
    Kind(
        "no digest",
        lambda _, __: Fault("no digest", change=lambda r: r.given(docker_content_digest="none")),
        is_manifest_request,
    ),
    Kind(
        "other type",
        lambda _, __: Fault("other type", change=lambda r: r.given(content_type="text/html")),
        lambda a: has_body(a) or is_head(a),
    ),
    Kind("to a stranger", lambda _, w: _elsewhere("to a stranger", f"https://{w}/v2/")),
    Kind("to plain http", lambda _, w: _elsewhere("to plain http", f"http://{w}/v2/")),
    Kind("to inside", lambda _, __: _elsewhere("to inside", "https://127.0.0.3:9/v2/")),
    Kind("in circles", lambda _, __: _elsewhere("in circles", "#again")),
    Kind(
        "realm elsewhere",
        lambda _, w: _challenge("realm elsewhere", f'Bearer realm="https://{w}/token"'),
    ),
    Kind("realms, many", lambda _, w: _challenge("realms, many", _many(w))),
    Kind("realm, garbage", lambda c, _: _challenge("realm, garbage", _garbage(c))),
    Kind("HEAD 405", lambda _, __: _no_head(405), is_head),
    Kind("HEAD 404", lambda _, __: _no_head(404), is_head),
    Kind("garbage", lambda c, _: Fault("garbage", raw=c.randbytes(400))),
)
"""All kinds of faults. A registry's false answer cannot be recognized for one kind only: `other

digest` on a HEAD, as there is no body to compare it with.
"""
