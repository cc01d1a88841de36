"""Find out why images would be built or deployed: compare their inputs with earlier ones.

What an image is compared with is, in this order: what `against` names; what the apps of the image
run; the newest image of the last 20 commits that the registry has. The inputs of then are those of
the image's record (`runner.record`), else those of the files of its commit, as Git has them.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import ConfigError, UnknownError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.presence import Absent, Incomplete, Present
from ..model.project import reference_of
from ..model.settings import repository_of
from ..model.why import Explanation, Side
from ..process.git_tree import history
from ..reference import Reference, ReferenceSyntaxError, parse_reference
from ..registry.verify import Look, look_closer
from .apps import open_driver
from .earlier import Commits
from .explain import Compared, Search, not_in_git, unexplained
from .open_registry import open_registry
from .record import read_with_bases
from .running_images import AppsOfImage, running_images

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..model.presence import Presence
    from ..model.project import Project
    from ..process.git_tree import Checkout
    from ..reference import ImageName
    from ..registry.client import Registry
    from .apps import OpenDriver
    from .running_images import Runs

    Choose = Callable[[Mapping[ImageName, Reference]], Mapping[ImageName, Reference]]

_TAG = re.compile(r"[0-9a-f]{20}")


def why(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    project: Project,
    names: Collection[ImageName],
    *,
    against: str = "",
    args: Mapping[str, str],
    deep: bool = False,
    unlisted: Mapping[ImageName, UnknownError] | None = None,
    driver: OpenDriver | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Explanation, ...]:
    """Explain images: `names`, or without names all that would be built or deployed.

    `against` is a Git revision, or a reference of an image. `args` are build arguments of the
    command line, which earlier commits get, too. Named images that exist are checked for all their
    parts; with `deep`, the others are, too. `unlisted` has why apps of images are not known, which
    is noted.

    Raises `ConfigError` for an `against` that is neither a revision nor an image with a record or
    with the tag of one of the last commits, and `UnknownError` if the registry does not answer or
    Git cannot. A place to deploy to that does not answer is only noted.
    """
    environ = os.environ if environ is None else environ
    now = Side(project, fingerprint(project, only=names or None))
    with ExitStack() as stack:
        registry = stack.enter_context(open_registry(project.settings, environ))
        wanted = [n for n in project.names if n in (names or now.inputs)]
        asked = [n for n in wanted if not project.image(n).public]
        presence = _presence(now, registry, asked, deep=deep or bool(names))
        search = Search(now, registry, presence, {})
        apps: Mapping[ImageName, AppsOfImage] = {}
        if not against:
            opened = driver or stack.enter_context(open_driver(project, environ))
            apps = running_images(project, asked, opened, unlisted or {})
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="why-")))
        git = Commits(project, folder, args, environ)
        chosen = [n for n in asked if names or not search.exists(n) or _to_deploy(search, n, apps)]
        search.left = dict.fromkeys(
            n
            for n in chosen
            if against or isinstance(presence[n], Absent) or _other(search, n, apps)
        )
        if against:
            _against(search, git, against)
        else:
            _running(search, git, apps)
            _newest(search, git)
    return tuple(search.found.get(name) or unexplained(search, name) for name in chosen)


def _other(
    search: Search, name: ImageName, apps: Mapping[ImageName, AppsOfImage]
) -> Sequence[Runs]:
    """Return the images that apps run and that are not the one of now."""
    present = search.presence[name]
    digest = present.digest if isinstance(present, Present | Incomplete) else None
    found = apps.get(name) or AppsOfImage()
    return [runs for runs in found.runs if runs.digest != digest]


def _to_deploy(search: Search, name: ImageName, apps: Mapping[ImageName, AppsOfImage]) -> bool:
    found = apps.get(name) or AppsOfImage()
    return bool(_other(search, name, apps) or found.outdated)


def _against(search: Search, git: Commits, against: str) -> None:
    """Compare with a revision; or with a reference that has a record, or the tag of a commit."""
    if commit := git.commit_of(against):
        loader = git.loader
        _compare(search, loader.load(commit, search.left), loader.files, commit, dict)
        return
    choose = _with_tag(against)
    for name in list(search.left):
        if at := _named(search, name, against):
            _by_record(search, name, at)
    if not search.found:
        seen = _search_commits(search, git, choose)
        if search.left and not search.found:
            raise usage_error(
                f"there is no record of `{against}`, and none of the last {seen} commits gives it",
                hint="name a Git revision: `--against HEAD~1`",
            )


def _named(search: Search, name: ImageName, text: str) -> Reference | None:
    """Return the reference that a text names: of the image's own repository where it has none."""
    try:
        parsed = parse_reference(text)
    except ReferenceSyntaxError:
        return None
    own = repository_of(search.now.project.settings.registry, name)
    if "/" not in text:
        return Reference(own, parsed.tag)
    return parsed if parsed.repository == own else None


def _with_tag(against: str) -> Choose:
    """Return a function that chooses the images with the fingerprint tag of a reference."""
    tags = _TAG.findall(against)
    if not tags:
        raise usage_error(
            f"`{against}` is neither a Git revision nor an image with a fingerprint tag",
            hint="such as `--against HEAD~1`, or a reference that `plan` shows",
        )
    return lambda wanted: {n: r for n, r in wanted.items() if tags[-1] in str(r.tag)}


def _by_record(
    search: Search, name: ImageName, reference: Reference, apps: tuple[str, ...] = ()
) -> bool:
    """Explain an image by the record of another one; return whether there is one."""
    found = read_with_bases(search.registry, search.now.project, reference, search.now)
    if found is None or found[0].name != name:
        return False
    record, side = found
    notes = search.own_notes.get(name, ())
    against = Compared(side, reference, record.revision, notes, apps, recorded=True)
    search.explain(name, against)
    return True


def _running(search: Search, git: Commits, apps: Mapping[ImageName, AppsOfImage]) -> None:
    """Compare images with those that their apps run, by their records or by Git."""
    for name, found in apps.items():
        configured = (
            f"the configuration of `{a}` differs: {', '.join(d)}" for a, d in found.outdated.items()
        )
        search.own_notes[name] = (*found.notes, *configured)
        others = _other(search, name, apps)
        if name not in search.left or not others:
            continue
        if not any(_one_running(search, git, name, runs) for runs in others):
            first = others[0]
            shown = first.reference or first.digest
            search.own_notes[name] += (
                f"`{first.apps[0]}` runs `{shown}`, of which there is no record here",
            )
            if search.exists(name):
                del search.left[name]


def _one_running(search: Search, git: Commits, name: ImageName, runs: Runs) -> bool:
    if runs.reference is None:
        return False
    with suppress(UnknownError):  # Without a record, the commit may say it, too.
        if _by_record(search, name, runs.reference, runs.apps):
            return True
    commit = git.commit_of(runs.commit) if runs.commit else None
    if not commit:
        return False
    wanted = str(runs.reference.tag)
    with suppress(ConfigError, UnknownError):
        side = git.loader.load(commit, [name])
        files = git.loader.files
        _compare(search, side, files, commit, _with_tag(wanted), only=name, apps=runs.apps)
    return name in search.found


def _newest(search: Search, git: Commits) -> None:
    """Compare with the newest image that the registry has of the last commits."""
    if search.left:
        _search_commits(search, git, partial(_present, search.registry))


def _search_commits(search: Search, git: Commits, choose: Choose) -> int:
    """Find images in the last commits, from the newest to older ones; return how many there are."""
    loader = git.loader
    found = history(loader.files.repository)
    for commit in found.commits:
        if not search.left:
            break
        with suppress(ConfigError):  # its files have a mistake, so it never built anything
            _compare(search, loader.load(commit, search.left), loader.files, commit, choose)
    search.notes += [found.note] if found.note else []
    return len(found.commits)


def _present(
    registry: Registry, wanted: Mapping[ImageName, Reference]
) -> Mapping[ImageName, Reference]:
    """Choose the images that the registry has."""
    found = _asked(registry, wanted)
    return {n: r for n, r in wanted.items() if isinstance(found[n], Present)}


def _compare(  # noqa: PLR0913 - what is compared, and for whom
    search: Search,
    before: Side,
    files: Checkout,
    commit: str,
    choose: Choose,
    *,
    only: ImageName | None = None,
    apps: tuple[str, ...] = (),
) -> None:
    """Explain those of the images that `choose` takes of their counterparts in a commit."""
    names = [n for n in search.left if n in before.inputs and only in (None, n)]
    wanted = {n: reference_of(before.project, n, before.inputs[n].fingerprint) for n in names}
    for name, reference in choose(wanted).items():
        notes = (*search.own_notes.get(name, ()), *files.notes)
        search.explain(name, Compared(before, reference, commit, notes, apps))
        found = search.found[name]
        more = tuple(not_in_git(search, files.repository, found.differences))
        search.found[name] = replace(found, notes=(*found.notes, *more))


def _presence(
    now: Side, registry: Registry, names: Sequence[ImageName], *, deep: bool
) -> dict[ImageName, Presence | Incomplete]:
    """Ask for images; with `deep`, also for all parts of those that exist."""
    wanted = {n: reference_of(now.project, n, now.inputs[n].fingerprint) for n in names}
    registry.pushes_to(reference.repository for reference in wanted.values())
    found = _asked(registry, wanted)
    present = {n: one for n, one in found.items() if isinstance(one, Present)}
    if not deep or not present:
        return {**found}
    looks = {
        name: Look(wanted[name], one, now.project.image(name).platforms)
        for name, one in present.items()
    }
    answers = look_closer(registry, list(looks.values()))
    closer: dict[ImageName, Presence | Incomplete] = {**found}
    for name, one in looks.items():
        answer = answers[one.reference]
        if isinstance(answer, UnknownError):
            raise answer
        closer[name] = answer
    return closer


def _asked(registry: Registry, wanted: Mapping[ImageName, Reference]) -> dict[ImageName, Presence]:
    """Ask for images; what the registry does not answer for is neither there nor absent.

    Raises `UnknownError`.
    """
    answers = registry.head_all(list(wanted.values()))
    found: dict[ImageName, Presence] = {}
    for name, reference in wanted.items():
        answer = answers[reference]
        if isinstance(answer, UnknownError):
            raise answer
        found[name] = answer
    return found
