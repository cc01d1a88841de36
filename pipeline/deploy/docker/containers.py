"""The containers of the driver `docker`: their names, their labels, and how they are created.

The engine keeps all state. A release has a container for each process group. The container of the
default group has the app's name while it serves, those of other groups are called `APP.GROUP`. A
new container is called `APP.r3` until it takes over; the one that it replaces is then called
`APP.r2.old`, and is kept, stopped, for a rollback, like some of those before it. Labels hold the
rest of a release: image, `fly.toml`, ports on the proxy.
"""

from __future__ import annotations

import json
import random
import shlex
import socket
from typing import TYPE_CHECKING, Any

import docker
from msgspec import Struct, field

from ...model.configuration import Configuration
from ...model.stamp import Stamp, read_stamp, tag_of_inputs
from ...reference import Digest, parse_reference

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.stamp import Left, Revision
    from ...reference import Reference
    from .proxy_tcp import SocketAddress
    from .service import Group, Service

NETWORK = "pipeline"
APP, DIGEST, RELEASE = "pipeline.app", "pipeline.digest", "pipeline.release"
GROUP, IMAGE, CONFIG, PROXY_PORTS = (
    "pipeline.group",
    "pipeline.image",
    "pipeline.config",
    "pipeline.front",
)
STAMP, CONTENTS = "pipeline.stamp", "pipeline.contents"
PROJECT = "pipeline.project"
"""The folder of the project that deployed the app; `down` removes containers by it."""
DEFAULT = "pipeline.default-group"
OLD = ".old"
HOST = "127.0.0.1"
_FIRST_PORT, _PORTS = 25000, 7000
"""Above the ports of the proxy, below those that systems assign themselves (from 32768 on Linux).
"""


class Spec(Struct, frozen=True):
    """What a release is made of. `image` is pinned by digest.

    `revision` is the commit that it is deployed from, if there is one; `root` is the folder of the
    project. With `back`, `revision` is the commit that somebody rolled back from, and `left` what
    ran then. `restored` is the number of the release that is deployed again.
    """

    app: str
    image: Reference
    configuration: Configuration = field(default_factory=Configuration)
    revision: Revision | None = None
    root: Path | None = None
    back: bool = False
    left: tuple[Left, ...] = ()
    restored: str = ""

    def stamp(self, release: str) -> Stamp:
        """Return the stamp that containers of the release have as a label."""
        image, configuration = self.image.digest, self.configuration.digest
        assert image  # noqa: S101 - it is pinned
        return Stamp(
            configuration,
            image,
            release,
            self.revision,
            back=self.back,
            tag=tag_of_inputs(self.image.tag),
            left=self.left,
            restored=self.restored,
        )

    @property
    def pinned(self) -> str:
        """The image as the engine takes it: by digest, without a tag."""
        return f"{self.image.repository}@{self.image.digest}"


class NewRelease(Struct, frozen=True):
    """A release to start. `service` is read from `spec.configuration`.

    `reserved` has the app's ports on the proxy by route key, `None` without a proxy. `replaces`
    says whether a release serves now.
    """

    spec: Spec
    service: Service
    number: int
    reserved: Mapping[str, int] | None
    replaces: bool = True


class DeployedRelease(Struct, frozen=True):
    """A release that has containers, running or not; that of the default group comes first."""

    number: int
    containers: tuple[Container, ...]

    @property
    def first(self) -> Container:
        """The container of the default group."""
        return self.containers[0]

    @property
    def proxy_ports(self) -> dict[str, int]:
        """The app's ports on the proxy by route key; none without a proxy."""
        return {key: port for c in self.containers for key, port in proxy_ports(c).items()}


def all_containers(client: DockerClient) -> list[Container]:
    """Return all containers of this driver on the engine, running or not."""
    found = client.containers.list(all=True, filters={"label": APP}, ignore_removed=True)
    return list(found)


def owned(containers: Sequence[Container], root: str, apps: Collection[str]) -> list[Container]:
    """Return the containers of the apps that the project at `root` deployed last, of all releases.

    If the newest release of an app names no project, as those of versions before 0.2, the app
    belongs to whoever has an app of that name.
    """
    newest: dict[str, Container] = {}
    for container in sorted(containers, key=lambda c: int(c.labels[RELEASE])):
        newest[container.labels[APP]] = container
    mine = {
        app
        for app, container in newest.items()
        if (container.labels.get(PROJECT) or (root if app in apps else "")) == root
    }
    return [container for container in containers if container.labels[APP] in mine]


def deployed(containers: Sequence[Container]) -> tuple[DeployedRelease, ...]:
    """Group the containers of one app into releases, newest first."""
    by_number: dict[int, list[Container]] = {}
    for container in sorted(containers, key=lambda c: not c.labels.get(DEFAULT, "yes")):
        by_number.setdefault(int(container.labels[RELEASE]), []).append(container)
    return tuple(
        DeployedRelease(n, tuple(found)) for n, found in sorted(by_number.items(), reverse=True)
    )


def serving(app: str, releases: Sequence[DeployedRelease]) -> DeployedRelease | None:
    """Return the release that serves: the one whose container has the app's name.

    A run that was killed while swapping may leave none with that name. Then the newest that had it
    serves; a release that never had it was not healthy, or not checked.
    """
    named = (r for r in releases if r.first.name == app)
    return next(named, None) or next((r for r in releases if _has_served(r)), None)


def before(app: str, releases: Sequence[DeployedRelease], to: str = "") -> DeployedRelease | None:
    """Return release `to`, or the one before the one that serves, if it is kept.

    If a rollback serves, it is the one before the release that it restored.
    """
    now = serving(app, releases)
    kept = kept_releases(app, releases)
    if to:
        return next((r for r in kept if str(r.number) == to), None)
    stamp = stamp_of(now) if now else None
    number = stamp.restored if stamp and stamp.restored.isdecimal() else ""
    below = int(number) if number else now.number if now else 0
    return next((r for r in kept if r.number < below), None)


def kept_releases(app: str, releases: Sequence[DeployedRelease]) -> tuple[DeployedRelease, ...]:
    """Return the releases that a rollback can restore, newest first."""
    now = serving(app, releases)
    older = (r for r in releases if now and r.number < now.number)
    return tuple(r for r in older if _has_served(r) and CONFIG in r.first.labels)


def _has_served(release: DeployedRelease) -> bool:
    return str(release.first.name).endswith(OLD)


def name_of(container: Container) -> str:
    """Return the name that a container has while it serves."""
    labels = container.labels
    default = labels.get(DEFAULT, "yes")
    return labels[APP] if default else f"{labels[APP]}.{labels[GROUP]}"


def spec_of(release: DeployedRelease) -> Spec:
    """Read from its labels what a release was made of."""
    labels, stamp = release.first.labels, stamp_of(release)
    image, revision = parse_reference(labels[IMAGE]), stamp.revision if stamp else None
    return Spec(labels[APP], image, configuration_of(release), revision)


def configuration_of(release: DeployedRelease) -> Configuration:
    """Read the configuration of a release from its labels; empty if they have none."""
    labels = release.first.labels
    data, contents = labels.get(CONFIG) or "{}", labels.get(CONTENTS) or "{}"
    return Configuration(json.loads(data), json.loads(contents))


def stamp_of(release: DeployedRelease) -> Stamp | None:
    """Read the stamp of a release; `None` for one that was deployed before there were stamps."""
    labels = release.first.labels
    return read_stamp(labels.get(STAMP), Digest(labels[DIGEST]), labels[RELEASE])


def route_key(app: str, group: str, port: int) -> str:
    """Return the key of the route from the proxy to a port of a process group."""
    return f"{app}.{group}:{port}"


def proxy_ports(container: Container) -> dict[str, int]:
    """Read the app's ports on the proxy, by route key, from a container's label."""
    found: dict[str, int] = json.loads(container.labels.get(PROXY_PORTS) or "{}")
    return found


def exit_code(container: Container) -> int | None:
    """Ask the engine for a container's state; return its exit code, `None` while it runs."""
    container.reload()
    state = container.attrs["State"]
    return None if state["Status"] in {"running", "created"} else int(state["ExitCode"])


def addresses(container: Container) -> dict[int, SocketAddress]:
    """Return the address of each published port, as the engine last reported it."""
    ports = container.attrs["NetworkSettings"]["Ports"]
    return {
        int(inside.partition("/")[0]): (bound[0]["HostIp"], int(bound[0]["HostPort"]))
        for inside, bound in ports.items()
        if bound
    }


def create(client: DockerClient, release: NewRelease, group: Group) -> Container:
    """Create, and do not start, the container of one process group. Raises docker's `APIError`."""
    spec, service, reserved = release.spec, release.service, release.reserved
    default = group == service.groups[0]
    keys = [route_key(spec.app, group.name, port.number) for port in group.ports]
    mine = {key: reserved[key] for key in keys} if reserved is not None else {}
    name = spec.app if default else f"{spec.app}.{group.name}"
    labels = {
        APP: spec.app,
        DIGEST: str(spec.image.digest),
        RELEASE: str(release.number),
        GROUP: group.name,
        DEFAULT: "yes" if default else "",
        IMAGE: str(spec.image),
        CONFIG: json.dumps(spec.configuration.data, default=str),
        CONTENTS: json.dumps(spec.configuration.contents),
        STAMP: spec.stamp(str(release.number)).text,
        PROXY_PORTS: json.dumps(mine),
        PROJECT: str(spec.root or ""),
    }
    return client.containers.create(
        spec.pinned,
        command=shlex.split(group.command) or None,
        name=f"{name}.r{release.number}",
        labels=labels,
        environment=environment(spec, service, group.name),
        ports=_published(group, fixed=reserved is not None),
        network=NETWORK,
        stop_signal=service.stop_signal or None,
    )


RELEASE_GROUP = "fly_app_release_command"
"""The process group of a release command's container; flyctl uses the same name."""


def environment(spec: Spec, service: Service, group: str) -> dict[str, str]:
    """Return Fly's variables, then `[env]` (fly.io/docs/machines/runtime-environment)."""
    return {
        "FLY_APP_NAME": spec.app,
        "FLY_REGION": "local",
        "FLY_IMAGE_REF": str(spec.image),
        "FLY_PROCESS_GROUP": group,
        "PRIMARY_REGION": service.region,
        **({"RELEASE_COMMAND": "1"} if group == RELEASE_GROUP else {}),
        **service.env,
    }


def make_network(client: DockerClient) -> None:
    """Create the network on which containers reach apps by name, if it does not exist."""
    if client.networks.list(names=[f"^{NETWORK}$"]):
        return
    try:
        client.networks.create(NETWORK, check_duplicate=True, labels={APP: ""})
    except docker.errors.APIError:
        # Another app of this run may have created it at the same time.
        if not client.networks.list(names=[f"^{NETWORK}$"]):
            raise


def _published(group: Group, *, fixed: bool) -> Any:
    """Return the ports to publish, in docker's form; its stubs lack a host without a port.

    A fixed port is the same after the engine restarts the container. One that the engine chose is
    not, and the proxy would not notice. On a remote engine nobody here knows which ports are free.
    """
    chosen: list[int | None] = []
    for _ in group.published:
        chosen.append(_free_port(chosen) if fixed else None)
    return {f"{p}/tcp": (HOST, port) for p, port in zip(group.published, chosen, strict=True)}


def _free_port(taken: Sequence[int | None]) -> int | None:
    """Return a port that is free now; `None`, which lets the engine choose, if none is found."""
    tries = (_FIRST_PORT + random.randrange(_PORTS) for _ in range(100))  # noqa: S311 - no secret
    return next((port for port in tries if port not in taken and _is_free(port)), None)


def _is_free(port: int) -> bool:
    with socket.socket() as found:
        try:
            found.bind((HOST, port))
        except OSError:
            return False
    return True
