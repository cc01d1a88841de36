"""What differs between two documents of inputs, found without the code of `why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.model.why import Difference

Named = frozenset[tuple[str, str, str]]
"""Kind, name and change of each difference."""
SINGLES = {
    "target": "target",
    "platforms": "platforms",
    "frontend": "frontend",
    "salt": "salt",
    "test": "test",
}
MAPPINGS = {
    "externals": "external",
    "triggers": "triggers",
    "options": "option",
    "bases": "base",
}


def differences(before: Mapping[str, Any], after: Mapping[str, Any], context: str) -> Named:
    """Compare two `pipeline.inputs/1`; `context` is the folder that `files` are in."""
    return frozenset(_differences(before, after, context))


def named(found: Sequence[Difference]) -> Named:
    """Return what `why` names; a file that moved is one that is gone and one that is new."""
    return frozenset(
        (one.kind, name, change)
        for one in found
        for name, change in (
            [(one.before, "removed"), (one.name, "added")]
            if one.change == "moved"
            else [(one.name, str(one.change))]
        )
    )


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], context: str
) -> Iterator[tuple[str, str, str]]:
    if before["dockerfile_sha256"] != after["dockerfile_sha256"]:
        yield "dockerfile", after["dockerfile"], "changed"
    for key, kind in SINGLES.items():
        if before[key] != after[key]:
            yield kind, "", "changed"
    yield from _compared("file", _files(before, context), _files(after, context))
    yield from _compared("argument", _arguments(before), _arguments(after))
    for key, kind in MAPPINGS.items():
        yield from _compared(kind, before[key], after[key])


def _compared(
    kind: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for name in {*before, *after}:
        if name not in before:
            yield kind, name, "added"
        elif name not in after:
            yield kind, name, "removed"
        elif before[name] != after[name]:
            yield kind, name, "changed"


def _files(document: Mapping[str, Any], context: str) -> dict[str, Any]:
    groups = [(context, document["files"])]
    groups += [(one["path"], one["files"]) for one in document["contexts"].values()]
    found = {
        f"{folder}/{entry['path']}".removeprefix("./").rstrip("/"): {**entry, "path": ""}
        for folder, entries in groups
        for entry in entries
    }
    found.pop(document["dockerfile"], None)
    return found


def _arguments(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: document["args_by_platform"].get(name) or value
        for name, value in document["args"].items()
    }
