"""The nearest name: similar words for hints, single typing errors for decisions."""

from __future__ import annotations

import pytest

from pipeline.spelling import MOST_COMPARED, Typos, closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("hots", "host"),
        ("HOST", "host"),
        ("max-parallel", "max_parallel"),
        ("repositry", "repository"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_most_similar_word_is_suggested(word: str, meant: str) -> None:
    """Case, `-` and `_` do not matter; a word without similarity gets no suggestion."""
    assert closest(word, ["host", "max_parallel", "repository"]) == meant
    assert did_you_mean(word, ["host", "max_parallel", "repository"]) == (
        f"did you mean `{meant}`?" if meant else ""
    )


def test_a_long_list_is_not_compared_by_default() -> None:
    """Thousands of wrong words and thousands of known ones must not take minutes."""
    names = [f"image{number}" for number in range(MOST_COMPARED + 1)]
    assert closest("imag7", names) == ""
    assert closest("imag7", names[:-1]) == "image7"
    assert closest("imag7", names, most=len(names)) == "image7"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pyton-base", "python-base"),
        ("pythonn-base", "python-base"),
        ("pyhton-base", "python-base"),
        ("python_base", "python-base"),
        ("node18", ""),
        ("python-base", ""),
        ("ptyon-bsae", ""),
        ("db", ""),
    ],
)
def test_one_edit_makes_a_typo(written: str, meant: str) -> None:
    """One letter more, less or changed, or two swapped; never a digit, nor in a short name."""
    assert Typos(["python-base", "node20", "os"]).meant(written) == meant
