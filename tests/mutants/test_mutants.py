"""All mutants apply, and a few are tried; `make mutants` tries them all."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.mutants.__main__ import main, try_all
from tests.mutants.mutant import ROOT, Mutant, StaleMutantError
from tests.mutants.table import MUTANTS

FEWEST = 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    """Its text is once in its file, the result is valid Python, and its tests exist."""
    compile(mutant.applied(), mutant.file, "exec")
    assert all((ROOT / path).exists() for path in mutant.paths)


def test_mutants_are_unique() -> None:
    """Names and changes are unique."""
    assert len(MUTANTS) >= FEWEST
    assert Counter(mutant.name for mutant in MUTANTS).most_common(1)[0][1] == 1
    assert Counter((m.file, m.old, m.new) for m in MUTANTS).most_common(1)[0][1] == 1


def test_a_stale_mutant_is_an_error() -> None:
    """Otherwise it would never fail."""
    with pytest.raises(StaleMutantError, match=r"gone: its text is 0 times in pipeline/errors\.py"):
        Mutant("gone", "errors.py", "no such text", "", "model").applied()


@pytest.mark.sample
def test_a_few_mutants_are_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    """A sample of `make mutants`: one of a plan, one of an exit code."""
    assert main(["force is ignored", "exit code 4"]) == 0
    out = capfd.readouterr().out
    assert out.count("noticed ") == 2
    assert "2 breakages, 0 survived" in out


@pytest.mark.sample
def test_a_surviving_mutant_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Here one that changes a number that no test uses."""
    harmless = Mutant(
        "harmless",
        "graph.py",
        "_MOST_CYCLES, _MOST_SHOWN = 10,",
        "_MOST_CYCLES, _MOST_SHOWN = 11,",
        "test_graph.py",
    )
    assert try_all([harmless], ["tests/test_graph.py"]) == 1
    out = capfd.readouterr().out
    assert "SURVIVED" in out
    assert "1 breakages, 1 survived" in out


def test_no_mutant_of_that_name(capfd: pytest.CaptureFixture[str]) -> None:
    """Trying nothing is not a success."""
    assert main(["there is no such breakage"]) == 2
    assert capfd.readouterr().err == "no breakage has such a name\n"
