"""Complete a command line: tasks, options, and the names of images and apps of the project.

It prints one candidate a line, and nothing at all where it knows nothing: a shell that waits for a
candidate has no use for an error.
"""

from __future__ import annotations

import copy
import os
from contextlib import redirect_stderr
from io import StringIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from . import ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from invoke.parser.argument import Argument

    from ..model.project import Project

_IMAGES = frozenset(
    {
        ("build", "names"),
        ("build-all", "only"),
        ("exists", "name"),
        ("impact", "base"),
        ("inputs", "name"),
        ("keep", "only"),
        ("promote", "name"),
        ("why", "only"),
    }
)
_APPS = frozenset(
    {
        ("deploy", "names"),
        ("deploy-all", "only"),
        ("keep", "release"),
        ("releases", "app"),
        ("rollback", "apps"),
        ("status", "only"),
    }
)
_WORDS = {
    "format": ("tree", "json", "dot", "mermaid"),
    "format_": ("tree", "json", "dot", "mermaid"),
    "log": ("plain",),
    "verify": ("deep",),
}
_CORE_FLAGS = ("--help", "--list", "--version", "--dry", "--echo", "--debug")
_CORE_VALUES = frozenset({"-c", "--collection", "-f", "--config", "-r", "--search-root", "-T"})
"""Options of Invoke that have a value, which comes before any task."""


def candidates(line: str, *, names_only: bool = False) -> list[str]:
    """Return what the last word of a command line may become, the program's name included in it.

    With `names_only`, only names and values are returned: tasks and options are left to Invoke,
    which also knows those of the user's own `tasks.py`.
    """
    words = line.split()
    current = "" if not words or line[-1].isspace() else words.pop()
    task, missing = _parsed(words[1:])
    if isinstance(missing, str):
        return _values(task, missing, current)
    if current.startswith("-"):
        option, equals, value = current.partition("=")
        known = {flag: one for one in _arguments(task) for flag in _flags(one)}
        if equals:
            name = known[option].name if option in known else ""
            return [f"{option}={found}" for found in _values(task, name or "", value)]
        flags = known or _CORE_FLAGS
        return [] if names_only else [flag for flag in flags if flag.startswith(current)]
    if missing:
        return _values(task, missing[0].name or "", current)
    return [] if names_only else [name for name in ns.task_names if name.startswith(current)]


def _parsed(words: Sequence[str]) -> tuple[str, str | list[Argument]]:
    """Return the task that a line is in, and the option that wants a value, or what is missing.

    What is missing are the positional arguments that the task still needs.
    """
    task = ""
    missing: list[Argument] = []
    option = ""
    for word in words:
        if option:
            option = ""
        elif word.startswith("-"):
            option = _option_with_value(task, word)
        elif missing:
            missing.pop(0)
        elif word in ns.task_names:
            task = word
            missing = [one for one in _arguments(task) if one.positional]
    return task, option or missing


def _option_with_value(task: str, word: str) -> str:
    """Return the name of the option that takes the next word as its value; empty if none does."""
    if not task:
        return word if word in _CORE_VALUES else ""
    for one in _arguments(task):
        if word in _flags(one) and one.kind is not bool:
            return one.name or ""
    return ""


def _arguments(task: str) -> list[Argument]:
    if not task:
        return []
    # Invoke takes the help out of a task when it reads its arguments.
    found = copy.copy(ns[task])
    found.help = dict(found.help)
    return list(found.get_arguments())


def _flags(one: Argument) -> list[str]:
    return [f"--{n.strip('_').replace('_', '-')}" if len(n) > 1 else f"-{n}" for n in one.names]


def _values(task: str, argument: str, current: str) -> list[str]:
    """Return the values of an argument; several names are written with commas."""
    before, comma, last = current.rpartition(",")
    taken = set(before.split(","))
    return [
        f"{before}{comma}{value}"
        for value in _known(task, argument)
        if value.startswith(last) and value not in taken
    ]


def _known(task: str, argument: str) -> Iterable[str]:
    if (task, argument) in _IMAGES:
        return _of_project(lambda project: list(project.names))
    if (task, argument) in _APPS:
        return _of_project(_apps_and_images)
    if argument == "profile":
        return _profiles()
    return _WORDS.get(argument, ())


def _apps_and_images(project: Project) -> list[str]:
    return list(dict.fromkeys((*project.apps, *(i.name for i in project if i.deploy))))


def _of_project(names: Callable[[Project], list[str]]) -> list[str]:
    """Return names of the project; none if its files have mistakes, which a task will report."""
    from ..project.load import load

    try:
        return names(load())
    except Exception:  # noqa: BLE001 - see the head of this module
        return []


def _profiles() -> list[str]:
    from ..project.document import read_document
    from ..project.image_folders import find_root, working_folder
    from ..project.profiles import profiles_of

    try:
        document = read_document(find_root(working_folder()), PurePosixPath("pipeline.toml")).value
    except Exception:  # noqa: BLE001 - as above
        return []
    return list(profiles_of(document)) if document else []


def print_candidates(line: str, *, names_only: bool) -> None:
    """Print what the last word of a line may become."""
    with redirect_stderr(StringIO()):
        found = candidates(line, names_only=names_only)
    os.write(1, "".join(f"{one}\n" for one in found).encode())
