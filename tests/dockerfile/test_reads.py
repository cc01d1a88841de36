"""What a Dockerfile reads of its context, and when that is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile import Read, ReadKind, Reads, merge_reads
from pipeline.errors import Location

if TYPE_CHECKING:
    from tests.dockerfile.conftest import Refused, Resolve

READS = {
    "file": ("COPY a /x", ["a"]),
    "several": ("COPY a b/c /x/", ["a", "b/c"]),
    "all": ("COPY . /x", ["."]),
    "root": ("COPY / /x", ["."]),
    "slashes": ("COPY //a/ ./b/ /x/", ["a", "b"]),
    "upwards": ("COPY ../a b/../../c /x/", ["a", "c"]),
    "wildcards": ("COPY *.py a/[a-z]?/ /x/", ["*.py", "a/[a-z]?"]),
    "JSON": ('COPY ["a b", "c", "/x/"]', ["a b", "c"]),
    "text behind JSON, as before BuildKit 0.15": ('COPY ["a", "/x/"] # b', ["a"]),
    "text behind JSON, in two readings": ('COPY ["ab","c"] /x', ["[ab,c]", "ab"]),
    "text behind JSON with spaces": ('COPY ["a b", "c", "/x/"] # b', ["a b", "c"]),
    "ADD": ("ADD a.tar.gz /x", ["a.tar.gz"]),
    "ADD of a URL": ("ADD https://x.org/y /z", []),
    "ADD of Git": ("ADD https://x.org/y.git#main /z", []),
    "ADD of Git by SSH": ("ADD git@x.org:y/z /z", []),
    "ADD of both": ("ADD a https://x.org/y /z/", ["a"]),
    "ADD of an unknown scheme is a path": ("ADD ftp://x/y /z", ["ftp:/x/y"]),
    "ADD of a path like a host": ("ADD github.com/a/b /z", ["github.com/a/b"]),
    "here-document": ("COPY a <<E /x/\nCOPY b /\nE", ["a"]),
    "only a here-document": ("COPY <<E /x\nE", []),
    "here-document's variables": ("COPY <<E /x\n$NO\nE", []),
    "here-document whose name has a default": ("COPY <<${X:-E} /x\nCOPY b /\n", ["b"]),
    "the same as before BuildKit 0.15": ("COPY <<${X:-E} /x\nno\n${X:-E}\nCOPY b /\n", ["b"]),
    "from another": ("COPY --from=busybox a /x", []),
    "RUN": ("RUN cat a", []),
    "bind": ("RUN --mount=source=a,target=/x y", ["a"]),
    "bind of all": ("RUN --mount=target=/x y", ["."]),
    "bind by its long and short names": ("RUN --mount=type=bind,src=a/b/,dst=/x y", ["a/b"]),
    "bind for writing": ("RUN --mount=source=a,target=/x,rw y", ["a"]),
    "bind from another": ("RUN --mount=from=busybox,source=a,target=/x y", []),
    "bind with a variable": ("ARG D=d\nRUN --mount=source=$D,target=/x y", ["d"]),
    "bind with quotes": ('RUN --mount=\\"source=a,b\\",target=/x y', ["a,b"]),
    "cache": ("RUN --mount=type=cache,target=/x y", []),
    "tmpfs": ("RUN --mount=type=tmpfs,target=/x,size=10m y", []),
    "secret": ("RUN --mount=type=secret,id=a,required y", []),
    "ssh": ("RUN --mount=type=ssh y", []),
    "two mounts": ("RUN --mount=src=a,dst=/a --mount=src=b,dst=/b y", ["a", "b"]),
    "ONBUILD is for others": ("ONBUILD COPY a /x", []),
    "ARG": ("ARG D=d\nCOPY $D/a /x", ["d/a"]),
    "ENV": ("ENV D=d\nCOPY ${D} /x", ["d"]),
    "ENV of an ARG": ("ARG A=a\nENV D=$A/b\nCOPY $D /x", ["a/b"]),
    "one ENV sees what was before": ("ENV A=1\nENV A=2 B=$A\nCOPY $B /x", ["1"]),
    "ENV in its old form": ("ENV A b c\nCOPY $A /x", ["b c"]),
    "the last of ENV and ARG": ("ENV A=1\nARG A=2\nCOPY $A /x", ["2"]),
    "ARG comes too late": ("ENV B=x\nCOPY ${B}y /x\nARG B=z", ["xy"]),
    "operators": ("ARG A=app.tar\nCOPY ${A%.*} ${A/app/x} /x/", ["app", "x.tar"]),
    "escaped wildcard": ("COPY a\\\\*b /x", ["a\\*b"]),
    "quoted": ("COPY 'a'\"b\" /x", ["ab"]),
    "empty": ('ARG A=""\nCOPY $A /x', ["."]),
}


@pytest.mark.parametrize(("text", "expected"), READS.values(), ids=READS)
def test_reads(resolved: Resolve, text: str, expected: list[str]) -> None:
    """Sources and bind mounts, normalized."""
    found = resolved(f"FROM a\n{text}\n").reads
    assert ([read.pattern for read in found.reads], found.whole) == (expected, "")


UNKNOWN = {
    "environment of the image": ("FROM a\nCOPY $DIR /x", "`COPY` at line 2 reads depends on `DIR`"),
    "ADD": ("FROM a\nADD $DIR /x", "`ADD` at line 2"),
    "with a default": ("FROM a\nCOPY ${DIR:-src} /x", "`DIR`"),
    "ARG without a value": ("FROM a\nARG DIR\nCOPY $DIR /x", "`DIR`"),
    "global is not visible": ("ARG DIR=x\nFROM a\nCOPY $DIR /x", "`DIR`"),
    "through ENV": ("FROM a\nENV D=$HOME/x\nCOPY $D /x", "`D`"),
    "in a stage above": ("FROM a AS b\nFROM b\nCOPY $DIR /x", "`DIR`"),
    "argument of a stage above, which its image may have as ENV": (
        "FROM a AS b\nARG D=d\nFROM b\nCOPY $D /x",
        "`D`",
    ),
    "mount's source": ("FROM a\nRUN --mount=source=$DIR,target=/x y", "`RUN` at line 2"),
    "mount's type": ("FROM a\nRUN --mount=type=$T,target=/x y", "`T`"),
    "PATH": ("FROM a\nCOPY $PATH /x", "`PATH`"),
    "ENV of an unknown name": ("FROM a\nENV D=d\nENV $N=e\nCOPY $D /x", "`D`"),
    "the same below": ("FROM a AS b\nENV D=d\nENV $N=e\nFROM b\nCOPY $D /x", "`D`"),
}


@pytest.mark.parametrize(("text", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_sources_need_the_whole_context(
    resolved: Resolve, text: str, expected: str
) -> None:
    """With the reason."""
    assert expected in resolved(text).reads.whole


KNOWN = {
    "scratch": ("FROM scratch\nCOPY a${DIR} /x", "a"),
    "scratch below": ("FROM scratch AS b\nENV D=d\nFROM b\nCOPY $D$NO /x", "d"),
    "set again": ("FROM a\nENV D=$HOME\nENV D=x\nCOPY $D /x", "x"),
    "environment of the stage below": ("FROM a AS b\nENV D=d\nFROM b\nCOPY $D /x", "d"),
    "argument of a stage on scratch": ("FROM scratch AS b\nARG D=d\nFROM b\nCOPY $D /x", "d"),
    "argument declared again": ("FROM a AS b\nARG D=d\nFROM b\nARG D=e\nCOPY $D /x", "e"),
    "ENV and ARG of the stage below": (
        "FROM a AS b\nENV D=d\nARG D=e\nFROM b\nCOPY $D /x",
        "d",
    ),
    "only the destination": ("FROM a\nCOPY x $HOME/y", "x"),
    "only a mount's target": ("FROM a\nRUN --mount=source=x,target=$HOME/y z", "x"),
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.values(), ids=KNOWN)
def test_known_sources(resolved: Resolve, text: str, expected: str) -> None:
    """The whole context is not needed."""
    found = resolved(text).reads
    assert ([read.pattern for read in found.reads], found.whole) == ([expected], "")


BELOW = {
    "ENV, then ARG": ("ENV V=1\nARG V=2", ["f2", "f1"]),
    "ARG, then ENV": ("ARG V=2\nENV V=1", ["f1", "f1"]),
    "ENV, then a given ARG": ("ENV V=1\nARG GIVEN\nARG V=$GIVEN", ["f3", "f1"]),
    "ENV, then a global ARG": ("ENV V=1\nARG G\nARG V=$G", ["fg", "f1"]),
    "ENV that saw the ARG": ("ENV V=1\nARG V=2\nENV V=${V}x", ["f2x", "f2x"]),
    "ENV of another name": ("ENV W=1\nARG V=2", ["f2", "f7"]),
    "ENV by a trigger": ("ARG V=2", ["f2", "f7"]),
    "PATH": ("ARG PATH=/x\nENV V=/1\nARG V=$PATH", ["f/x", "f/1"]),
}


@pytest.mark.parametrize(("above", "expected"), BELOW.values(), ids=BELOW)
def test_a_stage_begins_with_the_env_of_its_base(
    resolved: Resolve, above: str, expected: list[str]
) -> None:
    """It has priority over the base's ARG of the same name."""
    text = f"ARG G=g\nFROM scratch AS z\nONBUILD ENV V=7\nFROM z AS a\n{above}\nCOPY f$V /\n"
    found = resolved(f"{text}FROM a AS b\nCOPY f$V /\n", args={"GIVEN": "3"}).reads
    assert ([read.pattern for read in found.reads], found.whole) == (expected, "")


def test_a_stage_on_scratch_begins_with_its_path_again(resolved: Resolve) -> None:
    """Whatever an argument set it to."""
    text = "FROM scratch AS a\nARG PATH=p\nCOPY $PATH /\nFROM a\nCOPY $PATH /\n"
    (first, second) = resolved(text).reads.reads
    assert (first.pattern, second.pattern[:14]) == ("p", "usr/local/sbin")


def test_a_url_with_an_unknown_part_reads_nothing(resolved: Resolve) -> None:
    """It is a URL in any case."""
    assert resolved("FROM a\nADD https://x.org/$V /y\n").reads == Reads()


def test_only_needed_stages_read(resolved: Resolve) -> None:
    """Sources of other stages do not count."""
    text = "FROM a AS x\nCOPY secret /\nFROM b\nCOPY $DIR /\nFROM c AS y\nCOPY app /\n"
    found = resolved(text, target="y").reads
    assert ([read.pattern for read in found.reads], found.whole) == (["app"], "")


def test_a_read_has_its_kind_flags_and_location(resolved: Resolve) -> None:
    """For whoever walks the context."""
    text = "FROM a\nCOPY --parents --exclude=*.md --exclude=t src/./**/*.py /x\n"
    text += "RUN --mount=source=b,target=/b y\nADD c /c\n"
    assert resolved(text).reads.reads == (
        Read("src/./**/*.py", ReadKind.COPY, Location("D", 2, 43), ("*.md", "t"), parents=True),
        Read("b", ReadKind.MOUNT, Location("D", 3, 20)),
        Read("c", ReadKind.ADD, Location("D", 4, 5)),
    )


def test_a_source_must_be_a_pattern(refused: Refused) -> None:
    """A malformed pattern is an error with a hint."""
    (problem,) = refused("FROM a\nCOPY x [a-]b /y/\n")
    assert problem.location == Location("D", 2, 8)


def test_reads_of_several_platforms_are_merged() -> None:
    """Each once, in order, with the first reason."""
    a, b = (Read(x, ReadKind.COPY, Location("D", 1)) for x in "ab")
    parts = [Reads((a,)), Reads((b, a), "why"), Reads((), "other")]
    assert merge_reads(parts) == Reads((a, b), "why")
