"""The local engine, through the docker package: only what BuildKit does not do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import docker
import requests
from docker import APIClient, DockerClient

from ..errors import UnknownError
from ..http.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker.errors import APIError

    from ..reference import Digest, Reference

    Json = dict[str, object]

_TIMEOUT = 600
_QUICK = 10
"""Seconds for a question that may go unanswered."""
_LOCAL_SOCKETS = frozenset({"http+docker://localhost", "http+docker://localnpipe"})
"""How the docker package calls an engine that is reached by a socket or pipe of this machine."""


@contextmanager
def connect(environ: Mapping[str, str], timeout: int = _TIMEOUT) -> Iterator[DockerClient]:
    """A client of the engine that `DOCKER_HOST` or the docker context names; closed at the end.

    Raises `UnknownError` where no engine answers, and for whatever the engine says in the block
    that nobody there expects.
    """
    try:
        client = Engine.from_env(environment=dict(environ), timeout=timeout)
    except Exception as error:  # the package raises plain ones for a context that it cannot read
        raise no_engine(environ, error) from error
    try:
        client.ping()
        yield client
    except docker.errors.APIError as error:
        raise _trouble(error) from None
    except requests.exceptions.RequestException as error:
        raise no_engine(environ, error) from error
    finally:
        client.close()


def information(environ: Mapping[str, str]) -> tuple[object, bool]:
    """What the engine says of itself, and whether it is on this machine; nothing without one."""
    try:
        with connect(environ, _QUICK) as client:
            return client.info(), is_local(client.api.base_url)
    except UnknownError:
        return None, False


def is_local(base_url: str) -> bool:
    """Return whether an engine, at an address as the docker package writes it, is on this machine.

    >>> is_local("http+docker://localhost"), is_local("http+docker://ssh")
    (True, False)
    """
    parts = urlsplit(base_url)
    if parts.scheme == "http+docker":
        return base_url in _LOCAL_SOCKETS
    return is_loopback(parts.hostname or "")


def _trouble(error: APIError) -> UnknownError:
    # What it holds beside its sentence is the request, and that may hold a credential.
    said = " ".join(str(error.explanation or "").split()) or f"status {error.status_code}"
    return UnknownError(f"the Docker engine says: {said}", hint="its own log says more")


def no_engine(environ: Mapping[str, str], error: BaseException) -> UnknownError:
    """No engine answers: said in one sentence, with where it was looked for."""
    named = environ.get("DOCKER_HOST")
    where = f"`{named}`" if named else "the address of the docker context"
    why = _reason(error)
    hint = "start Docker, or set DOCKER_HOST to where it runs; `invoke doctor` looks again"
    return UnknownError(f"no Docker engine answers at {where}{why}", hint=hint)


def _reason(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno:
            return f": {os.strerror(seen.errno).lower()}"
        seen = seen.__context__
    return ""


def rename(
    client: DockerClient, staged: Reference, published: Reference, digest: Digest | None
) -> None:
    """Give what is held as `staged` the name `published`, where it is the image of that digest.

    Otherwise, as where another run published first, the name is let go of alone; the layers stay
    in BuildKit's cache. An engine that does not hold it is left as it is.
    """
    try:
        image = client.images.get(str(staged))
    except docker.errors.ImageNotFound:
        return
    held = image.attrs.get("RepoDigests") or ()
    if digest and any(name.endswith(f"@{digest}") for name in held):
        image.tag(str(published.repository), tag=published.tag)
    client.images.remove(str(staged), noprune=True)


class Api(APIClient):
    """The package's API client, which keeps nothing of the configuration that concerns a login."""

    _kept: Json

    @property
    def _general_configs(self) -> Json:
        return self._kept

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Keep proxies for containers and headers for the engine, where they have docker's form."""
        known = read if isinstance(read, dict) else {}
        proxies = _section(known, "proxies")
        self._kept = {
            # A login for a host that cannot be: without any, the package reads the file again.
            "auths": {"host.invalid": {}},
            "proxies": {name: _texts(_section(proxies, name)) for name in proxies},
            "HttpHeaders": _texts(_section(known, "HttpHeaders")),
        }


class Engine(DockerClient):
    """The package's client, on top of `Api`."""

    def __init__(self, **settings: Any) -> None:
        self.api = Api(**settings)


def _section(values: Json, name: str) -> Json:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: text for name, text in values.items() if isinstance(text, str)}
