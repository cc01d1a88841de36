"""ONBUILD triggers run in a direct child stage, before its own instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import Location

if TYPE_CHECKING:
    from tests.dockerfile.conftest import Refused, Resolve


def test_triggers_run_in_the_child(resolved: Resolve) -> None:
    """Their sources count in the child."""
    text = (
        "FROM t AS tools\nFROM a AS b\nONBUILD COPY x /x\nONBUILD COPY --from=tools y /y\n"
        "ONBUILD RUN --mount=from=c,target=/c z\nFROM b\nCOPY own /\n"
    )
    found = resolved(text)
    assert [read.pattern for read in found.reads.reads] == ["x", "own"]
    assert [name.written for name in found.names] == ["t", "a", "c"]
    assert found.reads.reads[0].location == Location("D", 3, 1)


def test_triggers_do_not_run_in_the_grandchild(resolved: Resolve) -> None:
    """They are used up."""
    found = resolved("FROM a AS b\nONBUILD COPY x /\nFROM b AS c\nFROM c\n")
    assert [stage.name for stage in found.stages] == ["b", "c", ""]
    assert [read.pattern for read in found.reads.reads] == ["x"]
    assert found.onbuild == ()


def test_triggers_set_variables_first(resolved: Resolve) -> None:
    """ARG and ENV of a trigger belong to the child."""
    text = "FROM a AS b\nONBUILD ARG D=d\nONBUILD ENV E=$D/e\nFROM b\nCOPY $E /\n"
    found = resolved(text)
    assert [read.pattern for read in found.reads.reads] == ["d/e"]
    assert dict(found.declared) == {"D": "d"}


def test_triggers_stay_in_the_image(resolved: Resolve) -> None:
    """As text with their here-documents, without effect yet."""
    text = "FROM a\nONBUILD COPY x /\nONBUILD  run <<E\nFROM no\nE\n"
    found = resolved(text)
    assert found.onbuild == ("COPY x /", "run <<E\nFROM no\nE")
    assert found.reads.reads == ()


def test_triggers_of_another_image_can_be_given(resolved: Resolve) -> None:
    """Their sources count in the image's children."""
    base = resolved("FROM a\nONBUILD COPY . /app\nONBUILD COPY <<E /e\nE\n")
    child = resolved("FROM base\nCOPY x /\n", onbuild={"base": base.onbuild})
    assert [read.pattern for read in child.reads.reads] == [".", "x"]
    assert child.reads.reads[0].location == Location("D", 1, 1)


def test_triggers_run_only_where_from_names_the_image(resolved: Resolve) -> None:
    """`COPY --from` runs none of them."""
    found = resolved("FROM a\nCOPY --from=base x /\n", onbuild={"base": ("COPY . /",)})
    assert found.reads.reads == ()


def test_a_faulty_trigger_is_refused_where_it_runs(refused: Refused, resolved: Resolve) -> None:
    """And nowhere else, as BuildKit parses it only then."""
    text = "FROM a AS b\nONBUILD COPPY x /\n"
    assert resolved(text).onbuild == ("COPPY x /",)
    (problem,) = refused(f"{text}FROM b\n")
    assert (problem.location, problem.hint) == (Location("D", 2, 1), "did you mean `COPY`?")


def test_a_trigger_takes_from_stages_above_its_child(resolved: Resolve) -> None:
    """Not only from stages above its own."""
    text = "FROM a AS b\nONBUILD COPY --from=later x /\nFROM c AS later\nFROM b\n"
    assert [name.written for name in resolved(text).names] == ["a", "c"]
