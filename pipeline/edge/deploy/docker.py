"""The driver `docker`: each app is a container on the local engine.

A new container is started beside the old one and asked for its health; only then does it take the
app's name, and the old one is stopped. The container that has the app's name is what runs: its
labels say which image and release, and nothing is kept elsewhere. The engine's DNS follows names,
so that on the network `pipeline` containers reach an app by its name over all its releases.
"""

from __future__ import annotations

import shlex
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.apps import Running
from pipeline.core.events import AppChanged
from pipeline.core.reference import Digest
from pipeline.core.report import Failure
from pipeline.edge.deploy.errors import DeployError
from pipeline.edge.deploy.health import wait_healthy
from pipeline.edge.deploy.service import read_service
from pipeline.edge.engine import connect
from pipeline.errors import UnknownError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.networks import Network

    from pipeline.core.apps import App, Driver
    from pipeline.core.events import Reporter
    from pipeline.core.reference import Reference
    from pipeline.edge.deploy.service import Service
    from pipeline.edge.registry import CredentialSource

NETWORK = "pipeline"
APP, DIGEST, RELEASE = "pipeline.app", "pipeline.digest", "pipeline.release"
_LAST_LINES = 20
_RESTART: Any = {"Name": "unless-stopped"}


@contextmanager
def open_driver(
    environ: Mapping[str, str], credentials: CredentialSource, stop: threading.Event
) -> Iterator[Driver]:
    """The driver on the engine of this environment. Raises `UnknownError` where none answers."""
    with connect(environ) as client:
        yield DockerDriver(client, credentials, stop)


@dataclass(frozen=True, slots=True)
class DockerDriver:
    """Deploys to the engine behind `client`."""

    client: DockerClient
    credentials: CredentialSource
    stop: threading.Event

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """What each app runs now; one request for all of them."""
        found: dict[str, Running | None] = {app.name: None for app in apps}
        for container in _containers(self.client):
            if container.name in found and container.name == container.labels[APP]:
                found[container.name] = _running(container)
        return found

    def deploy(self, app: App, image: Reference, report: Reporter, /) -> Running:
        """Start `image` beside what runs, wait for its health, then let it take over."""
        before = [c for c in _containers(self.client) if c.labels[APP] == app.name]
        # A run that was killed in its health check leaves a container that never had the name.
        before = [c for c in before if c.name == app.name or _removed(c)]
        release = 1 + max((int(c.labels[RELEASE]) for c in before), default=0)
        report(AppChanged(app.name, "pulling"))
        pinned = self._pull(image)
        report(AppChanged(app.name, "starting"))
        service = read_service(app.config)
        new = _create(self.client, app, pinned, image, service, release)
        try:
            new.start()
            report(AppChanged(app.name, "checking"))
            self._check(new, service)
        except BaseException as error:
            failure = _gather(new, error)
            new.remove(force=True)
            raise failure from error
        report(AppChanged(app.name, "swapping"))
        _take_over(app, new, before, service)
        return _running(new)

    def _check(self, container: Container, service: Service) -> None:
        container.reload()
        trouble = wait_healthy(container, service, _address(container), self.stop)
        if trouble:
            raise DeployError(Failure("health check", trouble))

    def _pull(self, image: Reference) -> str:
        import docker  # noqa: PLC0415 - costs 90 ms

        if image.digest is None:
            raise UnknownError(f"`{image}` is not pinned")
        pinned = f"{image.repository}@{image.digest}"
        known = self.credentials(image.repository.host)
        auth = {"username": known.username, "password": known.secret} if known else None
        try:
            self.client.api.pull(str(image.repository), tag=image.digest, auth_config=auth)
            self.client.images.get(pinned)
        except docker.errors.APIError as error:
            hint = "`invoke doctor` looks at registry and credentials"
            message = f"could not pull `{pinned}`: {error.explanation}"
            raise UnknownError(message, hint=hint) from error
        return pinned


def remove_all(client: DockerClient) -> int:
    """Remove every container that this driver started, and its network; how many there were."""
    import docker  # noqa: PLC0415 - costs 90 ms

    containers = _containers(client)
    for container in containers:
        container.remove(force=True)
    for network in client.networks.list(names=[f"^{NETWORK}$"]):
        with suppress(docker.errors.APIError):
            network.remove()
    return len(containers)


def _containers(client: DockerClient) -> list[Container]:
    found = client.containers.list(all=True, filters={"label": APP}, ignore_removed=True)
    return list(found)


def _removed(container: Container) -> bool:
    container.remove(force=True)
    return False


def _running(container: Container) -> Running:
    container.reload()
    address = _address(container)
    return Running(
        digest=Digest(container.labels[DIGEST]),
        release=container.labels[RELEASE],
        healthy=container.status == "running",
        url=f"http://{address[0]}:{address[1]}" if address else "",
    )


def _address(container: Container) -> tuple[str, int] | None:
    for bound in container.attrs["NetworkSettings"]["Ports"].values():
        if bound:
            return bound[0]["HostIp"], int(bound[0]["HostPort"])
    return None


def _create(
    client: DockerClient,
    app: App,
    pinned: str,
    image: Reference,
    service: Service,
    release: int,
) -> Container:
    _network(client)
    ports: dict[str, Any] = {}
    if service.port:
        # No port is named: the engine takes a free one. The stubs do not know of this form.
        ports[f"{service.port}/tcp"] = ("127.0.0.1", None)
    return client.containers.create(
        pinned,
        command=shlex.split(service.command) or None,
        name=f"{app.name}-{release}",
        labels={APP: app.name, DIGEST: str(image.digest), RELEASE: str(release)},
        environment={**_fly_env(app, image, service), **service.env},
        ports=ports,
        network=NETWORK,
        stop_signal=service.stop_signal or None,
    )


def _fly_env(app: App, image: Reference, service: Service) -> dict[str, str]:
    """The variables that Fly sets (fly.io/docs/machines/runtime-environment)."""
    return {
        "FLY_APP_NAME": app.name,
        "FLY_REGION": "local",
        "FLY_IMAGE_REF": str(image),
        "PRIMARY_REGION": service.region,
    }


def _network(client: DockerClient) -> Network:
    import docker  # noqa: PLC0415 - costs 90 ms

    found = client.networks.list(names=[f"^{NETWORK}$"])
    if found:
        return found[0]
    try:
        return client.networks.create(NETWORK, check_duplicate=True, labels={APP: ""})
    except docker.errors.APIError:
        # Another app of this run was quicker.
        return client.networks.list(names=[f"^{NETWORK}$"])[0]


def _take_over(app: App, new: Container, before: Sequence[Container], service: Service) -> None:
    for old in before:
        old.rename(f"{app.name}-{old.labels[RELEASE]}-old")
    new.rename(app.name)
    # Not before: while its health is asked, a container that ends shall not come back.
    new.update(restart_policy=_RESTART)
    for old in before:
        old.stop(timeout=service.stop_seconds)
        old.remove(force=True)


def _gather(container: Container, error: BaseException) -> BaseException:
    """The error with the container's last words in it, where it is one of a deploy."""
    import docker  # noqa: PLC0415 - costs 90 ms

    if isinstance(error, docker.errors.APIError):
        error = DeployError(Failure("start", f"it could not be started: {error.explanation}"))
    if not isinstance(error, DeployError):
        return error
    lines = container.logs(tail=_LAST_LINES).decode(errors="replace").splitlines()
    failure = Failure(error.failure.step, error.failure.message, log=tuple(lines))
    return DeployError(failure, hint="what ran before still runs; see the lines above")
