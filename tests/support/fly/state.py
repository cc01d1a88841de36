"""The state of the fake Fly: organizations, apps, machines, releases, and a test's settings.

Fields as the API prints them: facts sections 3.4 and 4; superfly/fly-go `machine_types.go`
(`Machine`, `MachineImageRef`, `MachineCheckStatus`) and `types.go` (`Release`).
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fly.reference import ImageRef

GONE = ("destroying", "destroyed")
REGION = "iad"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the fake Fly answered.

    `surface` is `machines`, `graphql`, `rest`, `registry` or `flyctl`; what a real flyctl asks has
    `flyctl-` before it. `path` is the path with its query; for GraphQL the queried fields
    (`app.releasesUnprocessed`); for flyctl the whole command line, with its words in `argv`,
    `method` its command (`deploy`, `apps create`) and `status` its exit code (-1: it was killed; a
    real one has 0, as it is recorded when it starts). A dropped connection has status 0. `body` is
    what was sent to the Machines API.
    """

    surface: str
    method: str
    path: str
    status: int
    argv: tuple[str, ...] = ()
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """Machines that never get healthy: of an app, a region, an id, an image; empty matches all."""

    app: str = ""
    region: str = ""
    machine: str = ""
    image: str = ""

    def has(self, app: str, machine: Machine) -> bool:
        """Return whether a machine matches. `image` is any part of its reference or digest."""
        return (
            self.app in ("", app)
            and self.region in ("", machine.region)
            and self.machine in ("", machine.id)
            and self.image in f"{machine.image} {machine.image.digest}"
        )


@dataclass(slots=True)
class Knobs:
    """Settings that change how the fake Fly behaves; times in seconds, read at each request."""

    propagation_seconds: float = 0.0
    """How long a pushed image cannot be found by a deploy."""
    release_lag_seconds: float = 0.0
    """How much longer it cannot be found when a release is created: flyctl then gets 404."""
    registry_knows_app_after: float = 0.0
    retention_seconds: float | None = None
    start_seconds: float = 0.02
    check_seconds: float = 0.02
    latency: float = 0.0
    lease_seconds: float = 13.0
    mounts: bool = True
    """Whether blobs can be mounted from another app's repository. Not known (facts, 2.4)."""
    rate_limits: bool = False
    metadata_down: bool = False
    """Whether changing the metadata of machines answers 503, as it does alone at times."""
    unhealthy: list[Unhealthy] = field(default_factory=list)
    down: dict[str, str] = field(default_factory=dict)
    """The surfaces that are off, and how they fail: `503` or `drop`."""


@dataclass(slots=True)
class Lease:
    """A lease: its holder may change the machine, others get 409."""

    nonce: str
    owner: str
    until: float
    expires_at: int
    version: str


@dataclass(slots=True)
class Machine:
    """A machine; `config` is the whole configuration that was sent."""

    id: str
    name: str
    region: str
    config: dict[str, Any]
    image: ImageRef
    instance_id: str
    state: str
    created_at: str
    updated_at: str
    version: int = 1
    cordoned: bool = False
    started: float | None = None
    """By `time.monotonic`; None if it was never started."""
    lease: Lease | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Return the digest of its image."""
        return self.image.digest

    @property
    def process_group(self) -> str:
        """Return the process group of its metadata; empty if flyctl did not create the machine."""
        return str((self.config.get("metadata") or {}).get("fly_process_group", ""))

    def happened(self, kind: str, status: str, source: str = "user") -> None:
        """Insert an event at the front: the API lists the newest first."""
        stamp = int(time.time() * 1000)
        made = unique(self.id, kind, len(self.events))
        event = {"id": made, "type": kind, "status": status, "source": source, "timestamp": stamp}
        self.events.insert(0, event)


@dataclass(slots=True)
class Release:
    """A release. `status` is `running`, `complete`, `failed` or `interrupted` (facts, 5)."""

    id: str
    version: int
    image_ref: str
    digest: str
    config: dict[str, Any]
    strategy: str
    user: str
    created_at: str
    status: str = "running"
    description: str = "Release"


@dataclass(frozen=True, slots=True)
class Ip:
    """An IP address of an app; `kind` is `v4`, `v6`, `shared_v4` or `private_v6`."""

    ip: str
    kind: str
    created_at: str

    @property
    def shared(self) -> bool:
        """Return whether other apps have it, too."""
        return self.kind == "shared_v4"


@dataclass(slots=True)
class App:
    """An app; its releases are sorted from the oldest."""

    id: str
    name: str
    org: str
    number: int
    network: str
    created: float
    """By `time.monotonic`."""
    machines: list[Machine] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    ips: list[Ip] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """The digest of each secret, by its name."""
    volumes: list[dict[str, Any]] = field(default_factory=list)
    """As the Machines API prints them."""

    @property
    def alive(self) -> list[Machine]:
        """Return the machines that are not destroyed."""
        return [one for one in self.machines if one.state not in GONE]

    @property
    def status(self) -> str:
        """Return `pending` before the first complete release, then `deployed`."""
        return "deployed" if any(one.status == "complete" for one in self.releases) else "pending"

    @property
    def config(self) -> dict[str, Any]:
        """Return the fly.toml of the newest release, or an empty one."""
        return self.releases[-1].config if self.releases else {}

    @property
    def services(self) -> list[dict[str, Any]]:
        """Return the services of the first machine that has some."""
        configs = (one.config.get("services") or [] for one in self.alive)
        return next((found for found in configs if found), [])

    def machine(self, wanted: str) -> Machine | None:
        """Return the machine with that id."""
        return next((one for one in self.machines if one.id == wanted), None)


@dataclass(slots=True)
class World:
    """The whole state. Hold `lock` to read or write more than one value."""

    knobs: Knobs
    lock: threading.RLock = field(default_factory=threading.RLock)
    orgs: list[str] = field(default_factory=list)
    apps: dict[str, App] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    made: int = 0

    def create_app(self, name: str, org: str, network: str = "default") -> App:
        """Create an app; the caller has checked that the name is free."""
        with self.lock:
            self.made += 1
            if org not in self.orgs:
                self.orgs.append(org)
            app = App(unique("app", name)[:12], name, org, self.made, network, time.monotonic())
            self.apps[name] = app
            return app

    def of_org(self, org: str) -> list[App]:
        """Return the apps of an organization in the order of their creation."""
        with self.lock:
            return [app for app in self.apps.values() if app.org == org]

    def new_id(self, *parts: object) -> str:
        """Return hex digits that no other call returns."""
        with self.lock:
            self.made += 1
            return unique(self.made, *parts)

    def is_unhealthy(self, app: str, machine: Machine) -> bool:
        """Return whether that machine never gets healthy."""
        return any(one.has(app, machine) for one in self.knobs.unhealthy)

    def state(self, app: str, machine: Machine) -> str:
        """Return the state of a machine; starting takes a while, for ever if it is unhealthy."""
        if machine.state != "started" or machine.started is None:
            return machine.state
        if time.monotonic() < machine.started + self.knobs.start_seconds:
            return "starting"
        return (
            "starting" if self.is_unhealthy(app, machine) and not _checked(machine) else "started"
        )

    def checks(self, app: str, machine: Machine) -> list[dict[str, Any]]:
        """Return the health checks of a machine (`MachineCheckStatus` of fly-go)."""
        after = self.knobs.start_seconds + self.knobs.check_seconds
        due = machine.started is not None and time.monotonic() >= machine.started + after
        well = due and machine.state == "started" and not self.is_unhealthy(app, machine)
        status, output = ("passing", "200 OK") if well else ("critical", "connection refused")
        return [
            {"name": name, "status": status, "output": output, "updated_at": machine.updated_at}
            for name in _checked(machine)
        ]

    def healthy(self, app: str, machine: Machine) -> bool:
        """Return whether it is started and all of its checks pass."""
        passing = all(one["status"] == "passing" for one in self.checks(app, machine))
        return self.state(app, machine) == "started" and passing

    def images_in_use(self) -> Iterator[tuple[str, str]]:
        """Yield repository and digest of each machine's image, running or not (facts, 2.7)."""
        with self.lock:
            for app in self.apps.values():
                for machine in app.alive:
                    yield machine.image.repository, machine.digest


def _checked(machine: Machine) -> list[str]:
    config = machine.config
    names = list(config.get("checks") or {})
    for number, service in enumerate(config.get("services") or []):
        for check in service.get("checks") or []:
            kind, port = check.get("type", "tcp"), service.get("internal_port", 0)
            names.append(f"servicecheck-{number:02d}-{kind}-{port}")
    return names


def unique(*parts: object) -> str:
    """Return 26 hex digits that are derived from the parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:26]


def now() -> str:
    """Return the time in the API's format."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
