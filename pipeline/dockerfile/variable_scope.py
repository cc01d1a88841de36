"""The values of variables: the arguments before the first FROM, and the environment of a stage.

Facts from buildkit `frontend/dockerfile/dockerfile2llb` (`convert.go`, `platform.go`).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Problem, raise_problems
from .errors import RefusedError
from .expansion_limit import Budget, TooMuchError
from .variable_expansion import Rules, expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..reference import Platform
    from .instructions import Define
    from .lexer import Line
    from .parser import Dockerfile

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PER_VARIABLE = 32
"""Passing a variable on costs as much of the budget as this many characters."""

_NOT_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})


def platform_arguments(build: Platform, target: Platform, stage: str) -> dict[str, str]:
    """Return the arguments that exist before the first FROM without being declared."""
    return {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": "",
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": "",
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage,
    }


class Globals(Struct, frozen=True):
    """The arguments that FROM can use, and that a stage inherits by declaring them.

    `values` includes the predefined ones; `declared` has only those of the file; `needs` has the
    arguments that the default of each was made of; `budget` limits all variables of the build.
    """

    values: Mapping[str, str]
    declared: Mapping[str, str | None]
    needs: Mapping[str, frozenset[str]]
    budget: Budget = field(default_factory=Budget)

    def with_needed(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return the declared ones among `names`, and those that their defaults used, in turn.

        Raises `TooMuchError`.
        """
        found: dict[str, str | None] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in self.declared and name not in found:
                needs = sorted(self.needs.get(name, ()))
                self.budget.spend(_PER_VARIABLE * (1 + len(needs)))
                found[name] = self.declared[name]
                todo += needs
        return found


def global_arguments(
    dockerfile: Dockerfile,
    predefined: Mapping[str, str],
    given: Mapping[str, str],
    problems: list[Problem],
) -> Globals:
    """Evaluate the arguments before the first FROM.

    Given values override defaults, and a default can use the arguments before it.
    """
    values = {**predefined, **{name: given[name] for name in predefined.keys() & given.keys()}}
    declared: dict[str, str | None] = {}
    needs: dict[str, frozenset[str]] = {}
    rules = Rules(escape=dockerfile.escape)
    budget = Budget()
    for line, name, default in _defaults(dockerfile.arguments):
        value = given.get(name)
        if value is None and default is not None:
            try:
                expansion = expand(default, values, rules, budget)
                budget.spend(_PER_VARIABLE * len(needs.get(name, ())))
            except RefusedError as error:
                problems.append(Problem(line.find(default), error.message, error.hint))
                if isinstance(error, TooMuchError):
                    raise_problems(problems)
                continue
            value = expansion.text
            needs[name] = needs.get(name, frozenset()) | expansion.used
        if value is not None:
            values[name] = value
        declared[name] = values.get(name)
    return Globals(values, declared, needs, budget)


def _defaults(arguments: Iterable[Define]) -> Iterable[tuple[Line, str, str | None]]:
    for instruction in arguments:
        for pair in instruction.pairs:
            yield instruction.line, pair.name, pair.value


class Known(Struct, frozen=True):
    """A text with its variables replaced, and the variables whose value cannot be known here."""

    text: str
    unknown: tuple[str, ...] = ()


_NOTHING = Known("")


class Scope(Struct):
    """The environment of a stage at one of its instructions.

    `open`: its base is an image whose environment is not known here. `unsure` are variables whose
    value depends on such an image. `kept` is what ENV set, which the image carries: a stage built
    on this one begins with it, whatever ARG made of those names here. A `workdir` of `None` is not
    known.
    """

    escape: str
    open: bool
    values: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    kept: dict[str, Known] = field(default_factory=dict)
    workdir: str | None = None
    budget: Budget = field(default_factory=Budget)

    def known(self, text: str) -> Known:
        """Replace the variables in an instruction's text. Raises `RefusedError`."""
        if not text:  # a flag that is not given
            return _NOTHING
        return self._known(text, Rules(escape=self.escape, lenient=self.open))

    def document(self, text: str) -> Known:
        """Replace the variables in a here-document, where quotes are plain characters."""
        return self._known(text, Rules(quotes=False, lenient=self.open))

    def words(self, text: str, *, forgetful: bool) -> tuple[str, ...]:
        """Split a text into words, with its variables replaced; see `Rules` for `forgetful`."""
        rules = Rules(escape=self.escape, lenient=self.open, forgetful=forgetful)
        return expand(text, self.values, rules, self.budget).words

    def enter(self, folder: Known) -> None:
        """Change the working directory. Raises `TooMuchError`."""
        self.budget.spend(len(self.workdir or ""))
        if folder.unknown or (self.workdir is None and not folder.text.startswith("/")):
            self.workdir = None
        else:
            self.workdir = posixpath.normpath(posixpath.join(self.workdir or "/", folder.text))

    def doubt(self) -> None:
        """Mark every variable as unsure: any may have been set."""
        self.budget.spend(_PER_VARIABLE * len(self.values))
        self.unsure.update(self.values)
        self.kept = {n: Known(value.text, value.unknown or (n,)) for n, value in self.kept.items()}

    def set_argument(self, name: str, value: Known) -> None:
        """Set a variable by ARG for the rest of this stage; an ENV of that name overrides it."""
        if name not in _NOT_ENVIRONMENT:
            self._set(name, value)

    def set_environment(self, name: str, value: Known) -> None:
        """Set a variable by ENV: for what follows, and in the image."""
        self._set(name, value)
        self.kept[name] = value

    def child(self) -> Scope:
        """Return the environment that a stage built on this one begins with.

        An image whose ENV is not known here may set what was an ARG in this stage. Raises
        `TooMuchError`.
        """
        self.budget.spend(_PER_VARIABLE * len(self.values))
        unsure = set(self.values) if self.open else set(self.unsure)
        child = Scope(
            self.escape,
            self.open,
            dict(self.values),
            unsure,
            workdir=self.workdir,
            budget=self.budget,
        )
        for name, value in self.kept.items():
            child.set_environment(name, value)
        return child

    def _set(self, name: str, value: Known) -> None:
        self.values[name] = value.text
        if value.unknown:
            self.unsure.add(name)
        else:
            self.unsure.discard(name)

    def _known(self, text: str, rules: Rules) -> Known:
        expansion = expand(text, self.values, rules, self.budget)
        missing = expansion.unset if self.open else frozenset()
        unknown = missing | (expansion.used & self.unsure)
        return Known(expansion.text, tuple(sorted(unknown))) if unknown else Known(expansion.text)


def first_scope(escape: str, budget: Budget, *, scratch: bool) -> Scope:
    """Return the environment that a stage begins with, on `scratch` or on an image."""
    scope = Scope(escape, not scratch, budget=budget)
    if scratch:
        scope.set_environment("PATH", Known(_PATH))
        scope.workdir = "/"
    return scope
