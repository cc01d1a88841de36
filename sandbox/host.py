"""The engine that the machine already has, if it can be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox import process, registry
from sandbox.errors import SandboxError

HUB = "https://registry-1.docker.io/v2/"
HUB_PATIENCE = 4.0
REGISTRY_IMAGE = "registry:2"
DOCKER_PATIENCE = 20.0


@dataclass(frozen=True)
class Host:
    """The engine that `docker` on PATH reaches.

    `fault` is None if it can be used, else the reason in one clause.
    """

    endpoint: str
    fault: str | None


def probe() -> Host:
    """Look for an engine and buildx, with the docker client on PATH."""
    if shutil.which("docker") is None:
        return Host("", "there is no `docker` on PATH")
    form = "{{json .ServerVersion}}"
    served = _docker("info", "--format", form)
    if served.returncode != 0 or served.stdout.strip() in {"", '""'}:
        said = (served.stderr or served.stdout).strip().splitlines()
        return Host("", f"`docker info` says: {said[-1] if said else 'nothing'}")
    if _docker("buildx", "version").returncode != 0:
        return Host("", "its engine answers, but `docker buildx version` fails")
    endpoint = _endpoint()
    if _elsewhere(endpoint):
        return Host(endpoint, f"its engine is at `{endpoint}`, not on this machine")
    return Host(endpoint, None)


def hub_answers() -> bool:
    """Return whether Docker Hub can be reached; it usually answers 401."""
    try:
        with urllib.request.urlopen(HUB, timeout=HUB_PATIENCE):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401
    except OSError:
        return False


def start_registry(name: str, port: int) -> str:
    """Run the registry as a container of the machine's engine, and return its address.

    Its blobs are in a volume of the same name.

    Raises:
        SandboxError: the image cannot be pulled, or the container does not answer.

    """
    stop_registry(name)
    address = f"127.0.0.1:{port}"
    options = ["--detach", "--name", name, "--publish", f"{address}:5000"]
    options += ["--volume", f"{name}:/var/lib/registry"]
    options += ["--env", "REGISTRY_STORAGE_DELETE_ENABLED=true"]
    started = _docker("run", *options, REGISTRY_IMAGE, patience=300.0)
    said = (started.stderr.strip() or "no reason given").splitlines()[-1]
    if started.returncode != 0:
        raise SandboxError(
            f"`{REGISTRY_IMAGE}` does not start on the engine of this machine",
            hint=f"install `docker-registry`, or mend this: {said}",
        )
    if not process.wait_until(lambda: registry.answers(address), seconds=30.0):
        raise SandboxError(
            f"the registry container `{name}` does not answer on {address}",
            hint=f"see `docker logs {name}`",
        )
    return address


def stop_registry(name: str) -> None:
    """Remove the registry's container, if it exists; its volume stays."""
    if shutil.which("docker") is not None:
        _docker("rm", "--force", name)


def remove_volume(name: str) -> None:
    """Remove the registry's volume, if it exists."""
    if shutil.which("docker") is not None:
        _docker("volume", "rm", "--force", name)


def _endpoint() -> str:
    named = os.environ.get("DOCKER_HOST")
    if named:
        return named
    return _docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()


def _elsewhere(endpoint: str) -> bool:
    """Return whether the engine cannot reach a registry on our loopback."""
    parts = urlsplit(endpoint)
    remote = parts.scheme in {"tcp", "http", "https", "ssh"}
    return remote and parts.hostname not in {"localhost", "127.0.0.1", "::1"}


def _docker(*words: str, patience: float = DOCKER_PATIENCE) -> subprocess.CompletedProcess[str]:
    command = ["docker", *words]
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        slow = f"no answer within {patience:.0f} seconds"
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=slow)
