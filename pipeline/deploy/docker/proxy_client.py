"""Start the front of an engine, and tell it where routes go."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from ...model.report import Failure
from ..errors import DeployError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from docker import DockerClient

    from .proxy_tcp import Address

_ROOT = Path(__file__).parents[3]
"""Where `pipeline` is found, whatever the working directory is."""
_PATIENCE = 15.0
_LOOK_EVERY = 0.1


class FrontClient(Struct, frozen=True):
    """The front of one engine, whose socket is in `folder`, whether it runs or not."""

    folder: Path

    def route(
        self,
        key: str,
        port: int,
        upstream: Address | None,
        *,
        http: bool = True,
        gentle: bool = False,
    ) -> int:
        """Forward `port` (0: any that is free) to `upstream`; the port. Starts the front.

        A `gentle` order leaves an upstream that is known already.
        Raises `DeployError` where the port is taken, or the front does not start.
        """
        order = {"do": "route", "key": key, "port": port, "upstream": upstream}
        order |= {"http": http, "gentle": gentle}
        self._start()
        return int(self._ask(order)["port"])

    def drain(self, upstream: Address, seconds: float) -> int:
        """Wait until nothing is under way to `upstream`; how much still is after `seconds`."""
        order = {"do": "drain", "upstream": upstream, "seconds": seconds}
        return int(self._ask(order, seconds)["busy"]) if self._runs() else 0

    def routes(self) -> dict[str, tuple[int, Address | None]]:
        """Port and upstream of each route; nothing where the front does not run."""
        found = self._ask({"do": "routes"}) if self._runs() else {}
        return {k: (r["port"], _address(r["upstream"])) for k, r in found.items()}

    def forget(self, keys: Sequence[str]) -> None:
        """Listen on the ports of `keys` no more; the front ends with its last route."""
        if keys and self._runs():
            self._ask({"do": "forget", "keys": list(keys)})

    @contextmanager
    def alone(self, app: str, stop: threading.Event) -> Iterator[None]:
        """Let one run at a time change an app. Raises `DeployError` when `stop` ends the wait."""
        with (self.folder / f"{app}.app").open("w", encoding="utf-8") as file:
            while not _lock(file):
                if stop.wait(_LOOK_EVERY):
                    raise DeployError(Failure("deploy", "interrupted before it was deployed"))
            yield

    def stop(self) -> bool:
        """End the front; whether it ran."""
        running = self._runs()
        if running:
            self._ask({"do": "stop"})
        return running

    def _runs(self) -> bool:
        try:
            _connected(self.folder, 1.0).close()
        except OSError:
            return False
        return True

    def _ask(self, order: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
        try:
            with _connected(self.folder, seconds + _PATIENCE) as line, line.makefile("rwb") as file:
                file.write(json.dumps(order).encode() + b"\n")
                file.flush()
                answer = json.loads(file.readline() or b"{}")
        except OSError as error:
            raise _trouble(f"the front process does not answer: {error}") from error
        if "error" in answer:
            raise _trouble(answer["error"])
        return dict(answer)

    def _start(self) -> None:
        with _locked(self.folder / "start"):
            if self._runs():
                return
            try:
                _spawn(self.folder)
            except (OSError, subprocess.SubprocessError) as error:
                raise _trouble("the front process could not be started", self.folder) from error


def front_of(client: DockerClient) -> FrontClient | None:
    """The front of an engine; `None` for one on another machine, or without Unix sockets here.

    There, containers publish their ports directly, and an app's address changes with each release.
    """
    if not hasattr(os, "fork") or not is_local(client.api.base_url):
        return None
    engine = str(client.info()["ID"])
    return FrontClient(_folder(hashlib.sha256(engine.encode()).hexdigest()[:12]))


def is_local(base: str) -> bool:
    """Whether an engine at this address (as the docker package writes it) is on this machine."""
    host = urlsplit(base).hostname or ""
    if base.startswith("http+docker:") or host == "localhost":
        return host == "localhost"
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _folder(name: str) -> Path:
    """A folder of this user's alone; others could otherwise give us orders to a front of theirs."""
    try:
        folder = Path(tempfile.gettempdir()) / f"pipeline-front-{os.getuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        stat = folder.lstat()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise _trouble(f"there is no folder for the front: {why}") from error
    if folder.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o077:
        raise _trouble(f"`{folder}` is not a folder of yours alone: remove it")
    return folder


def _spawn(folder: Path) -> None:
    """Start the front, which returns as soon as it listens, and lives on by itself."""
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "pipeline.deploy.docker.proxy", str(folder)],
            # It lives longer than this run: no token of the environment goes with it.
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=_PATIENCE,
            check=True,
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One at a time, over threads and processes: each has a file of its own that it locks."""
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(file: IO[str]) -> bool:
    """Lock a file, if no other run has it locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connected(folder: Path, timeout: float) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(timeout)
    try:
        line.connect(str(folder / "socket"))
    except OSError:
        line.close()
        raise
    return line


def _address(value: list[Any] | None) -> Address | None:
    return (str(value[0]), int(value[1])) if value else None


def _trouble(message: str, folder: Path | None = None) -> DeployError:
    hint = f"see `{folder}/log`" if folder else ""
    return DeployError(Failure("front", message), hint=hint)
