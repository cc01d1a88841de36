"""Where a sandbox keeps its things."""

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
class Places:
    """The three folders of a sandbox.

    `root` keeps everything that should survive a reboot; `run` keeps sockets, whose paths may not
    be longer than 107 bytes (unix(7), `sun_path`), however deep the checkout lies; `cache` keeps
    downloads and is shared by all checkouts of a user.
    """

    root: Path
    run: Path
    cache: Path

    @property
    def identity(self) -> str:
        """Eight hex digits that tell this sandbox from others on the machine."""
        return identity(self.root)

    @property
    def state(self) -> Path:
        """What `up` chose: see `sandbox.state`."""
        return self.root / "state.json"

    @property
    def bin(self) -> Path:
        """The programs that belong first on `PATH`."""
        return self.root / "bin"

    @property
    def docker_config(self) -> Path:
        """`DOCKER_CONFIG` of the sandbox: the buildx plugin, and no one's credentials."""
        return self.root / "docker"


def identity(path: Path) -> str:
    """Eight hex digits of a path, the same for every spelling of it."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]


def places(root: Path | None = None) -> Places:
    """The folders of the sandbox at `root`; by default `PIPELINE_SANDBOX_DIR` or `.sandbox`."""
    if root is None:
        default = Path(__file__).resolve().parent.parent / ".sandbox"
        root = Path(os.environ.get("PIPELINE_SANDBOX_DIR") or default)
    root = root.absolute()
    if os.geteuid() == 0:
        run = Path("/run") / f"fip-{identity(root)}"
    else:
        run = Path(tempfile.gettempdir()) / f"fip-{os.getuid()}-{identity(root)}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Places(root=root, run=run, cache=cache.absolute() / "fly-image-pipeline")


@contextmanager
def scratch(folder: Path, what: str) -> Iterator[Path]:
    """A folder for what is made, removed at the end; what killed runs left of it is removed first.

    The caller holds the lock of `what`, so that nobody makes the same meanwhile.
    """
    for left in folder.glob(f"{what}.*"):
        if left.is_dir() and not left.is_symlink():
            unmount_below(left)
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{what}.") as made:
        yield Path(made)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`: one process at a time, freed by the kernel if it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
