"""Layouts of repositories: small ones of our own, made after those of public repositories.

A layout is one text: a sentence, then files after `-- PATH --`, the seconds of the last trial after
`-- trial --`, the graph that is right after `-- expected --`, and what a person must write after
`invoke init` after `-- hand: PATH --`: each line with a `+` is one line of handwork. In
`pipeline.toml` it is an entry that comes first in `images`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline import load
from pipeline.adopt import propose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.adopt import Proposal
    from pipeline.model.image import Image
    from pipeline.model.project import Project

FOLDER = Path(__file__).parent / "layouts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
WITH_BUILDX = frozenset({"bake", "compose", "one-context"})
"""Layouts with a file that `docker buildx bake --print` reads. It needs no engine."""
_HEAD = re.compile(r"^-- (.+) --\n", re.MULTILINE)
_HAND = "hand: "


class Layout(Struct, frozen=True):
    """A repository, its right graph, the lines to write by hand, and the seconds of a trial."""

    name: str
    title: str
    files: Mapping[str, str]
    expected: str
    hand: Mapping[str, tuple[str, ...]]
    trial: int

    @property
    def lines(self) -> int:
        """How many lines are written by hand."""
        return sum(map(len, self.hand.values()))


class Adopted(Struct, frozen=True):
    """What `invoke init` made of a layout, and the graph before and after the handwork."""

    proposal: Proposal
    before: str
    after: str


def read_layout(name: str) -> Layout:
    """Read a layout of this folder."""
    title, *parts = _HEAD.split((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    hand = {
        head.removeprefix(_HAND): tuple(line.removeprefix("+ ") for line in text.splitlines())
        for head, text in texts.items()
        if head.startswith(_HAND)
    }
    trial, expected = int(texts.pop("trial")), texts.pop("expected").strip()
    files = {path: text for path, text in texts.items() if not path.startswith(_HAND)}
    return Layout(name, title.strip(), files, expected, hand, trial)


def adopt(layout: Layout, root: Path) -> Adopted:
    """Write the layout, propose settings for it, write them, load them; then do the handwork."""
    for name, text in layout.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    proposal = propose(root, os.environ)
    for file, text in proposal.files.items():
        (root / file).write_text(text, encoding="utf-8")
    before = described(load(root, environ={}))
    for name, lines in layout.hand.items():
        _write_by_hand(root / name, lines)
    after = described(load(root, environ={})) if layout.hand else before
    return Adopted(proposal, before, after)


def _write_by_hand(path: Path, lines: tuple[str, ...]) -> None:
    if path.name == "pipeline.toml":
        entries = "".join(f"{line}, " for line in lines)
        text = path.read_text(encoding="utf-8").replace("images = [", f"images = [{entries}", 1)
    else:
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        text = there + "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def described(project: Project) -> str:
    """Write the graph as layouts expect it: a line for each image."""
    return "\n".join(sorted(_described(image) for image in project))


def _described(image: Image) -> str:
    words = [f"{image.name}: {image.dockerfile} in {image.context}"]
    words += [f"target {image.target}"] if image.target else []
    platforms = [str(platform) for platform in image.platforms]
    words += [f"for {' '.join(platforms)}"] if platforms != ["linux/amd64"] else []
    args = [f"{k}={v}" for k, v in sorted(image.args.items()) if v not in image.base_names]
    words += [f"args {' '.join(args)}"] if args else []
    contexts = [f"{k}={c.path}" for k, c in sorted(image.contexts.items())]
    words += [f"contexts {' '.join(contexts)}"] if contexts else []
    apps = image.deploy.apps if image.deploy else ()
    words += [f"app {' '.join(apps)}"] if apps else []
    words += [f"on {' '.join(sorted(image.base_names))}"] if image.bases else []
    return " ".join(words)
