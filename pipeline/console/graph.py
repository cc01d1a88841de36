"""The graph as text: a tree, DOT for Graphviz, a Mermaid flowchart. Without colour.

Arrows lead from a base to its dependents, in build order. With a plan, each image is shown with
its action.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from ..graph import reverse
from ..model.image import UNNAMED
from ..model.sanitize import visible, without_escapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model.image import Image
    from ..model.plan import Plan
    from ..model.project import Project
    from ..reference import ImageName

SEE_ABOVE = "see above"
_MOST_APPS = 3
_USUAL_PLATFORM = "linux/amd64"
_ENTITIES = str.maketrans({c: f"#{ord(c)};" for c in "#<>&`"} | {'"': "#quot;"})


class TreeLine(Struct, frozen=True):
    """A line of the tree: `prefix` has the branches, such as `│   └── `; the rest is the text."""

    prefix: str
    name: str
    action: str
    note: str

    def __str__(self) -> str:
        notes = ", ".join(filter(None, (self.action, self.note)))
        return f"{self.prefix}{self.name}" + (f" ({notes})" if notes else "")


def tree(project: Project, plan: Plan | None = None) -> str:
    """Draw a tree, in which an image stands below each of its bases.

    Its dependents are drawn below its first base only; elsewhere it says "see above". The text
    ends in a newline, unless it is empty.
    """
    return "".join(f"{line}\n" for line in tree_lines(project, plan))


def tree_lines(project: Project, plan: Plan | None = None) -> Iterator[TreeLine]:
    """Return the lines of the tree, from the top."""
    actions = _actions(plan)
    under = reverse({image.name: image.base_names for image in project})
    seen: set[ImageName] = set()
    # No recursion: a chain of images may be deeper than Python's limit.
    todo = [(i.name, "", "") for i in reversed(project.images) if not i.base_names]
    while todo:
        name, prefix, below = todo.pop()
        dependents = () if name in seen else under.get(name, ())
        note = SEE_ABOVE if name in seen and under.get(name) else _note(project.image(name))
        seen.add(name)
        yield TreeLine(prefix, name, actions.get(name, ""), note)
        for index, dependent in enumerate(reversed(dependents)):
            branch, line = ("└── ", "    ") if index == 0 else ("├── ", "│   ")
            todo.append((dependent, below + branch, below + line))


def dot(project: Project, plan: Plan | None = None) -> str:
    """Draw a digraph for Graphviz: apps are ellipses, externals dashed, images to build bold.

    Every id is quoted, so that any name is allowed (graphviz.org, "The DOT Language").
    """
    actions = _actions(plan)
    lines = ["digraph images {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    lines += [f"  {_quoted(e)} [style=dashed];" for e in _externals(project)]
    lines += [_dot_node(image, actions.get(image.name, "")) for image in project]
    lines += [f"  {_quoted(one)} -> {_quoted(two)};" for one, two in _edges(project)]
    return "\n".join([*lines, "}", ""])


def mermaid(project: Project, plan: Plan | None = None) -> str:
    """Draw a Mermaid flowchart, as Markdown on GitHub and GitLab shows it.

    Ids are made from names, so that a diff of two flowcharts shows what changed. They are escaped,
    because a name may be a keyword (`end`) or an arrow (`a--b`) of Mermaid.
    """
    actions = _actions(plan)
    lines = ["flowchart LR"]
    lines += [f"  {_external_id(e)}[{_label(e)}]:::external" for e in _externals(project)]
    lines += [_mermaid_node(image, actions.get(image.name, "")) for image in project]
    lines += [f"  {_any_id(project, one)} --> {_image_id(two)}" for one, two in _edges(project)]
    lines += ["  classDef external stroke-dasharray: 4", "  classDef build stroke-width: 3px"]
    return "\n".join([*lines, ""])


def _actions(plan: Plan | None) -> Mapping[str, str]:
    return {} if plan is None else {a.name: a.action.value for a in plan.images}


def _note(image: Image) -> str:
    """Return what is not as usual, and what the name of an image does not tell."""
    outside = ", ".join(dict.fromkeys(external.written for external in image.externals))
    platforms = " ".join(map(str, image.platforms))
    usual = image.public or image.dockerfile == image.folder / "Dockerfile"
    notes = (
        _apps_note(image),
        "" if usual else str(image.dockerfile),
        "" if image.public or image.context == image.folder else f"context {image.context}",
        image.target and f"target {image.target}",
        "" if platforms == _USUAL_PLATFORM else f"for {platforms}",
        outside and f"from {outside}",
    )
    return ", ".join(filter(None, notes))


def _apps_note(image: Image) -> str:
    """Name the apps of an image; count many."""
    if image.deploy is None:
        return ""
    apps, pending = image.deploy.apps, image.deploy.pending
    if pending == UNNAMED:
        return "app without a name"
    word = "app" if len(apps) == 1 else "apps"
    named = f"{word} {' '.join(apps)}" if len(apps) <= _MOST_APPS else f"{len(apps)} apps"
    known = [named] if apps else []
    return ", ".join([*known, f"apps {pending}"] if pending else known) or "app"


def _externals(project: Project) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(e.reference) for image in project for e in image.externals))


def _edges(project: Project) -> list[tuple[str, str]]:
    edges: list[tuple[str, str]] = []
    for image in project:
        edges += [(base, image.name) for base in image.base_names]
        edges += [(e, image.name) for e in dict.fromkeys(str(e.reference) for e in image.externals)]
    return edges


def _visible(text: str) -> str:
    return visible(without_escapes(text))


def _quoted(text: str) -> str:
    escaped = _visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _dot_node(image: Image, action: str) -> str:
    label = f'{_quoted(image.name)[:-1]}\\n{action}"' if action else _quoted(image.name)
    shape = ", shape=ellipse" if image.deploy else ""
    style = ", style=bold" if action == "build" else ""
    return f"  {_quoted(image.name)} [label={label}{shape}{style}];"


def _mermaid_node(image: Image, action: str) -> str:
    label = _label(image.name, action)
    shape = f"([{label}])" if image.deploy else f"[{label}]"
    return f"  {_image_id(image.name)}{shape}" + (":::build" if action == "build" else "")


def _label(text: str, action: str = "") -> str:
    """Escape a text with Mermaid's entity codes (mermaid.js.org), so that it cannot be HTML."""
    escaped = _visible(text).translate(_ENTITIES)
    return f'"{escaped}<br/>{action}"' if action else f'"{escaped}"'


def _any_id(project: Project, name: str) -> str:
    return _image_id(name) if name in project.names else _external_id(name)


def _image_id(name: str) -> str:
    return f"image_{_escaped_id(name)}"


def _external_id(reference: str) -> str:
    return f"external_{_escaped_id(reference)}"


def _escaped_id(text: str) -> str:
    # `_` begins an escape, so it is escaped, too: no two names have the same id.
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):02x}", text)
