"""Each kind of fault between our client and a real registry: the right result, or an error."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.client import Registry
from pipeline.registry.copy import copy
from sandbox.registry import Certificate
from tests.faults.truth import Truth
from tests.support.faults import KINDS, Fault, Kind, Proxy, RandomFaults, Request, faulty_proxy
from tests.support.scripted_server import Reply, scripted_server
from tests.support.scripted_server import Request as Arrived
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.reference import Reference
    from tests.support.registries import Registry as Server

    Choose = Callable[[Request], Fault | None]

QUICK = Policy(pause=0.001, total=5.0, connect=1.0, read=1.0)
PATIENT = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""For faults that need no timeout, on a busy machine."""
TOKEN = "a-secret-for-the-registry"

PASSES = {
    *("408", "429, s", "429, date", "500", "502 html", "503", "503, s", "504 html"),
    *("delay", "stall", "reset before", "closed before", "reset after", "reset inside"),
    *("closed inside", "garbage", "halved", "other bytes", "no digest"),
}
"""Faults that a retry overcomes, for any request."""

HARMLESS = {
    *("delay", "stall", "other digest", "no digest", "other type"),
    *("reset inside", "closed inside", "HEAD 404", "HEAD 405"),
}
"""Faults that, even if permanent, leave the right result in some response."""

BY_HEAD = {"404 html", "200 html", "other type", "HEAD 405", "HEAD 404"}
"""Faults of a HEAD that a GET resolves."""


@dataclass(frozen=True, slots=True)
class FaultyRegistry:
    """A real registry with the image `acme/api:1`, behind a proxy; and a foreign server.

    Each test has its own proxy and foreign server: a request of an earlier test may still run.
    """

    proxy: Proxy
    truth: Truth
    ca: Path
    stranger: str
    strangers: list[Arrived]

    def at(self, name: str) -> Reference:
        """Return a reference through the proxy."""
        return parse_reference(f"{self.proxy.address}/acme/{name}")

    def client(self, policy: Policy = QUICK) -> Registry:
        """Return a client that trusts the proxy and has the registry's credential."""
        return Registry(
            credentials=lambda _: Credential("x", TOKEN, "the test"), ca=self.ca, policy=policy
        )


@dataclass(frozen=True, slots=True)
class Upstream:
    """The registry itself, and its certificate, which the proxies use, too."""

    registry: Server
    certificate: Certificate
    truth: Truth


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """Start one registry for all tests of this file."""
    folder = tmp_path_factory.mktemp("behind") / "registry"
    with secured_registry(folder, user="x", password=TOKEN) as (registry, _):
        ca = folder / "ca.pem"
        truth = Truth(registry.address, ca, "x", TOKEN)
        truth.put("acme/api", "1")
        yield Upstream(
            registry, Certificate(folder / "server.pem", folder / "server.key", ca), truth
        )


@pytest.fixture
def faulty_registry(upstream: Upstream) -> Iterator[FaultyRegistry]:
    """Start a proxy in front of it, without faults."""
    certificate = upstream.certificate
    with (
        faulty_proxy(upstream.registry, certificate) as proxy,
        scripted_server(
            lambda _: Reply(200, {"Content-Type": "text/html"}, b"hi"), certificate
        ) as other,
    ):
        stranger = other.address.replace("127.0.0.1", "localhost")
        yield FaultyRegistry(proxy, upstream.truth, certificate.ca, stranger, other.requests)


def only_first(faulty_registry: FaultyRegistry, kind: Kind, method: str = "") -> Choose:
    """Choose the fault for the first request that it fits, and no other."""
    left = [kind]

    def choose(request: Request) -> Fault | None:
        if left and method in ("", request.method) and kind.fits(request):
            return left.pop().make(Random(1), faulty_registry.stranger)  # noqa: S311
        return None

    return choose


def always(faulty_registry: FaultyRegistry, kind: Kind) -> Choose:
    """Choose the fault for every request that it fits."""
    chance = Random(1)  # noqa: S311
    return lambda request: (
        kind.make(chance, faulty_registry.stranger) if kind.fits(request) else None
    )


def found(registry: Registry, reference: Reference) -> Present | Absent | HttpError:
    """Return a client's result."""
    try:
        return registry.head(reference)
    except HttpError as error:
        return error


@contextmanager
def tolerate(kind: Kind) -> Iterator[None]:
    """Accept an error only for faults that a retry does not overcome."""
    try:
        yield
    except HttpError as error:
        if kind.name in PASSES:
            pytest.fail(f"{kind.name} was not got over: {error.message}")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_one_fault_during_a_query(faulty_registry: FaultyRegistry, kind: Kind) -> None:
    """A temporary fault gives the right result; any other an error, which is never absence."""
    for name, there in (("api:1", True), ("api:none", False)):
        faulty_registry.proxy.choose = only_first(faulty_registry, kind)
        with faulty_registry.client() as registry:
            answer = found(registry, faulty_registry.at(name))

        if isinstance(answer, HttpError):
            # Present by a login page's HEAD, absent by the registry's GET: neither counts.
            contradiction = kind.name == "200 html" and not there
            # A 404 that only its body shows to be a registry's, and that body is altered.
            altered = kind.name in {"halved", "other bytes"} and not there
            undecided = altered and not faulty_registry.truth.shows_itself()
            assert contradiction or undecided or kind.name not in PASSES | BY_HEAD, answer.message
            assert answer.message
            assert answer.hint
        else:
            assert isinstance(answer, Present) == there
    assert [one for one in faulty_registry.strangers if "authorization" in one.headers] == []


@pytest.mark.parametrize(
    "kind",
    [k for k in KINDS if k.name not in {*HARMLESS, "429, date", "503, s"}],
    ids=lambda kind: kind.name,
)
def test_permanent_faults(faulty_registry: FaultyRegistry, kind: Kind) -> None:
    """Neither present nor absent, in limited time; if only GET fails, HEAD is enough."""
    faulty_registry.proxy.choose = always(faulty_registry, kind)
    for name, there in (("api:1", Present), ("api:none", Absent)):
        began = time.monotonic()
        with faulty_registry.client() as registry:
            answer = found(registry, faulty_registry.at(name))

        by_head = not kind.fits(Request("HEAD", "/v2/acme/api/manifests/1", 1))
        if by_head and there is Absent and not faulty_registry.truth.shows_itself():
            # Only the body of a GET shows that a registry gives the 404.
            assert isinstance(answer, Absent | HttpError)
        else:
            assert isinstance(answer, there if by_head else HttpError)
        assert time.monotonic() - began < 10 * QUICK.total
    # Three by HEAD and one by GET, or five redirects.
    assert len(faulty_registry.proxy.log) <= 2 * max(QUICK.attempts + 1, 5)


@pytest.mark.parametrize(
    "kind",
    [k for k in KINDS if k.fits(Request("GET", "/v2/acme/api/manifests/1", 1))],
    ids=lambda kind: kind.name,
)
def test_one_fault_while_a_manifest_is_read(faulty_registry: FaultyRegistry, kind: Kind) -> None:
    """The exact bytes, or an error."""
    faulty_registry.proxy.choose = only_first(faulty_registry, kind, "GET")
    with faulty_registry.client() as registry, tolerate(kind):
        digest = registry.manifest(faulty_registry.at("api:1")).digest
        assert digest == faulty_registry.truth.digest("acme/api", "1")


@pytest.mark.parametrize(
    "kind",
    [k for k in KINDS if k.fits(Request("PUT", "/v2/acme/api/manifests/1", 1))],
    ids=lambda kind: kind.name,
)
def test_one_fault_while_a_tag_is_put(faulty_registry: FaultyRegistry, kind: Kind) -> None:
    """If the put is reported as done, it is; temporary faults are retried."""
    tag = f"put-{KINDS.index(kind)}"
    with faulty_registry.client() as registry:
        manifest = registry.manifest(faulty_registry.at("api:1"))
        faulty_registry.proxy.choose = only_first(faulty_registry, kind, "PUT")
        with tolerate(kind):
            registry.put(faulty_registry.at(f"api:{tag}"), manifest)
            assert faulty_registry.truth.digest("acme/api", tag) == manifest.digest


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_response_cut_at_any_byte(faulty_registry: FaultyRegistry, *, reset: bool) -> None:
    """In head or body: retried, with the right result."""
    digest = faulty_registry.truth.digest("acme/api", "1")
    with faulty_registry.client(PATIENT) as registry:
        for cut in range(0, 1000, 47):
            broken = Kind("cut", lambda *_, cut=cut: Fault("cut", cut=cut, reset=reset))
            faulty_registry.proxy.choose = only_first(faulty_registry, broken)
            assert registry.manifest(faulty_registry.at("api:1")).digest == digest
            faulty_registry.proxy.choose = only_first(faulty_registry, broken)
            assert registry.head(faulty_registry.at("api:1")).digest == digest  # type: ignore[union-attr]


def test_a_copy_is_whole_or_an_error(faulty_registry: FaultyRegistry) -> None:
    """A fifth of all requests fails: a copy that is reported as done is complete."""
    if faulty_registry.truth.shares_blobs():
        pytest.skip("this registry finds every blob in each repository: nothing is uploaded")
    ends: Counter[str] = Counter()
    for seed in range(12):
        faulty_registry.proxy.choose = RandomFaults(
            seed=seed, rate=0.2, stranger=faulty_registry.stranger
        )
        target = f"copies/{seed}"
        there = parse_reference(f"{faulty_registry.proxy.address}/{target}:1")
        with faulty_registry.client() as registry:
            try:
                copy(registry, faulty_registry.at("api:1"), there)
            except HttpError:
                ends["error"] += 1
            else:
                ends["copied"] += 1
                assert faulty_registry.truth.lacks(target, "1") == []
        assert all(
            faulty_registry.truth.lacks(target, tag) == []
            for tag in faulty_registry.truth.tags(target)
        )
    assert ends["error"]
    assert ends["copied"]


def test_a_copy_does_not_multiply_attempts(faulty_registry: FaultyRegistry) -> None:
    """If uploads always fail, each blob has three attempts, not nine."""
    if faulty_registry.truth.shares_blobs():
        pytest.skip("this registry finds every blob in each repository: nothing is uploaded")
    broken = next(kind for kind in KINDS if kind.name == "503")
    fault = broken.make(Random(1), "")  # noqa: S311
    faulty_registry.proxy.choose = lambda request: (
        fault if request.method == "PUT" and "/blobs/" in request.path else None
    )
    # Another name is another host, from which nothing can be mounted.
    other = faulty_registry.proxy.address.replace("127.0.0.1", "localhost")
    with faulty_registry.client(PATIENT) as registry, pytest.raises(HttpError, match="503"):
        copy(registry, faulty_registry.at("api:1"), parse_reference(f"{other}/refused/api:1"))

    uploads = Counter(
        d.path.partition("digest=")[2] for d in faulty_registry.proxy.log if d.method == "PUT"
    )
    assert len(uploads) == 2
    assert set(uploads.values()) == {QUICK.attempts}


def test_a_broken_handshake_is_not_plain_http(faulty_registry: FaultyRegistry) -> None:
    """Two connections are reset before TLS begins: HTTPS is still used."""

    class Handshakes(RandomFaults):
        def resets_connection(self, connection: int) -> bool:
            return connection - before <= 2

    before = faulty_registry.proxy.connections
    faulty_registry.proxy.choose = Handshakes(seed=1, rate=0.0, stranger=faulty_registry.stranger)
    with faulty_registry.client() as registry:
        assert isinstance(registry.head(faulty_registry.at("api:1")), Present)
    assert faulty_registry.proxy.hung_up >= 2


def test_a_foreign_challenge_is_not_remembered(faulty_registry: FaultyRegistry) -> None:
    """A response with a hostile realm fails one request; the next one is normal."""
    hostile = next(kind for kind in KINDS if kind.name == "realm elsewhere")
    faulty_registry.proxy.choose = only_first(faulty_registry, hostile)
    with faulty_registry.client() as registry:
        with pytest.raises(HttpError, match="address that is not trusted"):
            registry.head(faulty_registry.at("api:1"))
        assert isinstance(registry.head(faulty_registry.at("api:1")), Present)
    assert faulty_registry.strangers == []
