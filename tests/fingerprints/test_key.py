"""The record: different inputs never give the same bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.errors import Location
from pipeline.fingerprints.key import fingerprint_of, key_of, output_options, record
from pipeline.model.image import External, ImageTest, Triggers
from pipeline.model.inputs import ContextEntry, EntryKind, Key
from pipeline.model.settings import BuildSettings
from pipeline.reference import Digest, Platform, Reference, Repository, Tag, parse_image_name
from tests.support.small_projects import image_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.image import Image
    from pipeline.reference import ImageName

PLACE = Location("Dockerfile", 1)
IMAGE = image_of("FROM scratch\n", bases={"os": "os"})
BASES = {parse_image_name("os"): Key("ab" * 32)}

# Few letters and short names, to make confusions likely.
TEXTS = st.text(st.sampled_from("ab\0\x01fld"), max_size=3)
DIGESTS = st.sampled_from(["00" * 32, "01" * 32, "66" * 32])
FILES = st.builds(
    ContextEntry, TEXTS, st.just(EntryKind.FILE), executable=st.booleans(), sha256=DIGESTS
)
LINKS = st.builds(ContextEntry, TEXTS, st.just(EntryKind.LINK), link=TEXTS)
FOLDERS = st.builds(ContextEntry, TEXTS, st.just(EntryKind.DIRECTORY))
ENTRIES = st.lists(
    st.one_of(FILES, LINKS, FOLDERS), max_size=4, unique_by=lambda e: (e.path, e.kind)
).map(tuple)
TRIGGERS = st.lists(
    st.builds(
        Triggers,
        st.sampled_from([Platform("linux", "amd64"), Platform("linux", "arm64")]),
        st.lists(TEXTS, max_size=2).map(tuple),
    ),
    max_size=2,
    unique_by=lambda found: found.platform,
).map(tuple)
EXTERNALS = st.lists(
    st.builds(
        # A function: for a class, hypothesis would read the types of all fields.
        lambda *fields: External("written", *fields),
        st.builds(Reference, st.builds(Repository, TEXTS, TEXTS), TEXTS.map(Tag)),
        st.just(PLACE),
        st.none() | st.sampled_from(["", "a", "sha256:" + "0" * 64]).map(Digest),
        TRIGGERS,
    ),
    max_size=2,
    unique_by=lambda e: str(e.reference),
).map(tuple)
IMAGES = st.builds(
    lambda **fields: replace(IMAGE, **fields),
    source=TEXTS.map(lambda text: replace(IMAGE.source, source=text.encode())),
    target=st.none() | TEXTS,
    platforms=st.lists(
        st.sampled_from([Platform("linux", "amd64"), Platform("linux", "arm64")]), unique=True
    ).map(lambda found: tuple(sorted(found))),
    declared=st.dictionaries(TEXTS, st.none() | TEXTS, max_size=3),
    externals=EXTERNALS,
    frontend=TEXTS,
    salt=TEXTS,
)
CONTEXTS = st.dictionaries(TEXTS, ENTRIES, max_size=2)
OPTIONS = st.dictionaries(TEXTS, TEXTS, max_size=2)
Entries = tuple[ContextEntry, ...]
Inputs = tuple["Image", Entries, dict[str, str], dict[str, Entries]]
INPUTS: st.SearchStrategy[Inputs] = st.tuples(IMAGES, ENTRIES, OPTIONS, CONTEXTS)


def record_of(inputs: Inputs, bases: Mapping[ImageName, Key] | None = None) -> bytes:
    """Return the record of these inputs."""
    image, entries, options, contexts = inputs
    return record(image, entries, bases or BASES, options, contexts)


def what_counts(inputs: Inputs) -> object:
    """Return what inputs with the same record have in common."""
    image, entries, options, contexts = inputs
    return (
        image.source.source,
        frozenset(entries),
        image.target,
        frozenset(image.platforms),
        image.declared,
        {str(e.reference): e.locked for e in image.externals},
        {
            (str(e.reference), t.platform): t.instructions
            for e in image.externals
            for t in e.triggers
        },
        image.frontend,
        image.salt,
        options,
        {name: frozenset(found) for name, found in contexts.items()},
    )


@given(INPUTS, INPUTS)
def test_different_inputs_have_different_records(one: Inputs, other: Inputs) -> None:
    """Fields are framed, so that none runs into the next one."""
    assert (record_of(one) == record_of(other)) is (what_counts(one) == what_counts(other))


@given(INPUTS, st.randoms())
def test_the_order_of_inputs_does_not_count(inputs: Inputs, random: object) -> None:
    """Of entries, arguments, options and externals."""
    image, entries, options, contexts = inputs
    mixed = list(entries)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    turned = replace(
        image,
        declared=dict(reversed(list(image.declared.items()))),
        externals=image.externals[::-1],
        platforms=image.platforms[::-1],
    )

    backwards = {name: found[::-1] for name, found in reversed(contexts.items())}

    assert record_of(
        (turned, tuple(mixed), dict(reversed(options.items())), backwards)
    ) == record_of(inputs)


@given(INPUTS, ENTRIES)
def test_other_entries_have_other_records(inputs: Inputs, entries: Entries) -> None:
    """With everything else equal."""
    image, first, options, contexts = inputs
    assume(frozenset(first) != frozenset(entries))

    assert record_of((image, entries, options, contexts)) != record_of(inputs)


def test_real_path_and_other_mode_bits_do_not_count() -> None:
    """`real` and `mode` are only shown to people."""
    entry = ContextEntry("a", EntryKind.FILE, sha256="00" * 32)
    seen = replace(entry, real="b", mode=0o600)

    assert record_of((IMAGE, (entry,), {}, {})) == record_of((IMAGE, (seen,), {}, {}))


def test_an_entry_twice_counts_once() -> None:
    """Two instructions may read the same file."""
    entry = ContextEntry("a", EntryKind.DIRECTORY)

    assert record_of((IMAGE, (entry, entry), {}, {})) == record_of((IMAGE, (entry,), {}, {}))


def test_a_base_counts_by_its_key() -> None:
    """The whole key."""
    other = {parse_image_name("os"): Key("ab" * 31 + "ac")}

    assert record_of((IMAGE, (), {}, {})) != record_of((IMAGE, (), {}, {}), other)


def test_a_base_without_a_key_is_a_bug() -> None:
    """Images must come in build order."""
    with pytest.raises(KeyError):
        record(IMAGE, (), {}, {})


def test_key_fingerprint_and_tag() -> None:
    """80 bits. Without a test, key and fingerprint are equal."""
    key = key_of(b"record")
    found = fingerprint_of(key)

    assert key.hex == found.hex == hashlib.sha256(b"record").hexdigest()
    assert found.short == found.hex[:20]


COMMANDS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
TESTS = st.none() | st.builds(ImageTest, COMMANDS, st.sampled_from([1.0, 300.0]))


@given(TESTS, TESTS)
def test_the_command_of_a_test_counts_and_its_timeout_does_not(
    one: ImageTest | None, other: ImageTest | None
) -> None:
    """No test differs from any test."""
    key = key_of(b"record")
    same = (one and one.command) == (other and other.command)

    assert (fingerprint_of(key, one) == fingerprint_of(key, other)) is same


def test_empty_sections_are_omitted() -> None:
    """So that sections of later versions change no existing keys."""
    found = record_of((IMAGE, (), {}, {}))

    assert [name for name in SECTIONS if name.encode() in found] == [
        "dockerfile",
        "platforms",
        "bases",
    ]


SECTIONS = (
    "dockerfile",
    "context",
    "target",
    "platforms",
    "arguments",
    "bases",
    "externals",
    "frontend",
    "options",
    "salt",
    "triggers",
)


def test_default_options_are_omitted() -> None:
    """So that new options change no existing fingerprints."""
    assert output_options(BuildSettings()) == {}
    assert output_options(BuildSettings(sbom=True, provenance="mode=max")) == {
        "sbom": "true",
        "provenance": "mode=max",
    }
