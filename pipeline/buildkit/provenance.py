"""Compare the materials of BuildKit's provenance with the inputs of the fingerprint. Pure.

Materials are an image as a package-url, such as
`pkg:docker/debian@bookworm-slim?platform=linux%2Famd64`, or an address for `ADD`. A material that
is in no fingerprint can change without a tag changing, and nothing in the Dockerfile shows it: for
example a trigger (`ONBUILD`) of an external that copies from yet another image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from .. import graph
from ..reference import ReferenceSyntaxError, Repository, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model.image import Image
    from ..model.project import Project
    from ..reference import ImageName

_IMAGE = "pkg:docker/"
_OWN_SCANNERS = ("docker/buildkit-syft-scanner", "docker/dockerfile", "tonistiigi/binfmt")
"""What BuildKit itself brings to a build; a frontend that the Dockerfile names is listed anyway."""


def unaccounted(
    project: Project, name: ImageName, sources: Iterable[str], pushed: Iterable[Repository] = ()
) -> tuple[str, ...]:
    """Return those of `sources` that are in no fingerprint of the image or of its bases.

    `pushed` are the repositories of the project's own images.

        unaccounted(project, ImageName("web"), ["pkg:docker/alpine@3"])
        # ('docker.io/library/alpine:3',)
    """
    edges = {image.name: image.base_names for image in project}
    images = [project.image(one) for one in graph.closure(edges, [name])]
    known = set(pushed) | {repository for image in images for repository in _repositories(image)}
    remotes = {url for image in images for url in image.remotes}
    return tuple(dict.fromkeys(_unknown(sources, known, remotes)))


def _unknown(sources: Iterable[str], known: set[Repository], remotes: set[str]) -> Iterator[str]:
    for source in sources:
        if not source.startswith(_IMAGE):
            if not any(_same_address(source, remote) for remote in remotes):
                yield source
            continue
        written = _written(source)
        try:
            reference = parse_reference(written)
        except ReferenceSyntaxError:
            yield source
            continue
        own = reference.repository.path in _OWN_SCANNERS
        if not own and reference.repository not in known:
            yield str(reference)


def _repositories(image: Image) -> Iterator[Repository]:
    yield from (external.reference.repository for external in image.externals)
    if image.frontend:
        try:
            yield parse_reference(image.frontend).repository
        except ReferenceSyntaxError:
            return


def _written(purl: str) -> str:
    """Return an image as a Dockerfile names it, from its package-url (github.com/package-url)."""
    name, _, qualifiers = purl.removeprefix(_IMAGE).partition("?")
    path, _, version = name.rpartition("@") if "@" in name else (name, "", "")
    path, version = unquote(path), unquote(version)
    fields = dict(part.partition("=")[::2] for part in qualifiers.split("&"))
    digest = unquote(fields.get("digest", ""))
    tag = f":{version}" if version and not version.startswith("sha256:") else ""
    pinned = digest or (version if version.startswith("sha256:") else "")
    return f"{path}{tag}" + (f"@{pinned}" if pinned else "")


def _same_address(source: str, remote: str) -> bool:
    """Return whether a material is what an `ADD` names: BuildKit adds `.git`, a scheme, a ref."""
    plain, other = (text.partition("#")[0].removesuffix(".git") for text in (source, remote))
    schemes = ("https://", "http://", "git://", "ssh://", "git@")
    for scheme in schemes:
        plain, other = plain.removeprefix(scheme), other.removeprefix(scheme)
    return plain.replace(":", "/") == other.replace(":", "/")
