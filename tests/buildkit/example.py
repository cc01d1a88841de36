"""Images, targets and recorded streams that several tests share.

The streams in `data/` were recorded from `docker buildx bake` 0.13.1 and 0.29.1 on engine 26.1.5
(`classic`: with the classic store), with these Dockerfiles.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.buildkit.definition import Output, Target
from pipeline.buildkit.progress import Progress, progress
from pipeline.buildkit.stream import Decoder
from pipeline.dockerfile import Reads, parse
from pipeline.errors import Location
from pipeline.model.image import Base, Image
from pipeline.reference import ImageName, Reference, Repository, Tag

if TYPE_CHECKING:
    from pipeline.model.events import Event

DATA = Path(__file__).parent / "data"
DOCKERFILES = {
    "base": 'FROM debian:bookworm-slim\nRUN echo hello && printf "no end"\n',
    "web": "FROM base\nRUN echo web\nCOPY page /page\n",
    "broken": "FROM base\n\nRUN echo one; \\\n    sleep 1; exit 7\n",
    "late": "FROM broken\nRUN echo late\n",
    "other": "FROM debian:bookworm-slim\nRUN echo start; sleep 5; echo end\n",
    "copy": "FROM debian:bookworm-slim\n\nCOPY missing /x\n",
}
BASES = {"web": ("base",), "broken": ("base",), "late": ("broken",)}


def image(name: str, dockerfile: str = "FROM scratch\n", bases: tuple[str, ...] = ()) -> Image:
    """Return an image in `images/NAME` on `bases`, each written by its name."""
    folder = PurePosixPath("images", name)
    path = folder / "Dockerfile"
    source = parse(dockerfile.encode(), file=str(path))
    edges = tuple(Base(base, ImageName(base), Location(str(path), 1)) for base in bases)
    return Image(ImageName(name), folder, path, folder, source, Reads(()), bases=edges)


def target(made: Image, *, output: Output = Output.PUSH, host: str = "127.0.0.1:5000") -> Target:
    """Return `made` as a target; its bases are targets of the same solve."""
    reference = Reference(Repository(host, made.name), Tag("1"))
    return Target(made, reference, output, dict.fromkeys(made.base_names))


def targets(*names: str, output: Output = Output.PUSH) -> list[Target]:
    """Return images of `DOCKERFILES` as targets."""
    return [
        target(image(name, DOCKERFILES[name], BASES.get(name, ())), output=output) for name in names
    ]


def replay(name: str, made: list[Target]) -> tuple[Progress, list[Event]]:
    """Read a recorded stream; return the final progress, and the events."""
    return follow((DATA / name).read_bytes().splitlines(keepends=True), made)


def follow(lines: list[bytes], made: list[Target]) -> tuple[Progress, list[Event]]:
    """Read lines of a stream; return the final progress, and the events."""
    decoder, seen = Decoder(), progress(made)
    records = [record for line in lines for record in decoder.feed(line)] + decoder.end()
    events = [event for record in records for event in seen.take(record)]
    return seen, events + seen.end()
