"""Names, stages, arguments and platforms are resolved as in BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import Location

if TYPE_CHECKING:
    from tests.dockerfile.conftest import Refused, Resolve

FROM = {
    "literal": ("FROM debian:13", ["debian:13"]),
    "global": ("ARG V=13\nFROM debian:${V}", ["debian:13"]),
    "default in place": ("FROM debian:${V:-13}", ["debian:13"]),
    "later global sees earlier": ("ARG A=x\nARG B=$A/y\nFROM $B", ["x/y"]),
    "earlier global does not see later": ("ARG B=x$A\nARG A=y\nFROM $B", ["x"]),
    "the last global counts": ("ARG A=x\nARG A=y\nFROM $A", ["y"]),
    "declared again without a value": ("ARG A=x\nARG A\nFROM $A", ["x"]),
    "arguments of a stage do not count": ("FROM a\nARG V=1\nFROM b${V:-2}", ["b2"]),
    "quoted": ('ARG A="x"\nFROM "$A"', ["x"]),
    "scratch": ("FROM scratch", []),
    "predefined": ("FROM a-$TARGETARCH", ["a-arm64"]),
    "stage above": ("FROM a AS b\nFROM b", ["a"]),
    "stage of its own name": ("FROM a AS a", ["a"]),
    "stage by a variable": ("ARG S=b\nFROM a AS b\nFROM $S", ["a"]),
    "a stage hides scratch": ("FROM a AS scratch\nFROM scratch", ["a"]),
    "the stage above counts of two": ("FROM a AS s\nFROM s\nFROM b AS s\nFROM s", ["b"]),
    "stages below are images": ("FROM b AS x\nFROM a AS b\nFROM x", ["b"]),
    "digest": ("FROM a@sha256:" + "0" * 64, ["a@sha256:" + "0" * 64]),
}


@pytest.mark.parametrize(("text", "expected"), FROM.values(), ids=FROM)
def test_from_names_an_image(resolved: Resolve, text: str, expected: list[str]) -> None:
    """Unless it is a stage or `scratch`."""
    found = resolved(text, platform="linux/arm64")
    assert [name.written for name in found.names] == expected


ORIGINS = {
    "copy from an image": ("COPY --from=busybox:1 a b", ["busybox:1"]),
    "copy from a stage": ("COPY --from=tools a b", ["t"]),
    "copy from a stage in capitals": ("COPY --from=TOOLS a b", ["t"]),
    "copy from an index": ("COPY --from=0 a b", ["t"]),
    "copy from scratch": ("COPY --from=scratch a b", []),
    "mount from an image": ("RUN --mount=from=busybox,target=/b x", ["busybox"]),
    "mount from a stage": ("RUN --mount=type=cache,from=tools,target=/b x", ["t"]),
    "mounts know no index": ("RUN --mount=from=0,target=/b x", ["0"]),
    "two mounts": ("RUN --mount=from=c,target=/c --mount=from=d,target=/d x", ["c", "d"]),
    "in a here-document": ("RUN <<E\nCOPY --from=x a b\nE", []),
    "context": ("COPY a b", []),
}


@pytest.mark.parametrize(("instruction", "expected"), ORIGINS.values(), ids=ORIGINS)
def test_instructions_take_from_stages_and_images(
    resolved: Resolve, instruction: str, expected: list[str]
) -> None:
    """By name in any case; only `--from` accepts an index."""
    found = resolved(f"FROM t AS tools\nFROM scratch\n{instruction}\n")
    assert [name.written for name in found.names] == expected


NUMBERS = {
    "an image has the number behind the stages": (
        "FROM a\nCOPY --from=c x /\nCOPY --from=1 y /\n",
        ["a", "c", "c"],
    ),
    "each use has another": (
        "FROM a\nCOPY --from=c x /\nCOPY --from=c x /\nCOPY --from=d:1 x /\nCOPY --from=3 y /\n",
        ["a", "c", "c", "d:1", "d:1"],
    ),
    "a mount's image has one": (
        "FROM a\nRUN --mount=from=c,target=/c x\nCOPY --from=1 y /\n",
        ["a", "c", "c"],
    ),
    "a mount of the context has one, of scratch": (
        "FROM a\nRUN --mount=dst=/c --mount=from=d,dst=/d x\nCOPY --from=1 y /\nCOPY --from=2 y /",
        ["a", "d", "d"],
    ),
    "also where a stage is not needed": (
        "FROM a AS u\nCOPY --from=c x /\nFROM b\nCOPY --from=2 y /\n",
        ["b", "c"],
    ),
    "a trigger's image has one": (
        "FROM a AS u\nONBUILD COPY --from=c x /\nONBUILD COPY --from=2 y /\nFROM u\n",
        ["a", "c", "c"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_images_follow_those_of_stages(
    resolved: Resolve, text: str, expected: list[str]
) -> None:
    """In the order in which BuildKit resolves the images."""
    assert [name.written for name in resolved(text).names] == expected


@pytest.mark.parametrize("kind", ["tmpfs", "TMPFS", "ssh"])
def test_a_mount_without_files_makes_no_stage_count(
    resolved: Resolve, refused: Refused, kind: str
) -> None:
    """But errors in that stage are reported."""
    text = f"FROM a AS s\nCOPY x /\nFROM b\nRUN --mount=type={kind},from=s,target=/t y\n"
    found = resolved(text)
    assert [stage.index for stage in found.stages] == [1]
    assert ([name.written for name in found.names], found.reads.reads) == (["b"], ())
    (problem,) = refused(text.replace("COPY x /", "COPY ${x!y} /"))
    assert problem.location == Location("D", 2, 6)


def test_a_mount_whose_type_is_a_variable_makes_a_stage_count(resolved: Resolve) -> None:
    """It may be of any type."""
    text = "FROM a AS s\nFROM b\nARG T=tmpfs\nRUN --mount=type=$T,from=s,target=/t y\n"
    assert [stage.index for stage in resolved(text).stages] == [0, 1]


def test_a_cycle_that_the_target_does_not_need(resolved: Resolve, refused: Refused) -> None:
    """Over FROM only if the target needs it; over `--from` always."""
    over = "FROM a AS x\nCOPY --from=y f /\nFROM x AS y\n"
    assert [name.written for name in resolved(f"{over}FROM c\n").names] == ["c"]
    (problem,) = refused(over)
    assert problem.message == "`COPY --from` takes from stage 1, which is not above this one"
    (problem,) = refused("FROM a AS x\nCOPY --from=y f /\nFROM b AS y\nCOPY --from=x f /\nFROM c\n")
    assert problem.message == "stages depend on each other: x -> y -> x"


def test_a_trigger_may_take_from_the_stage_that_it_runs_in(resolved: Resolve) -> None:
    """As far as that stage has got."""
    text = "FROM a AS x\nONBUILD COPY --from=y f /\nFROM x AS y\n"
    assert [name.written for name in resolved(text).names] == ["a"]


def test_a_name_has_its_location_and_platform(resolved: Resolve) -> None:
    """The platform of FROM, if given, else that of the target."""
    text = "FROM --platform=$BUILDPLATFORM  go AS b\nFROM \\\n  run\nCOPY --from=tool a b\n"
    text += "COPY --from=b c d\n"
    found = [
        (n.written, n.instruction, n.location, n.platform)
        for n in resolved(text, platform="linux/arm64").names
    ]
    assert found == [
        ("go", "FROM", Location("D", 1, 33), "linux/amd64"),
        ("run", "FROM", Location("D", 3, 3), "linux/arm64"),
        ("tool", "COPY --from", Location("D", 4, 13), "linux/arm64"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/aarch64", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("windows", "windows/amd64"),
        ("$TARGETPLATFORM", "linux/s390x"),
        ("${TARGETOS}/ppc64le", "linux/ppc64le"),
    ],
)
def test_a_platform_is_read(resolved: Resolve, written: str, expected: str) -> None:
    """Whole, or a part of it."""
    found = resolved(f"FROM --platform={written} a", platform="linux/s390x")
    assert [name.platform for name in found.names] == [expected]


def test_only_needed_stages_count(resolved: Resolve) -> None:
    """The target, its bases, and the sources of its copies and mounts."""
    text = (
        "FROM a AS a1\nFROM b AS b1\nFROM c AS c1\nCOPY --from=b1 x y\n"
        "FROM d AS d1\nRUN --mount=from=c1,target=/x y\nFROM e AS e1\n"
    )
    found = resolved(text, target="D1")
    assert [stage.name for stage in found.stages] == ["b1", "c1", "d1"]
    assert [name.written for name in found.names] == ["b", "c", "d"]
    assert found.stage_names == {"a1", "b1", "c1", "d1", "e1"}


def test_the_last_stage_is_the_target(resolved: Resolve) -> None:
    """If none is named."""
    assert [s.index for s in resolved("FROM a AS x\nFROM b\n").stages] == [1]


ARGUMENTS = {
    "default": ("FROM a\nARG A=1", {}, {"A": "1"}),
    "given beats default": ("FROM a\nARG A=1", {"A": "2"}, {"A": "2"}),
    "without a value": ("FROM a\nARG A", {}, {"A": None}),
    "inherited": ("ARG A=1\nFROM a\nARG A", {}, {"A": "1"}),
    "given to a global": ("ARG A=1\nFROM a\nARG A", {"A": "2"}, {"A": "2"}),
    "own default beats the global": ("ARG A=1\nFROM a\nARG A=3", {}, {"A": "3"}),
    "global that no one uses": ("ARG A=1\nFROM a", {"A": "2"}, {}),
    "used in FROM": ("ARG A=1\nFROM a:$A", {}, {"A": "1"}),
    "used through another": ("ARG A=1\nARG B=$A\nFROM a:$B", {}, {"A": "1", "B": "1"}),
    "used in FROM of a stage that is not needed": ("ARG A=1\nFROM a:$A AS x\nFROM b", {}, {}),
    "of a stage that is not needed": ("FROM a AS x\nARG A=1\nFROM b", {}, {}),
    "of the stage below": ("FROM a AS x\nARG A=1\nFROM x", {}, {"A": "1"}),
    "not declared": ("FROM scratch", {"A": "1"}, {}),
    "not declared, unless by a trigger that nobody knows": ("FROM a", {"A": "1"}, {"A": "1"}),
    "platform when declared": (
        "FROM a\nARG TARGETARCH\nARG TARGETVARIANT",
        {},
        {"TARGETARCH": "arm", "TARGETVARIANT": "v7"},
    ),
    "build platform": ("FROM a\nARG BUILDPLATFORM", {}, {"BUILDPLATFORM": "linux/amd64"}),
    "platform with a default": ("FROM a\nARG TARGETARCH=x", {}, {"TARGETARCH": "x"}),
    "platform given": ("FROM a\nARG TARGETARCH", {"TARGETARCH": "y"}, {"TARGETARCH": "y"}),
    "platform in the global scope": ("ARG TARGETOS\nFROM a-$TARGETOS", {}, {"TARGETOS": "linux"}),
    "target's name": ("FROM a AS End\nARG TARGETSTAGE", {}, {"TARGETSTAGE": "end"}),
    "no target's name": ("FROM a\nARG TARGETSTAGE", {}, {"TARGETSTAGE": "default"}),
    "proxy not declared": ("FROM a", {"http_proxy": "p"}, {}),
    "proxy declared": ("FROM a\nARG http_proxy", {"http_proxy": "p"}, {"http_proxy": "p"}),
    "default of another": ("FROM a\nARG A=1\nARG B=${A}2", {}, {"A": "1", "B": "12"}),
    "default of ENV": ("FROM a\nENV A=1\nARG B=${A}2", {}, {"B": "12"}),
    "default without its declaration": ("ARG A=1\nFROM a\nARG B=${A}2", {}, {"B": "2"}),
    "several at once": ("FROM a\nARG A=1 B C=2", {}, {"A": "1", "B": None, "C": "2"}),
    "default with quotes": ("FROM a\nARG A='x y'", {}, {"A": "x y"}),
    "of the builder": (
        "FROM a",
        {"BUILDKIT_INLINE_CACHE": "1", "SOURCE_DATE_EPOCH": "0"},
        {"BUILDKIT_INLINE_CACHE": "1", "SOURCE_DATE_EPOCH": "0"},
    ),
    "epoch of the file": ("ARG SOURCE_DATE_EPOCH=5\nFROM a", {}, {"SOURCE_DATE_EPOCH": "5"}),
}


@pytest.mark.parametrize(("text", "args", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_that_count(
    resolved: Resolve, text: str, args: dict[str, str], expected: dict[str, str | None]
) -> None:
    """With the value that the build sees."""
    assert dict(resolved(text, args=args, platform="linux/arm/v7").declared) == expected


def test_undeclared_arguments_are_reported(resolved: Resolve) -> None:
    """Except those that the builder reads, and proxies."""
    args = {"A": "1", "B": "2", "HTTP_PROXY": "p", "BUILDKIT_X": "1", "TARGETARCH": "x"}
    assert resolved("ARG A\nFROM a\n", args=args).unused == ("B",)


REFUSED = {
    "nothing": ("FROM ${UNSET}", 1, 6, "expands to nothing"),
    "half a name": ("FROM a:${UNSET}", 1, 6, "is not an image"),
    "not needed": ("FROM ${UNSET} AS x\nFROM a", 1, 6, "expands to nothing"),
    "stage's argument": ("FROM a\nARG V=1\nFROM $V", 3, 6, "expands to nothing"),
    "required": ("FROM ${UNSET:?set-it}", 1, 6, "must have a value: set-it"),
    "syntax": ("FROM a${", 1, 6, "without a name"),
    "global's syntax": ("ARG A=${\nFROM a", 1, 7, "without a name"),
    "stage in capitals": ("FROM a AS build\nFROM Build", 2, 6, "not an image"),
    "platform": ("FROM --platform=$NO a", 1, 6, "expands to nothing"),
    "platform's form": ("FROM --platform=a/b/c/d a", 1, 17, "not a platform"),
    "no such index": ("FROM a\nCOPY --from=1 a b", 2, 13, "no stage 1"),
    "negative index": ("FROM a\nCOPY --from=-1 a b", 2, 13, "no stage -1"),
    "variable": ("ARG A=b\nFROM a\nCOPY --from=$A a b", 3, 13, "does not expand"),
    "own index": ("FROM a\nCOPY --from=0 a b", 1, 1, "depend on each other: stage 0 -> stage 0"),
    "own name": ("FROM a AS x\nCOPY --from=x a b", 1, 1, "depend on each other: x -> x"),
    "circle": (
        "FROM a AS x\nCOPY --from=y a b\nFROM a AS y\nCOPY --from=x a b",
        1,
        1,
        "x -> y -> x",
    ),
    "origin's form": ("FROM a\nCOPY --from=A/B a b", 2, 13, "not an image"),
    "url": ("FROM a\nCOPY https://x/y /z", 2, 6, "cannot take a URL"),
    "git": ("FROM a\nCOPY git@x.org:y.git /z", 2, 6, "cannot take a Git repository"),
    "pattern": ("FROM a\nCOPY [a /z", 2, 6, "never closed"),
    "checksum of a file": ("FROM a\nADD --checksum=sha256:0 x /z", 2, 5, "for a URL"),
    "checksum of two": ("FROM a\nADD --checksum=sha256:0 http://x http://y /z", 2, 5, "one source"),
    "chmod": ("FROM a\nCOPY --chmod=888 x /z", 2, 6, "is not a mode"),
    "mount's type": ("FROM a\nRUN --mount=type=bnd x", 2, 18, "not one of bind"),
    "mount's key": ("FROM a\nRUN --mount=type=bind,sorce=x x", 2, 23, "no key `sorce`"),
    "mount without a value": ("FROM a\nRUN --mount=type=cache,target x", 2, 24, "needs a value"),
    "mount's truth": ("FROM a\nRUN --mount=target=/a,ro=perhaps x", 2, 26, "neither true"),
    "mount's sharing": ("FROM a\nRUN --mount=target=/a,sharing=shared x", 2, 23, "for cache"),
    "secret from": ("FROM a\nRUN --mount=type=secret,from=x,id=y x", 2, 25, "has no `from`"),
    "secret without a name": ("FROM a\nRUN --mount=type=secret x", 2, 1, "needs an `id`"),
    "bind with a mode": ("FROM a\nRUN --mount=target=/x,mode=0700 x", 2, 23, "has no `mode`"),
    "mount over everything": ("FROM a\nRUN --mount=target=/ x", 2, 13, "at `/`"),
    "mount at a working directory": (
        "FROM scratch\nWORKDIR /a\nRUN --mount=target=.. x",
        3,
        13,
        "at `/`",
    ),
    "mount without a target": ("FROM scratch\nRUN --mount=type=cache x", 2, 5, "at `/`"),
    "mount over the stage below": (
        "FROM a AS x\nWORKDIR /\nFROM x\nRUN --mount=type=tmpfs x",
        4,
        5,
        "at `/`",
    ),
    "ssh with a source": ("FROM a\nRUN --mount=type=ssh,source=x y", 2, 22, "has no `source`"),
    "lone word as a platform": ("FROM --platform=amd46 a", 1, 17, "no known system"),
    "port": ("FROM a\nEXPOSE 80 abc", 2, 11, "not a port"),
    "port's protocol": ("FROM a\nEXPOSE 80/tpc", 2, 8, "tcp, udp or sctp"),
    "port's size": ("FROM a\nEXPOSE 65536", 2, 8, "not a port"),
    "ports backwards": ("FROM a\nEXPOSE 90-80/udp", 2, 8, "ends before it begins"),
    "port that a variable gives": ("FROM a\nARG P=x\nEXPOSE $P", 3, 1, "`x` is not a port"),
    "ports of a host": ("FROM a\nEXPOSE 1-2:1-3", 2, 8, "of different lengths"),
    "port's address": ("FROM a\nEXPOSE x:1:2", 2, 8, "no IP address"),
    "signal": ("FROM a\nSTOPSIGNAL SIGTREM", 2, 12, "not a signal"),
    "signal nought": ("FROM a\nSTOPSIGNAL 0", 2, 12, "not a signal"),
    "chmod with letters": ("FROM a\nCOPY --chmod=64a x /z", 2, 6, "is not a mode"),
    "chmod of nobody": ("FROM a\nADD --chmod=x+r x /z", 2, 5, "is not a mode"),
    "checksum": ("FROM a\nADD --checksum=bad https://x.org/y /z", 2, 5, "is not a digest"),
    "empty volume": ("FROM scratch\nVOLUME $NO", 2, 1, "is empty"),
    "device": ("FROM a\nRUN --device=x y", 2, 5, "experimental"),
    "device in a stable frontend": (
        "# syntax=docker/dockerfile:1\nFROM a\nRUN --device=x y",
        3,
        5,
        "experimental",
    ),
    "variable in a stage": ("FROM a\nWORKDIR ${", 2, 9, "without a name"),
    "required in a stage": ("FROM scratch\nCOPY ${X:?} /", 2, 6, "must have a value"),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED.values(), ids=REFUSED)
def test_unresolvable_names_are_refused(
    refused: Refused, text: str, line: int, column: int, message: str
) -> None:
    """With line and column."""
    (problem,) = refused(text)
    assert message in problem.message
    assert problem.location == Location("D", line, column)


ACCEPTED = {
    "ports": "FROM scratch\nEXPOSE 80 0 8000-8010/UDP 81/ 1.2.3.4:80:81 [::1]:1:2 1-3:9 80:81/sctp",
    "ports of a variable": 'FROM scratch\nENV P="80 81/udp"\nEXPOSE $P ${X:-82} 8${X:-3}',
    "port that the image may set": "FROM a\nEXPOSE $PORT",
    "a port by half of BuildKit": "FROM scratch\nEXPOSE x${X:-80}",
    "signals": "FROM a AS b\nSTOPSIGNAL sigrtmin+3\nFROM b\nSTOPSIGNAL -9\nSTOPSIGNAL KILL",
    "modes": "FROM a\nCOPY --chmod=u=rwX,go+r-w x /a\nCOPY --chmod=00644 x /b\nCOPY --chmod== x /c",
    "mode that the image may set": "FROM a\nCOPY --chmod=$MODE x /a",
    "checksums": (
        f"FROM a\nADD --checksum=sha512:{'0' * 128} https://x.org/y /z\n"
        "ADD --checksum=abc https://x.org/y.git /z\nADD --checksum=$SUM https://x.org/y /z\n"
    ),
    "mount in a directory of the image's": "FROM a\nRUN --mount=type=cache x",
    "mount in a directory": "FROM scratch\nWORKDIR w\nRUN --mount=type=cache x",
    "mount without files": "FROM scratch\nRUN --mount=type=ssh --mount=type=secret,id=x y",
    "volume that the image may set": "FROM a\nVOLUME $DATA",
    "device with labs": "# syntax=docker/dockerfile:1-labs\nFROM a\nRUN --device=x y",
    "device with another frontend": "# syntax=acme/dockerfile\nFROM a\nRUN --device=x y",
    "what a stage has that no one needs": "FROM a\nEXPOSE abc\nSTOPSIGNAL no\nFROM b",
    # What only some versions refuse is left to the build.
    "epoch": "ARG SOURCE_DATE_EPOCH=abc\nFROM scratch",
    "Git with an unknown query": "FROM scratch\nADD https://x.org/y.git?bad=1 /z",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_some_frontend_accepts_is_accepted(resolved: Resolve, text: str) -> None:
    """Also if a value is not known yet."""
    assert resolved(text).stages


def test_a_needed_stage_must_be_above(refused: Refused) -> None:
    """A later one is refused where it is named."""
    (problem,) = refused("FROM a AS x\nCOPY --from=y a b\nFROM b AS y\n", target="x")
    assert problem.location == Location("D", 2, 1)
    assert "not above" in problem.message


def test_an_unneeded_stage_may_name_a_later_one(resolved: Resolve) -> None:
    """BuildKit never resolves that."""
    assert len(resolved("FROM a AS x\nCOPY --from=y a b\nFROM b AS y\n").stages) == 1


def test_a_wrong_target_gets_the_nearest(refused: Refused) -> None:
    """Or all stages, if no name is near."""
    text = "FROM a AS build\nFROM b AS final\n"
    assert [p.hint for p in refused(text, target="biuld")] == ["did you mean `build`?"]
    assert [p.hint for p in refused(text, target="x")] == ["the stages are `build`, `final`"]
    assert "no stage has a name" in refused("FROM a\n", target="x")[0].hint


def test_an_unset_argument_is_named(refused: Refused) -> None:
    """With a hint."""
    assert "`ARG V=…` before the first `FROM`" in refused("FROM a:$V\n")[0].hint


def test_all_problems_come_at_once(refused: Refused) -> None:
    """Of arguments, FROM, `--from`, target and instructions."""
    text = "ARG A=${\nFROM $X\nCOPY --from=9 a b\nFROM b\nWORKDIR ${\n"
    lines = [p.location.line for p in refused(text, target=None) if p.location]
    assert lines == [1, 2, 3, 5]


def test_an_invalid_from_causes_no_unset_variables(refused: Refused) -> None:
    """What the image would set is unknown."""
    assert len(refused("FROM $X\nCOPY ${Y:?} /\n")) == 1


def test_the_frontend_can_be_an_argument(resolved: Resolve) -> None:
    """BUILDKIT_SYNTAX has priority over the line in the file."""
    text = "# syntax=a:1\nFROM b\n"
    assert resolved(text).frontend == "a:1"
    assert resolved(text, args={"BUILDKIT_SYNTAX": "c:1"}).frontend == "c:1"
