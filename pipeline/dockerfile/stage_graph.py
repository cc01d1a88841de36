"""The stages of a Dockerfile with their bases, what they take from, and their triggers.

Facts from buildkit `frontend/dockerfile/dockerfile2llb/convert.go`: every FROM and `--from` of the
file must be valid, but triggers are read for the stages that the target needs; a stage begins with
those of the stage or image directly below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from .. import graph
from ..errors import Location, Problem, raise_problems
from ..reference import Platform
from .arguments import declared_by
from .bases import SCRATCH, StageBase
from .errors import RefusedError
from .instructions import Instruction, parse_instruction
from .instructions import Onbuild as OnbuildInstruction
from .lexer import Line, lex
from .named_contexts import with_contexts
from .step_count import StageSteps, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .from_flags import FromFlags
    from .parser import Dockerfile

Onbuild = Callable[[str, Platform], "Sequence[str] | None"]
"""Returns an image's triggers, by its expanded name in FROM and a platform; `None`: not known."""


_MOST_TRIGGERS = 5_000


class StageGraph(Struct):
    """The stages with their bases; triggers are read for the stages that need them.

    `written` has the bases by the file alone, `links` those with named contexts applied; `known`
    has the answers of `onbuild`.
    """

    dockerfile: Dockerfile
    written: tuple[StageBase, ...]
    platform: Platform
    onbuild: Onbuild
    sources: FromFlags
    problems: list[Problem]
    triggered: dict[int, tuple[Instruction, ...]] = field(default_factory=dict)
    links: tuple[StageBase, ...] = ()
    fired: int = 0
    known: dict[tuple[str, Platform], Sequence[str] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.links = with_contexts(self.written, self.dockerfile, self.sources.contexts)

    def instructions(self, index: int) -> tuple[Instruction, ...]:
        """Return a stage's instructions, triggers first; nothing if a context replaces it."""
        if self.links[index].stage.name in self.sources.contexts:
            return ()
        if index not in self.triggered:
            self.triggered[index] = self._triggers(self.links[index])
            self._count(self.triggered[index], self.links[index].stage.location)
        return self.triggered[index] + self.links[index].stage.instructions

    def _count(self, triggers: Sequence[Instruction], location: Location) -> None:
        """Raise `ConfigError` if stages that build on one another's triggers multiply them."""
        self.fired += len(triggers)
        if self.fired > _MOST_TRIGGERS:
            message = f"up to here, more than {_MOST_TRIGGERS:,} triggers of `ONBUILD` run"
            self.problems.append(Problem(location, message, "remove triggers, or stages"))
            raise_problems(self.problems)

    def takes_from(
        self, instructions: Sequence[Instruction], *, unused: bool = True
    ) -> frozenset[int]:
        """Return the stages that instructions take from, or only name; errors become problems."""
        origins = (origin for one in instructions for origin in self.sources.of(one))
        return frozenset(o.stage for o in origins if o.stage is not None and (o.used or unused))

    def named_contexts(self) -> frozenset[str]:
        """Return the contexts that anything in the file, or in a known trigger, would take from."""
        found = {linked.base.context for linked in self.links}
        every = [self.links[i].stage.instructions for i in range(len(self.links))]
        for instructions in (*every, *self.triggered.values()):
            found |= {origin.context for one in instructions for origin in self.sources.of(one)}
        return frozenset(found)

    def check(self) -> bool:
        """Check `--from` in every stage of the file; return whether stages have no cycle.

        As in BuildKit, a cycle that includes a FROM is not one: a target that needs it fails
        because it takes from a stage that is not above.
        """
        needs = {
            str(s.index): [str(n) for n in sorted(self.takes_from(s.instructions))]
            for s in self.dockerfile.stages
        }
        cycles = graph.cycles(needs) if any(needs.values()) else ()
        for cycle in cycles:
            stages = [self.dockerfile.stages[int(index)] for index in cycle]
            path = graph.shown([stage.label for stage in stages])
            self.problems.append(
                Problem(stages[0].location, f"stages depend on each other: {path}")
            )
        return not cycles

    def root(self, index: int) -> str:
        """Return the image that a stage begins with, directly or by others; empty for a context."""
        base = self.links[index].base
        while base.stage is not None:
            base = self.links[base.stage].base
        return base.image

    def needed(self, target: int, *, unused: bool) -> tuple[int, ...]:
        """Return the stages that the target needs, itself included, in order of the file.

        With `unused`, also those that are only named: BuildKit reads them all.
        """
        seen: set[int] = set()
        todo = [target]
        while todo:
            index = todo.pop()
            if index not in seen:
                seen.add(index)
                below = self.links[index].base.stage
                todo += [] if below is None else [below]
                todo += self.takes_from(self.instructions(index), unused=unused)
        return tuple(sorted(seen))

    def declared(self) -> frozenset[str]:
        """Return what ARG declares anywhere in the file, and in triggers that run in it."""
        found: list[Instruction] = [*self.dockerfile.arguments]
        for stage in self.dockerfile.stages:
            found += self.instructions(stage.index) or stage.instructions
        return declared_by(found)

    def all_known(self) -> bool:
        """Return whether the triggers of every image that a stage begins with are known."""
        begun = (linked for linked in self.links if linked.base.stage is None)
        return all(self._known_triggers(linked) is not None for linked in begun)

    def steps(self, needed: Sequence[int]) -> tuple[StageSteps, ...]:
        """Count the steps of the needed stages that begin with an image."""
        begun = (i for i in needed if self.links[i].base.stage is None)
        return tuple(self._steps(i) for i in begun if self.links[i].base.image not in {"", SCRATCH})

    def _steps(self, index: int) -> StageSteps:
        linked = self.links[index]
        known = self._known_triggers(linked) is not None
        self.instructions(index)
        fired = self.triggered[index]
        alone = len(self.dockerfile.stages) == 1
        return count(linked.stage, fired if known else None, linked.base.image, alone=alone)

    def _known_triggers(self, linked: StageBase) -> Sequence[str] | None:
        if linked.base.image == SCRATCH or linked.base.context:
            return ()
        asked = linked.base.image, linked.platform or self.platform
        if asked not in self.known:
            self.known[asked] = self.onbuild(*asked)
        return self.known[asked]

    def _triggers(self, linked: StageBase) -> tuple[Instruction, ...]:
        # Newer versions of BuildKit run the triggers of a replaced stage (`resolveStages`).
        base = self.written[linked.stage.index].base
        if base.stage is None:
            texts = self._known_triggers(linked) or ()
            return tuple(self._trigger(text, linked.stage.location) for text in texts)
        below = self.dockerfile.stages[base.stage].instructions
        found = [i for i in below if isinstance(i, OnbuildInstruction)]
        return tuple(self._trigger(i.expression, i.location) for i in found)

    def _trigger(self, text: str, location: Location) -> Instruction:
        """Parse a trigger, which BuildKit does with a backslash as the escape."""
        try:
            return parse_instruction(_only_line(text, location.file).moved(location), "\\")
        except RefusedError as error:
            self.problems.append(Problem(location, error.message, error.hint))
            return Instruction(keyword="ONBUILD", line=_empty(location))


def _only_line(text: str, file: str) -> Line:
    lexed = lex(text.encode(), file)
    if len(lexed.lines) != 1 or lexed.problems:
        raise RefusedError(f"`ONBUILD {text}` is not one instruction")
    return lexed.lines[0]


def _empty(location: Location) -> Line:
    return Line(location.file, "", ((-1, location.line, location.column),))
