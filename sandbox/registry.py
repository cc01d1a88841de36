"""Image registries of the sandbox: the real distribution server, one process each, on loopback."""

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
from sandbox.places import Places, identity, places

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self  # of Python 3.11: never at run time

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
    enabled: true
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
ATTEMPTS = 5
MARK = "X-Sandbox-Registry"
"""The header by which a registry says of which folder it is."""


@dataclass(frozen=True)
class Certificate:
    """What a TLS registry shows (`certificate`, with its chain) and what trusts it (`ca`): PEM."""

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
    places: Places

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"{'http' if self.ca is None else 'https'}://{self.address}"

    def stop(self) -> None:
        """End it; what was pushed stays in its folder."""
        state.stop(self.places, self.name, patience=5.0)

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
class Settings:
    """How a registry serves.

    `htpasswd` holds lines of bcrypt hashes and turns Basic authentication on; `access_log` writes
    each request to `registry.log` in the registry's folder.
    """

    tls: Certificate | None = None
    htpasswd: Path | None = None
    access_log: bool = False


PLAIN = Settings()


def serve(
    folder: Path,
    settings: Settings = PLAIN,
    *,
    port: int | None = None,
    name: str | None = None,
    where: Places | None = None,
) -> Registry:
    """Start a registry that keeps its configuration, log and blobs in `folder`.

    Without `port` it takes a free one. `name` is what `down` and `status` call it; by default it
    is made of the folder. `down` stops it if nobody else does.

    Raises:
        SandboxError: there is no registry server for this machine, or it does not come up.

    """
    at = where or places()
    called = name or f"{folder.name}-{identity(folder)}"
    program = server(at)
    # Another process may take the port between the question and the answer.
    for _ in range(1 if port else ATTEMPTS - 1):
        with suppress(SandboxError):
            return _start(folder, settings, program, port=port or free_port(), called=(called, at))
    return _start(folder, settings, program, port=port or free_port(), called=(called, at))


def server(at: Places) -> Path:
    """The registry server: the machine's own, or the one unpacked for the sandbox.

    Raises:
        SandboxError: this machine has none, and its archive cannot be used.

    """
    own = shutil.which("docker-registry")
    if own is not None:
        return Path(own)
    here = machine.require_equippable(root=False)
    return packages.ensure(at, here).bin / "docker-registry"


def free_port(preferred: int = 0) -> int:
    """A free port of 127.0.0.1: `preferred` if it is free, any other else."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str, *, ca: Path | None = None, mark: str = "") -> bool:
    """Whether a registry at `address` answers: 401 is an answer too.

    With `mark`, only the registry of the folder of that identity will do.
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
    folder: Path, settings: Settings, program: Path, *, port: int, called: tuple[str, Places]
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
        # Its own answer, not that of a stranger who holds the port.
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
    path = folder / "registry.yml"
    path.write_text(text)
    return path
