"""Leases on machines: their holder sends the nonce with each change (facts, section 4)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.support.fly.refusal import RefusedError
from tests.support.fly.shapes import LEASE, checked
from tests.support.fly.wire import Answer
from tests.support.fly.world import Lease

if TYPE_CHECKING:
    from tests.support.fly.tokens import Token
    from tests.support.fly.wire import Asked
    from tests.support.fly.world import Machine, World

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


def release(machine: Machine) -> None:
    """Release the lease."""
    machine.lease = None


def answer(world: World, machine: Machine, token: Token, asked: Asked) -> Answer:
    """Answer `POST`, `GET` and `DELETE` of `…/lease`."""
    nonce = asked.headers.get(NONCE, "")
    if asked.method == "GET":
        lease = current(machine)
        if lease is None:
            raise RefusedError(404, "lease not found")
        return Answer(200, _json(lease, ""))
    if asked.method == "DELETE":
        require(machine, nonce)
        release(machine)
        return Answer(200, {"ok": True})
    if asked.method != "POST":
        raise RefusedError(404, "page not found")
    body = checked(asked.body or b"{}", LEASE)
    seconds = float(body.get("ttl") or asked.query.get("ttl") or world.knobs.lease_seconds)
    if nonce:
        return Answer(201, _json(_refresh(machine, nonce, seconds), nonce))
    lease = take(world, machine, f"{token.org}@tokens.fly.io", seconds)
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
