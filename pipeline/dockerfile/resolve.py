"""Resolve a target for one platform: all that its build needs of the Dockerfile.

Facts from buildkit `frontend/dockerfile/dockerfile2llb/convert.go`: every FROM and `--from` of the
file must be valid, but only the stages that the target needs are evaluated; a stage begins with the
ONBUILD triggers of the stage or image directly below it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Location, Problem, raise_problems
from ..reference import Platform
from ..spelling import did_you_mean
from . import unpinned_sources
from .arguments import is_buildkit_argument, is_predefined
from .bases import SCRATCH, StageBase, resolve_bases
from .expansion_limit import TooMuchError
from .from_flags import FromFlags
from .frontend import may_have_labs
from .instructions import Onbuild as OnbuildInstruction
from .instructions import Run
from .reads import Reads
from .stage_graph import Onbuild, StageGraph
from .stage_walker import Findings, NamedImage, StageWalker, Taken
from .variable_scope import Globals, Scope, first_scope, global_arguments, platform_arguments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from .expansion_limit import Budget
    from .parser import Dockerfile, Stage
    from .step_count import StageSteps

LINUX = Platform("linux", "amd64")


class Resolved(Struct, frozen=True):
    """What the target needs, for one platform.

    * `stages`: the needed ones, in order of the file.
    * `names`: each use of an image that is neither a stage nor `scratch`.
    * `declared`: the arguments in effect, `None` for no value; a given one that BuildKit itself
      reads (`BUILDKIT_…`, `SOURCE_DATE_EPOCH`) is included undeclared.
    * `reads`: what is read of the context.
    * `stage_names`: all names of stages in the file, needed or not.
    * `floating`: sentences for what can change without the Dockerfile or its context changing.
    * `frontend`: the image that reads the Dockerfile, or nothing for the builder's own.
    * `onbuild`: the triggers that the image will carry, as text: pass them to `resolve` for a
      Dockerfile whose FROM names this image.
    * `arguments`: all names that ARG declares anywhere, needed or not, in triggers too.
    * `triggers_known`: whether the triggers of all images that the file begins with are known.
    * `unused`: given arguments that are none of these, and mean nothing to BuildKit itself.
    * `remotes`: the URLs and Git repositories that `ADD` names.
    * `steps`: the steps that BuildKit counts in the needed stages that begin with an image.
    * `host_network`: the steps that want the network of the builder's machine itself.
    * `contexts`: what is read of each named context.
    * `unused_contexts`: the given named contexts from which nothing takes.
    * `unpinned_steps`: whether a RUN or ADD is among what can change.
    * `root`: the image that the target begins with, directly or by other stages; `scratch`, or
      empty for a named context.
    """

    stages: tuple[Stage, ...]
    names: tuple[NamedImage, ...]
    declared: Mapping[str, str | None]
    reads: Reads
    stage_names: frozenset[str]
    floating: tuple[str, ...]
    frontend: str = ""
    onbuild: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    triggers_known: bool = True
    unused: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()
    steps: tuple[StageSteps, ...] = ()
    host_network: tuple[Location, ...] = ()
    contexts: Mapping[str, Reads] = field(default_factory=dict)
    unused_contexts: tuple[str, ...] = ()
    unpinned_steps: bool = False
    root: str = ""


def _unknown_triggers(_image: str, _platform: Platform) -> None:
    """Return `None`: no triggers are known."""


def resolve(  # noqa: PLR0913 - BuildKit is given each of these values, too
    dockerfile: Dockerfile,
    *,
    target: str | None,
    args: Mapping[str, str],
    platform: Platform,
    build_platform: Platform = LINUX,
    onbuild: Onbuild = _unknown_triggers,
    contexts: Collection[str] = (),
) -> Resolved:
    """Find what a build of `target` (default: the last stage) for `platform` needs.

    `onbuild` returns the triggers of an image that FROM names; `contexts` are the names, as
    `context_key` writes them, of folders that replace stages and images. Raises `ConfigError` with
    all problems.
    """
    findings = Findings()
    last = target or dockerfile.stages[-1].name or "default"
    predefined = platform_arguments(build_platform, platform, last)
    arguments = global_arguments(dockerfile, predefined, args, findings.problems)
    links = resolve_bases(dockerfile, arguments, findings.problems)
    sources = FromFlags(dockerfile, findings.problems, frozenset(contexts))
    graph = StageGraph(dockerfile, links, platform, onbuild, sources, findings.problems)
    sound = graph.check()
    index = _target(dockerfile, target, findings.problems)
    needed = graph.needed(index, unused=False) if sound else ()
    _evaluate(graph, needed, arguments, args, platform, findings)
    read = graph.needed(index, unused=True) if sound else ()
    if read != needed:
        # A stage that is only named is no input of the build; BuildKit refuses errors in it.
        named = Findings(problems=findings.problems)
        _evaluate(graph, read, arguments, args, platform, named)
        for name in named.taken:
            findings.taken.setdefault(name, Taken())
        findings.problems[:] = dict.fromkeys(findings.problems)
    frontend = args.get("BUILDKIT_SYNTAX", dockerfile.syntax)
    if not may_have_labs(frontend):
        _refuse_labs(graph, read, findings.problems)
    raise_problems(findings.problems)
    _builder_arguments(findings, args, arguments)
    declared = graph.declared()
    unused = _unused(args, declared, predefined)
    steps = graph.steps(needed)
    if not all(stage.triggers_known for stage in steps):
        # A trigger that is not known may declare them.
        findings.declared.update((name, args[name]) for name in unused)
    reads = {name: Reads(tuple(t.reads), t.whole) for name, t in findings.taken.items()}
    own = dockerfile.stages[index].instructions
    return Resolved(
        stages=tuple(dockerfile.stages[i] for i in needed),
        names=tuple(findings.names),
        declared=MappingProxyType(findings.declared),
        reads=reads.pop(""),
        stage_names=frozenset(stage.name for stage in dockerfile.stages if stage.name),
        floating=(*unpinned_sources.of_frontend(frontend), *findings.floating),
        unpinned_steps=bool(findings.floating),
        root=graph.root(index),
        frontend=frontend,
        onbuild=tuple(i.expression for i in own if isinstance(i, OnbuildInstruction)),
        arguments=tuple(sorted(declared)),
        triggers_known=graph.all_known(),
        unused=unused,
        remotes=tuple(findings.remotes),
        steps=steps,
        host_network=_on_the_host(graph, needed),
        contexts=reads,
        unused_contexts=_unused_contexts(graph),
    )


def _target(dockerfile: Dockerfile, target: str | None, problems: list[Problem]) -> int:
    """Return the index of the stage to build; of several with one name, the last."""
    stages = dockerfile.stages
    if not target:
        return stages[-1].index
    names = {stage.name: stage.index for stage in stages if stage.name}
    if target.lower() not in names:
        message = f"there is no stage `{target}`, the target"
        hint = did_you_mean(target.lower(), names) or _listed(names)
        problems.append(Problem(Location(dockerfile.file), message, hint))
    return names.get(target.lower(), stages[-1].index)


def _listed(names: Mapping[str, int]) -> str:
    if not names:
        return "no stage has a name: write `FROM … AS name`"
    return "the stages are " + ", ".join(f"`{name}`" for name in names)


def _evaluate(
    graph: StageGraph,
    needed: Sequence[int],
    arguments: Globals,
    args: Mapping[str, str],
    platform: Platform,
    findings: Findings,
) -> None:
    scopes: dict[int, Scope] = {}
    for index in needed:
        linked = graph.links[index]
        try:
            scope = scopes[index] = _scope(
                linked, scopes, graph.dockerfile.escape, arguments.budget
            )
            _start(linked, arguments, args, platform, findings)
        except TooMuchError as error:
            location = linked.stage.location
            findings.problems.append(Problem(location, error.message, error.hint))
            raise_problems(findings.problems)
        walker = StageWalker(
            index, scope, args, arguments, graph.sources.of, str(platform), findings
        )
        for instruction in graph.instructions(index):
            walker.take(instruction)


def _on_the_host(graph: StageGraph, stages: Sequence[int]) -> tuple[Location, ...]:
    instructions = (one for index in stages for one in graph.instructions(index))
    wanted = "host"
    return tuple(
        one.line.find(f"--network={wanted}")
        for one in instructions
        if isinstance(one, Run) and one.network == wanted
    )


def _refuse_labs(graph: StageGraph, stages: Sequence[int], problems: list[Problem]) -> None:
    """Add a problem for each instruction that only a frontend with `labs` in its tag builds."""
    for instruction in (one for index in stages for one in graph.instructions(index)):
        if isinstance(instruction, Run) and instruction.devices:
            location = instruction.line.find("--device")
            hint = "begin the file with `# syntax=docker/dockerfile:1-labs`"
            problems.append(Problem(location, "`RUN --device` is experimental", hint))


def _scope(linked: StageBase, scopes: Mapping[int, Scope], escape: str, budget: Budget) -> Scope:
    below = linked.base.stage
    if below is not None and below in scopes:
        return scopes[below].child()
    bare = linked.base.image == SCRATCH or bool(linked.base.context)
    return first_scope(escape, budget, scratch=bare)


def _start(
    linked: StageBase,
    arguments: Globals,
    args: Mapping[str, str],
    platform: Platform,
    findings: Findings,
) -> None:
    """Record the FROM of a stage."""
    findings.declared.update(arguments.with_needed(sorted(linked.used)))
    findings.declared.update((name, args[name]) for name in sorted(linked.used) if name in args)
    image, context = linked.base.image, linked.base.context
    start = linked.stage.start
    if context:
        line = start.location.line
        findings.cannot_tell(f"the stage at line {line} begins with all of it", context)
    if linked.base.stage is not None or context or image == SCRATCH:
        return
    asked = str(linked.platform or platform)
    location = start.line.find(start.base)
    findings.names.append(NamedImage(image, "FROM", location, asked))


def _unused_contexts(graph: StageGraph) -> tuple[str, ...]:
    given = graph.sources.contexts
    return tuple(sorted(given - graph.named_contexts())) if given else ()


def _builder_arguments(findings: Findings, args: Mapping[str, str], arguments: Globals) -> None:
    """Record the arguments that BuildKit reads itself."""
    for name, value in args.items():
        if is_buildkit_argument(name):
            findings.declared[name] = value
    epoch = arguments.declared.get("SOURCE_DATE_EPOCH")
    if epoch is not None:
        findings.declared["SOURCE_DATE_EPOCH"] = epoch


def _unused(
    args: Mapping[str, str], declared: frozenset[str], predefined: Iterable[str]
) -> tuple[str, ...]:
    """Return the given arguments that nothing can see: most often a typo."""
    known = declared.union(predefined)
    return tuple(name for name in args if name not in known and not is_predefined(name))
