"""Named contexts replace stages and images of their name, as in BuildKit's `convert.go`."""

from __future__ import annotations

import pytest

from pipeline.dockerfile import parse, resolve
from pipeline.dockerfile.resolve import LINUX, Resolved


def resolved(text: str, *contexts: str, target: str | None = None) -> Resolved:
    """Return what a build needs, with named contexts of these names."""
    file = parse(text.encode(), file="Dockerfile")
    return resolve(file, target=target, args={}, platform=LINUX, contexts=contexts)


def read(found: Resolved, name: str) -> list[str]:
    """Return what is read of a context, or why all of it is."""
    reads = found.contexts[name]
    return [reads.whole] if reads.whole else [one.pattern for one in reads.reads]


@pytest.mark.parametrize(
    ("text", "libs", "names"),
    [
        ("FROM scratch\nCOPY --from=libs /a b* /\n", ["a", "b*"], []),
        ("FROM x\nRUN --mount=from=libs,source=s,target=/m true\n", ["s"], ["x"]),
        ("FROM x\nRUN --mount=type=cache,from=libs,source=s,target=/m true\n", ["s"], ["x"]),
        ("FROM x\nRUN --mount=type=tmpfs,from=libs,target=/m true\n", [], ["x"]),
        ("FROM x\nRUN --mount=from=y,target=/m --mount=from=libs,target=/n true\n",
         ["."], ["x", "y"]),
        # Any spelling of the name that BuildKit treats as equal.
        ("FROM scratch\nCOPY --from=libs:latest a /\n", ["a"], []),
        ("FROM scratch\nCOPY --from=docker.io/library/libs a /\n", ["a"], []),
        # A stage is replaced, whatever it contains, also by its number and before its base.
        ("FROM y AS libs\nRUN make\nFROM x\nCOPY --from=libs a /\n", ["a"], ["x"]),
        ("FROM y AS libs\nCOPY z /\nFROM x\nCOPY --from=0 a /\n", ["a"], ["x"]),
        # A stage that starts from a context uses all of it.
        ("FROM libs\nCOPY --from=libs a /\n", ["at line 1"], []),
        ("ARG L=libs\nFROM $L AS b\nFROM x\nCOPY --from=b a /\n", ["at line 2"], ["x"]),
        ("FROM y AS libs\nFROM libs\nRUN make\n", ["at line 2"], []),
        # Values of ARG are known; those of an image are not.
        ("FROM scratch\nARG V=1\nCOPY --from=libs f$V /\n", ["f1"], []),
        ("FROM x\nCOPY --from=libs f$V /\n", ["`V`, which the image below may set"], ["x"]),
    ],
)  # fmt: skip
def test_what_is_read_of_a_context(text: str, libs: list[str], names: list[str]) -> None:
    """Nothing of the main context, no stage and no image of that name."""
    found = resolved(text, "libs")

    assert [named.written for named in found.names] == names
    assert (found.reads.reads, found.reads.whole) == ((), "")
    assert len(read(found, "libs")) == len(libs)
    assert all(part in told for part, told in zip(libs, read(found, "libs"), strict=True))
    assert found.unused_contexts == ()


def test_a_stage_that_is_the_target_is_replaced() -> None:
    """The image is the folder."""
    found = resolved("FROM x AS libs\nCOPY a /\nFROM y\n", "libs", target="libs")

    assert "all of it" in read(found, "libs")[0]
    assert (found.names, found.reads.reads) == ((), ())


def test_triggers_of_a_replaced_stage_still_run() -> None:
    """Newer versions of BuildKit run them; what any version reads counts."""
    found = resolved("FROM x AS libs\nONBUILD COPY a /\nFROM libs\n", "libs")

    assert [one.pattern for one in found.reads.reads] == ["a"]


def test_an_unused_context_is_reported() -> None:
    """A context that only another target needs is unused, too."""
    text = "FROM x AS dev\nCOPY --from=libs a /\nFROM y\n"

    found = resolved(text, "libs", "lbis")

    assert (dict(found.contexts), found.unused_contexts) == ({}, ("lbis",))


def test_a_stage_that_is_only_named() -> None:
    """BuildKit resolves the source of a tmpfs mount, and would look for an image of that name."""
    text = (
        "FROM x AS helper\nCOPY --from=libs a /\n"
        "FROM y\nRUN --mount=type=tmpfs,from=helper,target=/m true\n"
    )

    assert read(resolved(text, "libs"), "libs") == []
