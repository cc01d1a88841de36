"""Small projects on disk: a tree of files, and the images of its Dockerfiles."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.dockerfile import parse, resolve
from pipeline.errors import Location
from pipeline.model.image import Base, Image
from pipeline.model.project import Project
from pipeline.model.settings import Settings
from pipeline.reference import Platform, parse_image_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AMD64 = Platform("linux", "amd64")


def write_tree(root: Path, files: Mapping[str, str | None]) -> None:
    """Write text files; `None` makes a folder, `-> x` makes a symbolic link to `x`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        elif text.startswith("-> "):
            path.symlink_to(text.removeprefix("-> "))
        else:
            path.write_text(text, encoding="utf-8")


def image_of(
    dockerfile: str,
    *,
    name: str = "app",
    context: str = ".",
    target: str | None = None,
    args: Mapping[str, str] | None = None,
    bases: Mapping[str, str] | None = None,
) -> Image:
    """Return the image of a Dockerfile in the folder `name`; `bases` maps names to images."""
    path = PurePosixPath(name, "Dockerfile")
    source = parse(dockerfile.encode(), file=str(path))
    resolved = resolve(source, target=target, args=args or {}, platform=AMD64)
    return Image(
        name=parse_image_name(name),
        folder=path.parent,
        dockerfile=path,
        context=PurePosixPath(context),
        source=source,
        reads=resolved.reads,
        target=target,
        args=args or {},
        declared=resolved.declared,
        bases=tuple(
            Base(written, parse_image_name(base), Location(str(path)))
            for written, base in (bases or {}).items()
        ),
        floating=resolved.floating,
        host_network=resolved.host_network,
    )


def project_of(root: Path, *images: Image) -> Project:
    """Return a project of these images, given in build order."""
    return Project(root, Settings(), images)
