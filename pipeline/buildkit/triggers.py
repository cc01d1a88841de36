"""Find steps of ONBUILD triggers that `pipeline.lock` does not know. Pure.

What a trigger of an external copies is in no fingerprint unless the lock knows the trigger.
BuildKit numbers the steps of a stage (`dockerfile.steps`). If it runs more than the Dockerfile and
the known triggers have, the image has inputs that its tag does not cover.

Since BuildKit 0.17 the step of a trigger is marked, `[2/3] ONBUILD COPY . /app`. Before, its number
is above the total, or there is one step too many of its kind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ..dockerfile.frontend import is_official_or_mirror
from ..dockerfile.step_count import STEPS
from ..model.report import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..dockerfile.step_count import StageSteps
    from ..reference import ImageName
    from .progress import Progress

_NUMBERED = re.compile(
    r"\[([^\]]*?)\s*(\d{1,9})/\d+\] (ONBUILD )?((?:LINK )?([A-Za-z]+).*)", re.DOTALL
)

_REMEDY = "`invoke lock` looks at the image and writes its triggers down; then build again"


class _Seen(NamedTuple):
    """A numbered step of a stage; `trigger` means that it is marked as one."""

    number: int
    keyword: str
    text: str
    trigger: bool


def unknown_triggers(progress: Progress) -> dict[ImageName, Failure]:
    """Return the images of a solve in which a step of an unknown trigger ran, as far as known."""
    found: dict[ImageName, Failure] = {}
    for name, target in progress.targets.items():
        if is_official_or_mirror(target.image.frontend):
            failure = _judge(target.image.steps, _numbered(progress, name))
            if failure:
                found[name] = failure
    return found


def _numbered(progress: Progress, name: ImageName) -> Mapping[str, set[_Seen]]:
    """Return the numbered steps of an image's own, by the stage that BuildKit names."""
    found: dict[str, set[_Seen]] = defaultdict(set)
    for step in progress.steps.values():
        if name not in progress.names.owners(step):
            continue
        for text in step.called[name]:
            if match := _NUMBERED.fullmatch(text):
                stage, number, trigger, said, keyword = match.groups()
                seen = _Seen(int(number), keyword.upper(), said, trigger is not None)
                found[stage].add(seen)
    return found


def _judge(stages: Iterable[StageSteps], seen: Mapping[str, set[_Seen]]) -> Failure | None:
    expected: dict[str, list[StageSteps]] = defaultdict(list)
    for stage in stages:
        for label in stage.labels:
            expected[label].append(stage)
    for stage_text, steps in seen.items():
        same = expected.get(_label(stage_text), [])
        if same and _is_more(same, steps):
            return _failure(same[0], steps)
    return None


def _label(stage: str) -> str:
    """Return the name of a stage, without the platform before it if there are several."""
    last = stage.rpartition(" ")[2]
    return "" if "/" in last else last


def _is_more(expected: list[StageSteps], steps: set[_Seen]) -> bool:
    """Return whether more steps ran than the stages of one name have; platforms share numbers."""
    asked = {step.number for step in steps if step.keyword in STEPS}
    triggers = {step.number for step in steps if step.trigger}
    return (
        max(step.number for step in steps) > max(stage.last for stage in expected)
        or len(asked) > sum(stage.steps for stage in expected)
        or len(triggers) > sum(stage.triggers for stage in expected)
    )


def _failure(stage: StageSteps, steps: set[_Seen]) -> Failure:
    # Triggers run first, right behind FROM.
    marked = [step for step in steps if step.trigger]
    ran = min(marked or [step for step in steps if step.keyword != "FROM"])
    text = ran.text.partition("\n")[0]
    message = (
        f"BuildKit ran `{text}`, an ONBUILD trigger of `{stage.base}` that `pipeline.lock` does "
        "not know: what it reads is in no fingerprint"
    )
    hint = _REMEDY
    if stage.triggers_known:
        message = (
            f"BuildKit ran `{text}` and more ONBUILD triggers of `{stage.base}` than "
            "`pipeline.lock` knows: what they read is in no fingerprint"
        )
        hint = f"its digest was changed there without its triggers: remove these, and {_REMEDY}"
    return Failure(f"ONBUILD {text}", message, str(stage.location), hint=hint)
