"""A token server that real distribution registries trust: it signs JSON web tokens.

Docker's registry token authentication (distribution, `docs/content/spec/auth/jwt.md`): the
registry checks the signature by the certificate in the header `x5c`, and the claims.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from sandbox.registry import TokenServer
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SERVICE = "contract"


@dataclass(frozen=True)
class Account:
    """A user of the token server, with the actions that it may be granted on every repository."""

    password: str
    actions: frozenset[str] = frozenset({"pull", "push", "delete"})


@dataclass(frozen=True)
class Signer:
    """A certificate authority, its key for tokens, and its `ca` file."""

    ca: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def token(self, user: str, access: list[dict[str, object]]) -> str:
        """Sign a token for `user` that is valid for five minutes."""
        der = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        head = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
        now = int(time.time())
        claims = {"iss": SERVICE, "sub": user, "aud": SERVICE, "jti": str(time.monotonic_ns())}
        times = {"iat": now - 30, "nbf": now - 30, "exp": now + 300}
        parts = ".".join(
            _encode(json.dumps(p).encode()) for p in (head, {**claims, **times, "access": access})
        )
        r, s = utils.decode_dss_signature(self.key.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{parts}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@contextmanager
def token_server(folder: Path, accounts: Mapping[str, Account]) -> Iterator[TokenServer]:
    """Serve tokens during the block; yield what a registry must know of it."""
    signer = _signer(folder)

    def script(request: Request) -> Reply:
        user, _, password = _basic(request).partition(":")
        account = accounts.get(user)
        if account is None or account.password != password:
            return Reply(401, {"Content-Type": "application/json"}, b'{"details": "wrong login"}')
        scopes = parse_qs(urlsplit(request.path).query).get("scope", [])
        access = [_granted(scope, account) for scope in scopes]
        body = json.dumps({"token": signer.token(user, access), "expires_in": 300})
        return Reply(200, {"Content-Type": "application/json"}, body.encode())

    with scripted_server(script) as server:
        yield TokenServer(f"http://{server.address}/token", SERVICE, signer.ca)


def _granted(scope: str, account: Account) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": sorted({*actions.split(",")} & account.actions)}


def _signer(folder: Path) -> Signer:
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert("token.example.com", key_type=trustme.KeyType.ECDSA)
    ca = folder / "tokens-ca.pem"
    authority.cert_pem.write_to_path(ca)
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    return Signer(ca, certificate, key)


def _basic(request: Request) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    return base64.b64decode(encoded).decode() if scheme == "Basic" else ""


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
