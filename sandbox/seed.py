"""Make `debian:bookworm-slim` from the machine's archive, if Docker Hub cannot be reached."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import machine, mounts, process, state
from sandbox.errors import SandboxError
from sandbox.folders import locked, scratch
from sandbox.packages import say

if TYPE_CHECKING:
    from typing import BinaryIO

    from sandbox.folders import Folders
    from sandbox.packages import Tools

FORMAT = 1
"""Part of the cache key: increase it when the content below changes."""

SUITE = "bookworm"
REPOSITORY = "library/debian"
TAG = "bookworm-slim"

LEFT_OUT = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
"""Folders of /usr/share that the slim image excludes, now and in later installations."""

EMPTIED = ("dev", "run", "tmp", "var/cache/apt", "var/lib/apt/lists", "var/log", "var/tmp")
REMOVED = ("etc/hostname", "etc/resolv.conf", "var/cache/ldconfig/aux-cache", "debootstrap")

APT_CONF = """\
// An image layer should hold what was installed, not what that took.
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };
"""

WGET = """\
#!{python}
import shutil, sys, urllib.request
words = sys.argv[1:]
with urllib.request.urlopen(words[-1]) as answer, open(words[words.index("-O") + 1], "wb") as out:
    shutil.copyfileobj(answer, out)
"""
"""A replacement with those options of wget that debootstrap uses."""


@dataclass(frozen=True)
class Seed:
    """A base image of one layer: the file of its compressed tar, and its two digests."""

    layer: Path
    digest: str
    diff_id: str
    architecture: str


@dataclass(frozen=True)
class Archive:
    """The sources of the seed image: the archive, and apt's sources and settings for the image."""

    uri: str
    sources: str
    settings: str


def archive(here: machine.System) -> Archive:
    """Return the Debian archive: PIPELINE_SANDBOX_DEBIAN_MIRROR, or that of this machine.

    Raises:
        SandboxError: it uses none, as on Ubuntu.

    """
    named = os.environ.get("PIPELINE_SANDBOX_DEBIAN_MIRROR")
    if here.id != "debian" and not named:
        raise SandboxError(
            f"Docker Hub cannot be reached, and `{here.title}` has no Debian archive to replace it",
            hint="set PIPELINE_SANDBOX_DEBIAN_MIRROR to the address of one, or allow Docker Hub",
        )
    entries = [] if named else machine.apt_entries(here)
    uri = named or machine.main_archive(here, entries)
    lines = [f"deb {uri} {SUITE} main"]
    lines += [
        f"deb {entry.uri} {entry.suite.replace(here.codename, SUITE)} main"
        for entry in entries
        if entry.component == "main" and entry.suite != here.codename
    ]
    kept = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-")
    settings = [line for prefix in kept for line in machine.apt_settings(prefix)]
    return Archive(uri, "\n".join(lines) + "\n", "\n".join(settings) + "\n")


def ensure(folders: Folders, here: machine.System, tools: Tools) -> Seed:
    """Return the seed image, from the cache or made by debootstrap.

    Raises:
        SandboxError: there is no archive, or debootstrap fails.

    """
    source = archive(here)
    architecture = process.run(["dpkg", "--print-architecture"]).strip()
    key = f"{SUITE} {architecture} {source}"
    name = f"seed-{FORMAT}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    home = folders.cache / name
    with locked(folders.cache / "seed.lock"):
        if not home.exists():
            say(f"making {TAG} of {source.uri}: Docker Hub cannot be reached")
            _make(home, source, tools, architecture)
    return _read(home)


def _read(home: Path) -> Seed:
    facts = state.read(home / "seed.json")
    return Seed(
        layer=home / "layer.tar.gz",
        digest=str(facts["digest"]),
        diff_id=str(facts["diff_id"]),
        architecture=str(facts["architecture"]),
    )


def _make(home: Path, source: Archive, tools: Tools, architecture: str) -> None:
    with scratch(home.parent, "seed") as folder:
        root = folder / "root"
        try:
            _debootstrap(root, source, tools, folder)
        finally:
            mounts.unmount_below(root)
        _slim(root)
        _configure(root, source)
        made = folder / "made"
        made.mkdir()
        digest, diff_id = _pack(root, made / "layer.tar.gz")
        facts: dict[str, object] = {"digest": digest, "diff_id": diff_id}
        state.write(made / "seed.json", {**facts, "architecture": architecture})
        made.replace(home)


def _debootstrap(root: Path, source: Archive, tools: Tools, scratch: Path) -> None:
    environment = {
        **tools.environment(),
        **_proxies(source),
        "DEBOOTSTRAP_DIR": str(tools.root / "usr/share/debootstrap"),
        # The folder is temporary: no need to sync every file to the disk.
        "DPKG_FORCE": "unsafe-io",
    }
    if shutil.which("wget", path=environment["PATH"]) is None:
        shim = scratch / "shim" / "wget"
        shim.parent.mkdir()
        shim.write_text(WGET.format(python=sys.executable))
        shim.chmod(0o755)
        environment["PATH"] += f"{os.pathsep}{shim.parent}"
    keyring = tools.root / "usr/share/keyrings/debian-archive-keyring.gpg"
    extra = ["--include=ca-certificates"] if source.uri.startswith("https:") else []
    words = ["--variant=minbase", f"--keyring={keyring}", *extra, SUITE, str(root), source.uri]
    process.run(["/bin/sh", str(tools.bin / "debootstrap"), *words], environment=environment)


def _proxies(source: Archive) -> dict[str, str]:
    """Return the machine's apt proxies as environment variables of wget."""
    found = {}
    for line in source.settings.splitlines():
        name, _, value = line.rstrip(";").partition(" ")
        for scheme in ("http", "https"):
            if name == f"Acquire::{scheme}::Proxy":
                found[f"{scheme}_proxy"] = value.strip('"')
    return found


def _slim(root: Path) -> None:
    for name in LEFT_OUT:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for name in EMPTIED:
        for entry in (root / name).iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    for name in REMOVED:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in [*root.glob("var/lib/dpkg/*-old"), *root.glob("var/cache/debconf/*-old")]:
        path.unlink()


def _configure(root: Path, source: Archive) -> None:
    excluded = "".join(f"path-exclude /usr/share/{name}/*\n" for name in LEFT_OUT)
    files = {
        "etc/apt/sources.list": source.sources,
        "etc/apt/apt.conf.d/80container": APT_CONF,
        "etc/apt/apt.conf.d/90machine": source.settings,
        "etc/dpkg/dpkg.cfg.d/slim": excluded,
        "etc/machine-id": "",
    }
    for name, content in files.items():
        (root / name).write_text(content)
    refuse = root / "usr/sbin/policy-rc.d"
    refuse.write_text("#!/bin/sh\n# No service starts inside an image build.\nexit 101\n")
    refuse.chmod(0o755)
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if source.uri.startswith("https:") and bundle.exists():
        # The image must trust the certificate authorities with which this machine reaches its
        # archive.
        shutil.copyfile(bundle, root / "etc/ssl/certs/ca-certificates.crt")


def _pack(root: Path, target: Path) -> tuple[str, str]:
    """Write `root` as a reproducible gzipped tar; return digest and diff_id."""
    command = ["tar", "--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu", "-c", "."]
    plain = hashlib.sha256()
    with (
        target.open("wb") as out,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as packed,
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as tar,
    ):
        stream = tar.stdout
        assert stream is not None  # noqa: S101 - PIPE was asked for
        for block in iter(lambda: stream.read(1 << 20), b""):
            plain.update(block)
            packed.write(block)
    if tar.returncode != 0:
        raise SandboxError("`tar` failed on the seed", hint=f"see the free space at `{target}`")
    with target.open("rb") as written:
        return _digest(written), f"sha256:{plain.hexdigest()}"


def _digest(stream: BinaryIO) -> str:
    content = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        content.update(block)
    return f"sha256:{content.hexdigest()}"


def configuration(seed: Seed) -> bytes:
    """Return the OCI image configuration of a seed image."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = "debootstrap --variant=minbase"
    content = {
        "architecture": seed.architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Cmd": ["bash"], "Env": [f"PATH={path}"]},
        "rootfs": {"type": "layers", "diff_ids": [seed.diff_id]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": made}],
    }
    return json.dumps(content).encode()
