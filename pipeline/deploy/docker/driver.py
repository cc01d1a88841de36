"""The driver `docker`: each process group of an app is a container on the local engine.

New containers are started beside the old ones and asked for their health; only then do they take
over. The app keeps its address: a front (`front.py`) listens on a port of the app's own and
forwards to the container that serves. Where the engine is on another machine there is no front:
containers publish their ports there directly, on loopback, and the address changes with each
release. The engine's DNS follows names, so that on the network `pipeline` containers reach an app
by its name over all its releases.

Names and labels of the containers are all that is kept (`docker_containers`). The release before
the one that serves stays, stopped, so that `rollback` can put back its image and configuration. As
with `kubectl rollout undo`, that is a new release, and a second one goes forward again.

Where there is a front, one run at a time changes an app; one that finds then that another has just
deployed the same leaves it at that.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ...buildkit.engine import connect
from ...errors import UnknownError
from ...model.apps import Release, Running
from ...model.configuration import differences
from ...model.events import AppChanged, Notice
from ...model.hold import let_newer_be
from ...model.report import Failure
from ...reference import Digest
from ..errors import DeployError
from . import swap
from .containers import (
    APP,
    CONFIG,
    DIGEST,
    Making,
    Spec,
    addresses,
    all_containers,
    before,
    configuration_of,
    deployed,
    serving,
    spec_of,
    stamp_of,
)
from .proxy_client import front_of
from .pull import has_image, pull, told
from .service import service
from .start import start_release

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.apps import App
    from ...model.configuration import Configuration
    from ...model.events import Reporter
    from ...reference import Reference
    from ...registry.auth.credential import CredentialSource
    from ..protocol import Driver
    from .containers import Deployed
    from .proxy_client import FrontClient


@contextmanager
def open_driver(
    environ: Mapping[str, str], credentials: CredentialSource, stop: threading.Event, org: str
) -> Iterator[Driver]:
    """The driver on the engine of this environment. Raises `UnknownError` where none answers."""
    del org  # an engine has none
    with connect(environ) as client:
        yield DockerDriver(client, credentials, stop, front_of(client))


class DockerDriver(Struct, frozen=True):
    """Deploys to the engine behind `client`; `front` is `None` for one on another machine."""

    client: DockerClient
    credentials: CredentialSource
    stop: threading.Event
    front: FrontClient | None

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """What each app runs now. A front that had died is started again on the way."""
        by_app: dict[str, list[Container]] = {app.name: [] for app in apps}
        for container in all_containers(self.client):
            by_app.get(container.labels[APP], []).append(container)
        found = {app: serving(app, deployed(containers)) for app, containers in by_app.items()}
        here = [release for release in found.values() if release]
        well = swap.heal(self.front, here) if self.front else frozenset()
        wanted = {app.name: app.configuration for app in apps}
        return {app: _compared(r, well, wanted[app]) if r else None for app, r in found.items()}

    def names(self) -> Sequence[str]:
        """The apps that have a container here."""
        return sorted({c.labels[APP] for c in all_containers(self.client)})

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Start `image` beside what runs, wait for its health, then let it take over."""
        del fresh  # the engine asks the registry that it was pushed to
        if image.digest is None:
            raise UnknownError(f"`{image}` is not pinned")
        with told():
            spec = Spec(app.name, image, app.configuration, app.revision, app.root)
            report(AppChanged(app.name, "pulling"))
            pull(self.client, spec, self.credentials)
            then = serving(app.name, self._releases(app.name))
            with self._alone(app.name):
                known = self._releases(app.name)
                now = serving(app.name, known)
                if now and _is_new(now, then):
                    found = _running(now, frozenset(now.fronts))
                    if _is_as(now, spec):
                        report(Notice(f"another run deployed `{app.name}` at the same time"))
                        return found
                    let_newer_be(app, found)
                return self._release(spec, known, report)

    def releases(self, app: App, /) -> Sequence[Release]:
        """The release that serves and the one that was kept before it, the newest first."""
        with told():
            known = self._releases(app.name)
        now = serving(app.name, known)
        old = before(app.name, known)
        return [_told(release) for release in (now, old) if release]

    def rollback(self, app: App, report: Reporter, /, *, hold: bool = False) -> Running:
        """Put back image, environment, ports, checks and commands of the release before."""
        with told(), self._alone(app.name):
            known = self._releases(app.name)
            old = before(app.name, known)
            if old is None:
                failure = Failure("rollback", "there is no release before the one that runs")
                raise DeployError(failure, hint="`invoke releases` lists what there is")
            spec = replace(spec_of(old), root=app.root)
            now = serving(app.name, known)
            left = stamp_of(now) if now and hold else None
            if left and left.revision:
                spec = replace(spec, revision=left.revision, back=True)
            if not has_image(self.client, spec):
                report(AppChanged(app.name, "pulling"))
                pull(self.client, spec, self.credentials)
            return self._release(spec, known, report)

    def _alone(self, app: str) -> AbstractContextManager[None]:
        return self.front.alone(app, self.stop) if self.front else nullcontext()

    def _releases(self, app: str) -> tuple[Deployed, ...]:
        return deployed([c for c in all_containers(self.client) if c.labels[APP] == app])

    def _release(self, spec: Spec, known: Sequence[Deployed], report: Reporter) -> Running:
        """Bring up a release under the next number."""
        wanted, now = service(spec.configuration.data), serving(spec.app, known)
        if wanted.left_out:
            left = ", ".join(wanted.left_out)
            report(Notice(f"`{spec.app}`: the driver `docker` leaves out {left} of its `fly.toml`"))
        number = 1 + max((release.number for release in known), default=0)
        ports = swap.reserve(self.front, spec, wanted, now, report) if self.front else None
        new = self._start(Making(spec, wanted, number, ports), now, report)
        report(AppChanged(spec.app, "swapping"))
        swap.take_over(self.front, new, now, known, wanted.stop_seconds)
        (release,) = deployed(_again(new))
        for way in [*swap.ways(release)][1:]:
            report(Notice(f"`{spec.app}` also answers at {way.url}"))
        return _running(release, frozenset(release.fronts))

    def _start(
        self, making: Making, now: Deployed | None, report: Reporter
    ) -> tuple[Container, ...]:
        """The new containers, healthy. Ports that were taken for them alone are given back."""
        try:
            return start_release(self.client, making, report, self.stop)
        except BaseException:
            if self.front and making.reserved:
                had = now.fronts if now else {}
                self.front.forget([key for key in making.reserved if key not in had])
            raise


def _is_new(now: Deployed, then: Deployed | None) -> bool:
    return then is None or now.number != then.number


def _is_as(release: Deployed, spec: Spec) -> bool:
    """Whether a release is what `spec` says, and runs."""
    same = release.first.labels[DIGEST] == spec.image.digest
    same = same and not differences(configuration_of(release), spec.configuration)
    return same and all(container.status == "running" for container in release.containers)


def _again(containers: Sequence[Container]) -> Sequence[Container]:
    for container in containers:
        container.reload()
    return containers


def _running(release: Deployed, well: frozenset[str]) -> Running:
    """What serves; by its own port where the front forwards that."""
    urls = [way.url for way in swap.ways(release) if way.key in well]
    direct = [f"http://{h}:{p}" for c in release.containers for h, p in addresses(c).values()]
    return Running(
        digest=Digest(release.first.labels[DIGEST]),
        release=str(release.number),
        healthy=all(container.status == "running" for container in release.containers),
        url=next(iter([*urls, *direct]), ""),
        stamp=stamp_of(release),
    )


def _compared(release: Deployed, well: frozenset[str], wanted: Configuration) -> Running:
    """What serves, and in what its configuration is not the one that is wanted."""
    differs = differences(configuration_of(release), wanted)
    return replace(_running(release, well), differs=differs)


def _told(release: Deployed) -> Release:
    first = release.first
    image = spec_of(release).image if CONFIG in first.labels else None
    created = str(first.attrs["Created"])[:19]
    status = "stopped" if first.status == "exited" else str(first.status)
    return Release(str(release.number), status, image, f"{created}Z")
