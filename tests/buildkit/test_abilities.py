"""The features of a buildx, known from its version or by trying them.

The errors are those of real ones: `unknown flag: --allow` of buildx 0.13.1 by docker 26.1.5,
`invalid progress mode` of BuildKit's `util/progress/progressui/display.go`, which buildx prints.
"""

from __future__ import annotations

import pytest

from pipeline.buildkit.abilities import Abilities, abilities, read_version

NO_ALLOW = "unknown flag: --allow\nSee 'docker buildx bake --help'."
NO_STREAM = "ERROR: invalid progress mode rawjson"
ALL = Abilities(stream=True, allow=True, tried=True)
STREAM = Abilities(stream=True, allow=False, tried=True)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v0.29.1 1234567", (0, 29)),
        ("v0.13.0-rc1 1234567", (0, 13)),
        ("0.13.1+ds1 0.13.1+ds1-3", (0, 13)),
        ("0.12.1 x", (0, 12)),
        ("v0.12.1-37-gdeadbee 1234567", (0, 13)),
        ("v0.11.2-37-gdeadbee-dirty x", (0, 12)),
        ("v1.0.0 x", (1, 0)),
        ("v0.0.0+unknown", None),
        ("v0.0.0+unknown 1234567", None),
        ("v0.0.0-20260828101112-73ed6825cafe", None),
        ("dev", None),
        ("73ed6825cafe5a1e3f2b", None),
        ("", None),
    ],
)
def test_the_version_that_buildx_says(said: str, version: tuple[int, int] | None) -> None:
    """Releases, distributions' versions, versions between releases, and unknown ones."""
    assert read_version(f"github.com/docker/buildx {said}\n")[1] == version


@pytest.mark.parametrize(
    ("version", "allow"),
    [((0, 13), False), ((0, 16), False), ((0, 17), True), ((0, 38), True), ((1, 0), True)],
)
def test_a_known_version(version: tuple[int, int], allow: bool) -> None:  # noqa: FBT001
    """Nothing is tried: that would cost a process in every build."""

    def attempt(words: tuple[str, ...]) -> str:
        pytest.fail(f"tried: {words}")

    assert abilities(version, attempt) == Abilities(stream=True, allow=allow)


@pytest.mark.parametrize(
    ("version", "with_allow", "without", "expected"),
    [
        (None, "", "", ALL),
        (None, NO_ALLOW, "", STREAM),
        (None, NO_ALLOW, NO_STREAM, Abilities(stream=False, allow=False, tried=True)),
        (None, NO_STREAM, NO_STREAM, Abilities(stream=False, allow=True, tried=True)),
        (None, NO_ALLOW, "unknown flag: --print", Abilities(stream=False, allow=False, tried=True)),
        (None, "fork: no memory", "fork: no memory", ALL),
        (None, NO_ALLOW, "fork: no memory", STREAM),
        ((0, 12), "", "", ALL),
        ((0, 12), NO_ALLOW, "", STREAM),
        ((0, 12), NO_ALLOW, NO_STREAM, Abilities(stream=False, allow=False, tried=True)),
        ((0, 12), "fork: no memory", "", Abilities(stream=False, allow=True, tried=True)),
    ],
)
def test_an_unknown_version(
    version: tuple[int, int] | None, with_allow: str, without: str, expected: Abilities
) -> None:
    """Features are tried; a missing one is an error, and an old version must prove its own."""
    seen = abilities(version, lambda words: with_allow if "--allow" in words else without)

    assert seen == expected
