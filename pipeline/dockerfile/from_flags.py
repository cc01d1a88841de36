"""Resolve `--from` of COPY and ADD, and `from=` of mounts: stages, images, `scratch`.

Facts from buildkit `frontend/dockerfile/dockerfile2llb` (`toCommand`, `detectRunMount`): they see
the names of all stages, the last of a name wins, and only `--from` takes a number. Numbers continue
after the stages: an image gets the next one where it is named, and `scratch` where a mount has no
`from=`, so that after `COPY --from=busybox a /` in a file of one stage, `--from=1` is busybox.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import Problem
from ..spelling import did_you_mean
from .bases import SCRATCH, Origin, check_image
from .errors import RefusedError
from .instructions import Copy, Instruction, Run
from .mounts import origin_of, takes_files
from .named_contexts import with_context
from .variable_expansion import Rules, expand

if TYPE_CHECKING:
    from .parser import Dockerfile

_NUMBER = r"[+-]?[0-9]{1,18}"


class FromFlags(Struct):
    """Resolves what instructions take from. Call it in the order of the file: numbers depend on it.

    `contexts` are the names of folders that replace stages and images. An error of an instruction
    is added once to `problems`; the instruction then takes from nothing.
    """

    dockerfile: Dockerfile
    problems: list[Problem]
    contexts: frozenset[str] = frozenset()
    _numbered: list[Origin] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)
    _found: dict[int, tuple[Origin, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stages = self.dockerfile.stages
        self._numbered = [Origin(stage.index) for stage in stages]
        self._names = {stage.name: stage.index for stage in stages if stage.name}

    def of(self, instruction: Instruction) -> tuple[Origin, ...]:
        """Return what an instruction takes from; a mount of the context is left out."""
        key = id(instruction)
        found = self._found.get(key)
        if found is None:
            try:
                found = tuple(
                    with_context(origin, self.dockerfile, self.contexts)
                    for origin in self._origins(instruction)
                )
            except RefusedError as error:
                found = ()
                location = instruction.line.find(error.blame)
                self.problems.append(Problem(location, error.message, error.hint))
            self._found[key] = found
        return found

    def _origins(self, instruction: Instruction) -> list[Origin]:
        if isinstance(instruction, Copy) and instruction.origin:
            return [self._copied(instruction.origin)]
        if not isinstance(instruction, Run):
            return []
        found = []
        for mount in instruction.mounts:
            written = origin_of(mount)
            origin = self._named(written or SCRATCH)
            found += [replace(origin, used=takes_files(mount))] if written else []
        return found

    def _copied(self, written: str) -> Origin:
        if expand(written, {}, Rules(escape=self.dockerfile.escape)).text != written:
            raise RefusedError(
                "`--from` does not expand variables",
                hint="name a stage: `FROM ${IMAGE} AS name` with a global `ARG`, then "
                "`--from=name`",
                blame=written,
            )
        if not re.fullmatch(_NUMBER, written):
            return self._named(written)
        number = int(written)
        if not 0 <= number < len(self._numbered):
            count = len(self.dockerfile.stages)
            raise RefusedError(
                f"there is no stage {written}: the file has {count}, counted from 0", blame=written
            )
        return self._numbered[number]

    def _named(self, written: str) -> Origin:
        index = self._names.get(written.lower())
        if index is not None:
            return Origin(index)
        if written != SCRATCH:
            check_image(written, lambda: did_you_mean(written, self._names))
        self._numbered.append(Origin(None, written))
        return self._numbered[-1]
