"""The document of an image's inputs, `pipeline.inputs/1`: for `inputs --json`, and for records."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .inputs import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..errors import Problem
    from .inputs import ContextEntry, ContextInputs, Inputs
    from .refresh import Refresh

    JsonObject = dict[str, object]


def inputs_document(inputs: Inputs) -> JsonObject:
    """Return a `pipeline.inputs/1`, its keys in the documented order."""
    return {
        "schema": "pipeline.inputs/1",
        "name": inputs.name,
        "fingerprint": str(inputs.fingerprint),
        "files": _entries(inputs.entries),
        "args": dict(inputs.args),
        "target": inputs.target,
        "platforms": [str(platform) for platform in inputs.platforms],
        "bases": {name: str(key) for name, key in inputs.bases.items()},
        "externals": dict(inputs.externals),
        "whole_context": inputs.whole_context or None,
        "floating": list(inputs.floating),
        "warnings": [_warning(problem) for problem in inputs.warnings],
        "key": str(inputs.key),
        "test": list(inputs.test) or None,
        "dockerfile": str(inputs.dockerfile) if inputs.dockerfile else None,
        "ignore_file": str(inputs.ignored[0]) if inputs.ignored else None,
        "origins": {key: str(location) for key, location in inputs.origins.items()},
        "contexts": {name: _context(one) for name, one in inputs.contexts.items()},
        "triggers": {
            reference: {str(one.platform): list(one.instructions) for one in found}
            for reference, found in inputs.triggers.items()
        },
        "version": inputs.version,
        "dockerfile_sha256": hashlib.sha256(inputs.source).hexdigest(),
        "frontend": inputs.frontend or None,
        "options": dict(inputs.options),
        "salt": inputs.salt or None,
        "bases_as_written": dict(inputs.written),
        "args_by_platform": {name: list(values) for name, values in inputs.differing.items()},
        "refresh": refresh_document(inputs.refresh),
    }


def refresh_document(found: Refresh | None) -> JsonObject | None:
    """Return the period that an image is in; `None` for one without periods."""
    if found is None:
        return None
    return {"every": found.every, "period": found.period, "due": found.due_text}


def _warning(problem: Problem) -> JsonObject:
    return {
        "location": str(problem.location) if problem.location else None,
        "message": problem.message,
        "hint": problem.hint or None,
    }


def _entries(entries: Iterable[ContextEntry]) -> list[JsonObject]:
    return [_entry(entry) for entry in entries]


def _context(inputs: ContextInputs) -> JsonObject:
    return {
        "path": str(inputs.path),
        "files": _entries(inputs.entries),
        "ignore_file": str(inputs.ignored[0]) if inputs.ignored else None,
        "whole_context": inputs.whole_context or None,
    }


def _entry(entry: ContextEntry) -> JsonObject:
    known: JsonObject = {
        "path": entry.path,
        "kind": entry.kind.value,
        "executable": entry.executable,
    }
    match entry.kind:
        case EntryKind.FILE:
            return known | {"sha256": entry.sha256}
        case EntryKind.LINK:
            return known | {"link": entry.link}
        case EntryKind.DIRECTORY:
            return known
