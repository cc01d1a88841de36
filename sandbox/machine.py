"""What the machine is: distribution and apt configuration."""

from __future__ import annotations

import os
import platform
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from sandbox import process
from sandbox.errors import SandboxError

ENGINE_DOCS = "https://docs.docker.com/engine/install/"
EQUIPPED = "Debian 12 or newer, or Ubuntu 22.04 or newer"
OLDEST = {"debian": 12, "ubuntu": 22}


@dataclass(frozen=True)
class System:
    """A distribution, by its values in os-release(5).

    `codename` is the suite in its archive, such as `bookworm`.
    """

    id: str
    version: str
    codename: str
    title: str

    @property
    def major(self) -> int:
        """Return the number before the first dot; 0 if there is none, as on Debian unstable."""
        number = self.version.partition(".")[0]
        return int(number) if number.isdigit() else 0

    @property
    def equippable(self) -> bool:
        """Return whether packages of an engine, buildx and a registry are available for it."""
        oldest = OLDEST.get(self.id)
        return oldest is not None and bool(self.codename) and not 0 < self.major < oldest


def system() -> System:
    """Return the distribution; `PIPELINE_SANDBOX_OS_RELEASE` names another file to read."""
    path = Path(os.environ.get("PIPELINE_SANDBOX_OS_RELEASE") or "/etc/os-release")
    values: dict[str, str] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, assigned, value = line.partition("=")
        if assigned and not name.startswith("#"):
            values[name.strip()] = " ".join(shlex.split(value))
    return System(
        id=values.get("ID", platform.system().lower()),
        version=values.get("VERSION_ID", ""),
        codename=values.get("VERSION_CODENAME", ""),
        title=values.get("PRETTY_NAME", platform.system()),
    )


def require_equippable(*, root: bool) -> System:
    """Return the distribution, if the sandbox can use its packages.

    Raises:
        SandboxError: it cannot, or this user is not root.

    """
    here = system()
    get = f"install Docker Engine with its buildx plugin ({ENGINE_DOCS}), start it, and run again"
    if not here.equippable:
        raise SandboxError(
            f"the sandbox cannot equip `{here.title}`, only {EQUIPPED}",
            hint=get,
        )
    if root and os.geteuid() != 0:
        raise SandboxError(
            "only root may start an engine for the sandbox",
            hint=f"run again as root, or {get}",
        )
    return here


@dataclass(frozen=True)
class AptEntry:
    """A suite and component in the machine's apt sources."""

    uri: str
    suite: str
    component: str
    origin: str
    file: Path


def apt_entries(here: System) -> list[AptEntry]:
    """Return the distribution's own entries of the apt sources.

    apt itself parses both formats, included files and inline keys: `apt-get indextargets` prints
    them, with the file of each.
    """
    shown = process.run(["apt-get", "indextargets", "Created-By: Packages"])
    entries = [_entry(block) for block in re.split(r"\n\s*\n", shown) if block.strip()]
    return [entry for entry in entries if _is_distributions(entry, here)]


def main_archive(here: System, entries: list[AptEntry]) -> str:
    """Return the address of the archive that this machine uses.

    Raises:
        SandboxError: its apt names none.

    """
    for entry in entries:
        if entry.suite == here.codename and entry.component == "main":
            return entry.uri
    raise SandboxError(
        f"apt of this machine names no archive for `{here.codename} main`",
        hint="see `apt-get indextargets` and sources.list(5)",
    )


def apt_settings(prefix: str) -> list[str]:
    """Return the apt settings whose name starts with `prefix`, as lines of apt.conf(5)."""
    shown = process.run(["apt-config", "dump"])
    return [line for line in shown.splitlines() if line.startswith(prefix) and '"' in line]


def _entry(block: str) -> AptEntry:
    pairs = (line.partition(": ") for line in block.splitlines())
    fields = {name: value.strip() for name, _, value in pairs}
    return AptEntry(
        uri=fields.get("Repo-URI", "").rstrip("/"),
        suite=fields.get("Release", ""),
        component=fields.get("Component", ""),
        origin=fields.get("Origin", ""),
        file=Path(fields.get("Sourcesentry", "").rpartition(":")[0]),
    )


def _is_distributions(entry: AptEntry, here: System) -> bool:
    """Return whether an entry is the distribution's own, and not a third party's.

    The origin is known after `apt-get update`; before that, suite and component decide.
    """
    ours = re.fullmatch(rf"{re.escape(here.codename)}([-/](updates|security))?", entry.suite)
    known = entry.origin.lower() in {"", here.id}
    return bool(ours) and known and entry.component in {"main", "universe"}
