"""Build and push what a plan builds: solve after solve, each image's end told once.

One solve holds as many images as it can (`buildkit.batches`). When one of them fails,
BuildKit cancels the rest and says nothing of what it had pushed: the registry is asked.
What is pushed is under a tag of this run's own, until it is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..buildkit.batches import blocked_by, next_batch
from ..buildkit.definition import Output, Target
from ..buildkit.outcome import Broken, Built
from ..buildkit.provenance import unaccounted
from ..buildkit.solve import MAX_TARGETS, solve
from ..buildkit.staging import staged
from ..errors import ConfigError, UnknownError, WorkError
from ..fingerprints.snapshot import snapshot
from ..model.events import Notice
from ..model.masking import masker
from ..model.plan import Action
from ..model.report import Failure, ImageResult, ImageStatus
from ..registry.auth.build_proxies import docker_proxies
from ..registry.auth.private_config import docker_config
from .confirm import confirm, end
from .image_test import set_aside, test_and_push
from .local_names import rename_images
from .permission import check_image
from .secrets import build_secrets, given_secrets, logins, without_others

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..buildkit.outcome import Outcome
    from ..buildkit.solve import Solve
    from ..fingerprints.snapshot import Snapshot
    from ..model.plan import ImageAction, Plan
    from ..reference import ImageName, Reference
    from .tools import Tools

Results = dict["ImageName", ImageResult]


def build_images(
    plan: Plan, tools: Tools, done: Results, trouble: UnknownError | None = None
) -> tuple[Results, UnknownError | None]:
    """Bring every image of the plan to its end; the error is what the run stopped at, if any.

    `done` are those that came to their end before.
    """
    results = done | {
        a.name: end(tools, a, ImageStatus.EXISTS, a.reason, a.digest)
        for a in plan.images
        if a.action is Action.EXISTS
    }
    while (pending := _pending(plan, results)) and not tools.stop.is_set() and trouble is None:
        ended, trouble = _build_batch(plan, pending, results, tools)
        results |= ended
        results |= _blocked(pending, results, tools)
        if not tools.keep_going and _failed(results):
            break
    return results | _untried(plan, results, trouble, tools), trouble


def _pending(plan: Plan, results: Results) -> list[ImageAction]:
    return [action for action in plan.images if action.name not in results]


def _failed(results: Results) -> list[ImageName]:
    return [name for name, r in results.items() if r.status is ImageStatus.FAILED]


def _blocked(pending: Sequence[ImageAction], results: Results, tools: Tools) -> Results:
    actions = {action.name: action for action in pending}
    return {
        name: end(tools, actions[name], ImageStatus.BLOCKED, f"it needs `{fault}`, which failed")
        for name, fault in blocked_by(pending, _failed(results)).items()
        if name not in results
    }


def _untried(plan: Plan, results: Results, trouble: UnknownError | None, tools: Tools) -> Results:
    failed = ", ".join(f"`{name}`" for name in _failed(results))
    why = f"not tried, because {failed} failed"
    if trouble:
        why = f"not tried, or not to its end: {trouble.message}"
    if tools.stop.is_set():
        why = "interrupted before it was done"
    return {a.name: end(tools, a, ImageStatus.BLOCKED, why) for a in _pending(plan, results)}


def _build_batch(
    plan: Plan, pending: Sequence[ImageAction], results: Results, tools: Tools
) -> tuple[Results, UnknownError | None]:
    """One solve, its tests and pushes, and what the registry then holds."""
    batch = next_batch(pending, at_most=MAX_TARGETS)
    outcomes: dict[ImageName, Outcome] = {}
    trouble: UnknownError | None = None
    try:
        solved = _solve(plan, batch, results, tools)
        outcomes |= solved.outcomes
        trouble = solved.error
        gated = set_aside(batch, outcomes)
        if trouble is None:
            test_and_push(gated, outcomes, tools)
    except UnknownError as error:
        trouble = error
    ended, unknown = confirm(batch, outcomes, tools)
    rename_images(batch, ended, plan.project.settings.build, tools)
    ended = {
        name: _audited(plan, result, outcomes.get(name), tools) for name, result in ended.items()
    }
    return ended, trouble or unknown or _no_headway(ended, tools)


def _audited(plan: Plan, result: ImageResult, outcome: Outcome | None, tools: Tools) -> ImageResult:
    """The result with what BuildKit read and no fingerprint knows; it is told once, quietly."""
    sources = outcome.sources if isinstance(outcome, Built) else ()
    pushed = {action.reference.repository for action in plan.images}
    found = unaccounted(plan.project, result.name, sources, pushed)
    for source in found:
        text = f"`{result.name}` was built from `{source}` too, which is not in its fingerprint"
        tools.report(Notice(text))
    return replace(result, unaccounted=found) if found else result


def _solve(plan: Plan, batch: Sequence[ImageAction], results: Results, tools: Tools) -> Solve:
    """Build from a copy of the files; an image whose files have changed since is not built."""
    proxies = docker_proxies(tools.environ)
    known = logins(batch, tools.credentials)
    theirs = build_secrets([action.image for action in batch], plan.project.root, tools.environ)
    ours = (form for credential in known.values() for form in credential.forms)
    with (
        docker_config(known, tools.environ, tools.registry.doubtful) as extra,
        snapshot(plan.project.root, tools.environ) as files,
    ):
        secrets, changed = _copy_files(plan, batch, files, tools)
        left = _left(batch, changed, tools)
        names = {action.name for action in left}
        targets = [_target(action, names, results, files, tools) for action in left]
        environ = without_others(tools.environ, plan.project, [action.image for action in left])
        solved = solve(
            plan.project.root,
            [replace(t, proxies=proxies, secrets=secrets[t.image.name]) for t in targets],
            plan.project.settings.build,
            environ={**environ, **extra},
            report=tools.report,
            stop=tools.stop,
            mask=masker([*theirs, *ours]),
        )
        return replace(solved, outcomes={**solved.outcomes, **changed})


def _copy_files(
    plan: Plan, batch: Sequence[ImageAction], files: Snapshot, tools: Tools
) -> tuple[dict[ImageName, tuple[str, ...]], dict[ImageName, Outcome]]:
    """Copy what images read, and look for their secrets, as buildx is given them.

    With them, the ends of the images of which something is not what it was.
    """
    secrets: dict[ImageName, tuple[str, ...]] = {}
    changed: dict[ImageName, Outcome] = {}
    for action in batch:
        try:
            # Most were looked at before: not those whose copy failed, and what these stand on.
            check_image(plan.project, action.image, tools.environ)
            files.add(action.image, plan.inputs[action.name])
            secrets[action.name] = given_secrets(action.image, files.root, tools.environ)
        except (WorkError, ConfigError) as error:
            changed[action.name] = Broken(Failure("", error.message, hint=error.hint))
    files.settle()
    return secrets, changed


def _left(
    batch: Sequence[ImageAction], changed: Mapping[ImageName, Outcome], tools: Tools
) -> list[ImageAction]:
    """The images that are built all the same: none after a failure, if the user does not say so."""
    if changed and not tools.keep_going:
        return []
    out = {*changed, *blocked_by(batch, list(changed))}
    return [action for action in batch if action.name not in out]


def _target(
    action: ImageAction, batch: set[ImageName], results: Results, files: Snapshot, tools: Tools
) -> Target:
    image = action.image
    bases = {n: None if n in batch else _pinned(results[n]) for n in image.base_names}
    output = Output.LOAD if image.test else Output.PUSH
    named = (context.path for context in image.contexts.values())
    folders = (image.context, image.dockerfile.parent, *named)
    places = {folder: files.place(folder) for folder in folders}
    return Target(image, staged(action.reference, tools.mark), output, bases, places)


def _pinned(result: ImageResult) -> Reference:
    if result.digest is None:
        raise UnknownError(f"the digest of the base `{result.name}` is not known")
    return result.reference.pinned(result.digest)


def _no_headway(ended: Results, tools: Tools) -> UnknownError | None:
    if ended or tools.stop.is_set():
        return None
    return UnknownError(
        "BuildKit stopped without saying which image failed",
        hint="run again with `invoke doctor` first, and look at the engine's log",
    )
