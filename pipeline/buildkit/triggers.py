"""Steps of a solve that nobody asked for: triggers that `pipeline.lock` does not know. Pure.

What a trigger (ONBUILD) of an external copies is in no fingerprint unless the lock knows the
trigger. BuildKit numbers what it runs of a stage (`dockerfile.step_count`); where it runs
more than the Dockerfile and the known triggers say, the image has inputs that its tag leaves out.

Since BuildKit 0.17 the step of a trigger says so itself, `[2/3] ONBUILD COPY . /app`. Before, its
number is beyond the total, or it makes one too many of its kind.
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

_CURE = "`invoke lock` looks at the image and writes its triggers down; then build again"


class _Seen(NamedTuple):
    """A step with its number in a stage; a `trigger` says itself that it is one."""

    number: int
    keyword: str
    text: str
    trigger: bool


def unknown_triggers(progress: Progress) -> dict[ImageName, Failure]:
    """The images of a solve in which a step ran that nobody asked for, as far as it was told."""
    found: dict[ImageName, Failure] = {}
    for name, target in progress.targets.items():
        if is_official_or_mirror(target.image.frontend):
            failure = _judge(target.image.steps, _numbered(progress, name))
            if failure:
                found[name] = failure
    return found


def _numbered(progress: Progress, name: ImageName) -> Mapping[str, set[_Seen]]:
    """The numbered steps of an image's own, by the stage that BuildKit says they are of."""
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
    """The name of a stage, without the platforms that stand before it where there are several."""
    last = stage.rpartition(" ")[2]
    return "" if "/" in last else last


def _is_more(expected: list[StageSteps], steps: set[_Seen]) -> bool:
    """Whether more ran than stages of one name have; steps of two platforms share numbers."""
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
    hint = _CURE
    if stage.triggers_known:
        message = (
            f"BuildKit ran `{text}` and more ONBUILD triggers of `{stage.base}` than "
            "`pipeline.lock` knows: what they read is in no fingerprint"
        )
        hint = f"its digest was changed there without its triggers: remove these, and {_CURE}"
    return Failure(f"ONBUILD {text}", message, str(stage.location), hint=hint)
