"""The contents of an image: its configuration and the files of each layer, without times."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.proof.buildkit import COPY, bake, copied_files, target_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.model.project import Project

_KEY = "alone"


@dataclass(frozen=True, slots=True)
class Member:
    """A path of a layer; `mode` has all permission bits."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """An image without times, or BuildKit's error."""

    config: str = ""
    layers: tuple[Mapping[str, Member], ...] = ()
    error: str = ""


def contents(project: Project, way: str, folder: Path) -> Contents:
    """Build the image `app` alone and without a cache, and return what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    places = copied_files(project, folder / "copy") if way == COPY else {}
    targets: dict[str, Any] = targets_of(_KEY, project, places)
    wanted = target_of(_KEY)
    for fields in targets.values():
        fields["no-cache"] = True
    output = f"type=oci,dest={folder}/image.tar,compression=uncompressed"
    targets[wanted]["output"] = [output]
    done = bake(targets, [wanted], folder / "metadata.json")
    if done.returncode:
        return Contents(error=done.stderr.decode().rpartition("ERROR: ")[2].strip())
    return read(folder / "image.tar")


def read(archive: Path) -> Contents:
    """Read an image from its OCI archive."""
    with tarfile.open(archive) as tar:

        def document(path: str) -> Any:
            file = tar.extractfile(path)
            assert file is not None
            return json.load(file)

        index = document("index.json")["manifests"][0]
        manifest = document(_blob(index))
        if "manifests" in manifest:
            manifest = document(_blob(manifest["manifests"][0]))
        config = document(_blob(manifest["config"]))
        layers = []
        for layer in manifest["layers"]:
            file = tar.extractfile(_blob(layer))
            assert file is not None
            with tarfile.open(fileobj=file) as inner:
                layers.append(dict(members(inner)))
    for key in ("created", "rootfs"):
        config.pop(key, None)
    for step in config.get("history", ()):
        step.pop("created", None)
    return Contents(json.dumps(config, sort_keys=True), tuple(layers))


def _blob(descriptor: Mapping[str, str]) -> str:
    return "blobs/" + descriptor["digest"].replace(":", "/")


def members(layer: tarfile.TarFile) -> Iterator[tuple[str, Member]]:
    """Return the paths of a layer, without their times."""
    for member in layer:
        file = layer.extractfile(member) if member.isreg() else None
        digest = hashlib.sha256(file.read()).hexdigest() if file else ""
        owner = (member.uid, member.gid)
        yield member.name, Member(member.type, member.mode, owner, member.linkname, digest)


def differences(one: Contents, other: Contents) -> list[str]:
    """Return what differs between two images, a line for each path."""
    found = []
    if one.error or other.error:
        return [] if one.error and other.error else [f"one fails: {one.error or other.error}"]
    if one.config != other.config:
        found.append(f"configuration {one.config} or {other.config}")
    if len(one.layers) != len(other.layers):
        found.append(f"{len(one.layers)} or {len(other.layers)} layers")
    for number, (a, b) in enumerate(zip(one.layers, other.layers, strict=False)):
        found += [
            f"layer {number}: {path}: {a.get(path)} or {b.get(path)}"
            for path in sorted({*a, *b})
            if a.get(path) != b.get(path)
        ]
    return found


def only_mode_bits(one: Contents, other: Contents) -> bool:
    """Return whether only permission bits differ that are not the owner's executable bit."""
    return not differences(_executable_only(one), _executable_only(other))


def _executable_only(image: Contents) -> Contents:
    layers = tuple(
        {
            path: Member(m.kind, m.mode & 0o100, m.owner, m.link, m.sha256)
            for path, m in layer.items()
        }
        for layer in image.layers
    )
    return Contents(image.config, layers, image.error)
