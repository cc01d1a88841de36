"""Remove what the driver `docker` runs: `python -m pipeline.deploy.docker.down [--all]`.

It removes the containers of the project in the working directory, or with `--all` those of every
project on the engine.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from msgspec import Struct

from ...buildkit.engine import connect
from ...errors import PipelineError
from ...model.report import Failure
from ...model.sanitize import harmless
from ..errors import DeployError
from .containers import APP, NETWORK, all_containers, owned, proxy_ports
from .engine_errors import engine_errors
from .proxy_client import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from docker import DockerClient
    from docker.models.containers import Container

    from .proxy_client import ProxyClient

_HINT = "remove them with `docker rm --force`"


class Removed(Struct, frozen=True):
    """How many containers were removed, and the apps of other projects that still have some."""

    count: int
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as a sentence."""
        done = f"containers removed: {self.count}" if self.count else "nothing was running"
        if not self.left:
            return done
        return f"{done}; left to other projects: {', '.join(self.left)} (`--all` removes them too)"


def remove_all(client: DockerClient) -> Removed:
    """Remove every container of the driver, its proxy and its network.

    Raises `DeployError` that lists what could not be removed, after the rest is gone.
    """
    with engine_errors():
        proxy, containers = proxy_of(client), all_containers(client)
    return _removed(client, proxy, containers, [])


def remove_project(
    client: DockerClient, root: Path, apps: Collection[str], *, kept: Collection[str] = ()
) -> Removed:
    """Remove the containers of the project at `root`, and their routes; see `owned`.

    Those of the apps in `kept` stay. Proxy and network are removed with the last app on the engine.
    Raises as `remove_all` does.
    """
    with engine_errors():
        proxy, containers = proxy_of(client), all_containers(client)
    ours = owned(containers, str(root), apps)
    mine = [c for c in ours if c.labels[APP] not in kept]
    removed = _removed(client, proxy, mine, [c for c in containers if c not in mine])
    stay = {c.labels[APP] for c in ours}
    return Removed(removed.count, tuple(app for app in removed.left if app not in stay))


def _removed(
    client: DockerClient,
    proxy: ProxyClient | None,
    mine: Sequence[Container],
    others: Sequence[Container],
) -> Removed:
    failed = []
    if proxy and others:
        kept = {key for container in others for key in proxy_ports(container)}
        keys = [key for container in mine for key in proxy_ports(container) if key not in kept]
        failed.append(_try("the routes", partial(proxy.forget, keys)))
    elif proxy:
        failed.append(_try("the proxy", proxy.stop))
    failed += [_try(f"`{c.name}`", partial(c.remove, force=True)) for c in mine]
    if not others:
        with engine_errors():
            networks = client.networks.list(names=[f"^{NETWORK}$"])
        failed += [_try(f"network `{NETWORK}`", network.remove) for network in networks]
    if any(failed):
        message = f"could not be removed: {'; '.join(why for why in failed if why)}"
        raise DeployError(Failure("down", message), hint=_HINT)
    return Removed(len(mine), tuple(sorted({c.labels[APP] for c in others})))


def _try(what: str, remove: Callable[[], object]) -> str:
    """Remove something; return why that failed, empty if it is gone."""
    try:
        remove()
    except docker.errors.NotFound:
        return ""
    except docker.errors.APIError as error:
        return f"{what} ({error.explanation})"
    except DeployError as error:
        return f"{what} ({error.message})"
    return ""


def main(words: Sequence[str]) -> int:
    """Remove the containers; print the result or the error, and return the exit code."""
    try:
        with connect(os.environ) as client:
            if "--all" in words:
                removed = remove_all(client)
            else:
                removed = remove_project(client, Path.cwd(), ())
    except PipelineError as error:
        print(harmless(f"error: {error.message}\nhint: {error.hint}"), file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(harmless(str(removed)))  # noqa: T201 - the result of a command
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
