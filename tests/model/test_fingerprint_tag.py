"""Fingerprint tags never move: which tags may be one, whatever template made them."""

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
def test_tags_that_may_be_fingerprint_tags(tag: str) -> None:
    """Tags with 20 hex digits may be one: of any image, project or template, and staging tags."""
    assert may_be_fingerprint(tag)


@pytest.mark.parametrize(
    "tag", ["latest", "v1.2.3", SHORT, f"{FP[:10]}-{FP[10:]}", f"g{SHORT}g", "2024-11-28T12.00"]
)
def test_tags_that_cannot_be_fingerprint_tags(tag: str) -> None:
    """Tags without 20 hex digits in a row cannot be one."""
    assert not may_be_fingerprint(tag)


def test_a_git_commit_is_no_fingerprint_tag() -> None:
    """A git commit is recognized by its length: people promote to the commit they deploy."""
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
def test_a_digest_decides_over_the_tag(source: str, destination: str, own: bool) -> None:  # noqa: FBT001 - a table
    """A digest beside the tag decides what the source is, not the tag."""
    assert is_own(parse_reference(source), parse_reference(destination)) is own


@pytest.mark.parametrize(
    "cache",
    [f"type=registry,ref=r.io/web:{FP}", f"ref=r.io/web:{FP},mode=max", f"r.io:5000/web:{FP}",
     f'"type=registry","ref=r.io/web:{FP}"', f"type=registry, REF=r.io/a/b:{FP}"],
)  # fmt: skip
def test_the_reference_of_a_registry_cache(cache: str) -> None:
    """A fingerprint tag is found in every syntax of a registry cache."""
    assert list(cache_tags(cache)) == [FP]


def test_keys_of_other_caches_are_no_tags() -> None:
    """Keys of other cache types are no tags."""
    assert not any(cache_tags(f"type=s3,access_key_id={FP},name=web:{FP}"))


def test_a_name_that_completes_a_fingerprint_tag() -> None:
    """A name that replaces `{name}` may complete a fingerprint tag."""
    settings = BuildSettings(cache_to=("type=registry,ref=r.io/web:{name}",))
    with pytest.raises(ConfigError, match=f"of `{FP}` to a tag that may be a fingerprint tag"):
        definition([target(image(FP, "FROM scratch\n"))], settings)

    assert definition([target(image("web", "FROM scratch\n"))], settings)
