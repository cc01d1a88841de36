"""Count the steps that BuildKit numbers in a stage, to detect a step that the Dockerfile lacks.

BuildKit numbers the steps of a stage, `[builder 2/5] RUN make`: facts from buildkit
`frontend/dockerfile/dockerfile2llb/convert.go`, `toDispatchState` and `prefixCommand`. FROM is the
first; `WORKDIR /` has no number; a trigger has the number of the step that it runs.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..errors import Location
    from .instructions import Instruction
    from .parser import Stage

STEPS = frozenset({"ADD", "COPY", "RUN"})
"""The instructions that always have one number each."""


class StageSteps(Struct, frozen=True):
    """A stage that begins with an image: `base`, whose triggers are known if `triggers_known`.

    `steps` counts ADD, COPY and RUN, `folders` WORKDIR, those of the known triggers included;
    `triggers` counts the known triggers of these kinds.
    """

    labels: frozenset[str]
    base: str
    location: Location
    steps: int
    folders: int
    triggers: int
    triggers_known: bool

    @property
    def last(self) -> int:
        """The highest number that a step of the stage can have."""
        return 1 + self.steps + self.folders


def count(
    stage: Stage,
    triggers: Sequence[Instruction] | None,
    base: str,
    *,
    alone: bool,
) -> StageSteps:
    """Count the steps of a stage on the image `base`; `triggers` is `None` if they are not known.

    `alone`: the file has no other stage; BuildKit then leaves its name out, unless something is
    copied from an image.
    """
    label = stage.name or f"stage-{stage.index}"
    fired = [instruction.keyword for instruction in triggers or ()]
    keywords = fired + [instruction.keyword for instruction in stage.instructions]
    return StageSteps(
        labels=frozenset({label, ""} if alone else {label}),
        base=base,
        location=stage.location,
        steps=sum(keyword in STEPS for keyword in keywords),
        folders=keywords.count("WORKDIR"),
        triggers=sum(keyword in {*STEPS, "WORKDIR"} for keyword in fired),
        triggers_known=triggers is not None,
    )


def merge_steps(found: Iterable[Sequence[StageSteps]]) -> tuple[StageSteps, ...]:
    """Merge the steps of an image's stages for all its platforms: the most of each stage."""
    stages: dict[Location, list[StageSteps]] = defaultdict(list)
    for each in found:
        for stage in each:
            stages[stage.location].append(stage)
    return tuple(_most(same) for same in stages.values())


def _most(same: Sequence[StageSteps]) -> StageSteps:
    if len(same) == 1:
        return same[0]
    first = next((stage for stage in same if not stage.triggers_known), same[0])
    return StageSteps(
        first.labels,
        first.base,
        first.location,
        max(stage.steps for stage in same),
        max(stage.folders for stage in same),
        max(stage.triggers for stage in same),
        first.triggers_known,
    )
