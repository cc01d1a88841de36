"""The containers of the driver `docker`: what their names and labels say, and how they are made.

Nothing is kept elsewhere. A release is a container for each process group. The one of the default
group has the app's name while it serves, those of other groups `APP.GROUP`. A new one is called
`APP.r3` until it takes over, and what it follows is called `APP.r2.old`, kept stopped for a
rollback. Labels hold all of a release: its image, its `fly.toml`, its addresses.
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
from ...model.stamp import Stamp, read_stamp
from ...reference import Digest, parse_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.stamp import Revision
    from ...reference import Reference
    from .proxy_tcp import Address
    from .service import Group, Service

NETWORK = "pipeline"
APP, DIGEST, RELEASE = "pipeline.app", "pipeline.digest", "pipeline.release"
GROUP, IMAGE, CONFIG, FRONT = (
    "pipeline.group",
    "pipeline.image",
    "pipeline.config",
    "pipeline.front",
)
STAMP, CONTENTS = "pipeline.stamp", "pipeline.contents"
PROJECT = "pipeline.project"
"""The folder of the project that deployed it: what `down` goes by."""
DEFAULT = "pipeline.default-group"
OLD = ".old"
HOST = "127.0.0.1"
_FIRST_PORT, _PORTS = 25000, 7000
"""Beside the front's, below what systems give out by themselves (32768 on Linux)."""


class Spec(Struct, frozen=True):
    """What a release is made of. `image` is pinned.

    `revision` is the commit that it was deployed from, where there is one, `root` the folder of
    the project that deploys it. With `back`, `revision` is the one that somebody went back from.
    """

    app: str
    image: Reference
    configuration: Configuration = field(default_factory=Configuration)
    revision: Revision | None = None
    root: Path | None = None
    back: bool = False

    def stamp(self, release: str) -> Stamp:
        """What the containers of a release of it have as a label."""
        image, configuration = self.image.digest, self.configuration.digest
        assert image  # noqa: S101 - it is pinned
        return Stamp(configuration, image, release, self.revision, back=self.back)

    @property
    def pinned(self) -> str:
        """The image as the engine takes it: by digest alone."""
        return f"{self.image.repository}@{self.image.digest}"


class Making(Struct, frozen=True):
    """A release that is to be. `service` is what `spec.configuration` says.

    `reserved` are the app's own ports by their routes' keys, `None` where no front can be had.
    """

    spec: Spec
    service: Service
    number: int
    reserved: Mapping[str, int] | None


class Deployed(Struct, frozen=True):
    """A release that has containers, whether they run or not; the default group's comes first."""

    number: int
    containers: tuple[Container, ...]

    @property
    def first(self) -> Container:
        """The container of the default group."""
        return self.containers[0]

    @property
    def fronts(self) -> dict[str, int]:
        """The app's own ports by the key of their route; none without a front."""
        return {key: port for c in self.containers for key, port in fronts(c).items()}


def all_containers(client: DockerClient) -> list[Container]:
    """All that this driver has made on the engine, running or not."""
    found = client.containers.list(all=True, filters={"label": APP}, ignore_removed=True)
    return list(found)


def deployed(containers: Sequence[Container]) -> tuple[Deployed, ...]:
    """The releases of one app, the newest first."""
    by_number: dict[int, list[Container]] = {}
    for container in sorted(containers, key=lambda c: not c.labels.get(DEFAULT, "yes")):
        by_number.setdefault(int(container.labels[RELEASE]), []).append(container)
    return tuple(Deployed(n, tuple(found)) for n, found in sorted(by_number.items(), reverse=True))


def serving(app: str, releases: Sequence[Deployed]) -> Deployed | None:
    """The release that serves: the one with the app's name.

    A run that was killed in its swap may leave none with it. Then the newest that had it serves;
    one that never had it was not yet asked for its health, or was not well.
    """
    named = (r for r in releases if r.first.name == app)
    return next(named, None) or next((r for r in releases if _had_it(r)), None)


def before(app: str, releases: Sequence[Deployed]) -> Deployed | None:
    """The release before the one that serves."""
    now = serving(app, releases)
    older = (r for r in releases if now and r.number < now.number)
    return next((r for r in older if _had_it(r) and CONFIG in r.first.labels), None)


def _had_it(release: Deployed) -> bool:
    return str(release.first.name).endswith(OLD)


def name_of(container: Container) -> str:
    """The name that a container has while it serves."""
    labels = container.labels
    default = labels.get(DEFAULT, "yes")
    return labels[APP] if default else f"{labels[APP]}.{labels[GROUP]}"


def spec_of(release: Deployed) -> Spec:
    """What a release was made of."""
    labels, stamp = release.first.labels, stamp_of(release)
    image, revision = parse_reference(labels[IMAGE]), stamp.revision if stamp else None
    return Spec(labels[APP], image, configuration_of(release), revision)


def configuration_of(release: Deployed) -> Configuration:
    """The configuration of a release; an empty one where its labels have none."""
    labels = release.first.labels
    data, contents = labels.get(CONFIG) or "{}", labels.get(CONTENTS) or "{}"
    return Configuration(json.loads(data), json.loads(contents))


def stamp_of(release: Deployed) -> Stamp | None:
    """What a release was deployed with; `None` for one of before there were stamps."""
    labels = release.first.labels
    return read_stamp(labels.get(STAMP), Digest(labels[DIGEST]), labels[RELEASE])


def route_key(app: str, group: str, port: int) -> str:
    """What the front calls the route to a port of a group."""
    return f"{app}.{group}:{port}"


def fronts(container: Container) -> dict[str, int]:
    """The app's own ports by the key of their route, as the label says."""
    found: dict[str, int] = json.loads(container.labels.get(FRONT) or "{}")
    return found


def addresses(container: Container) -> dict[int, Address]:
    """Where each published port answers, as the engine said last."""
    ports = container.attrs["NetworkSettings"]["Ports"]
    return {
        int(inside.partition("/")[0]): (bound[0]["HostIp"], int(bound[0]["HostPort"]))
        for inside, bound in ports.items()
        if bound
    }


def create(client: DockerClient, making: Making, group: Group) -> Container:
    """The container of one group of a release, not started. Raises docker's `APIError`."""
    spec, service, reserved = making.spec, making.service, making.reserved
    default = group == service.groups[0]
    keys = [route_key(spec.app, group.name, port.number) for port in group.ports]
    mine = {key: reserved[key] for key in keys} if reserved is not None else {}
    name = spec.app if default else f"{spec.app}.{group.name}"
    labels = {
        APP: spec.app,
        DIGEST: str(spec.image.digest),
        RELEASE: str(making.number),
        GROUP: group.name,
        DEFAULT: "yes" if default else "",
        IMAGE: str(spec.image),
        CONFIG: json.dumps(spec.configuration.data, default=str),
        CONTENTS: json.dumps(spec.configuration.contents),
        STAMP: spec.stamp(str(making.number)).text,
        FRONT: json.dumps(mine),
        PROJECT: str(spec.root or ""),
    }
    return client.containers.create(
        spec.pinned,
        command=shlex.split(group.command) or None,
        name=f"{name}.r{making.number}",
        labels=labels,
        environment=environment(spec, service, group.name),
        ports=_published(group, fixed=reserved is not None),
        network=NETWORK,
        stop_signal=service.stop_signal or None,
    )


RELEASE_GROUP = "fly_app_release_command"
"""The group of a release command's container, as flyctl calls it."""


def environment(spec: Spec, service: Service, group: str) -> dict[str, str]:
    """`[env]` over the variables that Fly sets (fly.io/docs/machines/runtime-environment)."""
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
    """The network on which containers reach apps by their names, made where it is missing."""
    if client.networks.list(names=[f"^{NETWORK}$"]):
        return
    try:
        client.networks.create(NETWORK, check_duplicate=True, labels={APP: ""})
    except docker.errors.APIError:
        # Another app of this run was quicker.
        if not client.networks.list(names=[f"^{NETWORK}$"]):
            raise


def _published(group: Group, *, fixed: bool) -> Any:
    """Ports for the docker package, whose stubs do not know of a host without a port.

    A fixed port stays when the engine starts the container again; one that the engine chose does
    not, and the front would not know. Elsewhere than on this machine we cannot see what is free.
    """
    chosen: list[int | None] = []
    for _ in group.published:
        chosen.append(_free_port(chosen) if fixed else None)
    return {f"{p}/tcp": (HOST, port) for p, port in zip(group.published, chosen, strict=True)}


def _free_port(taken: Sequence[int | None]) -> int | None:
    """A port that is free now; `None`, which lets the engine choose, where none is found."""
    tries = (_FIRST_PORT + random.randrange(_PORTS) for _ in range(100))  # noqa: S311 - no secret
    return next((port for port in tries if port not in taken and _is_free(port)), None)


def _is_free(port: int) -> bool:
    with socket.socket() as found:
        try:
            found.bind((HOST, port))
        except OSError:
            return False
    return True
