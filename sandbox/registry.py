"""Registries of the sandbox: the real distribution server, one process each, on loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import machine, packages, process, state
from sandbox.errors import SandboxError
from sandbox.folders import Folders, folders, identity

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self  # Of Python 3.11: not used at run time.

CONFIGURATION = """\
version: 0.1
log:
  level: warn
  accesslog:
    disabled: {silent}
storage:
  filesystem:
    rootdirectory: {data}
  delete:
    enabled: {deletes}
  maintenance:
    uploadpurging:
      enabled: false
http:
  addr: {address}
  secret: sandbox
  headers:
    {mark}: [{folder}]
"""
TLS = """\
  tls:
    certificate: {certificate}
    key: {key}
"""
HTPASSWD = """\
auth:
  htpasswd:
    realm: sandbox
    path: {path}
"""
BEARER = """\
auth:
  token:
    realm: {realm}
    service: {service}
    issuer: {service}
    rootcertbundle: {ca}
"""
ATTEMPTS = 5
MARK = "X-Sandbox-Registry"
"""The response header with the identity of the registry's folder."""


@dataclass(frozen=True)
class Certificate:
    """The certificate chain of a TLS registry, and the authority (`ca`) that signed it, in PEM."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True)
class Registry:
    """A running registry; as a context manager it stops at the end.

    `address` is `127.0.0.1:PORT`; `ca` is None over plain HTTP.
    """

    name: str
    address: str
    ca: Path | None
    process: process.Process
    folders: Folders

    @property
    def url(self) -> str:
        """Return the address with its scheme."""
        return f"{'http' if self.ca is None else 'https'}://{self.address}"

    def stop(self) -> None:
        """Stop it; pushed images stay in its folder."""
        state.stop(self.folders, self.name, patience=5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class TokenServer:
    """Where a registry sends its clients for a Bearer token.

    It accepts tokens that name `service` as issuer and audience, and whose certificate `ca` (PEM)
    has signed.
    """

    realm: str
    service: str
    ca: Path


@dataclass(frozen=True)
class Settings:
    """Settings of a registry.

    `htpasswd` has lines of bcrypt hashes and turns on Basic authentication; `access_log` writes
    each request to `registry.log` in the registry's folder; `tokens` turns on Bearer
    authentication. `program` is another version of the distribution server. With `deletes`,
    manifests and blobs can be deleted.
    """

    tls: Certificate | None = None
    htpasswd: Path | None = None
    access_log: bool = False
    tokens: TokenServer | None = None
    program: Path | None = None
    deletes: bool = True


PLAIN = Settings()


def serve(
    folder: Path,
    settings: Settings = PLAIN,
    *,
    port: int | None = None,
    name: str | None = None,
    where: Folders | None = None,
) -> Registry:
    """Start a registry that has its configuration, log and blobs in `folder`.

    Without `port` it uses a free one. `name` is its name in `down` and `status`, by default derived
    from the folder. `down` stops it, if it is still running.

    Raises:
        SandboxError: there is no registry server for this machine, or it does not start.

    """
    at = where or folders()
    called = name or f"{folder.name}-{identity(folder)}"
    program = settings.program or server(at)
    # Another process may take the port meanwhile.
    for _ in range(1 if port else ATTEMPTS - 1):
        with suppress(SandboxError):
            return _start(folder, settings, program, port=port or free_port(), called=(called, at))
    return _start(folder, settings, program, port=port or free_port(), called=(called, at))


def server(at: Folders) -> Path:
    """Return the registry server: the machine's own, or the unpacked one.

    Raises:
        SandboxError: this machine has none, and its archive cannot be used.

    """
    own = shutil.which("docker-registry")
    if own is not None:
        return Path(own)
    here = machine.require_equippable(root=False)
    return packages.ensure(at, here).bin / "docker-registry"


def free_port(preferred: int = 0) -> int:
    """Return a free port of 127.0.0.1: `preferred` if it is free, else any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str, *, ca: Path | None = None, mark: str = "") -> bool:
    """Return whether a registry answers at `address`; 401 counts, too.

    With `mark`, it must be the registry whose folder has that identity.
    """
    scheme = "http" if ca is None else "https"
    trust = None if ca is None else ssl.create_default_context(cafile=str(ca))
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if trust is not None:
        handlers.append(urllib.request.HTTPSHandler(context=trust))
    try:
        url = f"{scheme}://{address}/v2/"
        with urllib.request.build_opener(*handlers).open(url, timeout=5) as answer:
            return mark in {"", answer.headers[MARK]}
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401 and mark in {"", error.headers[MARK]}
    except OSError:
        return False


def _start(
    folder: Path, settings: Settings, program: Path, *, port: int, called: tuple[str, Folders]
) -> Registry:
    name, at = called
    address = f"127.0.0.1:{port}"
    configuration = _configure(folder, settings, address)
    log = folder / "registry.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("REGISTRY_", "OTEL_"))}
    command = [str(program), "serve", str(configuration)]
    started = process.spawn(command, log=log, environment=environment)
    state.remember(at, name, started)
    ca = settings.tls.ca if settings.tls else None
    try:
        # Its own response, not that of another program on this port.
        process.wait_for(
            lambda: answers(address, ca=ca, mark=identity(folder)),
            started,
            what=f"the registry `{name}`",
            log=log,
        )
    except SandboxError:
        state.forget(at, name)
        raise
    return Registry(name, address, ca, started, at)


def _configure(folder: Path, settings: Settings, address: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.format(
        silent=json.dumps(not settings.access_log),
        deletes=json.dumps(settings.deletes),
        data=json.dumps(str(folder / "data")),
        address=address,
        mark=MARK,
        folder=json.dumps(identity(folder)),
    )
    if settings.tls is not None:
        text += TLS.format(
            certificate=json.dumps(str(settings.tls.certificate)),
            key=json.dumps(str(settings.tls.key)),
        )
    if settings.htpasswd is not None:
        text += HTPASSWD.format(path=json.dumps(str(settings.htpasswd)))
    if settings.tokens is not None:
        text += BEARER.format(
            realm=json.dumps(settings.tokens.realm),
            service=json.dumps(settings.tokens.service),
            ca=json.dumps(str(settings.tokens.ca)),
        )
    path = folder / "registry.yml"
    path.write_text(text)
    return path
