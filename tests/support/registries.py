"""The registry that tests start: `docker-registry`, or the one that `CONTRACT_REGISTRY` names.

`make contract-registries` sets it, and runs the same tests against each registry:

* `distribution-2`, the default: Debian's `docker-registry`
* `distribution-3`: the current distribution
* `go-containerregistry`: the registry of that library, in memory
* `HOST:PORT`: a registry that runs already, over plain HTTP. Each test has its own repositories
  there: `registry_front` puts an unused name before them.

>>> with serve(tmp_path / "registry", Settings(access_log=True)) as registry:
...     put_image(registry.address)
"""

from __future__ import annotations

import os
import secrets
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import registry as sandbox_registry
from sandbox.go_programs import MODULES, GoProgram
from sandbox.registry import PLAIN, free_port
from tests.support.processes import wait_until
from tests.support.registry_front import Front, registry_front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.registry import Settings

VARIABLE = "CONTRACT_REGISTRY"
PROGRAM = "CONTRACT_PROGRAM"
"""The variable with the path of the built program, for a registry in `PROGRAMS`."""
DISTRIBUTION = GoProgram(
    MODULES / "distribution",
    "github.com/distribution/distribution/v3/cmd/registry",
    "github.com/distribution/distribution/v3/version.version",
)
CONTAINERREGISTRY = GoProgram(
    MODULES / "go-containerregistry", "github.com/google/go-containerregistry/cmd/registry"
)
PROGRAMS = {"distribution-3": DISTRIBUTION, "go-containerregistry": CONTAINERREGISTRY}
KINDS = ("distribution-2", *PROGRAMS)


@dataclass(frozen=True)
class Registry:
    """A running registry. `address` is `127.0.0.1:PORT`; `ca` is `None` over plain HTTP."""

    address: str
    ca: Path | None

    @property
    def url(self) -> str:
        """Return the address with its scheme."""
        return f"{'http' if self.ca is None else 'https'}://{self.address}"


def kind() -> str:
    """Return the registry that tests use: one of `KINDS`, or `HOST:PORT`."""
    return os.environ.get(VARIABLE) or KINDS[0]


def is_distribution() -> bool:
    """Return whether it is distribution, which has logins and TLS itself."""
    return kind().startswith("distribution-")


@contextmanager
def serve(folder: Path, settings: Settings = PLAIN) -> Iterator[Registry]:
    """Start an empty registry; its access log is `registry.log` in `folder`.

    A registry without logins and TLS gets both from a proxy before it, as people run it.
    """
    with ExitStack() as stack:
        if is_distribution():
            if kind() != KINDS[0]:
                settings = replace(settings, program=Path(os.environ[PROGRAM]))
            running = stack.enter_context(sandbox_registry.serve(folder, settings))
            yield Registry(running.address, running.ca)
            return
        folder.mkdir(parents=True, exist_ok=True)
        log, prefix = folder / "registry.log", ""
        if kind() in PROGRAMS:
            front = bool(settings.tls or settings.htpasswd)
            address = stack.enter_context(_in_memory(folder / "server.log" if front else log))
        else:
            front, address, prefix = True, kind(), f"contract-{secrets.token_hex(6)}/"
        if front:
            before = Front(address, log, prefix, settings.tls, settings.htpasswd)
            address = stack.enter_context(registry_front(before))
        yield Registry(address, settings.tls.ca if settings.tls else None)


@contextmanager
def _in_memory(log: Path) -> Iterator[str]:
    """Start go-containerregistry's registry; it logs each request itself."""
    program = os.environ[PROGRAM]
    while True:  # Another process may take the port meanwhile.
        port = free_port()
        with (
            log.open("w", encoding="utf-8") as output,
            subprocess.Popen([program, f"-port={port}"], stdout=output, stderr=output) as process,
        ):
            try:
                wait_until(lambda: process.poll() is not None or "serving on port" in _text(log))
                if process.poll() is None:
                    yield f"127.0.0.1:{port}"
                    return
                assert "address already in use" in _text(log), _text(log)
            finally:
                process.terminate()


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
