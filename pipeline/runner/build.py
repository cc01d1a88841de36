"""Build and push the images of a plan, batch after batch, and record how each ended.

One solve holds as many images as it can (`buildkit.batches`). When one of them fails, BuildKit
cancels the rest and says nothing of what it had pushed: the registry is asked. An image is pushed
under a tag that only this run uses, until it is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..buildkit.batches import blocked_by, next_batch
from ..buildkit.buildx_search import BuildxSearch
from ..buildkit.definition import Output, Target
from ..buildkit.outcome import Broken, Built
from ..buildkit.provenance import unaccounted
from ..buildkit.solve import MAX_TARGETS, solve
from ..buildkit.staging import staged
from ..errors import ConfigError, UnknownError, WorkError
from ..fingerprints.snapshot import snapshot
from ..model.actions import Action
from ..model.events import Notice
from ..model.masking import masker
from ..model.report import Failure, ImageStatus
from ..registry.auth.docker_config import docker_config
from ..registry.auth.docker_login import docker_proxies
from .image_test import set_aside, test_and_push
from .preflight import check_image
from .publish import name_on_engine, publish_batch
from .record import write_records
from .reuse import Reuse
from .secrets import build_secrets, given_secrets, logins, without_others

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..buildkit.outcome import Outcome
    from ..buildkit.solve import Solve
    from ..fingerprints.snapshot import Snapshot
    from ..model.actions import ImageAction
    from ..model.plan import Plan
    from ..reference import ImageName, Reference
    from .publish import Pushed
    from .tools import Tools


def build_images(plan: Plan, tools: Tools) -> None:
    """Build, test, push and publish the images of the plan, and record how each ended.

    Images that are recorded already were copied. Raises `UnknownError` for what stopped the builds,
    after all that is known was recorded.
    """
    for action in plan.images:
        if action.action is Action.EXISTS:
            tools.end_image(action, ImageStatus.EXISTS, action.reason, action.digest)
    if not _pending(plan, tools):
        return
    nobodys = without_others(tools.environ, plan.project, ())
    search = BuildxSearch(plan.project.settings.build, nobodys)
    reuse = Reuse(plan, tools)
    while not tools.stop.is_set():
        reuse.settle(_pending(plan, tools))
        pending = _pending(plan, tools)
        if not pending or tools.stop.is_set():
            break
        try:
            _build_batch(plan, pending, search, reuse, tools)
        finally:
            _block_dependents(pending, tools)
        if not tools.keep_going and tools.results.failed_images():
            break
    failed = ", ".join(f"`{name}`" for name in tools.results.failed_images())
    why = "interrupted before it was done" if tools.stop.is_set() else ""
    for action in _pending(plan, tools):
        why = why or f"not tried, because {failed} failed"
        tools.end_image(action, ImageStatus.BLOCKED, why)


def _pending(plan: Plan, tools: Tools) -> list[ImageAction]:
    return [action for action in plan.images if action.name not in tools.results.images]


def _block_dependents(pending: Sequence[ImageAction], tools: Tools) -> None:
    """Record that images are blocked whose base failed."""
    actions = {action.name: action for action in pending}
    for name, fault in blocked_by(pending, tools.results.failed_images()).items():
        if name not in tools.results.images:
            why = f"it needs `{fault}`, which failed"
            tools.end_image(actions[name], ImageStatus.BLOCKED, why)


def _build_batch(
    plan: Plan,
    pending: Sequence[ImageAction],
    search: BuildxSearch,
    reuse: Reuse,
    tools: Tools,
) -> None:
    """Build one batch in one solve, test, push and publish it; record how each image ended.

    Raises the first `UnknownError`, after all that is known was recorded.
    """
    batch = next_batch(pending, at_most=MAX_TARGETS, later=reuse.waiting)
    pushed: list[Pushed] = []
    outcomes: dict[ImageName, Outcome] = {}
    first: UnknownError | None = None

    def before_tags(found: Sequence[Pushed]) -> None:
        pushed.extend(found)
        write_records(plan, found, tools)

    try:
        solved = _solve(plan, batch, search, tools)
        outcomes |= solved.outcomes
        first = solved.error
        to_test = set_aside(batch, outcomes)
        if first is None:
            test_and_push(to_test, outcomes, tools)
    except UnknownError as error:
        first = error
    try:
        publish_batch(batch, outcomes, tools, before_tags)
    except UnknownError as error:
        first = first or error
    name_on_engine(batch, plan.project.settings.build, tools)
    ended = [action.name for action in batch if action.name in tools.results.images]
    for name in ended:
        _audit(plan, name, outcomes.get(name), tools)
    reuse.record(batch, outcomes, pushed)
    if first:
        raise first
    if not ended and not tools.stop.is_set():
        raise UnknownError(
            "BuildKit stopped without saying which image failed",
            hint="run again with `invoke doctor` first, and look at the engine's log",
        )


def _audit(plan: Plan, name: ImageName, outcome: Outcome | None, tools: Tools) -> None:
    """Report and record what BuildKit read for an image that is not in its fingerprint."""
    sources = outcome.sources if isinstance(outcome, Built) else ()
    pushed = {action.reference.repository for action in plan.images}
    found = unaccounted(plan.project, name, sources, pushed)
    for source in found:
        text = f"`{name}` was built from `{source}` too, which is not in its fingerprint"
        tools.report(Notice(text))
    if found:
        results = tools.results.images
        results[name] = replace(results[name], unaccounted=found)


def _solve(plan: Plan, batch: Sequence[ImageAction], search: BuildxSearch, tools: Tools) -> Solve:
    """Build from a copy of the files; an image whose files changed since the plan is not built."""
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
        targets = [_target(action, names, files, tools) for action in left]
        environ = without_others(tools.environ, plan.project, [action.image for action in left])
        solved = solve(
            plan.project.root,
            [replace(t, proxies=proxies, secrets=secrets[t.image.name]) for t in targets],
            plan.project.settings.build,
            search=search,
            environ={**environ, **extra},
            report=tools.report,
            stop=tools.stop,
            mask=masker([*theirs, *ours]),
        )
        return replace(solved, outcomes={**solved.outcomes, **changed})


def _copy_files(
    plan: Plan, batch: Sequence[ImageAction], files: Snapshot, tools: Tools
) -> tuple[dict[ImageName, tuple[str, ...]], dict[ImageName, Outcome]]:
    """Copy the files that images read, and find their secrets in the form that buildx is given.

    The second value has the outcome of images whose files or secrets are not what they were.
    """
    secrets: dict[ImageName, tuple[str, ...]] = {}
    changed: dict[ImageName, Outcome] = {}
    for action in batch:
        try:
            # Most were checked before: not images whose copy failed, nor their bases.
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
    """Return the images that are still built: none after a failure, unless the user wants it."""
    if changed and not tools.keep_going:
        return []
    out = {*changed, *blocked_by(batch, list(changed))}
    return [action for action in batch if action.name not in out]


def _target(action: ImageAction, batch: set[ImageName], files: Snapshot, tools: Tools) -> Target:
    image = action.image
    bases = {n: None if n in batch else _pinned(n, tools) for n in image.base_names}
    output = Output.LOAD if image.test else Output.PUSH
    named = (context.path for context in image.contexts.values())
    folders = (image.context, image.dockerfile.parent, *named)
    copies = {folder: files.copy_of(folder) for folder in folders}
    return Target(image, staged(action.reference, tools.mark), output, bases, copies)


def _pinned(name: ImageName, tools: Tools) -> Reference:
    result = tools.results.images[name]
    if result.digest is None:
        raise UnknownError(f"the digest of the base `{name}` is not known")
    return result.reference.pinned(result.digest)
