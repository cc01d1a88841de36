"""The steps of a solve: which images they belong to, their state, their output. Pure."""

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
_BOOT = "[internal] booting buildkit"
_INSTRUCTION = re.compile(r"\[(?:[^\]]* )?\d+/\d+\] ")
_LOOKUP = re.compile(r"\[internal\] load metadata for (\S+)")
_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@")
CANCELLED = "context canceled"
"""BuildKit's error for a step that ended because another failed, or the client left."""
_LOST_SESSION = re.compile(
    r"(?:code|desc) = Canceled|error reading from server: EOF|transport is closing"
    r"|no active session for|locked for \S+ \(since"
)
_OF_A_SOLVE = "failed to solve: "
_MAX_LINE = 64 << 10


class Step(Struct):
    """A vertex. `claims` has the images that need it, each with the step's name there.

    `called` has all names for each image, since a step may occur twice in a stage. `seen` is what
    each image's stream said last; one stream may be behind another.
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
        """Whether it ended without an error."""
        return not self.error and any(vertex.completed for vertex in self.seen.values())

    @property
    def failed(self) -> bool:
        """Whether it failed by itself, not because another did or the user stopped the build."""
        return bool(self.error) and not is_cancelled(self.error)

    def claim(self, image: ImageName, name: str) -> None:
        """Record that an image needs it, and its name there."""
        self.claims[image] = name
        self.called.setdefault(image, set()).add(name)

    def update(self, image: ImageName, vertex: Vertex) -> bool:
        """Record what an image's stream says about it; return whether that is new."""
        news = self.seen.get(image) != vertex
        self.seen[image] = vertex
        # It may run again after it was cancelled for another image. Its own failure stays.
        if not self.failed or (vertex.completed and not vertex.error):
            self.error = vertex.error
        return news

    def write(self, stream: int, data: bytes) -> list[str]:
        """Add output, and return the lines that it completes."""
        *lines, rest = (self.pending.get(stream, b"") + data).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines, rest = [*lines, rest], b""
        self.pending[stream] = rest
        return self._keep(lines)

    def flush(self) -> list[str]:
        """Return the incomplete lines."""
        lines = [rest for rest in self.pending.values() if rest]
        self.pending.clear()
        return self._keep(lines)

    def _keep(self, lines: Sequence[bytes]) -> list[str]:
        texts = [_visible(line) for line in lines]
        self.tail.extend(texts)
        return texts


class VertexNames(Struct, frozen=True):
    """Reads the names of vertices in a solve.

    buildx puts the target's name into the vertex's (`[web 2/5] RUN make`, `[web] exporting to
    image`), unless there is only one target. The steps of a base that is built in the same solve
    occur again under the name of each dependent.
    """

    images: Mapping[str, ImageName]
    ancestors: Mapping[ImageName, frozenset[ImageName]]

    def split(self, name: str) -> tuple[ImageName | None, str]:
        """Return the image that a vertex belongs to, and the step's own name."""
        if name.startswith(_BAKE_ITSELF):
            return None, name
        if len(self.images) == 1:
            return next(iter(self.images.values())), name
        found = _PREFIX.fullmatch(name)
        if not found or found[1] not in self.images:
            return None, name
        return self.images[found[1]], f"[{found[2]}] {found[3]}" if found[2] else found[3]

    def owners(self, step: Step) -> list[ImageName]:
        """Return the images that own a step: they need it and did not inherit it from a base."""
        return [name for name in step.claims if self.ancestors[name].isdisjoint(step.claims)]


def vertex_names(targets: Sequence[Target]) -> VertexNames:
    """Return the names in a solve of `targets`."""
    linked = {
        target.image.name: [base for base, where in target.bases.items() if where is None]
        for target in targets
    }
    return VertexNames(
        {target_name(name): name for name in linked},
        {name: graph.closure(linked, bases) for name, bases in linked.items()},
    )


def is_cancelled(error: str) -> bool:
    """Return whether a step ended because another failed, or the user stopped the build."""
    return CANCELLED in error


def is_lost_session(error: str) -> bool:
    """Return whether a step lost its connection to buildx, which ends when another step fails."""
    return _LOST_SESSION.search(error) is not None


def is_instruction(step: str) -> bool:
    """Return whether a step is an instruction, `[2/5] RUN make`, and not BuildKit's own."""
    return _INSTRUCTION.match(step) is not None


def is_boot(step: str) -> bool:
    """Return whether buildx starts a builder in a step; the first time, it pulls its image."""
    return step.startswith(_BOOT)


def is_export(step: str) -> bool:
    """Return whether a step writes the image out."""
    return step.startswith("exporting to ")


def materials(step: str) -> tuple[str, ...]:
    """Return what a step reads from elsewhere, as provenance names it: an image, a download.

    buildx before 0.14 writes no provenance; the names of steps say as much.
    """
    if found := _LOOKUP.fullmatch(step):
        return (f"pkg:docker/{found[1]}",)
    _, add, words = step.partition("] ADD ")
    return tuple(word for word in words.split()[:-1] if _REMOTE.match(word)) if add else ()


def is_push(text: str) -> bool:
    """Return whether a step, or a part of one, sends something to a registry."""
    return text.startswith("pushing ")


def is_import(step: str) -> bool:
    """Return whether buildx makes the engine load an image that another builder made."""
    return step.startswith("importing to docker")


def is_of_another(step: str, error: str, failed: Iterable[Step]) -> bool:
    """Return whether a step of buildx's own ended because of an earlier failure, with its error.

    buildx pushes and imports by requests to the engine, which share a context with the solve. When
    one thing fails, that context ends, and Go gives each open request the first failure as its own
    error (`context.Cause`): that of a solve, or of another request.
    """
    if not is_push(step) and not is_import(step):
        return False
    return _OF_A_SOLVE in error or any(error.endswith(first.error) for first in failed)


def _visible(line: bytes) -> str:
    """Return what a terminal would show of a line that was rewritten in place."""
    text = line.decode(errors="replace").rstrip("\r")
    return text.rpartition("\r")[2]
