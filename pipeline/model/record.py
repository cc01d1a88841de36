"""The record of a build: what an image was built from, beside the image in its registry.

It is an OCI artifact under the tag of the image with `.inputs` at its end. Its one layer is JSON:
the document of the inputs, without the values of arguments and without the contents of files, and
what the build took. `docs/reference/records.md` describes it.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from ..reference import ImageName, Reference, Tag, is_loopback_host
from .facts import (
    NONE,
    Facts,
    Value,
    files_by_path,
    joined,
    options_without_period,
    period_of,
    sha256_of,
    triggers_in,
    value_of,
)
from .inputs import ContextEntry, EntryKind
from .inputs_document import inputs_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .image import Image
    from .inputs import Inputs
    from .settings import RegistrySettings

SCHEMA = "pipeline.record/1"
ARTIFACT = "application/vnd.fly-image-pipeline.inputs.v1+json"
LAYER = "application/vnd.fly-image-pipeline.inputs.v1+json+gzip"
SUFFIX = ".inputs"
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of a record, uncompressed: 100,000 files take 15 MB."""
_MOST_TAG = 128
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GZIP = 31
"""What zlib calls a gzip stream. Its header has neither a name nor a time."""
_LEFT_OUT = ("floating", "warnings", "origins", "whole_context")
"""What follows from the other inputs, and may quote a file."""


class Layer(Struct, frozen=True):
    """A layer of an image: its digest, and its compressed size in bytes."""

    digest: str
    size: int


class Spent(Struct, frozen=True):
    """What a build took: seconds from its start to its push, and the layers of the image.

    The seconds are 0 if they are not known.
    """

    seconds: float
    layers: tuple[Layer, ...] = ()

    @property
    def bytes(self) -> int:
        """The compressed size of the image."""
        return sum(layer.size for layer in self.layers)


class Record(Struct, frozen=True):
    """What a record says. `revision` is the commit of the files, if there was one.

    `bases` are the references of the bases, where their own records are.
    """

    name: ImageName
    facts: Facts
    spent: Spent
    revision: str = ""
    bases: Mapping[ImageName, str] = field(default_factory=dict)


class RecordError(ValueError):
    """Bytes that are not a record; the message says why, and quotes nothing of them."""


def record_reference(reference: Reference) -> Reference | None:
    """Return where the record of an image is; `None` if its tag is too long for another.

    >>> from pipeline.reference import parse_reference
    >>> str(record_reference(parse_reference("registry.fly.io/acme-web:b328a53aca44763318bb")))
    'registry.fly.io/acme-web:b328a53aca44763318bb.inputs'
    """
    tag = f"{reference.tag}{SUFFIX}"
    if not reference.tag or len(tag) > _MOST_TAG:
        return None
    return Reference(reference.repository, Tag(tag))


def are_recorded(settings: RegistrySettings, flys: str) -> bool:
    """Return whether builds are recorded: as the settings say, else at Fly and on this machine.

    `flys` is the host of Fly's registry. A record shows the names and hashes of files to whoever
    may pull the image.
    """
    if settings.records is not None:
        return settings.records
    return settings.host == flys or is_loopback_host(settings.host)


def record_text(
    image: Image,
    inputs: Inputs,
    spent: Spent,
    *,
    revision: str = "",
    bases: Mapping[ImageName, Reference] | None = None,
) -> bytes:
    """Return the canonical JSON of a record: sorted keys, no spaces.

    Of arguments, salt, test and triggers it has the sha256 only.
    """
    document = {
        "schema": SCHEMA,
        "inputs": _without_values(inputs),
        "context": str(image.context),
        "revision": revision or None,
        "seconds": round(spent.seconds, 3),
        "bytes": spent.bytes,
        "layers": [{"digest": layer.digest, "size": layer.size} for layer in spent.layers],
        "bases": {name: str(reference) for name, reference in (bases or {}).items()},
    }
    return msgspec.json.encode(document, order="sorted")


def compress(text: bytes) -> bytes:
    """Return a gzip stream that is the same for the same bytes: it has no time."""
    pressed = zlib.compressobj(wbits=_GZIP)
    return pressed.compress(text) + pressed.flush()


def decompress(content: bytes) -> bytes:
    """Return what was compressed. Raises `RecordError`."""
    stream = zlib.decompressobj(wbits=_GZIP)
    try:
        text = stream.decompress(content, MOST_BYTES)
    except zlib.error:
        raise RecordError("it is not compressed with gzip") from None
    if not stream.eof:
        raise RecordError("it is cut off, or too large")
    return text


def read_record(text: bytes) -> Record:
    """Read the JSON of a record; keys of later versions are ignored. Raises `RecordError`."""
    try:
        found = msgspec.json.decode(text, type=_Document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise RecordError("it has not the form of a record") from None
    if found.schema != SCHEMA:
        raise RecordError("it is of another version")
    spent = Spent(found.seconds, tuple(found.layers))
    name = ImageName(found.inputs.name)
    bases = {ImageName(base): reference for base, reference in found.bases.items()}
    revision = found.revision or ""
    commit = revision if _COMMIT.fullmatch(revision) else ""
    return Record(name, _facts(found), spent, commit, bases)


class _Entry(Struct, frozen=True):
    path: str
    kind: EntryKind
    executable: bool = False
    sha256: str = ""
    link: str = ""

    @property
    def entry(self) -> ContextEntry:
        return ContextEntry(self.path, self.kind, self.executable, self.sha256, self.link)


class _Context(Struct, frozen=True):
    path: str
    files: list[_Entry]


class _Refresh(Struct, frozen=True):
    every: str


class _Inputs(Struct, frozen=True):
    """The keys of `pipeline.inputs/1` that are compared; digests in the place of values."""

    name: str
    key: str
    fingerprint: str
    version: str
    dockerfile_sha256: str
    files: list[_Entry]
    dockerfile: str | None = None
    target: str | None = None
    platforms: list[str] = field(default_factory=list)
    frontend: str | None = None
    salt: str | None = None
    test: str | None = None
    args: dict[str, str | None] = field(default_factory=dict)
    args_by_platform: dict[str, list[str | None]] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    externals: dict[str, str | None] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, _Context] = field(default_factory=dict)
    refresh: _Refresh | None = None


class _Document(Struct, frozen=True):
    schema: str
    inputs: _Inputs
    context: str = "."
    revision: str | None = None
    seconds: float = 0.0
    layers: list[Layer] = field(default_factory=list)
    bases: dict[str, str] = field(default_factory=dict)


def _without_values(inputs: Inputs) -> dict[str, object]:
    contexts = {n: replace(one, whole_context="") for n, one in inputs.contexts.items()}
    document = inputs_document(replace(inputs, contexts=contexts))
    kept = {key: value for key, value in document.items() if key not in _LEFT_OUT}
    return kept | {
        "args": {name: sha256_of(value) or None for name, value in inputs.args.items()},
        "args_by_platform": {
            name: [sha256_of(value) or None for value in values]
            for name, values in inputs.differing.items()
        },
        "salt": value_of([inputs.salt]).digest if inputs.salt else None,
        "test": value_of(inputs.test).digest if inputs.test else None,
        "triggers": {
            name: value_of(triggers_in(found)).digest for name, found in inputs.triggers.items()
        },
    }


def _facts(found: _Document) -> Facts:
    inputs = found.inputs
    groups = [(found.context, inputs.files)]
    groups += [(one.path, one.files) for one in inputs.contexts.values()]
    return Facts(
        key=inputs.key,
        fingerprint=inputs.fingerprint,
        version=inputs.version,
        dockerfile=inputs.dockerfile or "",
        source=Value(inputs.dockerfile_sha256),
        files=files_by_path(_entries(groups), inputs.dockerfile or ""),
        target=inputs.target or "",
        platforms=tuple(inputs.platforms),
        frontend=inputs.frontend or "",
        salt=Value(inputs.salt) if inputs.salt else NONE,
        test=Value(inputs.test) if inputs.test else NONE,
        arguments={name: _argument(inputs, name) for name in inputs.args},
        bases={ImageName(base): key for base, key in inputs.bases.items()},
        externals={name: digest or "" for name, digest in inputs.externals.items()},
        triggers={name: Value(digest) for name, digest in inputs.triggers.items()},
        options=options_without_period(inputs.options),
        refresh=period_of(inputs.options, inputs.refresh.every if inputs.refresh else ""),
    )


def _entries(
    groups: Iterable[tuple[str, Sequence[_Entry]]],
) -> Iterable[tuple[str, list[ContextEntry]]]:
    return ((folder, [one.entry for one in entries]) for folder, entries in groups)


def _argument(inputs: _Inputs, name: str) -> Value:
    digests = inputs.args_by_platform.get(name) or [inputs.args[name]]
    return joined([digest or "" for digest in digests])
