"""The local engine, through the docker package: what BuildKit does not do itself."""

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
"""Seconds to wait for an engine that need not be there."""
_LOCAL_SOCKETS = frozenset({"http+docker://localhost", "http+docker://localnpipe"})
"""The docker package's names for an engine behind a socket or pipe of this machine."""


@contextmanager
def connect(environ: Mapping[str, str], timeout: int = _TIMEOUT) -> Iterator[DockerClient]:
    """Connect to the engine of `DOCKER_HOST` or the docker context; close the client at the end.

    Raises `UnknownError` if no engine answers, and for errors of the engine that the block does not
    handle.
    """
    try:
        client = Engine.from_env(environment=dict(environ), timeout=timeout)
    except Exception as error:  # the package raises other errors for an unreadable context
        raise no_engine(environ, error) from error
    try:
        client.ping()
        yield client
    except docker.errors.APIError as error:
        raise _engine_error(error) from None
    except requests.exceptions.RequestException as error:
        raise no_engine(environ, error) from error
    finally:
        client.close()


def information(environ: Mapping[str, str]) -> tuple[object, bool]:
    """Return what the engine says about itself, and whether it is local; `None` without one."""
    try:
        with connect(environ, _QUICK) as client:
            return client.info(), is_local(client.api.base_url)
    except UnknownError:
        return None, False


def engine_name(version: Mapping[str, object]) -> str:
    """Return the name and version of an engine, from its answer to `/version`.

    >>> engine_name({"Version": "26.1.5", "Components": [{"Name": "Engine"}]})
    'Docker 26.1.5'
    """
    text = str(version.get("Components", "")) + str(version.get("Platform", ""))
    return f"{'Podman' if 'Podman' in text else 'Docker'} {version.get('Version')}"


def is_local(base_url: str) -> bool:
    """Return whether an engine, at an address as the docker package writes it, is on this machine.

    >>> is_local("http+docker://localhost"), is_local("http+docker://ssh")
    (True, False)
    """
    parts = urlsplit(base_url)
    if parts.scheme == "http+docker":
        return base_url in _LOCAL_SOCKETS
    return is_loopback(parts.hostname or "")


def _engine_error(error: APIError) -> UnknownError:
    # Only its sentence: the error also holds the request, which may hold a credential.
    """Return the error for an answer of the engine."""
    said = " ".join(str(error.explanation or "").split()) or f"status {error.status_code}"
    return UnknownError(f"the Docker engine says: {said}", hint="see the engine's log")


def no_engine(environ: Mapping[str, str], error: BaseException) -> UnknownError:
    """Return the error that says that no engine answers, and where it was expected."""
    named = environ.get("DOCKER_HOST")
    where = f"`{named}`" if named else "the address of the docker context"
    why = _reason(error)
    hint = "start Docker, or set DOCKER_HOST to where it runs; `invoke doctor` checks again"
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
    """Tag the image `staged` as `published` if it has that digest, and remove the name `staged`.

    If the digest differs, because another run published first, only the name is removed; the layers
    stay in BuildKit's cache. An engine without the image is left alone.
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
    """The docker package's API client, without the logins of the user's docker configuration.

    The package reads all of `config.json` when a client is made, and fails at the first `auth` that
    it cannot decode, of whatever host. The pipeline finds credentials itself, and passes the right
    one with each pull and push.
    """

    _kept: Json

    @property
    def _general_configs(self) -> Json:
        return self._kept

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Keep proxies for containers and headers for the engine, if they are well-formed."""
        known = read if isinstance(read, dict) else {}
        proxies = _section(known, "proxies")
        self._kept = {
            # A login for a host that cannot exist: without any, the package reads the file again.
            "auths": {"host.invalid": {}},
            "proxies": {name: _texts(_section(proxies, name)) for name in proxies},
            "HttpHeaders": _texts(_section(known, "HttpHeaders")),
        }


class Engine(DockerClient):
    """The docker package's client, on top of `Api`."""

    def __init__(self, **settings: Any) -> None:
        self.api = Api(**settings)


def _section(values: Json, name: str) -> Json:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: text for name, text in values.items() if isinstance(text, str)}
