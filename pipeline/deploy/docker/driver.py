"""The driver `docker`: runs each process group of an app as a container on the local engine.

New containers start beside the old ones and have to pass their health checks; only then do they
take over (`swap`). The app keeps its address: a proxy (`proxy.py`) listens on the app's own port
and forwards to the container that serves. A remote engine has no proxy: its containers publish
their ports there, on loopback, and the address changes with each release. On the network
`pipeline`, containers reach an app by its name, whichever release serves, because the engine's DNS
follows names.

All state is in the names and labels of the containers (`containers.py`). The releases before the
one that serves are kept, stopped, for `rollback` (`swap.KEPT`). A rollback is a new release, as
with `kubectl rollout undo`; unlike there, a second one goes one release further back.

With a proxy, one run at a time changes an app. A run that waited for another, and finds that it
deployed the same, deploys nothing.
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
from ...model.hold import check_overtaken
from ...model.report import Failure
from ...model.stamp import left_behind
from ...reference import Digest
from ..errors import DeployError
from . import swap
from .containers import (
    APP,
    CONFIG,
    DIGEST,
    NewRelease,
    Spec,
    addresses,
    all_containers,
    before,
    configuration_of,
    deployed,
    kept_releases,
    owned,
    serving,
    spec_of,
    stamp_of,
)
from .engine_errors import engine_errors, require_docker
from .proxy_client import proxy_of
from .pull import has_image, pull
from .service import service
from .start import start_release

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from ...model.apps import App
    from ...model.configuration import Configuration
    from ...model.events import Reporter
    from ...reference import Reference
    from ...registry.auth.credential import CredentialSource
    from ..protocol import Driver
    from .containers import DeployedRelease
    from .proxy_client import ProxyClient


@contextmanager
def open_driver(
    environ: Mapping[str, str], credentials: CredentialSource, stop: threading.Event, org: str
) -> Iterator[Driver]:
    """Open the driver on the engine of this environment. Raises `UnknownError` if none answers."""
    del org  # an engine has none
    with connect(environ) as client:
        yield DockerDriver(client, credentials, stop, proxy_of(client))


class DockerDriver(Struct, frozen=True):
    """Deploys to the engine behind `client`; `proxy` is `None` for a remote engine."""

    client: DockerClient
    credentials: CredentialSource
    stop: threading.Event
    proxy: ProxyClient | None

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """Return what each app runs now. Restarts the proxy if it had died."""
        by_app: dict[str, list[Container]] = {app.name: [] for app in apps}
        for container in all_containers(self.client):
            by_app.get(container.labels[APP], []).append(container)
        found = {app: serving(app, deployed(containers)) for app, containers in by_app.items()}
        here = [release for release in found.values() if release]
        routed = swap.restore_routes(self.proxy, here) if self.proxy else frozenset()
        wanted = {app.name: app.configuration for app in apps}
        return {app: _compared(r, routed, wanted[app]) if r else None for app, r in found.items()}

    def deployed_from(self, root: Path, /) -> Mapping[str, Running]:
        """Return what runs of the apps that the project at `root` deployed last."""
        with engine_errors():
            mine = owned(all_containers(self.client), str(root), ())
        by_app: dict[str, list[Container]] = {}
        for container in mine:
            by_app.setdefault(container.labels[APP], []).append(container)
        found = {app: serving(app, deployed(containers)) for app, containers in by_app.items()}
        return {a: _running(r, frozenset(r.proxy_ports)) for a, r in found.items() if r}

    def names(self) -> Sequence[str]:
        """Return the apps that have a container on the engine."""
        return sorted({c.labels[APP] for c in all_containers(self.client)})

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Start `image` beside what runs, wait until it is healthy, then swap."""
        del fresh  # the engine pulls from the registry that it was pushed to
        if image.digest is None:
            raise UnknownError(f"`{image}` is not pinned")
        with engine_errors():
            require_docker(self.client)
            spec = Spec(app.name, image, app.configuration, app.revision, app.root)
            report(AppChanged(app.name, "pulling"))
            pull(self.client, spec, self.credentials)
            then = serving(app.name, self._releases(app.name))
            with self._alone(app.name):
                known = self._releases(app.name)
                now = serving(app.name, known)
                if now and (then is None or now.number != then.number):
                    found = _running(now, frozenset(now.proxy_ports))
                    if _is_deployed(now, spec):
                        report(Notice(f"another run deployed `{app.name}` at the same time"))
                        return found
                    check_overtaken(app, image, found)
                return self._release(spec, known, report)

    def releases(self, app: App, /) -> Sequence[Release]:
        """Return the release that serves and those before it that are kept, newest first."""
        with engine_errors():
            known = self._releases(app.name)
        now = serving(app.name, known)
        return [_release_of(one) for one in (now, *kept_releases(app.name, known)) if one]

    def rollback(
        self, app: App, report: Reporter, /, *, hold: bool = False, to: str = ""
    ) -> Running:
        """Deploy image, environment, ports, checks and commands of an earlier release again."""
        with engine_errors(), self._alone(app.name):
            known = self._releases(app.name)
            old = before(app.name, known, to)
            if old is None:
                missing = f"there is no release {to} to go back to" if to else ""
                failure = Failure("rollback", missing or "there is no previous release")
                hint = f"`invoke releases {app.name}` lists the releases"
                raise DeployError(failure, hint=hint)
            spec = replace(spec_of(old), root=app.root, restored=str(old.number))
            now = serving(app.name, known)
            if now and hold:
                ran, digest = stamp_of(now), Digest(now.first.labels[DIGEST])
                revision = ran.revision if ran else None
                spec = replace(spec, revision=revision, back=True, left=left_behind(ran, digest))
            if not has_image(self.client, spec):
                report(AppChanged(app.name, "pulling"))
                pull(self.client, spec, self.credentials)
            return self._release(spec, known, report)

    def _alone(self, app: str) -> AbstractContextManager[None]:
        return self.proxy.lock(app, self.stop) if self.proxy else nullcontext()

    def _releases(self, app: str) -> tuple[DeployedRelease, ...]:
        return deployed([c for c in all_containers(self.client) if c.labels[APP] == app])

    def _release(self, spec: Spec, known: Sequence[DeployedRelease], report: Reporter) -> Running:
        """Start a release under the next number, and swap."""
        wanted, now = service(spec.configuration.data), serving(spec.app, known)
        if wanted.left_out:
            left = ", ".join(wanted.left_out)
            report(Notice(f"`{spec.app}`: the driver `docker` ignores {left} of its `fly.toml`"))
        number = 1 + max((release.number for release in known), default=0)
        ports = swap.reserve_ports(self.proxy, spec, wanted, now, report) if self.proxy else None
        new = self._start(NewRelease(spec, wanted, number, ports, bool(now)), now, report)
        until = f"the previous release has {wanted.stop_seconds} s to end" if now else ""
        report(AppChanged(spec.app, "swapping", until))
        swap.take_over(self.proxy, new, now, known, wanted.stop_seconds)
        for container in new:
            container.reload()
        (release,) = deployed(new)
        for endpoint in [*swap.endpoints(release)][1:]:
            report(Notice(f"`{spec.app}` also answers at {endpoint.url}"))
        return _running(release, frozenset(release.proxy_ports))

    def _start(
        self, release: NewRelease, now: DeployedRelease | None, report: Reporter
    ) -> tuple[Container, ...]:
        """Start the new containers and return them healthy; on failure, remove the new routes."""
        try:
            return start_release(self.client, release, report, self.stop)
        except BaseException:
            if self.proxy and release.reserved:
                had = now.proxy_ports if now else {}
                self.proxy.forget([key for key in release.reserved if key not in had])
            raise


def _is_deployed(release: DeployedRelease, spec: Spec) -> bool:
    """Return whether a release has this image and configuration, and runs."""
    same = release.first.labels[DIGEST] == spec.image.digest
    same = same and not differences(configuration_of(release), spec.configuration)
    return same and all(container.status == "running" for container in release.containers)


def _running(release: DeployedRelease, routed: frozenset[str]) -> Running:
    """Describe the release that serves; its address is on the proxy if its route is in `routed`."""
    urls = [endpoint.url for endpoint in swap.endpoints(release) if endpoint.key in routed]
    direct = [f"http://{h}:{p}" for c in release.containers for h, p in addresses(c).values()]
    return Running(
        digest=Digest(release.first.labels[DIGEST]),
        release=str(release.number),
        healthy=all(container.status == "running" for container in release.containers),
        url=next(iter([*urls, *direct]), ""),
        stamp=stamp_of(release),
        machines=len(release.containers),
    )


def _compared(release: DeployedRelease, routed: frozenset[str], wanted: Configuration) -> Running:
    """Describe the release that serves, and how its configuration differs from `wanted`."""
    differs = differences(configuration_of(release), wanted)
    return replace(_running(release, routed), differs=differs)


def _release_of(release: DeployedRelease) -> Release:
    first = release.first
    image = spec_of(release).image if CONFIG in first.labels else None
    created = str(first.attrs["Created"])[:19]
    status = "stopped" if first.status == "exited" else str(first.status)
    return Release(str(release.number), status, image, f"{created}Z")
