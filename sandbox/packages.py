"""Distribution packages, unpacked into a folder: nothing is installed, upgraded or started."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import machine, process
from sandbox.errors import SandboxError
from sandbox.folders import Folders, locked, scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMAT = 1
"""Part of the cache key: increase it when the layout below changes."""

DOCKER = ("docker.io", "docker-cli", "docker-buildx", "docker-registry")
ENGINE = ("containerd", "runc", "tini")
NETWORK = ("iptables", "libip4tc2", "libip6tc2", "libxtables12", "libmnl0", "libnftnl11")
CONNTRACK = ("libnetfilter-conntrack3", "libnfnetlink0")
SEED = ("debootstrap", "debian-archive-keyring")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OPTIONAL = ("docker-cli",)
"""Ubuntu has the client in `docker.io`."""

SUCCESSOR = {"bookworm": "trixie"}
"""The suite of the packages of `DOCKER` if the machine's own are too old: Debian 12 has no

buildx. They need only libc 2.34; `runc` of trixie needs a newer one than bookworm has.
"""

PROGRAMS = (
    "docker",
    "dockerd",
    "docker-proxy",
    "docker-registry",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "debootstrap",
)

IPTABLES = """\
#!/bin/sh
# iptables beside the system, through whichever of the kernel's interfaces answers.
root=$(dirname "$(dirname "$(readlink -f "$0")")")
libraries=$(dirname "$(ls -d "$root"/usr/lib/*/libxtables.so.* | head -n 1)")
export LD_LIBRARY_PATH="$libraries" XTABLES_LIBDIR="$libraries/xtables"
nft="$root/usr/sbin/xtables-nft-multi"
if "$nft" iptables -t nat -S POSTROUTING >/dev/null 2>&1; then
    exec "$nft" @NAME@ "$@"
fi
exec "$root/usr/sbin/xtables-legacy-multi" @NAME@ "$@"
"""


@dataclass(frozen=True)
class Tools:
    """Unpacked packages. `root` is laid out like a root file system, with a `bin` of programs."""

    root: Path

    @property
    def bin(self) -> Path:
        """Return the folder of all programs."""
        return self.root / "bin"

    def environment(self) -> dict[str, str]:
        """Return a daemon's environment: our programs first in PATH, no other configuration."""
        dropped = ("DOCKER_", "BUILDX_", "BUILDKIT_", "REGISTRY_", "OTEL_", "LISTEN_", "NOTIFY_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        path = kept.get("PATH", os.defpath)
        return {
            **kept,
            "PATH": f"{self.bin}{os.pathsep}{path}{os.pathsep}/usr/sbin{os.pathsep}/sbin",
        }


def ensure(folders: Folders, here: machine.System) -> Tools:
    """Return the packages for `here`, from the cache or from the machine's apt archive.

    Raises:
        SandboxError: the archive cannot be reached, or lacks one of them.

    """
    home = located(folders, here).root
    with locked(folders.cache / "tools.lock"):
        if not home.exists():
            with scratch(folders.cache, "tools") as folder:
                root = folder / "root"
                _fetch(folder, root, here)
                _link_programs(root)
                root.replace(home)
    return Tools(home)


def beside(folders: Folders, here: machine.System, suite: str, names: Sequence[str]) -> Path:
    """Unpack packages of another Debian suite, for comparisons, and return their root.

    Raises:
        SandboxError: the archive cannot be reached, or lacks one of them.

    """
    home = folders.cache / f"beside-{FORMAT}-{suite}-{'-'.join(names)}-{os.uname().machine}"
    with locked(folders.cache / "beside.lock"):
        if not home.exists():
            with scratch(folders.cache, "beside") as folder:
                archive = machine.main_archive(here, machine.apt_entries(here))
                _fetch_of(suite, archive, KEYRING, names, folder)
                (folder / "root").replace(home)
    return home


def located(folders: Folders, here: machine.System) -> Tools:
    """Return where the packages for `here` are, or would be."""
    kind = os.uname().machine
    return Tools(folders.cache / f"tools-{FORMAT}-{here.id}-{here.codename}-{kind}")


def _fetch(scratch: Path, root: Path, here: machine.System) -> None:
    entries = machine.apt_entries(here)
    archive = machine.main_archive(here, entries)
    base = [*ENGINE, *NETWORK, *CONNTRACK, *SEED]
    successor = SUCCESSOR.get(here.codename)
    say(f"fetching packages of {here.codename} from {archive}")
    own = _Apt(scratch / "own", sources=_copies({entry.file for entry in entries}))
    own.download(base if successor else [*DOCKER, *base])
    unpack(own.debs(), root)
    if successor is None:
        return
    # The keys come from this machine's own archive, verified with its installed keys.
    _fetch_of(successor, archive, root / KEYRING.relative_to("/"), DOCKER, scratch)


def _fetch_of(suite: str, archive: str, keyring: Path, names: Sequence[str], scratch: Path) -> None:
    """Unpack packages of another suite into `root` in `scratch`."""
    say(f"fetching packages of {suite} from {archive}")
    line = f"deb [signed-by={keyring}] {archive} {suite} main\n"
    newer = _Apt(scratch / "newer", sources={"newer.list": line})
    newer.download(names)
    unpack(newer.debs(), scratch / "root")


class _Apt:
    """apt-get with its own sources, lists and downloads, and the machine's other settings."""

    def __init__(self, home: Path, *, sources: dict[str, str]) -> None:
        self.home = home
        for folder in ("parts", "lists/partial", "cache/archives/partial", "debs"):
            (home / folder).mkdir(parents=True)
        for name, content in sources.items():
            (home / "parts" / name).write_text(content)

    def download(self, names: Sequence[str]) -> None:
        """Fetch the lists, then `names`; apt checks the signatures."""
        self._run("update")
        offered = self._offered(names)
        missing = [name for name in names if name not in offered and name not in OPTIONAL]
        if missing:
            raise SandboxError(
                f"the apt archive of this machine lacks {', '.join(f'`{m}`' for m in missing)}",
                hint=f"enable its `main` and `universe`, or see {machine.ENGINE_DOCS}",
            )
        self._run("download", *(name for name in names if name in offered))

    def _offered(self, names: Sequence[str]) -> set[str]:
        """Return those of `names` that the archive has; others are only named as dependencies."""
        shown = self._run("policy", *names, program="apt-cache")
        blocks = re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)$", shown, flags=re.MULTILINE)
        return {name for name, candidate in blocks if candidate != "(none)"}

    def debs(self) -> list[Path]:
        """Return the downloaded files."""
        return sorted((self.home / "debs").glob("*.deb"))

    def _run(self, *words: str, program: str = "apt-get") -> str:
        settings = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": f"{self.home}/parts",
            "Dir::State::lists": f"{self.home}/lists",
            "Dir::Cache": f"{self.home}/cache",
            "Acquire::Languages": "none",
            # apt's download user cannot read root's cache folder.
            "APT::Sandbox::User": "root",
        }
        options = [f"-o{name}={value}" for name, value in settings.items()]
        folder = self.home / "debs"
        command = ["env", f"--chdir={folder}", "LC_ALL=C", program, "-q", *options, *words]
        return process.run(command)


def unpack(debs: Iterable[Path], root: Path) -> None:
    """Unpack `debs` into `root` without running their scripts."""
    root.mkdir(parents=True, exist_ok=True)
    for deb in debs:
        process.run(["dpkg-deb", "--extract", str(deb), str(root)])


def _link_programs(root: Path) -> None:
    folder = root / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        found = [at for at in ("usr/bin", "usr/sbin") if (root / at / name).exists()]
        for place in found[:1]:
            (folder / name).symlink_to(f"../{place}/{name}")
    (folder / "docker-init").symlink_to("../usr/bin/tini-static")
    for name in ("iptables", "ip6tables"):
        script = folder / name
        script.write_text(IPTABLES.replace("@NAME@", name))
        script.chmod(0o755)
    for useless in ("usr/share/doc", "usr/share/man", "usr/share/locale", "etc"):
        shutil.rmtree(root / useless, ignore_errors=True)


def _copies(files: set[Path]) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(files)}


def say(text: str) -> None:
    """Print a line of progress to stderr."""
    print(f"sandbox: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the command line's own
