"""Write the entries of `images`: the fewest globs that match these images and no others."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from ..project.image_names import dockerfile_stem, filled_name, fitted_name, fixed_part
from ..reference import ReferenceSyntaxError, parse_image_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import PurePosixPath

    from .candidate import Candidate

_OF_FOLDERS = ("{folder}", "{parent}-{folder}", "{path}")
_OF_FILES = (
    "{stem}",
    "{folder}-{stem}",
    "{parent}-{stem}",
    "{parent}-{folder}-{stem}",
    "{path}-{stem}",
)


class Entry(Struct):
    """An entry of `images`, and the images that it matches."""

    path: str
    members: list[Candidate]
    name: str = ""
    context: str = ""


def entries_for(
    candidates: Sequence[Candidate],
    others: Iterable[PurePosixPath],
    fits: Callable[[str, Sequence[Candidate]], bool],
    root_name: str,
) -> list[Entry]:
    """Return the entries, and name each candidate.

    `others` are folders and files that must not be matched. `fits` says whether a glob with `**`
    matches nothing else on the disk. `root_name` is for an image in the root.
    """
    groups: dict[tuple[bool, str, str], list[Candidate]] = {}
    for one in candidates:
        context = "" if one.context == one.folder else str(one.context)
        groups.setdefault((one.is_folder, _kind(one), context), []).append(one)
    unwanted = {*others, *(one.place for one in candidates)}
    root_name = _without_prefix(candidates) or root_name
    found: list[Entry] = []
    # The first entry that matches an image counts: exceptions go before what is usual.
    for (_, _, context), members in sorted(groups.items(), key=lambda group: len(group[1])):
        unwanted -= {one.place for one in members}
        own = [Entry(p, m, context=context) for p, m in _covering(members, unwanted, fits)]
        found += sorted(own, key=lambda entry: (entry.members[0].place, entry.path))
    if not any(_overlap(entry, found[:index]) for index, entry in enumerate(found)):
        found.sort(key=lambda entry: (entry.members[0].place, entry.path))
    _name(found, root_name)
    return found


def _without_prefix(candidates: Sequence[Candidate]) -> str:
    """Return the name of the root's app without what the other apps have before their names."""
    root = next((one.app for one in candidates if not one.usual_name), "")
    for one in candidates:
        prefix = one.app.removesuffix(one.usual_name)
        if one.usual_name and len(prefix) < len(one.app) and root.startswith(prefix):
            return root.removeprefix(prefix) or root
    return root


def _overlap(entry: Entry, before: Sequence[Entry]) -> bool:
    """Return whether an entry matches an image of one before it."""
    expression = _expression(entry.path)
    return any(expression.fullmatch(f"{o.place}/") for each in before for o in each.members)


def _kind(one: Candidate) -> str:
    """Distinguish Dockerfiles, and what is an image by its `image.web.toml` or `fly.web.toml`."""
    if one.is_folder:
        return ""
    return one.place.name.partition(".")[0] if dockerfile_stem(one.place.name) is None else "file"


def _covering(
    members: Sequence[Candidate],
    unwanted: Iterable[PurePosixPath],
    fits: Callable[[str, Sequence[Candidate]], bool],
) -> Iterator[tuple[str, list[Candidate]]]:
    """Yield globs until all members are matched, each time the one that matches most.

    A glob that matches a member is one of those that are made of it, so it need not be matched.
    """
    left = {one.place: one for one in members}
    globs: dict[str, list[Candidate]] = {}
    for one in members:
        for glob in dict.fromkeys(_generalized(one)):
            globs.setdefault(glob, []).append(one)
    avoided = tuple(f"{place}/" for place in unwanted)
    while globs and left:
        best = max(globs, key=lambda g: (_worth(g, globs[g]), -_breadth(g)))
        covered = globs.pop(best)
        if _worth(best, covered) < 2:
            break
        expression = _expression(best)
        if any(map(expression.fullmatch, avoided)) or ("**" in best and not fits(best, members)):
            continue
        yield best, covered
        for one in covered:
            del left[one.place]
        globs = {g: [o for o in own if o.place in left] for g, own in globs.items()}
    yield from ((_quoted(one.place), [one]) for one in left.values())


def _worth(glob: str, covered: Sequence[Candidate]) -> float:
    """Return how many images a glob matches; half of it if it may match any folder of the root."""
    return len(covered) / 2 if glob.startswith("*") else len(covered)


def _breadth(glob: str) -> int:
    return glob.count("*") + 10 * glob.count("**")


def _generalized(one: Candidate) -> Iterator[str]:
    """Yield globs that match an image and perhaps others: the nearest ones first."""
    files = [""] if one.is_folder else _files(one)
    folders = [_quoted(part) for part in one.folder.parts]
    for file in files:
        if file and file != one.place.name:
            yield _joined(folders, file)
        for count in range(1, len(folders) + 1):
            yield _joined((*folders[:-count], *["*"] * count), file)
        if len(folders) > 1:
            yield _joined((*folders[:-2], "*", folders[-1]), file)
        for count in range(1, len(folders) + 1):
            yield _joined((*folders[:-count], "**"), file)


def _files(one: Candidate) -> list[str]:
    """Return the name of a file, and what it is in general: `*.Dockerfile`."""
    name = one.place.name
    general = name.replace(one.stem, "*", 1) if one.stem and one.stem in name else name
    return list(dict.fromkeys((general, name)))


def _joined(folders: Sequence[str], file: str) -> str:
    return "/".join(part for part in (*folders, file) if part)


def _quoted(place: object) -> str:
    """Write a path, or a part of one, as a glob that matches it alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(place))


@cache
def _expression(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a glob, for a path with a slash after it.

    `**` stands for any number of folders.
    """
    parts = [
        r"(?:[^/]+/)*" if part == "**" else f"{translate(part)[:-2].replace('.*', '[^/]*')}/"
        for part in glob.split("/")
    ]
    return re.compile("".join(parts))


def _name(entries: Sequence[Entry], root_name: str) -> None:
    """Give each candidate a name, by the convention if it does, else by a template."""
    used: set[str] = {one.required for entry in entries for one in entry.members if one.required}
    folders = {one.folder for entry in entries for one in entry.members if one.folder.name}
    for entry in entries:
        free = [one for one in entry.members if not one.required]
        for one in entry.members:
            one.name = one.required
        names = [one.usual_name for one in free]
        # `pytorch/cuda` beside `pytorch` is no good `cuda`.
        nested = any(not one.stem and folders.intersection(one.folder.parents) for one in free)
        if nested or not _are_good(names, used):
            names = _by_template(entry, free, used, root_name, nested=nested)
        for one, name in zip(free, names, strict=True):
            one.name = name
        used.update(names)
        if len(entry.members) == 1 and (one := entry.members[0]).name != one.usual_name:
            entry.name = entry.name or one.name
        _say_names(entry)


def _by_template(
    entry: Entry, free: Sequence[Candidate], used: set[str], root_name: str, *, nested: bool
) -> list[str]:
    fixed = fixed_part(entry.path)
    templates = _OF_FOLDERS[nested:] if free[0].is_folder else _OF_FILES
    # Folders of different depths have no `{parent}` of one kind.
    for template in templates[-1:] + templates if "**" in entry.path else templates:
        names = [filled_name(template, one.folder, fixed, one.stem) for one in free]
        if _are_good(names, used):
            entry.name = template
            return names
    # One image, in the root, or one whose every name is taken.
    first = fitted_name(root_name) or "app"
    made = _numbered(first, len(free), used)
    entry.name = made[0] if len(made) == 1 else ""
    return made


def _numbered(first: str, count: int, used: set[str]) -> list[str]:
    numbers = (first if n == 1 else f"{first}-{n}" for n in range(1, 10_000))
    free = [name for name in numbers if name not in used]
    return free[:count]


def _say_names(entry: Entry) -> None:
    """Put the names that the entry does not give into the settings."""
    fixed = fixed_part(entry.path)
    for one in entry.members:
        given = one.usual_name
        if entry.name:
            given = filled_name(entry.name, one.folder, fixed, one.stem)
        if one.name != given:
            one.keys["name"] = one.name
        else:
            one.keys.pop("name", None)


def _are_good(names: Sequence[str], used: set[str]) -> bool:
    if len({*names}) < len(names) or used.intersection(names):
        return False
    try:
        for name in names:
            parse_image_name(name)
    except ReferenceSyntaxError:
        return False
    return True
