"""The corpus: Dockerfiles with contexts, one for each feature of the language.

`{n}` is replaced by text that is unique to a run. The names say which rows of the documentation
they cover.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.proof.tree import LONG_AGO, Node, Tree, tree

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Case:
    """A Dockerfile, the files of its context (with a `/`, of the project's root), and settings.

    `undecided` means that its sources cannot be derived from its text, so all files count; `newer`
    that it needs BuildKit 0.26 (Dockerfile 1.20).
    """

    name: str
    dockerfile: str
    files: Mapping[str, str | Node] = field(default_factory=dict)
    toml: Mapping[str, str] = field(default_factory=dict)
    undecided: bool = False
    newer: bool = False

    def tree(self, nonce: str) -> Tree:
        """Return the project with unique content."""
        files: dict[str, str | Node] = {
            path: what.replace("{n}", nonce) if isinstance(what, str) else what
            for path, what in self.files.items()
        }
        files["Dockerfile"] = self.dockerfile.replace("{n}", nonce)
        toml = {key: value.replace("{n}", nonce) for key, value in self.toml.items()}
        # BuildKit does not send a file again if it has seen its size and time in a folder of that
        # name, whatever its content: as with an edit, new content has a new time.
        return tree(files, toml, mtime=LONG_AGO + zlib.crc32(nonce.encode()) % 10**8)


def link(target: str) -> Node:
    """Return a symbolic link."""
    return Node(link=target)


def archive(name: str, content: bytes) -> Node:
    """Return a tar archive of one file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return Node(written.getvalue())


FOLDER = Node(folder=True)
TAR = archive("x", b"packed")
AB = {"a.txt": "a{n}", "b.txt": "b{n}"}
DEBIAN = "debian:bookworm-slim"

LANGUAGE = (
    Case("copy one file", "FROM scratch\nCOPY a.txt /\n", AB),
    Case("copy everything", "FROM scratch\nCOPY . /\n", {**AB, "d/c.txt": "c{n}", "e": FOLDER}),
    Case("check directive", "# check=skip=all\nFROM scratch\nCOPY a.txt /\n", AB),
    Case("escape directive", "# escape=`\nFROM scratch\nCOPY a.txt `\n  b.txt /d/\n", AB),
    Case(
        "directives end at a comment", "# remark\n# escape=`\nFROM scratch\nCOPY a.txt \\\n /\n", AB
    ),
    Case("byte order mark", "\ufeffFROM scratch\nCOPY a.txt /\n", AB),
    Case(
        "continuation and comments",
        "FROM scratch\nCOPY a.txt \\\n# a remark between\n\n  b.txt \\\n /d/\n",
        AB,
    ),
    Case("case of instructions", "from scratch as X\ncopy a.txt /\nFroM x\nCoPy b.txt /\n", AB),
    Case(
        "json form",
        'FROM scratch\nCOPY ["a.txt", "with space.txt", "/d/"]\n',
        {**AB, "with space.txt": "s{n}"},
    ),
    Case(
        "heredoc in copy",
        "FROM scratch\nARG W=x{n}\nCOPY <<E <<'F' a.txt /d/\nin $W\nE\nnot $W\nF\n",
        AB,
    ),
    Case("heredoc with tabs", "FROM scratch\nCOPY <<-E /d/x\n\t{n}\n\tE\nCOPY a.txt /\n", AB),
    Case(
        "heredoc in run",
        f"FROM {DEBIAN}\nCOPY a.txt /\nRUN <<E\necho {{n}} > /x\nE\nCOPY b.txt /\n",
        AB,
    ),
    Case("add with a heredoc", "FROM scratch\nADD <<E /x\n{n}\nE\nADD a.txt /\n", AB),
)

EXPANSION = tuple(
    Case(f"expansion {operator}", f"FROM scratch\nARG V={value}\nCOPY {word} /d/\n", AB)
    for operator, value, word in (
        ("plain", "a", "$V.txt"),
        ("braces", "a", "${V}.txt"),
        (":-", "a", "${U:-a}.txt ${V:-b}.txt"),
        ("-", "a", "${U-b}.txt"),
        (":+", "a", "${V:+b}.txt"),
        ("+", "a", "${V+b}.txt"),
        (":?", "a", "${V:?must}.txt"),
        ("?", "a", "${V?must}.txt"),
        ("#", "xxa", "${V#x}.txt* ${V##*x}.txt"),
        ("%", "axx", "${V%%x*}.txt"),
        ("/", "xa", "${V/x/}.txt"),
        ("//", "xax", "${V//x/}.txt"),
    )
)

SCOPES = (
    Case("argument of from", "ARG T=bookworm-slim\nFROM debian:$T\nCOPY a.txt /\n", AB),
    Case("argument that a stage inherits", "ARG V=a\nFROM scratch\nARG V\nCOPY $V.txt /\n", AB),
    Case(
        "argument that a stage does not inherit",
        "ARG V=a\nFROM scratch\nARG W=b\nCOPY $W.txt /\n",
        AB,
    ),
    Case(
        "argument read by run", f"FROM {DEBIAN}\nARG V=a{{n}}\nRUN echo $V > /x\nCOPY a.txt /\n", AB
    ),
    Case(
        "argument after the last run",
        f"FROM {DEBIAN}\nRUN echo {{n}} > /x\nARG V=a\nCOPY a.txt /\n",
        AB,
    ),
    Case("argument in env", "FROM scratch\nARG V=a\nENV W=$V.txt\nCOPY $W /\n", AB),
    Case(
        "env of the stage below over its argument",
        "FROM scratch AS x\nENV V=a\nARG V=b\nFROM x\nCOPY $V.txt /\n",
        AB,
    ),
    Case("argument given", "FROM scratch\nARG V=a\nCOPY $V.txt /\n", AB, {"args": '{ V = "b" }'}),
    Case(
        "platform arguments",
        "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH.txt /\n",
        {"amd64.txt": "a{n}", "arm64.txt": "b{n}"},
    ),
    Case(
        "platform of a stage",
        "FROM --platform=linux/amd64 scratch AS x\nCOPY a.txt /\n"
        "FROM scratch\nCOPY --from=x / /\nCOPY b.txt /\n",
        AB,
    ),
)

STAGES = (
    Case(
        "stage by name",
        "FROM scratch AS x\nCOPY a.txt /\nFROM scratch AS y\nCOPY --from=x /a.txt /\n",
        AB,
    ),
    Case(
        "stage by index", "FROM scratch\nCOPY a.txt /\nFROM scratch\nCOPY --from=0 /a.txt /\n", AB
    ),
    Case(
        "stage that is not needed",
        "FROM scratch AS x\nCOPY b.txt /\nFROM scratch AS y\nCOPY a.txt /\n",
        AB,
    ),
    Case(
        "target",
        "FROM scratch AS x\nCOPY a.txt /\nFROM x AS y\nCOPY b.txt /\n",
        AB,
        {"target": '"x"'},
    ),
    Case("stage on a stage", "FROM scratch AS x\nCOPY a.txt /\nFROM x\nCOPY b.txt /\n", AB),
    Case(
        "onbuild of a stage", "FROM scratch AS x\nONBUILD COPY a.txt /\nFROM x\nCOPY b.txt /\n", AB
    ),
    Case(
        "onbuild with a heredoc",
        "FROM scratch AS x\nONBUILD COPY <<E a.txt /d/\n{n}\nE\nFROM x\n",
        AB,
    ),
    Case(
        "from another image",
        f"FROM scratch\nCOPY --from={DEBIAN} /etc/debian_version /\nCOPY a.txt /\n",
        AB,
    ),
)

MOUNTS = (
    Case(
        "bind mount of a file",
        f"FROM {DEBIAN}\nRUN --mount=type=bind,source=a.txt,target=/m cat /m > /x\n",
        AB,
    ),
    Case(
        "bind mount of the context",
        f"FROM {DEBIAN}\nRUN --mount=target=/m cat /m/d/c.txt > /x\n",
        {**AB, "d/c.txt": "c{n}"},
    ),
    Case(
        "bind mount of a stage",
        f"FROM scratch AS s\nCOPY a.txt /\nFROM {DEBIAN}\n"
        "RUN --mount=from=s,target=/m cat /m/a.txt > /x\n",
        AB,
    ),
    Case(
        "cache mount",
        f"FROM {DEBIAN}\nRUN --mount=type=cache,target=/c echo {{n}} > /c/x\nCOPY a.txt /\n",
        AB,
    ),
    Case(
        "tmpfs mount",
        f"FROM {DEBIAN}\nRUN --mount=type=tmpfs,target=/t echo {{n}} > /t/x\nCOPY a.txt /\n",
        AB,
    ),
    Case(
        "optional secret and ssh",
        f"FROM {DEBIAN}\nRUN --mount=type=secret,id=none --mount=type=ssh echo {{n}}\n"
        "COPY a.txt /\n",
        AB,
    ),
)

SOURCES = (
    Case(
        "folder",
        "FROM scratch\nCOPY d /d\n",
        {**AB, "d/c.txt": "c{n}", "d/e/f.txt": "f{n}", "d/g": FOLDER},
    ),
    Case("wildcard of files", "FROM scratch\nCOPY *.txt /d/\n", {**AB, "c.md": "c{n}"}),
    Case(
        "wildcard of folders",
        "FROM scratch\nCOPY d*/c.txt /d/\n",
        {"d1/c.txt": "1{n}", "d2/c.txt": "2{n}", "e/c.txt": "e{n}"},
    ),
    Case("wildcard with a class", "FROM scratch\nCOPY [ab]?txt /d/\n", {**AB, "c.txt": "c{n}"}),
    Case("link as a source", "FROM scratch\nCOPY l /x\n", {**AB, "l": link("a.txt")}),
    Case(
        "link inside of a folder",
        "FROM scratch\nCOPY d /d\n",
        {**AB, "d/l": link("../a.txt"), "d/c.txt": "c{n}"},
    ),
    Case(
        "link to a folder", "FROM scratch\nCOPY l /x\n", {**AB, "d/c.txt": "c{n}", "l": link("d")}
    ),
    Case(
        "link on the way",
        "FROM scratch\nCOPY l/c.txt /x\n",
        {**AB, "d/c.txt": "c{n}", "l": link("d")},
    ),
    Case("absolute link", "FROM scratch\nCOPY l /x\n", {**AB, "l": link("/a.txt")}),
    Case(
        "link that leads nowhere in a folder",
        "FROM scratch\nCOPY d /d\n",
        {"d/l": link("none"), "d/c.txt": "c{n}"},
    ),
    Case("paths with dots", "FROM scratch\nCOPY ./d/../a.txt /../x\n", {**AB, "d/c.txt": "c{n}"}),
    Case("copy with chown and chmod", "FROM scratch\nCOPY --chown=1:1 --chmod=755 a.txt /\n", AB),
    Case("copy with link", "FROM scratch\nCOPY --link a.txt /\n", AB),
    Case(
        "copy with parents",
        "FROM scratch\nCOPY --parents d/e/f.txt a.txt /\n",
        {**AB, "d/e/f.txt": "f{n}", "d/c.txt": "c{n}"},
        newer=True,
    ),
    Case(
        "copy with parents and a pivot",
        "FROM scratch\nCOPY --parents d/./e/*.txt /\n",
        {**AB, "d/e/f.txt": "f{n}", "d/c.txt": "c{n}"},
        newer=True,
    ),
    Case(
        "copy with exclude",
        "FROM scratch\nCOPY --exclude=*.md --exclude=e d /d\n",
        {"d/c.txt": "c{n}", "d/r.md": "r{n}", "d/e/f.txt": "f{n}"},
        newer=True,
    ),
    Case("add of a file", "FROM scratch\nADD a.txt b.txt /d/\n", AB),
    Case(
        "executable file",
        "FROM scratch\nCOPY run.sh /\n",
        {"run.sh": Node(b"#!/bin/sh\n", 0o755), **AB},
    ),
    Case(
        "names that are hard to sort",
        "FROM scratch\nCOPY d /d\n",
        {"d/a b": "1{n}", "d/a": FOLDER, "d/\u00e4": "2{n}", "d/Z": "3{n}", "d/a.b": "4{n}"},
    ),
)

COPY_ALL = "FROM scratch\nCOPY . /x/\n"
IGNORE = (
    Case("ignore file", COPY_ALL, {**AB, ".dockerignore": "b.txt\n"}),
    Case(
        "ignore file that is a link",
        COPY_ALL,
        {**AB, "rules": "b.txt\n", ".dockerignore": link("rules")},
    ),
    Case(
        "ignore file that is a link out of the context",
        COPY_ALL,
        {**AB, "/rules": "b.txt\n", ".dockerignore": link("../../rules")},
    ),
    Case(
        "ignore file of the dockerfile that leads nowhere",
        COPY_ALL,
        {**AB, ".dockerignore": "a.txt\n", "Dockerfile.dockerignore": link("../rules")},
    ),
    Case(
        "ignore file of the dockerfile",
        COPY_ALL,
        {**AB, ".dockerignore": "a.txt\n", "Dockerfile.dockerignore": "b.txt\n"},
    ),
    Case(
        "ignore everything but", COPY_ALL, {**AB, "d/c.txt": "c{n}", ".dockerignore": "*\n!a.txt\n"}
    ),
    Case(
        "ignore with two stars",
        COPY_ALL,
        {**AB, "d/e/c.md": "c{n}", "d/x.txt": "x{n}", ".dockerignore": "**/*.md\n"},
    ),
    Case(
        "keep below an ignored folder",
        COPY_ALL,
        {"d/e/c.txt": "c{n}", "d/x.txt": "x{n}", ".dockerignore": "d\n!d/e/c.txt\n"},
    ),
    Case(
        "ignore with classes and escapes",
        COPY_ALL,
        {**AB, "[x]": "x{n}", ".dockerignore": "[a]*.txt\n\\[x\\]\n"},
    ),
    Case(
        "ignore rules that need cleaning",
        COPY_ALL,
        {**AB, "d/c.txt": "c{n}", ".dockerignore": "  /d/../b.txt  \n\n# r\n./d//c.txt\n"},
    ),
    Case(
        "ignored dockerfile",
        COPY_ALL,
        {**AB, ".dockerignore": "Dockerfile\n.dockerignore\nimage.toml\n"},
    ),
)

LIBS = {
    **AB,
    "/libs/c.txt": "c{n}",
    "/libs/d/e.txt": "e{n}",
    "/libs/d/hidden": "h{n}",
    "/libs/.dockerignore": "d/hidden\n",
}
CONTEXT = {"contexts": '{ libs = "../../libs" }'}
CONTEXTS = (
    Case(
        "copy from a named context",
        "FROM scratch\nCOPY --from=libs d /d/\nCOPY a.txt /\n",
        LIBS,
        CONTEXT,
    ),
    Case(
        "wildcard and link in a named context",
        "FROM scratch\nCOPY --from=libs l *.txt /x/\n",
        {**LIBS, "/libs/l": link("/d")},
        CONTEXT,
    ),
    Case(
        "named context in place of a stage",
        "FROM scratch AS libs\nCOPY b.txt /d/\nFROM scratch\nCOPY --from=0 d /\n",
        LIBS,
        CONTEXT,
    ),
    Case(
        "mounts from a named context",
        f"FROM {DEBIAN}\nRUN --mount=from=libs,source=d,target=/m cat /m/e.txt > /y\n"
        "RUN --mount=type=cache,id=c{n},from=libs,target=/m cat /m/c.txt > /z\n",
        LIBS,
        CONTEXT,
    ),
)

BASES = (
    Case(
        "base",
        "FROM base\nCOPY a.txt /\n",
        {**AB, "/images/base/Dockerfile": "FROM scratch\nCOPY x /\n", "/images/base/x": "x{n}"},
    ),
    Case(
        "copy from a base",
        "FROM scratch\nCOPY --from=base /x /\nCOPY a.txt /\n",
        {
            **AB,
            "/images/base/Dockerfile": "FROM scratch\nCOPY x /\n",
            "/images/base/x": "x{n}",
            "/images/base/unread": "u",
        },
    ),
    Case(
        "base with onbuild",
        "FROM base\nCOPY b.txt /\n",
        {
            **AB,
            "/images/base/Dockerfile": "FROM scratch\nONBUILD COPY a.txt /\nCOPY x /\n",
            "/images/base/x": "x{n}",
        },
    ),
    Case(
        "base that an argument names",
        "ARG B=base\nFROM ${B}\nCOPY a.txt /\n",
        {**AB, "/images/base/Dockerfile": "FROM scratch\nCOPY x /\n", "/images/base/x": "x{n}"},
        {"bases": '{ B = "base" }'},
    ),
    Case(
        "variable of a base in a source",
        "FROM base\nCOPY $WHAT /d/\n",
        {
            **AB,
            "/images/base/Dockerfile": "FROM scratch\nENV WHAT=a.txt\nCOPY x /\n",
            "/images/base/x": "x{n}",
        },
        undecided=True,
    ),
    Case(
        "mount from a base",
        f"FROM {DEBIAN}\nRUN --mount=from=base,target=/m cat /m/x > /y\nCOPY a.txt /\n",
        {**AB, "/images/base/Dockerfile": "FROM scratch\nCOPY x /\n", "/images/base/x": "x{n}"},
    ),
    Case(
        "context above",
        "FROM scratch\nCOPY shared/s.txt images/app/a.txt /\n",
        {**AB, "/shared/s.txt": "s{n}", "/shared/t.txt": "t{n}"},
        {"context": '"../.."'},
    ),
)

LATER = (
    Case(
        "copy with parents and two stars",
        "FROM scratch\nCOPY --parents **/*.txt /\n",
        {**AB, "d/e/f.txt": "f{n}", "d/c.md": "c{n}"},
        newer=True,
    ),
    Case(
        "copy with parents and exclude",
        "FROM scratch\nCOPY --parents --exclude=d/e d /\n",
        {"d/c.txt": "c{n}", "d/e/f.txt": "f{n}"},
        newer=True,
    ),
    Case(
        "add with exclude",
        "FROM scratch\nADD --exclude=*.md d /d\n",
        {"d/c.txt": "c{n}", "d/r.md": "r{n}"},
        newer=True,
    ),
    Case(
        "add with unpack",
        "FROM scratch\nCOPY a.txt /\nADD --unpack=true t.tar /d/\n",
        {**AB, "t.tar": TAR},
        newer=True,
    ),
    Case(
        "add without unpack",
        "FROM scratch\nCOPY a.txt /\nADD --unpack=false t.tar /d/\n",
        {**AB, "t.tar": TAR},
        newer=True,
    ),
    Case("add of an archive", "FROM scratch\nCOPY a.txt /\nADD t.tar /d/\n", {**AB, "t.tar": TAR}),
    Case(
        "check directive with error",
        "# check=skip=JSONArgsRecommended;error=true\nFROM scratch\nCOPY a.txt /\n",
        AB,
    ),
)
"""Cases that were added after the table of BuildKit 0.12 (docs/fingerprint.md)."""

CASES = (
    *LANGUAGE,
    *EXPANSION,
    *SCOPES,
    *STAGES,
    *MOUNTS,
    *SOURCES,
    *IGNORE,
    *CONTEXTS,
    *BASES,
)
