"""Actions on one machine, used by the Machines API and by flyctl (facts, section 4).

Error texts that are public: alchemy-run/distilled `packages/fly-io/patches/machines/` (start, wait,
leases). The others are written in the same style.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly import leases
from tests.support.fly.errors import RefusedError, not_answered
from tests.support.fly.http_server import Answer
from tests.support.fly.images import NotFoundError
from tests.support.fly.request_bodies import (
    CREATE_MACHINE,
    EXEC,
    NOTHING,
    SIGNAL,
    STOP,
    UPDATE_MACHINE,
    parse_body,
)
from tests.support.fly.state import GONE, REGION, Machine, now

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest
    from tests.support.fly.images import Images
    from tests.support.fly.rate_limits import RateLimits
    from tests.support.fly.reference import ImageRef
    from tests.support.fly.state import App, World
    from tests.support.fly.tokens import Token

LONGEST_WAIT = 60
WAITABLE = {"started", "stopped", "suspended", "destroyed", "failed"}
SETTLED = {"settled": tuple(WAITABLE)}
STOPPED = ("stopped", "suspended", "created", "failed")
ACTIONS = ("stop", "suspend", "cordon", "uncordon", "restart", "signal")
KILLING = ("SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", 9, 15, 2, 3)
OTHER_SIGNALS = (
    *("SIGABRT", "SIGALRM", "SIGFPE", "SIGHUP", "SIGILL", "SIGPIPE", "SIGSEGV", "SIGTRAP"),
    *("SIGUSR1", "SIGUSR2", 1, 10, 12),
)
SUMMARY_OMITS = ("config", "checks", "events", "host_status", "nonce")
GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}


@dataclass(frozen=True, slots=True)
class Actions:
    """Actions on the machines of one app with one token."""

    world: World
    images: Images
    limits: RateLimits
    app: App
    token: Token

    def create(self, request: HttpRequest) -> Answer:
        """Answer `POST …/machines`."""
        body = parse_body(request.body, CREATE_MACHINE)
        self.limits.take("create machine", self.app.name)
        config = body.get("config") or {}
        image = self._image(config)
        name = body.get("name") or ""
        with self.world.lock:
            taken = next((one for one in self.app.alive if name and one.name == name), None)
            if taken:
                text = f"unique machine name violation, machine ID {taken.id} already exists"
                raise RefusedError(409, f'already_exists: {text} with name "{name}"')
            region = body.get("region") or REGION
            machine = make(self.world, self.app, config, image, region=region, name=name)
            if not body.get("skip_launch"):
                launch(machine)
        if body.get("lease_ttl"):
            leases.take(self.world, machine, leases.owner_of(self.token), body["lease_ttl"])
        return Answer(200, as_json(self.world, self.app, machine, nonce=True))

    def read(self, machine: Machine, request: HttpRequest, path: tuple[str, ...]) -> Answer:
        """Answer `GET …/machines/ID` and the paths below it."""
        self.limits.take("get machine" if not path else path[0], machine.id)
        match path:
            case ():
                return Answer(200, as_json(self.world, self.app, machine))
            case ("wait",):
                return self._wait(machine, request)
            case ("events",):
                return Answer(200, machine.events)
            case ("versions",):
                current = {"version": machine.instance_id, "user_config": machine.config}
                return Answer(200, [current])
            case ("ps",):
                return Answer(200, _processes(machine))
        raise not_answered(request)

    def change(
        self, machine: Machine, request: HttpRequest, method: str, path: tuple[str, ...]
    ) -> Answer:
        """Answer `POST` and `DELETE` of a machine and of the paths below it."""
        self.limits.take(" ".join((method, *path[:1])), machine.id)
        match (method, *path):
            case ("POST",):
                return self._update(machine, request)
            case ("DELETE",):
                kill = {request.query.get(name) for name in ("force", "kill")}
                return self._delete(machine, force="true" in kill)
            case ("POST", "start"):
                return self._start(machine, request)
            case ("POST", "exec"):
                return _exec(machine, request)
            case ("POST", action) if action in ACTIONS:
                _send_event(machine, action, request.body or b"{}")
                return Answer(200, {"ok": True})
        raise not_answered(request)

    def _image(self, config: dict[str, Any]) -> ImageRef:
        wanted = config.get("image")
        if not wanted:
            raise RefusedError(400, "invalid config.image: image is required")
        try:
            return self.images.resolve(wanted, self.app.org, self.token).ref
        except NotFoundError as error:
            raise RefusedError(400, f"failed to get manifest {wanted}: {error}") from None

    def _update(self, machine: Machine, request: HttpRequest) -> Answer:
        body = parse_body(request.body, UPDATE_MACHINE)
        if machine.state in GONE:
            raise RefusedError(412, f"failed_precondition: machine is {machine.state}")
        version = body.get("current_version")
        if version and version != machine.instance_id:
            raise RefusedError(409, "aborted: current_version does not match the machine's version")
        image = self._image(body.get("config") or {})
        with self.world.lock:
            update(self.world, machine, body["config"], image, skip=bool(body.get("skip_launch")))
        return Answer(200, as_json(self.world, self.app, machine))

    def _start(self, machine: Machine, request: HttpRequest) -> Answer:
        parse_body(request.body or b"{}", NOTHING)
        if machine.state in ("created", *GONE):
            text = f"unable to start machine from current state: '{machine.state}'"
            raise RefusedError(412, f"failed_precondition: {text}")
        before = self.world.state(self.app.name, machine)
        launch(machine)
        return Answer(200, {"previous_state": before, "migrated": False, "new_host": ""})

    def _delete(self, machine: Machine, *, force: bool) -> Answer:
        if not force and machine.state not in STOPPED:
            text = "unable to destroy machine, not currently stopped, suspended, or created"
            raise RefusedError(412, f"failed_precondition: {text}")
        machine.state = "destroyed"
        machine.happened("destroy", "destroyed")
        return Answer(200, {"ok": True})

    def _wait(self, machine: Machine, request: HttpRequest) -> Answer:
        """Wait for a state. `state` may be repeated or have commas.

        No version is needed: flyctl waits for `stopped` and `destroyed` without one
        (`internal/machine/leasable_machine.go`, `WaitForState`).
        """
        given = (state for text in request.values("state") for state in text.split(","))
        wanted = {one for state in given for one in SETTLED.get(state, (state,))} or {"started"}
        if not wanted <= WAITABLE:
            raise RefusedError(400, f"invalid state: {sorted(wanted - WAITABLE)}")
        text = request.query.get("timeout", str(LONGEST_WAIT))
        if not text.isdigit() or not 0 < int(text) <= LONGEST_WAIT:
            raise RefusedError(400, f"timeout must be 1 to {LONGEST_WAIT} seconds, not {text}")
        end = time.monotonic() + int(text)
        while (state := self.world.state(self.app.name, machine)) not in wanted:
            if time.monotonic() >= end:
                named = ", ".join(sorted(wanted))
                text = f"machine failed to reach desired state, {named}, currently {state}"
                raise RefusedError(408, f"deadline_exceeded: {text}")
            time.sleep(0.01)
        return Answer(200, {"ok": True})


def make(
    world: World, app: App, config: dict[str, Any], image: ImageRef, *, region: str, name: str = ""
) -> Machine:
    """Create a machine in the state `created`."""
    made = world.new_id("machine", app.name)
    stamp = now()
    full = {"guest": GUEST, **config}
    machine = Machine(
        id=made[:14],
        name=name or f"machine-{made[14:20]}",
        region=region,
        config=full,
        image=image,
        instance_id=f"01{made[2:].upper()}",
        state="created",
        created_at=stamp,
        updated_at=stamp,
    )
    machine.happened("launch", "created")
    app.machines.append(machine)
    return machine


def update(
    world: World, machine: Machine, config: dict[str, Any], image: ImageRef, *, skip: bool = False
) -> None:
    """Replace the configuration and restart, unless `skip` is true and the machine is stopped."""
    machine.config = {"guest": GUEST, **config}
    machine.image = image
    machine.version += 1
    machine.instance_id = f"01{world.new_id('version', machine.id)[2:].upper()}"
    machine.updated_at = now()
    machine.happened("update", "replaced")
    if not skip:
        launch(machine)


def launch(machine: Machine) -> None:
    """Start a machine, which takes `start_seconds`."""
    machine.state = "started"
    machine.started = time.monotonic()
    machine.happened("start", "started", "flyd")


def as_json(world: World, app: App, machine: Machine, *, nonce: bool = False) -> dict[str, Any]:
    """Return `Machine` of fly-go; the nonce of a lease is in the response to the creation only."""
    checks = world.checks(app.name, machine)
    lease = machine.lease
    return {
        "id": machine.id,
        "name": machine.name,
        "state": world.state(app.name, machine),
        "region": machine.region,
        "image_ref": machine.image.as_json(),
        "instance_id": machine.instance_id,
        "version": machine.instance_id,
        "private_ip": f"fdaa:0:{app.number:x}::{machine.id[:4]}",
        "created_at": machine.created_at,
        "updated_at": machine.updated_at,
        "config": machine.config,
        "events": machine.events,
        **({"checks": checks} if checks else {}),
        **({"nonce": lease.nonce} if nonce and lease else {}),
        "host_status": "ok",
        "cordoned": machine.cordoned,
    }


def summary(machine: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that remain with `summary=true`."""
    return {name: value for name, value in machine.items() if name not in SUMMARY_OMITS}


def _send_event(machine: Machine, action: str, body: bytes) -> None:
    if action in ("stop", "suspend"):
        parse_body(body, STOP)
        machine.state = "stopped" if action == "stop" else "suspended"
        machine.happened(action, machine.state)
    elif action in ("cordon", "uncordon"):
        parse_body(body, NOTHING)
        machine.cordoned = action == "cordon"
    elif action == "signal":
        _signal(machine, body)
    else:
        parse_body(body, NOTHING)
        launch(machine)


def _signal(machine: Machine, body: bytes) -> None:
    """Send a signal by its name, or by its number as fly-go does (`flaps_machines.go`, `Kill`)."""
    sent = parse_body(body, SIGNAL).get("signal")
    if sent not in KILLING and sent not in OTHER_SIGNALS:
        raise RefusedError(400, f"invalid signal: {sent}")
    if sent in KILLING:
        machine.state = "stopped"
        machine.happened("exit", "stopped", "flyd")


def _exec(machine: Machine, request: HttpRequest) -> Answer:
    """Answer as a command that prints nothing: the machines run no programs."""
    body = parse_body(request.body, EXEC)
    if not (body.get("cmd") or body.get("command")):
        raise RefusedError(400, "invalid request: command is required")
    if machine.state != "started":
        raise RefusedError(412, f"failed_precondition: machine not running, is {machine.state}")
    return Answer(200, {"exit_code": 0, "stdout": "", "stderr": ""})


def _processes(machine: Machine) -> list[dict[str, Any]]:
    """Return one process, which listens on the port of each service."""
    ports = [one.get("internal_port") for one in machine.config.get("services") or []]
    sockets = [{"proto": "tcp", "address": f"0.0.0.0:{port}"} for port in ports]
    usage = dict.fromkeys(("stime", "rtime", "cpu", "rss"), 0)
    return [{"pid": 1, "command": "/app", "directory": "/", "listen_sockets": sockets, **usage}]
