"""Credentials are sent only to a host that is proven: by its certificate, or as this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pipeline.http.addresses import not_loopback, not_public
from pipeline.http.connections import Connections
from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.http.send import send
from pipeline.http.tls import nothing
from pipeline.model.presence import Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential, Kind
from pipeline.registry.auth.namespace import Namespace
from pipeline.registry.client import Registry
from pipeline.registry.manifest import digest_of
from tests.support.scripted_server import Reply, Request, scripted_server
from tests.support.secured_registry import create_certificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.registry import Certificate

PATIENT = Policy(attempts=1, total=60.0, connect=30.0, read=30.0)
SECRET = "fm2_the-secret"
KNOWN = Credential("x", SECRET, "the test")
IDENTITY = Credential("x", SECRET, "the test", Kind.IDENTITY_TOKEN)
MANIFEST = b'{"schemaVersion": 2}'
FOUND = Reply(
    200,
    {
        "Content-Type": "application/vnd.oci.image.manifest.v1+json",
        "Docker-Content-Digest": str(digest_of(MANIFEST)),
    },
)
TOKEN = Reply(200, {}, b'{"token": "good"}')


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate of an unknown authority."""
    return create_certificate(tmp_path_factory.mktemp("tls"))


def registry_with_login(scheme: str, protocol: str = "https") -> Callable[[Request], Reply]:
    """Return a registry that requires Basic or Bearer authentication."""

    def script(request: Request) -> Reply:
        if request.path.startswith("/token"):
            return TOKEN
        if scheme == "Basic" and request.headers.get("authorization") == f"Basic {KNOWN.basic}":
            return FOUND
        realm = f"{protocol}://{request.headers['host']}/token"
        return Reply(401, {"WWW-Authenticate": f'{scheme} realm="{realm}"'})

    return script


def has_credential(requests: list[Request]) -> bool:
    """Return whether any request has a credential."""
    text = " ".join(f"{one.path} {dict(one.headers)} {one.body!r}" for one in requests)
    return any(form in text for form in KNOWN.forms)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("known", [KNOWN, IDENTITY])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1"])
def test_an_unchecked_certificate_gets_no_credential(
    certificate: Certificate, scheme: str, known: Credential, name: str
) -> None:
    """With `insecure = true`, which a project can set, no credential is sent."""
    with scripted_server(registry_with_login(scheme), certificate) as server:
        address = server.address.replace("127.0.0.1", name)
        with (
            Registry(
                credentials=lambda _: known, insecure=frozenset({address}), policy=PATIENT
            ) as registry,
            pytest.raises(HttpError) as caught,
        ):
            registry.head(parse_reference(f"{address}/acme:1"))

        assert server.requests
        assert not has_credential(server.requests)
    assert "the credential from the test is not sent to" in caught.value.message
    assert "whose certificate is not trusted" in caught.value.message
    assert f"certs.d/{address}/ca.crt" in caught.value.hint


def test_a_valid_certificate_gets_the_credential(certificate: Certificate) -> None:
    """A valid certificate is accepted in spite of `insecure`."""
    with scripted_server(registry_with_login("Basic"), certificate) as server:
        insecure = frozenset({server.address})
        with Registry(
            credentials=lambda _: KNOWN, insecure=insecure, policy=PATIENT, ca=certificate.ca
        ) as registry:
            assert isinstance(registry.head(parse_reference(f"{server.address}/a:1")), Present)
            assert registry.doubtful == frozenset()


def test_public_images_of_an_unauthenticated_host(certificate: Certificate) -> None:
    """Public images are read with the setting; nobody else gets a credential for that host."""
    with scripted_server(lambda _: FOUND, certificate) as server:
        insecure = frozenset({server.address})
        with Registry(credentials=lambda _: KNOWN, insecure=insecure, policy=PATIENT) as registry:
            assert isinstance(registry.head(parse_reference(f"{server.address}/a:1")), Present)
            assert registry.doubtful == insecure
            shows = registry.showing(lambda _: KNOWN)
            assert shows(Namespace(f"{server.address}/acme")) is None
            assert shows(Namespace("other.example.com")) is KNOWN
        assert not has_credential(server.requests)


@pytest.mark.parametrize("known", [KNOWN, IDENTITY])
def test_a_token_server_on_this_machine(monkeypatch: pytest.MonkeyPatch, known: Credential) -> None:
    """The token server of a registry on this machine may have another port."""
    with scripted_server(lambda _: TOKEN) as tokens, scripted_server(lambda _: Reply(502)) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        monkeypatch.setenv("no_proxy", "")

        def script(request: Request) -> Reply:
            if request.headers.get("authorization") == "Bearer good":
                return FOUND
            return Reply(401, {"WWW-Authenticate": f'Bearer realm="http://{tokens.address}/token"'})

        with (
            scripted_server(script) as server,
            Registry(credentials=lambda _: known, policy=PATIENT) as registry,
        ):
            assert isinstance(registry.head(parse_reference(f"{server.address}/a:1")), Present)

        assert has_credential(tokens.requests)
        assert proxy.requests == []


def test_no_credential_over_http_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain registry elsewhere, for which a proxy answers."""
    with scripted_server(registry_with_login("Basic", "http")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        for name in ("192.0.2.7:5000", "127.1:5000", "registry.test:5000"):
            with (
                Registry(
                    credentials=lambda _: KNOWN, insecure=frozenset({name}), policy=PATIENT
                ) as registry,
                pytest.raises(HttpError, match="over plain HTTP"),
            ):
                registry.head(parse_reference(f"{name}/acme/web:1"))
        assert proxy.requests
        assert not has_credential(proxy.requests)


def test_the_address_of_the_connection_is_checked() -> None:
    """The address of the connection is checked, not that of an earlier lookup."""
    with scripted_server(lambda _: Reply(200)) as server:
        port = server.address.rpartition(":")[2]
        there = f"localhost:{port}"
        http = Connections(nothing(), proxies=False, policy=PATIENT, forbidden=not_public)
        with pytest.raises(HttpError, match=r"is at .*, which is in a private network"):
            send(http, "GET", f"http://{there}/", headers={}, deadline=time.monotonic() + 30)
        http.close()
        assert server.requests == []
        here = Connections(nothing(), proxies=False, policy=PATIENT, forbidden=not_loopback)
        answer = send(here, "GET", f"http://{there}/", headers={}, deadline=time.monotonic() + 30)
        here.close()
        assert answer.inside


def test_names_of_other_machines() -> None:
    """A name such as `localhost` that resolves to another machine gets no credential over HTTP."""
    here = Connections(nothing(), proxies=False, policy=PATIENT, forbidden=not_loopback)
    with pytest.raises(HttpError, match=r"is at 192\.0\.2\.7, which is not this machine"):
        send(here, "GET", "http://192.0.2.7/", headers={}, deadline=time.monotonic() + 30)
    here.close()
