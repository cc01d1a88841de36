"""Dockerfiles that would take a parser very long, or all memory: each is handled in time.

No test measures time: with code that is too slow, a row does not end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile import parse, resolve
from pipeline.errors import ConfigError
from pipeline.reference import Platform

if TYPE_CHECKING:
    from pipeline.dockerfile import Resolved

TOO_MUCH = "variables expand to more than 16 MiB of text"
MANY = 300


def _resolved(text: str) -> Resolved:
    dockerfile = parse(text.encode(), file="Dockerfile")
    return resolve(dockerfile, target=None, args={}, platform=Platform("linux", "amd64"))


def _stages(count: int, line: str) -> str:
    return "".join(f"FROM scratch AS s{n}\n{line.format(n=n, next=n + 1)}\n" for n in range(count))


TAKEN = {
    "continued lines": "RUN a \\\n" + "b \\\n" * 30_000 + "c",
    "comments between them": "RUN a \\\n" + "# b\n\n" * 20_000 + "c",
    "sources": "COPY " + " \\\n".join(f"a{n}" for n in range(1_500)) + " /x/",
    "escaped sources": "COPY [" + ",\\\n".join(f'"\\u0061{n}"' for n in range(1_500)) + ',"/x/"]',
    "mounts": "RUN " + " \\\n".join(f"--mount=target=/x{n}" for n in range(1_000)) + " x",
    "here-documents": "RUN "
    + " \\\n".join(f"<<A{n}" for n in range(1_000))
    + "\n"
    + "".join(f"A{n}\n" for n in range(1_000)),
    "a pattern": f"ARG A={'a' * 5_000}\nARG B=${{A//*a*a*a*a*a*a*a*b/x}}",
    "a pattern at the start": f"ARG A={'a' * 5_000}\nARG B=${{A##*a*a*a*a*a*a*a*b}}",
    "a pattern at the end": f"ARG A={'a' * 5_000}\nARG B=${{A%b*a*a*a*a*a*a*a*}}",
    "stars of a source": f"COPY {'*a' * 20_000} /",
    "a URL of Git's": f"RUN git clone {'a@' * 20_000}",
    "another": f"RUN git clone {':/' * 20_000}",
    "a mark of a here-document": f"RUN <<{' ' * 30_000}{'x' * 30_000}<",
    "nested JSON": f"RUN {'[' * 60_000}",
    "closed, nested JSON": f"RUN {'[' * 30_000}{']' * 30_000}",
}


@pytest.mark.parametrize("lines", TAKEN.values(), ids=TAKEN)
def test_long_valid_lines(lines: str) -> None:
    """As BuildKit accepts it."""
    assert _resolved(f"FROM scratch\n{lines}\n").stages


@pytest.mark.parametrize(
    "text",
    [
        _stages(1_000, "COPY --from=img{n} a /"),
        "FROM scratch AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(1_500)),
        "".join(f"FROM img{n} AS s{n}\n" for n in range(1_500)),
        f"# syntax=docker/dockerfile:1{' ' * 60_000}x\nFROM scratch\n",
        "ARG A0=x\n" + "".join(f"ARG A{n + 1}=$A{n}\n" for n in range(1_500)) + "FROM scratch\n",
    ],
    ids=["images to copy from", "a chain of stages", "images", "a directive", "arguments"],
)
def test_long_valid_files(text: str) -> None:
    """Any number of stages is accepted."""
    assert _resolved(text).stages


TOLD = {
    "doubling": ("ENV A=xxxxxxxxxxxxxxxx\n" + "ENV A=$A$A\n" * 60, "22:7", TOO_MUCH),
    "eightfold": ("ENV A=x\n" + "ENV A=$A$A$A$A$A$A$A$A\n" * 60, "10:7", TOO_MUCH),
    "replaced": (f"ENV A={'a' * 60}\n" + "ENV A=${A//a/$A}\n" * 60, "5:7", TOO_MUCH),
    "quoted": ("ENV A=x\n" + 'ENV A="$A$A$A$A$A$A$A$A"\n' * 60, "10:7", TOO_MUCH),
    "arguments": ("ARG A=x\n" + "ARG A=$A$A$A$A$A$A$A$A\n" * 60, "10:7", TOO_MUCH),
    "a long pattern": (
        f"ENV A={'a' * 30_000}\n" + f"ENV B=${{A//{'?' * 20_000}b/x}}\n" * 2, "3:7", TOO_MUCH
    ),
    "many uses": (f"ENV A={'a' * 60_000}\n" + "LABEL a=$A\n" * 300, "282:9", TOO_MUCH),
    "no use at all": (f"ENV A={'a' * 60_000}\n" + "LABEL a=${A:+b}\n" * 300, "282:9", TOO_MUCH),
    "nested": ("ENV A=" + "${A:-" * 3_000 + "}" * 3_000, "2:7", "nested too deeply"),
    "a duration": (f"HEALTHCHECK --interval={'1' * 60_000}x CMD a", "2:24", "is not a duration"),
    "a signal": (f"STOPSIGNAL {'1' * 5_000}", "2:12", "is not a signal"),
    "a port": (f"EXPOSE {'1' * 5_000}", "2:8", "is not a port"),
    "tries": (f"HEALTHCHECK --retries={'1' * 5_000} CMD a", "2:23", "not a number of retries"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "place", "said"), TOLD.values(), ids=TOLD)
def test_too_long_an_expansion_is_reported_with_its_line(lines: str, place: str, said: str) -> None:
    """Parsing stops there."""
    with pytest.raises(ConfigError) as caught:
        _resolved(f"FROM scratch\n{lines}\n")

    (problem,) = caught.value.problems
    assert (str(problem.location), said in problem.message) == (f"Dockerfile:{place}", True)
    assert len(problem.message) < 1_100


def test_inherited_variables_are_limited() -> None:
    """Each stage inherits all variables of its base."""
    text = "FROM scratch AS s0\n" + "".join(f"ENV A{n}=b\n" for n in range(1_000))
    text += "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(1_000))

    with pytest.raises(ConfigError, match=TOO_MUCH):
        _resolved(text)


def test_multiplied_triggers_are_limited() -> None:
    """Each stage runs all triggers of its base."""
    text = "FROM scratch AS s0\n" + "ONBUILD RUN x\n" * 1_000 + "FROM s0\n" * 1_000

    with pytest.raises(ConfigError, match="more than 5,000 triggers of `ONBUILD` run"):
        _resolved(text)


def test_long_cycles_are_shortened() -> None:
    """Long cycles are shortened, and the first ten are reported."""
    long = _stages(1_000, "COPY --from=s{next} a /") + "FROM scratch AS s1000\nCOPY --from=s0 a /\n"
    with pytest.raises(ConfigError, match=r"s0 -> s1 -> .* -> \(982 more\) -> .* -> s0$"):
        _resolved(long)

    with pytest.raises(ConfigError) as caught:
        _resolved(_stages(300, "COPY --from=s{n} a /"))
    assert len(caught.value.problems) == 10


MANY_FAULTS = {
    "FROM": "".join(f"FROM Img{n} AS s{n}\n" for n in range(MANY)),
    "instructions": "FROM scratch\n" + "".join(f"RUNN{n} x\n" for n in range(MANY)),
    "flags": "FROM scratch\n" + "".join(f"COPY --chwn{n}=x a b\n" for n in range(MANY)),
    "copies": _stages(1_000, "COPY --from=S_{n}! a b"),
    "mounts": "FROM scratch\n" + "".join(f"RUN --mount=tpye{n}=bind x\n" for n in range(1_000)),
}


@pytest.mark.parametrize("text", MANY_FAULTS.values(), ids=MANY_FAULTS)
def test_the_first_of_many_problems_are_reported(text: str) -> None:
    """The first hundred problems of a file are reported."""
    with pytest.raises(ConfigError) as caught:
        _resolved(text)

    assert len(caught.value.problems) == 101
    assert "one of 100 problems" in "".join(p.message for p in caught.value.problems)


def test_a_file_of_endless_instructions_is_refused() -> None:
    """With the line of the first instruction beyond the limit."""
    with pytest.raises(ConfigError, match=r"Dockerfile:20001:1: .* more than 20,000 instr"):
        parse(b"FROM scratch\n" + b"LABEL a=b\n" * 20_005, file="Dockerfile")
