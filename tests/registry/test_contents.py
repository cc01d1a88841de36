"""Contents of manifests and indexes, and messages about missing parts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reference import Digest, Platform, parse_platform
from pipeline.registry.contents import (
    Contents,
    ContentsError,
    contents,
    lacking,
    manifests_of_platforms,
    needed,
    platform_of,
)

AMD, ARM = parse_platform("linux/amd64"), parse_platform("linux/arm64")


def digest(number: int) -> Digest:
    """Return a different digest for each number."""
    return Digest(f"sha256:{number:064x}")


def child(number: int, architecture: str = "", attests: int = 0) -> dict[str, Any]:
    """Return an entry of an index."""
    made: dict[str, Any] = {"digest": digest(number), "size": 7}
    if architecture:
        made["platform"] = {"os": "linux", "architecture": architecture}
    if attests:
        made["platform"] = {"os": "unknown", "architecture": "unknown"}
        made["annotations"] = {"vnd.docker.reference.digest": digest(attests)}
    return made


def test_a_manifest_names_a_config_and_layers() -> None:
    """Each blob once; foreign layers are not in the registry."""
    layers = [child(2), child(3), child(2), {**child(4), "urls": ["https://example.com"]}]

    found = contents({"config": child(1), "layers": layers})

    assert [part.digest for part in found.blobs] == [digest(1), digest(2), digest(3)]
    assert found.children == ()


def test_attestations_belong_to_their_child() -> None:
    """Children and attestations of other platforms do not count."""
    index = contents(
        {
            "manifests": [
                child(1, "amd64"),
                child(2, "arm64"),
                child(3, attests=1),
                child(4, attests=2),
                child(5),
            ]
        }
    )

    def numbers(*platforms: object) -> list[int]:
        found = needed(index.children, platforms)  # type: ignore[arg-type]
        return [int(part.digest[7:], 16) for part in found]

    assert numbers(AMD) == [1, 3, 5]
    assert numbers(AMD, ARM) == numbers() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"manifests": None},
        {"manifests": {}},
        {"manifests": "x"},
        {"manifests": ["x", 1]},
        {"manifests": [None]},
        {"manifests": [{}]},
        {"manifests": [{"digest": None}]},
        {"manifests": [{"digest": ["sha256"]}]},
        {"manifests": None, "config": None},
        {"config": child(1), "manifests": "x"},
        {"config": child(1), "layers": {}},
        {"config": child(1), "layers": ["sha256:1"]},
        {"config": child(1), "layers": [child(2), None]},
        {"config": "sha256:1", "layers": []},
        {"manifests": [{"digest": "nonsense"}]},
        {"config": {"size": 1}},
        {"manifests": [{**child(1), "annotations": {"vnd.docker.reference.digest": "x"}}]},
    ],
)
def test_invalid_manifests(document: object) -> None:
    """It is an error, and never an empty manifest."""
    with pytest.raises(ContentsError):
        contents(document)


@pytest.mark.parametrize(
    ("platform", "read"),
    [
        (None, {}),
        ("linux/amd64", {}),
        ({"os": 1, "architecture": []}, {}),
        ({"os": "\ud800", "architecture": "amd64"}, {}),
        ({"os": 'linux" = "x" }\n[[external]]', "architecture": "amd64"}, {}),
        ({"os": "unknown", "architecture": "unknown"}, {}),
        ({"os": "linux", "architecture": "amd64", "variant": None}, {"linux/amd64": digest(1)}),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, {"linux/arm64": digest(1)}),
    ],
)
def test_children_with_an_invalid_platform(platform: object, read: dict[str, Digest]) -> None:
    """The lock only has names of valid platforms."""
    index = contents({"manifests": [{"digest": digest(1), "platform": platform}]})

    found = manifests_of_platforms(index.children)

    assert {str(platform): digest for platform, digest in found.items()} == read


def test_the_first_of_a_platform_counts() -> None:
    """As in containerd; Windows has one for each of its versions."""
    index = contents({"manifests": [child(1, "amd64"), child(2, "amd64"), child(3, attests=1)]})

    assert manifests_of_platforms(index.children) == {AMD: digest(1)}


def test_errors_do_not_quote_content() -> None:
    """It may contain commands for a terminal."""
    with pytest.raises(ContentsError) as caught:
        contents({"manifests": [{"digest": "\x1b]0;pwn\x07\ud800"}]})

    assert str(caught.value).isprintable()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["manifests", "layers", "config", "digest", "platform", "os", "urls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_document_is_read_or_refused(document: object) -> None:
    """No other exception, whatever a registry sends."""
    with suppress(ContentsError):
        found = contents(document)
        assert isinstance(found, Contents)
        assert all(str(key).isascii() for key in manifests_of_platforms(found.children))
    assert isinstance(platform_of(document), Platform | None)


def test_platforms_are_compared_in_their_normal_form() -> None:
    """As in containerd: `arm64` means `v8`, and `arm` means `v7`."""
    assert platform_of({"os": "linux", "architecture": "arm64", "variant": "v8"}) == ARM
    assert platform_of({"os": "linux", "architecture": "arm"}) == parse_platform("linux/arm/v7")
    assert platform_of({"os": "linux"}) is None


def test_missing_parts_have_priority_over_the_platform() -> None:
    """If the config is missing, the platform is unknown, not absent."""
    assert lacking(["the config `x`"], [AMD], []) == "lacks the config `x`"
    assert lacking(["a", "b", "c"], [], []) == "lacks a and 2 more parts"
    assert lacking([], [AMD, ARM], [AMD]) == "is not there for `linux/arm64`"
    assert lacking([], [AMD], [AMD, ARM]) == ""
