"""Leases on machines: their holder sends the nonce with each change (facts, section 4)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.http_server import Answer
from tests.support.fly.request_bodies import LEASE, parse_body
from tests.support.fly.state import Lease

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.state import Machine, World
    from tests.support.fly.tokens import Token

NONCE = "fly-machine-lease-nonce"


def current(machine: Machine) -> Lease | None:
    """Return the lease of a machine, unless it has expired."""
    lease = machine.lease
    return lease if lease is not None and time.monotonic() < lease.until else None


def require(machine: Machine, nonce: str) -> None:
    """Check that the machine has no lease, or that this is its nonce.

    Raises:
        RefusedError: 409, another client holds the lease.

    """
    lease = current(machine)
    if lease is not None and nonce != lease.nonce:
        raise RefusedError(409, f"lease currently held by {lease.owner}")


def take(world: World, machine: Machine, owner: str, seconds: float) -> Lease:
    """Take a lease; 409 if there is one already."""
    with world.lock:
        require(machine, "")
        made = Lease(
            nonce=world.new_id("lease", machine.id)[:12],
            owner=owner,
            until=time.monotonic() + seconds,
            expires_at=int(time.time() + seconds),
            version=world.new_id("version", machine.id),
        )
        machine.lease = made
        return made


def owner_of(token: Token) -> str:
    """Return the owner of a lease that is taken with a token, also while a machine is created."""
    return f"{token.org}@tokens.fly.io"


def release(machine: Machine) -> None:
    """Release the lease."""
    machine.lease = None


def answer(world: World, machine: Machine, token: Token, request: HttpRequest) -> Answer:
    """Answer `POST`, `GET` and `DELETE` of `…/lease`."""
    nonce = request.headers.get(NONCE, "")
    if request.method == "GET":
        lease = current(machine)
        if lease is None:
            raise RefusedError(404, "lease not found")
        return Answer(200, _json(lease, ""))
    if request.method == "DELETE":
        require(machine, nonce)
        release(machine)
        return Answer(200, {"ok": True})
    if request.method != "POST":
        raise not_answered(request)
    body = parse_body(request.body or b"{}", LEASE)
    seconds = float(body.get("ttl") or request.query.get("ttl") or world.knobs.lease_seconds)
    if nonce:
        return Answer(201, _json(_refresh(machine, nonce, seconds), nonce))
    lease = take(world, machine, owner_of(token), seconds)
    return Answer(201, _json(lease, lease.nonce))


def _refresh(machine: Machine, nonce: str, seconds: float) -> Lease:
    require(machine, nonce)
    lease = current(machine)
    if lease is None:
        raise RefusedError(404, "lease not found")
    lease.until = time.monotonic() + seconds
    lease.expires_at = int(time.time() + seconds)
    return lease


def _json(lease: Lease, nonce: str) -> dict[str, Any]:
    shown = {"nonce": nonce} if nonce else {}
    data = {**shown, "expires_at": lease.expires_at, "owner": lease.owner, "version": lease.version}
    return {"status": "success", "data": data}
