"""Start the proxy of an engine and change its routes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct

from ...buildkit.engine import is_local
from ...model.report import Failure
from ...process.wait import wait_until
from ..errors import DeployError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from docker import DockerClient

    from .proxy_tcp import SocketAddress

_IMPORT_ROOT = Path(__file__).parents[3]
"""The folder that has the package, whatever the working directory is."""
_TIMEOUT = 15.0
_PAUSE = 0.1


class ProxyClient(Struct, frozen=True):
    """Commands for the proxy of one engine, whose socket is in `folder`, whether it runs or not."""

    folder: Path

    def route(
        self,
        key: str,
        port: int,
        upstream: SocketAddress | None,
        *,
        http: bool = True,
        gentle: bool = False,
    ) -> int:
        """Forward `port` (0: any free one) to `upstream`, and return the port. Starts the proxy.

        With `gentle`, a route that has an upstream keeps it.
        Raises `DeployError` if the port is taken or the proxy does not start.
        """
        command = {"do": "route", "key": key, "port": port, "upstream": upstream}
        self._start()
        answer = self._send({**command, "http": http, "gentle": gentle})
        if answer is None:
            raise _error("the proxy does not answer")
        return int(answer["port"])

    def drain(self, upstream: SocketAddress, seconds: float) -> int:
        """Wait until no request to `upstream` is open; return how many still are at the end."""
        answer = self._send({"do": "drain", "upstream": upstream, "seconds": seconds}, seconds)
        return int(answer["busy"]) if answer else 0

    def routes(self) -> dict[str, tuple[int, SocketAddress | None]]:
        """Return port and upstream of each route; nothing if the proxy does not run."""
        found = self._send({"do": "routes"}) or {}
        return {key: (r["port"], _address(r["upstream"])) for key, r in found.items()}

    def forget(self, keys: Sequence[str]) -> None:
        """Remove routes. The proxy ends with its last one."""
        if keys:
            self._send({"do": "forget", "keys": list(keys)})

    def stop(self) -> None:
        """End the proxy if it runs."""
        self._send({"do": "stop"})

    @contextmanager
    def lock(self, app: str, stop: threading.Event) -> Iterator[None]:
        """Wait until no other run changes the app, and keep others out until the end of the block.

        Raises `DeployError` if `stop` is set first.
        """
        with (self.folder / f"{app}.app").open("w", encoding="utf-8") as file:
            if not wait_until(lambda: _try_lock(file), timeout=math.inf, stop=stop, pause=_PAUSE):
                raise DeployError(Failure("deploy", "interrupted before it was deployed"))
            yield

    def _send(self, command: dict[str, Any], seconds: float = 0.0) -> dict[str, Any] | None:
        """Send a command and return the answer, `None` if the proxy does not run.

        Raises `DeployError` if the proxy refuses, or does not answer for long after `seconds`.
        """
        try:
            connection = _connect(self.folder, seconds + _TIMEOUT)
        except OSError:
            return None
        try:
            with connection, connection.makefile("rwb") as file:
                file.write(json.dumps(command).encode() + b"\n")
                file.flush()
                answer = json.loads(file.readline() or b"{}")
        except OSError as error:
            raise _error(f"the proxy does not answer: {error}") from error
        if "error" in answer:
            raise _error(answer["error"])
        return dict(answer)

    def _start(self) -> None:
        """Start the proxy unless it runs. One caller at a time, over threads and processes."""
        with (self.folder / "start").open("w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                _connect(self.folder, 1.0).close()
            except OSError:
                _spawn(self.folder)


def proxy_of(client: DockerClient) -> ProxyClient | None:
    """Return the proxy of an engine; `None` for a remote engine and on systems without `fork`.

    Without one, containers publish their ports directly, and an app's address changes with each
    release.
    """
    if not hasattr(os, "fork") or not is_local(client.api.base_url):
        return None
    engine = str(client.info()["ID"])
    return ProxyClient(_folder(hashlib.sha256(engine.encode()).hexdigest()[:12]))


def _folder(name: str) -> Path:
    """Return a folder of this user alone, so that nobody else can pretend to be the proxy."""
    try:
        folder = Path(tempfile.gettempdir()) / f"pipeline-front-{os.getuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        stat = folder.lstat()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _error(f"the folder of the proxy cannot be made: {why}") from error
    if folder.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o077:
        raise _error(f"`{folder}` does not belong to you alone: remove it")
    return folder


def _spawn(folder: Path) -> None:
    """Start the proxy process, and return as soon as it listens."""
    try:
        with (folder / "log").open("wb") as log:
            subprocess.run(
                [sys.executable, "-m", "pipeline.deploy.docker.proxy", str(folder)],
                # It lives longer than this run, so it gets no token of the environment.
                env={"PATH": os.environ.get("PATH", os.defpath)},
                cwd=_IMPORT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=_TIMEOUT,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise _error("the proxy could not be started", f"see `{folder}/log`") from error


def _try_lock(file: IO[str]) -> bool:
    """Lock a file unless another run has it locked; return whether it is ours."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connect(folder: Path, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(str(folder / "socket"))
    except OSError:
        connection.close()
        raise
    return connection


def _address(value: list[Any] | None) -> SocketAddress | None:
    return (str(value[0]), int(value[1])) if value else None


def _error(message: str, hint: str = "") -> DeployError:
    return DeployError(Failure("proxy", message), hint=hint)
