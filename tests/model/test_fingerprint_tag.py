"""Tags of inputs never move: which tags may be one, whosever template made it."""

from __future__ import annotations

import pytest

from pipeline.buildkit.definition import definition
from pipeline.errors import ConfigError
from pipeline.model.fingerprint_tag import cache_tags, is_commit, is_own, may_be_fingerprint
from pipeline.model.settings import BuildSettings
from pipeline.reference import parse_reference
from tests.buildkit.example import image, target

FP = "99e119ac964f836b8d22"
SHORT = FP[1:]


@pytest.mark.parametrize(
    "tag",
    [FP, FP.upper(), f"web-{FP}", f"no-such-image.{FP}", f"{FP}-web", f"v{FP}", f"web{FP}",
     f"{FP}f", f"{FP}-0a1b2c3d", f"1.2_{FP}_x", f"99E119ac{FP[8:]}", "0" * 20],
)  # fmt: skip
def test_what_a_template_could_make(tag: str) -> None:
    """Of any image, of another project, with another template, and a run's own staging tag."""
    assert may_be_fingerprint(tag)


@pytest.mark.parametrize(
    "tag", ["latest", "v1.2.3", SHORT, f"{FP[:10]}-{FP[10:]}", f"g{SHORT}g", "2024-11-28T12.00"]
)
def test_what_none_could_make(tag: str) -> None:
    """It has not as many digits together as a fingerprint has."""
    assert not may_be_fingerprint(tag)


def test_a_commit_is_known_by_its_length() -> None:
    """People promote to the commit that they deploy."""
    assert is_commit("ab" * 20)
    assert is_commit(f"main-{'ab' * 20}")
    assert not is_commit(FP)
    assert not is_commit(f"{FP}-{'ab' * 20}")


@pytest.mark.parametrize(
    ("source", "destination", "own"),
    [
        (f"r.io/web:{FP}", f"r.io/staging:{FP}", True),
        (f"r.io/web:{FP}", f"r.io/web:{FP}", False),
        (f"r.io/web:{FP}", f"r.io/staging:{FP[::-1]}", False),
        ("r.io/web:latest", f"r.io/staging:{FP}", False),
        (f"r.io/web:{FP}@sha256:{'ab' * 32}", f"r.io/staging:{FP}", False),
    ],
)
def test_whose_tag_it_is(source: str, destination: str, own: bool) -> None:  # noqa: FBT001 - a table
    """A digest beside the tag decides what the source is, so that the tag says nothing."""
    assert is_own(parse_reference(source), parse_reference(destination)) is own


@pytest.mark.parametrize(
    "cache",
    [f"type=registry,ref=r.io/web:{FP}", f"ref=r.io/web:{FP},mode=max", f"r.io:5000/web:{FP}",
     f'"type=registry","ref=r.io/web:{FP}"', f"type=registry, REF=r.io/a/b:{FP}"],
)  # fmt: skip
def test_where_a_cache_would_be_pushed(cache: str) -> None:
    """However BuildKit's own syntax is written."""
    assert list(cache_tags(cache)) == [FP]


def test_keys_of_other_caches_are_no_tags() -> None:
    """A bucket's key may look like anything."""
    assert not any(cache_tags(f"type=s3,access_key_id={FP},name=web:{FP}"))


def test_an_images_name_that_makes_one_of_a_caches_tag() -> None:
    """`{name}` is filled in late."""
    settings = BuildSettings(cache_to=("type=registry,ref=r.io/web:{name}",))
    with pytest.raises(ConfigError, match=f"of `{FP}` to a tag that may be a fingerprint tag"):
        definition([target(image(FP, "FROM scratch\n"))], settings)

    assert definition([target(image("web", "FROM scratch\n"))], settings)
