"""What is known of each step of a solve: whose it is, where it stands, what it wrote. Pure."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

from .. import graph
from .definition import target_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..reference import ImageName
    from .definition import Target
    from .stream import Vertex

TAIL = 20
"""How many of the last lines of a step are kept."""

_PREFIX = re.compile(r"\[([A-Za-z0-9_-]+)(?: ([^\]]*))?\] (.*)", re.DOTALL)
_BAKE_ITSELF = "[internal] load local bake definitions"
_INSTRUCTION = re.compile(r"\[(?:[^\]]* )?\d+/\d+\] ")
_LOOKUP = re.compile(r"\[internal\] load metadata for (\S+)")
_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@")
CANCELLED = "context canceled"
"""What BuildKit says of a step that was ended because another failed, or the client left."""
_OF_A_SOLVE = "failed to solve: "
_MAX_LINE = 64 << 10


class Step(Struct):
    """A vertex. `claims` says which images need it, and what it is called in each.

    `called` has all that it was called in each, for a step may be two of one stage's. `seen` is
    what each image's stream said of it last: one may lag behind the other.
    """

    digest: str
    claims: dict[ImageName, str] = field(default_factory=dict)
    called: dict[ImageName, set[str]] = field(default_factory=dict)
    seen: dict[ImageName, Vertex] = field(default_factory=dict)
    error: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    pending: dict[int, bytes] = field(default_factory=dict)
    amounts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether it came to its end without an error."""
        return not self.error and any(vertex.completed for vertex in self.seen.values())

    @property
    def failed(self) -> bool:
        """Whether it failed by itself. Not: because another did, or the user stopped the build."""
        return bool(self.error) and not is_cancelled(self.error)

    def claim(self, image: ImageName, name: str) -> None:
        """Note that an image needs it, and what it is called there."""
        self.claims[image] = name
        self.called.setdefault(image, set()).add(name)

    def update(self, image: ImageName, vertex: Vertex) -> bool:
        """Take what an image's stream says of it, and say whether that is news."""
        news = self.seen.get(image) != vertex
        self.seen[image] = vertex
        # It may run again after it was cancelled for another image; its own failure is kept.
        if not self.failed or (vertex.completed and not vertex.error):
            self.error = vertex.error
        return news

    def write(self, stream: int, data: bytes) -> list[str]:
        """Take what was written and give the lines that are whole by it."""
        *lines, rest = (self.pending.get(stream, b"") + data).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines, rest = [*lines, rest], b""
        self.pending[stream] = rest
        return self._keep(lines)

    def flush(self) -> list[str]:
        """Give the lines that were begun and not ended."""
        lines = [rest for rest in self.pending.values() if rest]
        self.pending.clear()
        return self._keep(lines)

    def _keep(self, lines: Sequence[bytes]) -> list[str]:
        texts = [_visible(line) for line in lines]
        self.tail.extend(texts)
        return texts


class VertexNames(Struct, frozen=True):
    """How vertices are named in a solve of these targets.

    buildx puts a target's name into the vertex's (`[web 2/5] RUN make`, `[web] exporting to
    image`), but not where there is one target alone. The steps of a base that is built in the
    same solve come again under the name of each image that stands on it.
    """

    images: Mapping[str, ImageName]
    ancestors: Mapping[ImageName, frozenset[ImageName]]

    def split(self, name: str) -> tuple[ImageName | None, str]:
        """The image that a vertex belongs to, and the step's own name."""
        if name.startswith(_BAKE_ITSELF):
            return None, name
        if len(self.images) == 1:
            return next(iter(self.images.values())), name
        found = _PREFIX.fullmatch(name)
        if not found or found[1] not in self.images:
            return None, name
        return self.images[found[1]], f"[{found[2]}] {found[3]}" if found[2] else found[3]

    def owners(self, step: Step) -> list[ImageName]:
        """Whose step it is: of those that need it, the ones that did not inherit it from a base."""
        return [name for name in step.claims if self.ancestors[name].isdisjoint(step.claims)]


def vertex_names(targets: Sequence[Target]) -> VertexNames:
    """The names in a solve of `targets`."""
    linked = {
        target.image.name: [base for base, where in target.bases.items() if where is None]
        for target in targets
    }
    return VertexNames(
        {target_name(name): name for name in linked},
        {name: graph.closure(linked, bases) for name, bases in linked.items()},
    )


def is_cancelled(error: str) -> bool:
    """Whether a step ended because another failed, or the user stopped the build."""
    return CANCELLED in error


def is_instruction(step: str) -> bool:
    """Whether a step is one of the Dockerfile's, `[2/5] RUN make`, and not BuildKit's own."""
    return _INSTRUCTION.match(step) is not None


def is_export(step: str) -> bool:
    """Whether a step writes the image out."""
    return step.startswith("exporting to ")


def materials(step: str) -> tuple[str, ...]:
    """What a step takes from elsewhere, as provenance calls it: an image looked up, a download.

    buildx before 0.14 writes no provenance down; the names of steps then tell as much.
    """
    if found := _LOOKUP.fullmatch(step):
        return (f"pkg:docker/{found[1]}",)
    _, add, words = step.partition("] ADD ")
    return tuple(word for word in words.split()[:-1] if _REMOTE.match(word)) if add else ()


def is_push(text: str) -> bool:
    """Whether a step, or a part of one, sends something to a registry."""
    return text.startswith("pushing ")


def is_import(step: str) -> bool:
    """Whether buildx has the engine take an image in that another builder made."""
    return step.startswith("importing to docker")


def is_of_another(step: str, error: str, failed: Iterable[Step]) -> bool:
    """Whether a step of buildx's own ended because of what came first, with its error.

    buildx pushes and imports by requests to the engine. They share a context with all that the
    solve does; when one thing fails, that context ends, and Go gives each request that is under way
    the first failure as its own error (`context.Cause`): of a solve, or of another request.
    """
    if not is_push(step) and not is_import(step):
        return False
    return _OF_A_SOLVE in error or any(error.endswith(first.error) for first in failed)


def _visible(line: bytes) -> str:
    """What a terminal would show of a line that was rewritten in place."""
    text = line.decode(errors="replace").rstrip("\r")
    return text.rpartition("\r")[2]
