"""Find out which images of the project the references in Dockerfiles mean. Pure.

A reference means an image if a tag of a bake or compose file says so, if the words of its
repository and tag are the folders of the image, or if several references have one form:
`quay.io/jupyter/{name}`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from ..reference import ReferenceSyntaxError, is_hub, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..reference import Reference
    from .candidate import Candidate

FLY = "registry.fly.io"
_OFFICIAL = "library/"
_ARCHITECTURES = frozenset({"amd64", "arm64", "arm64v8", "arm32v7", "arm", "x64", "i386"})
_EARLY = re.compile(r"(?:preview|rc|alpha|beta)\b")


class Form(Struct, frozen=True):
    """A registry's host, and the repository with `{name}` for an image's name."""

    host: str
    repository: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


def read(written: str) -> Reference | None:
    """Parse a reference; `None` if it is none."""
    try:
        return parse_reference(written)
    except ReferenceSyntaxError:
        return None


def form_of(written: str, names: Iterable[str]) -> tuple[Form, str] | None:
    """Return the form of a reference, and the image whose name is in it.

    >>> form_of("quay.io/jupyter/base-notebook", ["notebook", "base-notebook"])[1]
    'base-notebook'
    """
    reference = read(written)
    if reference is None or _is_official(reference):
        return None
    path = reference.repository.path
    last = path.rpartition("/")[2]
    fitting = [n for n in names if last == n or last.endswith(f"-{n}")]
    if not fitting:
        return None
    name = max(fitting, key=len)
    return Form(reference.repository.host, f"{path.removesuffix(name)}{{name}}"), name


def _is_official(reference: Reference) -> bool:
    return is_hub(reference.repository.host) and reference.repository.path.startswith(_OFFICIAL)


def common_forms(references: Iterable[str], names: Sequence[str]) -> Counter[Form]:
    """Count the names of images in each form of references."""
    found: dict[Form, set[str]] = {}
    for written in references:
        if known := form_of(written, names):
            found.setdefault(known[0], set()).add(known[1])
    return Counter({form: len(own) for form, own in found.items()})


def meant_by_tag(written: str, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the image that a bake or compose file gives this repository."""
    reference = read(written)
    if reference is None or _is_official(reference):
        return None
    own = [
        one
        for one in candidates
        for tag in one.tags
        if (known := read(tag)) and known.repository == reference.repository
    ]
    return own[0] if len({id(one) for one in own}) == 1 else None


def meant_by_words(written: str, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the image whose folders are the words of repository and tag.

    `mcr.microsoft.com/dotnet/runtime:8.0.1-jammy-amd64` is `src/runtime/8.0/jammy/amd64`.
    """
    reference = read(written)
    if reference is None or reference.tag is None:
        return None
    if _is_official(reference):
        return None
    words = [word for word in reference.tag.lower().split("-") if not _EARLY.match(word)]
    last = reference.repository.path.rpartition("/")[2]
    fitting = [one for one in candidates if _has_words(one.folder.parts, last, words)]
    return fitting[0] if len(fitting) == 1 else None


def _has_words(parts: Sequence[str], last: str, words: Sequence[str]) -> bool:
    """Return whether the folders below `last` have exactly these words, in their order.

    The architecture may be missing in a tag.
    """
    if last not in parts:
        return False
    below = [word for part in parts[parts.index(last) + 1 :] for word in part.lower().split("-")]
    without = [word for word in below if word not in _ARCHITECTURES]
    return bool(without) and (_are_same(below, words) or _are_same(without, words))


def _are_same(parts: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether the words are equal; `8.0` stands for `8.0.3`, too."""
    return len(parts) == len(words) and all(
        word == part or word.startswith(f"{part}.") for part, word in zip(parts, words, strict=True)
    )


def depends(graph: Mapping[str, Sequence[str]], name: str, on: str) -> bool:
    """Return whether an image depends on another, or is it."""
    todo, seen = [name], set()
    while todo:
        one = todo.pop()
        if one == on:
            return True
        if one not in seen:
            seen.add(one)
            todo += graph.get(one, ())
    return False
