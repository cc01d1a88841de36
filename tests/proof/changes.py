"""Possible changes of a project between two builds, each with a name and a new tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.proof.tree import IMAGE, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.tree import Tree

DOCKERFILE = f"{IMAGE}/Dockerfile"
LOCK = "pipeline.lock"
UNSEEN = "other bytes of the same size and time"
"""A change that BuildKit does not see, so that it builds the files that it was sent before."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change: its kind, its subject, and the resulting tree."""

    kind: str
    what: str
    after: Tree


def changes(before: Tree, nonce: str) -> Iterator[Change]:
    """Yield every change that makes sense for a tree; `nonce` makes new content unique."""
    for path in before.nodes:
        if not path.endswith(("Dockerfile", LOCK)):
            yield from _of_node(before, path, nonce)
    yield from _of_folders(before)
    yield from _of_dockerfile(before, nonce)
    yield from _of_settings(before, nonce)
    yield from _of_lock(before)
    yield from _of_clone(before)


def _of_node(before: Tree, path: str, nonce: str) -> Iterator[Change]:
    node = before.nodes[path]
    if node.folder:
        yield Change("empty folder gone", path, before.with_node(path, None))
        return
    moved = before.with_node(path, None).with_node(f"{path}-moved", node)
    if node.link:
        yield Change("link target", path, before.change(path, link=f"{node.link}-elsewhere"))
        yield Change("mtime", path, before.change(path, mtime=node.mtime + 100))
        yield Change("name", path, moved)
        return
    if path.endswith("ignore"):
        yield from _of_ignore_file(before, path)
        return
    edited = before.change(path, content=node.content + nonce.encode(), mtime=node.mtime + 1)
    yield Change("content", path, edited)
    if node.content:
        other = node.content[:-1] + (b"#" if node.content[-1:] != b"#" else b"+")
        yield Change(UNSEEN, path, before.change(path, content=other))
    yield Change("executable", path, before.change(path, mode=node.mode ^ 0o111))
    yield Change("other mode bits", path, before.change(path, mode=node.mode ^ 0o040))
    yield Change("mtime", path, before.change(path, mtime=node.mtime + 100))
    yield Change("owner", path, before.change(path, owner=1234))
    yield Change("name", path, moved)
    folder, _, name = path.rpartition("/")
    into = before.with_node(path, None).with_node(f"{folder}/moved/{name}", node)
    yield Change("move", path, into)
    yield Change("gone", path, before.with_node(path, None))


def _of_ignore_file(before: Tree, path: str) -> Iterator[Change]:
    rules = before.text(path)
    yield Change("ignore file", f"{path} comment", _text(before, path, f"# a remark\n{rules}"))
    yield Change("ignore file", f"{path} gone", before.with_node(path, None))
    for file in before.nodes:
        inside = file.removeprefix(f"{IMAGE}/")
        if inside != file and not inside.endswith(("ignore", "Dockerfile")):
            yield Change(
                "ignore file", f"ignores {inside}", _text(before, path, f"{rules}{inside}\n")
            )
            yield Change(
                "ignore file", f"keeps {inside}", _text(before, path, f"{rules}!{inside}\n")
            )


def _of_folders(before: Tree) -> Iterator[Change]:
    folders = {path.rpartition("/")[0] for path in before.nodes if path.startswith(f"{IMAGE}/")}
    for folder in sorted(folders):
        yield Change(
            "empty folder", folder, before.with_node(f"{folder}/zz-empty", Node(folder=True))
        )
        yield Change("new file", folder, before.with_node(f"{folder}/zz-new", Node(b"new")))
    if f"{IMAGE}/.dockerignore" not in before.nodes:
        ignoring = before.with_node(f"{IMAGE}/.dockerignore", Node(b"zz-nothing\n"))
        yield Change("ignore file", "a rule for nothing", ignoring)


def _of_dockerfile(before: Tree, nonce: str) -> Iterator[Change]:
    text = before.text(DOCKERFILE)
    yield Change("comment", "at the end", _text(before, DOCKERFILE, f"{text}# a remark\n"))
    yield Change("whitespace", "a line at the end", _text(before, DOCKERFILE, f"{text}\n\n"))
    for match in re.finditer(r"(?m)^ARG (\w+)=(\S+)$", text):
        other = f"{text[: match.start(2)]}other{nonce}{text[match.end(2) :]}"
        yield Change("argument default", match[1], _text(before, DOCKERFILE, other))
    last = f"{text}ENV PROOF={nonce}\n"
    yield Change("instruction", "ENV at the end", _text(before, DOCKERFILE, last))
    for path in before.nodes:
        if path.startswith("images/base/") and path.endswith("Dockerfile"):
            changed = f"{before.text(path)}LABEL proof={nonce}\n"
            yield Change("base", f"{path} label", _text(before, path, changed))
            yield Change("base", f"{path} comment", _text(before, path, f"{before.text(path)}#\n"))


def _of_settings(before: Tree, nonce: str) -> Iterator[Change]:
    names = set(re.findall(r"(?m)^\s*ARG (\w+)", before.text(DOCKERFILE)))
    for name in sorted(names):
        yield Change("argument", name, _argument(before, name, f"given{nonce}"))
    yield Change("unused argument", "PROOF_UNKNOWN", _argument(before, "PROOF_UNKNOWN", nonce))
    stages = re.findall(r"(?mi)^FROM .* AS (\S+)", before.text(DOCKERFILE))
    for stage in stages:
        yield Change("target", stage, before.with_toml("target", f'"{stage}"'))
    if "RUN" not in before.text(DOCKERFILE) and "debian" not in before.text(DOCKERFILE):
        yield Change("platform", "arm64", before.with_toml("platforms", '["linux/arm64"]'))


def _of_lock(before: Tree) -> Iterator[Change]:
    if LOCK in before.nodes:
        now, other = re.findall("sha256:[0-9a-f]{64}", before.text(LOCK))
        text = before.text(LOCK).replace(now, other)
        yield Change("external lock", "another digest", _text(before, LOCK, text))
        yield Change("lock gone", LOCK, before.with_node(LOCK, None))


def _of_clone(before: Tree) -> Iterator[Change]:
    yield Change("clone path", "another folder", replace(before, name="elsewhere"))
    yield Change("umask", "077", replace(before, umask=0o077))
    yield Change("order of creation", "reversed", replace(before, reverse=True))
    yield Change("locale", "tr_TR", replace(before, environ={"LC_ALL": "tr_TR.UTF-8"}))


def _argument(before: Tree, name: str, value: str) -> Tree:
    given = {**_given(before), name: f'"{value}"'}
    inside = ", ".join(f"{key} = {text}" for key, text in given.items())
    return before.with_toml("args", f"{{ {inside} }}")


def _given(before: Tree) -> dict[str, str]:
    return dict(re.findall(r'(\w+) = ("[^"]*")', before.toml.get("args", "")))


def _text(before: Tree, path: str, text: str) -> Tree:
    return before.change(path, content=text.encode())
