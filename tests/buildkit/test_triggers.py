"""Unrequested steps (triggers) in streams of BuildKit 0.12 and 0.17."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.buildkit.outcome import Attempts, Broken, Built, Cancelled, after_failure
from pipeline.buildkit.triggers import unknown_triggers
from pipeline.dockerfile import parse, resolve
from pipeline.reference import ImageName, Platform
from tests.buildkit.example import follow, image, target
from tests.buildkit.test_progress import END, vertex

if TYPE_CHECKING:
    from pipeline.buildkit.definition import Target

WEB = ImageName("web")
MANY = "FROM corp AS x\nWORKDIR /\nCOPY --link a /q\nFROM scratch\nCOPY --from=x /q /\n"
KNOWN = ("COPY . /app", "ENV A=1", "WORKDIR /app", "RUN make")

STREAMS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "none": ("FROM corp\nCOPY a /\n", (), "[1/2] FROM corp|[2/2] COPY a /"),
    "0.12": (
        "FROM corp\nCOPY a /\n",
        (),
        "[1/2] FROM corp|[2/2] COPY . /app <|[3/2] COPY a /",
    ),
    "0.12, where the base has no number": (
        "FROM corp\nCOPY a /\n",
        (),
        "[context corp] corp@sha256:1|[1/2] COPY . /app <|[2/2] COPY a /",
    ),
    "0.12, hidden behind a WORKDIR without a number": (
        "FROM corp\nWORKDIR /\nCOPY a /\n",
        (),
        "[1/3] FROM corp|[2/3] RUN make <|[3/3] COPY a /",
    ),
    "0.12, a folder": ("FROM corp\n", (), "[1/1] FROM corp|[2/1] WORKDIR /app <"),
    "0.17": (
        "FROM corp\nCOPY a /\n",
        (),
        "[1/3] FROM corp|[2/3] ONBUILD COPY . /app <|[3/3] COPY a /",
    ),
    "0.17, a folder": (
        "FROM corp\nWORKDIR /\nCOPY a /\n",
        (),
        "[1/4] FROM corp|[2/4] ONBUILD WORKDIR /app <|[3/4] COPY a /",
    ),
    "in a stage": (
        MANY,
        (),
        "[x 1/3] FROM corp|[x 2/3] COPY . /app <|[x 3/3] LINK COPY --link a /q|[stage-1 1/1] COPY",
    ),
    "explained in a stage": (
        MANY,
        (),
        "[x 1/3] FROM corp|[x 2/3] COPY --link a /q|[stage-1 1/1] COPY",
    ),
    "known": (
        "FROM corp\nCOPY a /\n",
        KNOWN,
        "[1/2] FROM corp|[2/2] COPY . /app|[3/2] WORKDIR /app|[4/2] RUN make|[5/2] COPY a /",
    ),
    "known, 0.17": (
        "FROM corp\nCOPY a /\n",
        KNOWN,
        "[1/6] FROM corp|[2/6] ONBUILD COPY . /app|[3/6] ONBUILD RUN make|[4/6] COPY a /",
    ),
    "one more than known": (
        "FROM corp\nCOPY a /\n",
        KNOWN,
        "[1/2] FROM corp|[2/2] COPY . /app <|[3/2] RUN make|[4/2] RUN x|[5/2] COPY a /",
    ),
    "two platforms": (
        "FROM corp\nCOPY a /\n",
        (),
        "[linux/amd64 2/2] COPY a /|[linux/arm64 2/2] COPY a /",
    ),
    "two platforms, of which one has more": (
        "FROM corp AS b\nRUN make\nFROM scratch\nCOPY --from=b /x /\n",
        (),
        "[linux/amd64 b 2/2] RUN make|[linux/arm64 b 2/2] COPY . / <|[linux/arm64 b 3/2] RUN make",
    ),
    "one step for two numbers": (
        "FROM corp\nCOPY --link a /\nCOPY --link a /\n",
        (),
        "[1/3] FROM corp|[2/3] COPY --link a /|[2/3] LINK COPY --link a /|[3/3] LINK COPY",
    ),
    "a name in lower case, and many steps": (
        "FROM corp\n" + "RUN make\n" * 10,
        (),
        "[ 1/11] FROM corp" + "".join(f"|[{n:2}/11] run make" for n in range(2, 12)),
    ),
    "copied from an image, which fires nothing": (
        "FROM corp AS only\nCOPY --from=corp a /\n",
        (),
        "[only 1/2] FROM corp|[only 2/2] COPY --from=corp a /",
    ),
    "a frontend of somebody's": (
        "# syntax=acme/earth\nFROM corp\n",
        (),
        "[1/1] FROM corp|[2/1] COPY . /app",
    ),
    "a copy of Docker's frontend": (
        "# syntax=r.io/mirror/docker/dockerfile:1\nFROM corp\n",
        (),
        "[1/1] FROM corp|[2/1] COPY . /app <",
    ),
    "on scratch and on stages": (
        "FROM scratch AS a\nONBUILD COPY a /\nFROM a\nCOPY b /\n",
        (),
        "[stage-1 1/1] COPY a /|[stage-1 2/1] COPY b /",
    ),
}


def make_target(dockerfile: str, triggers: tuple[str, ...] = (), name: str = "web") -> Target:
    """Return a target of that Dockerfile, with known triggers of its external, if any."""
    resolved = resolve(
        parse(dockerfile.encode(), file="D"),
        target=None,
        args={},
        platform=Platform("linux", "amd64"),
        onbuild=lambda _image, _platform: triggers or None,
    )
    plain = image(name, dockerfile)
    return target(replace(plain, steps=resolved.steps, frontend=resolved.frontend))


def vertices(names: str) -> list[bytes]:
    """Return vertices with these names, and the name of the marked one."""
    return [
        vertex(name.removesuffix(" <"), f"digest-{number}", completed=END)
        for number, name in enumerate(names.split("|"))
    ]


@pytest.mark.parametrize(("dockerfile", "known", "names"), STREAMS.values(), ids=STREAMS)
def test_unrequested_steps(dockerfile: str, known: tuple[str, ...], names: str) -> None:
    """The first one is reported, with the location of its stage."""
    seen, _ = follow(vertices(names), [make_target(dockerfile, known)])

    found = unknown_triggers(seen)

    marked = [name for name in names.split("|") if name.endswith(" <")]
    told = {name: failure.message for name, failure in found.items()}
    texts = [name.partition("] ")[2].removeprefix("ONBUILD ").removesuffix(" <") for name in marked]
    assert list(told) == [WEB] * len(texts)
    also = " and more ONBUILD triggers" if known else ", an ONBUILD"
    assert all(f"BuildKit ran `{text}`{also}" in told[WEB] for text in texts)
    assert all("`invoke lock`" in failure.hint for failure in found.values())
    # With the same digest, `lock` keeps its entry.
    assert all(("remove these" in failure.hint) is bool(known) for failure in found.values())


def test_unrequested_steps_of_a_former_attempt() -> None:
    """The failed attempt showed the step; the last one was stopped before it."""
    one = make_target("FROM corp\n")
    first, _ = follow(
        [*vertices("[1/1] FROM corp|[2/1] COPY . /app"), vertex("exporting to image", "e")], [one]
    )
    last, _ = follow([], [one])
    attempts = Attempts()
    attempts.take(first)
    attempts.take(last)

    (outcome,) = attempts.judge(after_failure(last), last.names).values()

    assert isinstance(outcome, Broken)
    assert "COPY . /app" in outcome.failure.message


def test_images_pushed_by_a_former_attempt() -> None:
    """It has no unknown triggers, so its tag may be published."""
    one = make_target("FROM corp\n")
    first, _ = follow([*vertices("[1/1] FROM corp"), vertex("exporting to image", "e")], [one])
    last, _ = follow([], [one])
    attempts = Attempts()
    attempts.take(first)
    attempts.take(last)

    assert attempts.judge(after_failure(last), last.names) == {WEB: Cancelled(written=True)}
    assert after_failure(last) == {WEB: Cancelled()}


def test_dependents_of_an_unexplained_image_are_not_published() -> None:
    """It was built in the same solve from something that no tag covers."""
    base = make_target("FROM corp\n", name="base")
    top = target(image("top", "FROM base\n", ("base",)))
    beside = target(image("beside"))
    steps = [
        vertex("[base 1/1] FROM corp", "f", completed=END),
        vertex("[base 2/1] COPY . /app", "c", completed=END),
        vertex("[top 2/1] COPY . /app", "c", completed=END),
        vertex("[top] exporting to image", "t", completed=END),
    ]
    seen, _ = follow(steps, [base, top, beside])
    attempts = Attempts()
    attempts.take(seen)
    built = Built(None)

    outcomes = attempts.judge(
        {ImageName(name): built for name in ("base", "top", "beside")}, seen.names
    )

    assert isinstance(outcomes[ImageName("base")], Broken)
    assert outcomes[ImageName("top")] == Cancelled()
    assert outcomes[ImageName("beside")] is built
