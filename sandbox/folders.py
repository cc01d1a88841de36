"""The folders of a sandbox."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.mounts import unmount_below

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Folders:
    """The three folders of a sandbox.

    `root` has everything that survives a reboot. `run` has sockets, whose paths are limited to 107
    bytes (unix(7), `sun_path`), however long the checkout's path is. `cache` has downloads and is
    shared by all checkouts of a user.
    """

    root: Path
    run: Path
    cache: Path

    @property
    def identity(self) -> str:
        """Return eight hex digits that are unique to this sandbox on the machine."""
        return identity(self.root)

    @property
    def state(self) -> Path:
        """Return the folder with the choices of `up`: see `sandbox.state`."""
        return self.root / "state.json"

    @property
    def bin(self) -> Path:
        """Return the folder of the programs that come first in PATH."""
        return self.root / "bin"

    @property
    def docker_config(self) -> Path:
        """Return the sandbox's DOCKER_CONFIG: the buildx plugin, and no credentials."""
        return self.root / "docker"


def identity(path: Path) -> str:
    """Return eight hex digits of a path, the same for every spelling of it."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]


def folders(root: Path | None = None) -> Folders:
    """Return the folders of the sandbox at `root`, PIPELINE_SANDBOX_DIR or `.sandbox`."""
    if root is None:
        default = Path(__file__).resolve().parent.parent / ".sandbox"
        root = Path(os.environ.get("PIPELINE_SANDBOX_DIR") or default)
    root = root.absolute()
    if os.geteuid() == 0:
        run = Path("/run") / f"fip-{identity(root)}"
    else:
        run = Path(tempfile.gettempdir()) / f"fip-{os.getuid()}-{identity(root)}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Folders(root=root, run=run, cache=cache.absolute() / "fly-image-pipeline")


@contextmanager
def scratch(folder: Path, what: str) -> Iterator[Path]:
    """Make a temporary folder, and remove it at the end; first remove those of killed runs.

    The caller holds the lock of `what`, so no other process uses such a folder.
    """
    for left in folder.glob(f"{what}.*"):
        if left.is_dir() and not left.is_symlink():
            unmount_below(left)
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{what}.") as made:
        yield Path(made)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel releases it if the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
