"""Leases on machines: whoever holds one sends its nonce with each change (facts, section 4)."""

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
    """The lease of a machine, if it has not run out."""
    lease = machine.lease
    return lease if lease is not None and time.monotonic() < lease.until else None


def require(machine: Machine, nonce: str) -> None:
    """Let through whoever holds the lease, and anybody where there is none.

    Raises:
        RefusedError: 409, somebody else holds it.

    """
    lease = current(machine)
    if lease is not None and nonce != lease.nonce:
        raise RefusedError(409, f"lease currently held by {lease.owner}")


def take(world: World, machine: Machine, owner: str, seconds: float) -> Lease:
    """A new lease; 409 where there is one."""
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
    """Give it back."""
    machine.lease = None


def answer(world: World, machine: Machine, token: Token, asked: Asked) -> Answer:
    """`POST`, `GET` and `DELETE` of `…/lease`."""
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
