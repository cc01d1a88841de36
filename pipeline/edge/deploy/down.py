"""Remove all that the driver `docker` runs: `python -m pipeline.edge.deploy.down`."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from pipeline.core.report import Failure
from pipeline.edge.deploy.docker_containers import NETWORK, all_containers
from pipeline.edge.deploy.docker_pull import told
from pipeline.edge.deploy.errors import DeployError
from pipeline.edge.deploy.front_client import front_of
from pipeline.edge.engine import connect
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient


def remove_all(client: DockerClient) -> int:
    """Remove every container that the driver made, its front and its network.

    How many containers there were. Raises `DeployError` with all that could not be removed, when
    the rest is gone.
    """
    with told():
        front, containers = front_of(client), all_containers(client)
    left = [_tried("the front", front.stop)] if front else []
    left += [_tried(f"`{c.name}`", partial(c.remove, force=True)) for c in containers]
    with told():
        networks = client.networks.list(names=[f"^{NETWORK}$"])
    left += [_tried(f"network `{NETWORK}`", network.remove) for network in networks]
    if any(left):
        message = f"could not be removed: {'; '.join(why for why in left if why)}"
        raise DeployError(Failure("down", message), hint="remove them with `docker rm --force`")
    return len(containers)


def _tried(what: str, remove: Callable[[], object]) -> str:
    """Empty where it was removed, or gone already."""
    import docker  # noqa: PLC0415 - costs 90 ms

    try:
        remove()
    except docker.errors.NotFound:
        return ""
    except docker.errors.APIError as error:
        return f"{what} ({error.explanation})"
    except DeployError as error:
        return f"{what} ({error.message})"
    return ""


def main() -> int:
    """Remove it all; for people, what went wrong, and its exit code."""
    try:
        with connect(os.environ) as client:
            count = remove_all(client)
    except PipelineError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(f"containers removed: {count}")  # noqa: T201 - the result of a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
