"""Logins: none, by password, by a token server; right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bcrypt
import pytest

from pipeline.http.errors import HttpError
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.blobs import accepts_uploads
from pipeline.registry.client import Registry as Client
from pipeline.registry.copy import copy
from sandbox.registry import Settings
from tests.contract_registries.looks import head
from tests.support.registries import is_distribution, kind, serve
from tests.support.small_images import (
    push_image,
)
from tests.support.token_server import Account, token_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.registry.auth.credential import CredentialSource
    from tests.support.registries import Registry

pytestmark = pytest.mark.registry
PASSWORD = "a-secret-for-the-registry"


def nobody(_host: str, /) -> None:
    """Return no credential."""


def login(user: str, password: str) -> CredentialSource:
    """Return one credential for all hosts."""
    return lambda _: Credential(user, password, "the test")


WRONG = [
    (nobody, "requires a login, and there is no credential for it"),
    (login("me", "wrong"), "refused the credential from the test"),
    (login("somebody", PASSWORD), "refused the credential from the test"),
]


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Start a registry that asks for a password."""
    folder = tmp_path_factory.mktemp("contract") / "basic"
    folder.mkdir()
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"me:{hashed}\n", encoding="utf-8")
    with serve(folder, Settings(htpasswd=folder / "htpasswd")) as running:
        yield running


@pytest.fixture(scope="module")
def bearer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Start a registry that sends its clients to a token server."""
    if not is_distribution():
        pytest.skip(f"{kind()} sends nobody to a token server")
    folder = tmp_path_factory.mktemp("contract") / "bearer"
    accounts = {"me": Account(PASSWORD), "reader": Account(PASSWORD, frozenset({"pull"}))}
    with (
        token_server(folder, accounts) as tokens,
        serve(folder, Settings(tokens=tokens)) as running,
    ):
        yield running


@pytest.mark.parametrize("login_kind", ["basic", "bearer"])
def test_a_login_reads_and_pushes(
    request: pytest.FixtureRequest, repository: str, login_kind: str
) -> None:
    """The right credential finds what is absent, copies an image there, and finds it."""
    registry: Registry = request.getfixturevalue(login_kind)
    pushed = push_image(repository, "1")
    with Client(credentials=_only(registry, login("me", PASSWORD))) as known:
        there = parse_reference(f"{registry.address}/acme/web:1")

        before = known.head(there)
        copied = copy(known, parse_reference(f"{repository}:1"), there)
        mounted = copy(known, there, parse_reference(f"{registry.address}/acme/other:1"))
        after = known.head(there)
        known.ping(registry.address)

    assert before == Absent()
    assert copied == mounted == (pushed.digest, True)
    assert isinstance(after, Present)


@pytest.mark.parametrize(("source", "message"), WRONG, ids=["none", "password", "user"])
@pytest.mark.parametrize("login_kind", ["basic", "bearer"])
def test_a_wrong_login_is_no_absence(
    request: pytest.FixtureRequest, login_kind: str, source: CredentialSource, message: str
) -> None:
    """Neither present nor absent: an error that names where the credential comes from."""
    registry: Registry = request.getfixturevalue(login_kind)
    with Client(credentials=source) as client:
        with pytest.raises(HttpError, match=message) as read:
            head(client, f"{registry.address}/acme/none:1")
        with pytest.raises(HttpError, match=message):
            accepts_uploads(client.connect(parse_reference(f"{registry.address}/a:1").repository))

    assert read.value.status == 401
    assert PASSWORD not in f"{read.value.message} {read.value.hint}"


def test_a_token_that_may_only_read(bearer: Registry, repository: str) -> None:
    """It finds out what exists, and a push is refused, not repeated."""
    push_image(repository, "1")
    there = parse_reference(f"{bearer.address}/acme/read-only:1")
    with Client(credentials=_only(bearer, login("reader", PASSWORD))) as reader:
        found = reader.head(there)
        with pytest.raises(HttpError) as refused:
            copy(reader, parse_reference(f"{repository}:1"), there)

    assert found == Absent()
    assert refused.value.status == 401


def _only(registry: Registry, source: CredentialSource) -> CredentialSource:
    return lambda host: source(host) if host == registry.address else None
