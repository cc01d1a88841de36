"""Check that every step of a build was requested: no case has unknown triggers.

Messages about a project's targets, such as `[KEY-app 2/3] COPY a /`, are read as if the project had
been built alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.buildkit.progress import progress
from pipeline.buildkit.stream import Decoder, Vertex
from pipeline.buildkit.triggers import unknown_triggers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.buildkit.definition import Target
    from pipeline.buildkit.stream import StreamRecord

_OWNER = re.compile(r"\[(\w+)-([^ \]]+)( ?)([^\]]*)\] ")


def records_of(stream: bytes) -> list[StreamRecord]:
    """Return all records of a stream."""
    decoder = Decoder()
    lines = stream.splitlines()
    return [record for line in lines for record in decoder.feed(line)] + decoder.end()


def unrequested_steps(stream: bytes, targets: Mapping[str, Sequence[Target]]) -> dict[str, str]:
    """Return each project with an unrequested step, and the message about it."""
    seen = {key: progress(made) for key, made in targets.items()}
    for record in records_of(stream):
        owner = _OWNER.match(record.name) if isinstance(record, Vertex) else None
        if isinstance(record, Vertex) and owner and owner[1] in seen:
            rest = record.name[owner.end() :]
            head = f"{owner[2]}{owner[3]}{owner[4]}" if len(targets[owner[1]]) > 1 else owner[4]
            alone = f"[{head}] {rest}" if head else rest
            seen[owner[1]].take(replace(record, name=alone))
    found = {key: unknown_triggers(told) for key, told in seen.items()}
    return {key: next(iter(each.values())).message for key, each in found.items() if each}
