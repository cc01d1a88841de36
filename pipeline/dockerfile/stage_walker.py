"""Walk the instructions of a stage with its variables; record what it reads, names and declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..dockerignore import gomatch
from ..errors import Location, Problem, Problems, raise_problems
from . import unpinned_sources, value_checks
from .bases import SCRATCH, Origin
from .errors import RefusedError
from .expansion_limit import TooMuchError
from .instructions import Copy, Define, Instruction, Run
from .mounts import Mount, MountType, origin_of, parse_mount, source_texts
from .reads import Read, ReadKind, clean
from .urls import is_git, is_http, is_pinned_git
from .variable_scope import Known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .variable_scope import Globals, Scope


_PLACED = frozenset({MountType.BIND, MountType.CACHE, MountType.TMPFS})


class NamedImage(Struct, frozen=True):
    """An image that the Dockerfile names; `written` is its name after expansion.

    `instruction` is `FROM`, `COPY --from` or `RUN --mount`; `platform` the one it is needed for.
    """

    written: str
    instruction: str
    location: Location
    platform: str


class Taken(Struct):
    """What is read of a context; `whole` is the reason why all of it counts, if it does."""

    reads: dict[Read, None] = field(default_factory=dict)
    whole: str = ""


class Findings(Struct):
    """What is found in the stages, collected stage by stage.

    `taken` is what they read of each context: the build's own has no name.
    """

    names: list[NamedImage] = field(default_factory=list)
    declared: dict[str, str | None] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=lambda: {"": Taken()})
    floating: dict[str, None] = field(default_factory=dict)
    remotes: dict[str, None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=Problems)

    def take(self, context: str, read: Read) -> None:
        """Record what is read of a context."""
        self.taken.setdefault(context, Taken()).reads[read] = None

    def cannot_tell(self, reason: str, context: str = "") -> None:
        """Record the reason why all of a context counts; the first reason stays."""
        taken = self.taken.setdefault(context, Taken())
        taken.whole = taken.whole or reason


class StageWalker(Struct, frozen=True):
    """Walks one stage: `index` is its own, `origins` resolves `--from` and `from=`."""

    index: int
    scope: Scope
    given: Mapping[str, str]
    arguments: Globals
    origins: Callable[[Instruction], tuple[Origin, ...]]
    platform: str
    findings: Findings

    def take(self, instruction: Instruction) -> None:
        """Record one instruction; what BuildKit would refuse becomes a problem."""
        try:
            self._take(instruction)
        except RefusedError as error:
            location = instruction.line.find(error.blame)
            self.findings.problems.append(Problem(location, error.message, error.hint))
            if isinstance(error, TooMuchError):
                raise_problems(self.findings.problems)

    def _take(self, instruction: Instruction) -> None:
        check = value_checks.TEXT_CHECKS.get(instruction.keyword)
        for text in instruction.texts:
            known = self._known(text)
            if check and not known.unknown:
                check(known.text)
        if instruction.keyword == "EXPOSE":
            self._expose(instruction)
        elif instruction.keyword == "WORKDIR":
            self.scope.enter(self._known(instruction.texts[0]))
        elif isinstance(instruction, Define):
            if instruction.keyword == "ARG":
                self._arg(instruction)
            else:
                self._env(instruction)
        elif isinstance(instruction, Copy):
            self._copy(instruction)
        elif isinstance(instruction, Run):
            self._run(instruction)

    def _known(self, text: str) -> Known:
        """Expand a text; an error in it is located at that text."""
        try:
            return self.scope.known(text)
        except RefusedError as error:
            error.blame = text
            raise

    def _expose(self, instruction: Instruction) -> None:
        for text in instruction.texts:
            if self._known(text).unknown:
                continue
            try:
                value_checks.check_ports(self.scope.words(text, forgetful=False))
            except RefusedError:
                value_checks.check_ports(self.scope.words(text, forgetful=True))

    def _arg(self, instruction: Define) -> None:
        for pair in instruction.pairs:
            value: Known | None = None
            if pair.name in self.given:
                value = Known(self.given[pair.name])
            elif pair.value is not None:
                value = self._known(pair.value)
            elif pair.name in self.arguments.values:
                value = Known(self.arguments.values[pair.name])
                self.findings.declared.update(self.arguments.with_needed([pair.name]))
            if value is not None:
                self.scope.set_argument(pair.name, value)
            self.findings.declared[pair.name] = None if value is None else value.text

    def _env(self, instruction: Define) -> None:
        """Set the variables of ENV; each sees the environment from before the instruction."""
        found = [(self._known(p.name), self._known(p.value or "")) for p in instruction.pairs]
        for name, value in found:
            if name.unknown:
                self.scope.doubt()
            else:
                self.scope.set_environment(name.text, value)

    def _copy(self, instruction: Copy) -> None:
        for document in instruction.heredocs:
            if document.expand:
                self.scope.document(document.text)
        chmod = self._known(instruction.chmod)
        if chmod.text and not chmod.unknown:
            value_checks.check_mode(chmod.text)
        # Each source is matched with each pattern.
        self.scope.budget.spend(len(instruction.sources) * len(instruction.exclude))
        found = self._origins(instruction, f"{instruction.keyword} --from")
        context = _context_of(found[0] if found else None)
        try:
            self._sources(instruction, instruction.sources, context)
        except TooMuchError:
            raise
        except RefusedError:
            if not instruction.before:
                raise
        if instruction.before:
            self._sources(instruction, instruction.before, context)

    def _sources(self, instruction: Copy, written: tuple[str, ...], context: str | None) -> None:
        sources = [self._known(source) for source in written]
        self._check_checksum(instruction, sources)
        for text, source in zip(written, sources, strict=True):
            remote = is_git(source.text) or is_http(source.text)
            if source.unknown and context is not None and not remote:
                self._cannot_tell(instruction, source.unknown, context)
            elif remote or not source.unknown:
                self._source(instruction, source.text, text, context)

    def _source(self, instruction: Copy, source: str, written: str, context: str | None) -> None:
        git, http = is_git(source), is_http(source)
        if git or http:
            if instruction.keyword == "COPY":
                what = "a Git repository" if git else "a URL"
                raise RefusedError(f"`COPY` cannot take {what}", hint="use `ADD`", blame=written)
            self._remote(instruction, source, git=git)
        elif context is not None:
            # Cleaning would lose the `/./` of `--parents`, after which its pattern begins.
            pattern = source if instruction.parents else clean(source)
            self._read(instruction, pattern, written, context)

    def _read(self, instruction: Copy, pattern: str, written: str, context: str) -> None:
        if gomatch.has_magic(pattern) and not instruction.parents:
            try:
                gomatch.check(pattern)
            except ValueError as error:
                hint = "for a literal `[`, write `\\\\[`: the Dockerfile takes one backslash"
                raise RefusedError(str(error), hint=hint, blame=written) from None
        kind = ReadKind(instruction.keyword)
        location = instruction.line.find(written)
        optional = bool(instruction.before)
        read = Read(pattern, kind, location, instruction.exclude, instruction.parents, optional)
        self.findings.take(context, read)

    def _remote(self, instruction: Copy, source: str, *, git: bool) -> None:
        self.findings.remotes[source] = None
        line = instruction.location.line
        if git:
            pinned = bool(instruction.checksum) or is_pinned_git(source)
            found = unpinned_sources.of_git(source, pinned=pinned, line=line)
        else:
            found = unpinned_sources.of_url(source, pinned=bool(instruction.checksum), line=line)
        self.findings.floating.update(dict.fromkeys(found))

    def _check_checksum(self, instruction: Copy, sources: list[Known]) -> None:
        checksum = self._known(instruction.checksum)
        if not checksum.text:
            return
        if len(sources) != 1:
            raise RefusedError("`--checksum` is for one source", blame="--checksum")
        source = sources[0]
        if source.unknown or is_git(source.text):
            return
        if not is_http(source.text):
            raise RefusedError("`--checksum` is for a URL or Git", blame="--checksum")
        if not checksum.unknown:
            value_checks.check_digest(checksum.text)

    def _run(self, instruction: Run) -> None:
        found = iter(self._origins(instruction, "RUN --mount"))
        for written in instruction.mounts:
            origin = next(found, Origin(None)) if origin_of(written) else None
            self._mount(instruction, written, _context_of(origin))
        line = instruction.location.line
        self.findings.floating.update(
            dict.fromkeys(unpinned_sources.of_script(instruction.script, line))
        )

    def _mount(self, instruction: Run, written: str, context: str | None) -> None:
        """Record a mount of a context; `context` is `None` for a stage or an image."""
        unknown = [name for t in source_texts(written) for name in self._known(t).unknown]
        if unknown:
            if context is not None:
                self._cannot_tell(instruction, tuple(unknown), context)
            return
        mount = self._parsed_mount(written)
        if mount is None or context is None:
            return
        # A cache mount is filled with the files of its `from=`, if it has one.
        if mount.type is MountType.BIND or (context and mount.type is MountType.CACHE):
            location = instruction.line.find(mount.source or "--mount")
            self.findings.take(context, Read(clean(mount.source), ReadKind.MOUNT, location))

    def _parsed_mount(self, written: str) -> Mount | None:
        """Parse a mount; `None` if a value that cannot be known here makes it look wrong."""
        unknown: list[str] = []

        def expanded(text: str) -> str:
            known = self._known(text)
            unknown.extend(known.unknown)
            return known.text

        try:
            mount = parse_mount(written, expanded)
            if mount.type in _PLACED:
                value_checks.check_target(mount.target, self.scope.workdir)
        except RefusedError:
            if unknown:
                return None
            raise
        return mount

    def _origins(self, instruction: Instruction, what: str) -> tuple[Origin, ...]:
        found = self.origins(instruction)
        for origin in found:
            # A trigger may take from the stage that it runs in, as built so far.
            if origin.stage is not None and origin.stage > self.index:
                raise RefusedError(
                    f"`{what}` takes from stage {origin.stage}, which is not above this one",
                    hint="move that stage up",
                )
            if origin.context:
                # BuildKit needs the context, whether or not anything in it is read.
                self.findings.taken.setdefault(origin.context, Taken())
            elif origin.stage is None and origin.image != SCRATCH:
                location = instruction.line.find(origin.image)
                self.findings.names.append(NamedImage(origin.image, what, location, self.platform))
        return found

    def _cannot_tell(
        self, instruction: Instruction, unknown: tuple[str, ...], context: str
    ) -> None:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(unknown))
        self.findings.cannot_tell(
            f"what `{instruction.keyword}` at line {instruction.location.line} reads depends on "
            f"{names}, which the image below may set",
            context,
        )


def _context_of(origin: Origin | None) -> str | None:
    """Return the context that is read, "" for the build's own; `None` for a stage or an image."""
    if origin is None:
        return ""
    return origin.context or None
