"""Which package may import which, and which packages are pure."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pipeline"

ORDER = (
    "errors",
    "reference",
    "graph",
    "spelling",
    "dockerignore",
    "dockerfile",
    "model",
    "process",
    "http",
    "fingerprints",
    "registry",
    "buildkit",
    "fly",
    "deploy",
    "project",
    "adopt",
    "runner",
    "console",
    "tasks",
)
"""From the bottom up: a package imports from itself and from those before it."""

ALONE = {
    "http": {"errors", "reference", "graph", "spelling", "model", "process"},
    "console": {"errors", "reference", "graph", "spelling", "model"},
}
"""Packages that import from fewer, as they are independent of the others."""

PURE = (
    "errors",
    "reference",
    "graph",
    "spelling",
    "dockerignore",
    "dockerfile",
    "model",
    "adopt/candidate",
    "adopt/patterns",
    "adopt/proposal",
    "adopt/references",
    "adopt/registry",
    "adopt/render",
    "buildkit/abilities",
    "buildkit/provenance",
    "buildkit/batches",
    "buildkit/definition",
    "buildkit/dockerfile_line",
    "buildkit/outcome",
    "buildkit/progress",
    "buildkit/reach",
    "buildkit/staging",
    "buildkit/triggers",
    "buildkit/steps",
    "buildkit/stream",
    "buildkit/transient",
    "fingerprints/key",
    "fingerprints/reuse_key",
    "http/addresses",
    "http/response",
    "http/errors",
    "http/redirect",
    "http/text",
    "project/edges",
    "project/image_names",
    "project/permissions",
    "project/toml_writer",
    "registry/response",
    "registry/auth/challenge",
    "registry/contents",
    "registry/errors",
    "registry/image_config",
)
"""Packages and modules that use no files, sockets, processes, clock or environment."""

PARTS = {
    "model/refresh": {"datetime"},  # Writes a time, and does not read the clock.
    "buildkit/progress": {"datetime"},  # Only the type.
    "buildkit/stream": {"datetime"},  # Parses times, and does not read the clock.
    "errors": {"os"},  # The system's texts for its errors.
    "http/addresses": {"socket"},  # `inet_aton` parses an address as the C library does.
}
"""What pure modules use of impure ones, as pure functions of their arguments."""

IMPURE = {
    "asyncio", "datetime", "glob", "http", "importlib", "io", "logging", "multiprocessing", "os",
    "random", "select", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib", "uuid", "docker", "h11", "httpcore", "httpx", "invoke",
    "pydantic", "rich", "ruamel", "tomli", "tomllib",
}  # fmt: skip


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Return every module of the package."""
    return sorted(folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the module as `package/module`; for a package its own name.

    >>> name_of(PACKAGE / "http" / "send.py"), name_of(PACKAGE / "http" / "__init__.py")
    ('http/send', 'http')
    """
    return str(path.relative_to(PACKAGE)).removesuffix(".py").removesuffix("/__init__")


MODULES = {name_of(path): path for path in modules()}


@cache
def _imports(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Return all import statements of a module, also those inside functions."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


@cache
def imports(path: Path) -> frozenset[str]:
    """Return what a module imports of other packages, also inside functions and only for types."""
    found = set()
    for node in _imports(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif not node.level:
            found.add(str(node.module))
    return frozenset(found)


def _module(home: Path, name: str) -> str:
    """Return the module with a name, or the module that contains the name."""
    place = "__init__" if home == Path() else str(home)
    return next(module for module in (str(home / name), place) if module in MODULES)


@cache
def imports_of_ours(path: Path) -> frozenset[str]:
    """Return the modules of this package that a module imports, in the form of `name_of`."""
    found = set()
    for node in _imports(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].relative_to(PACKAGE)
            home = folder.joinpath(*(node.module or "").split("."))
            found |= {_module(home, alias.name) for alias in node.names}
    return frozenset(found - {name_of(path)})


def package_of(name: str) -> str:
    """Return the package of a module.

    >>> package_of("registry/auth/challenge")
    'registry'
    """
    return name.partition("/")[0]


def failures(found: Iterable[tuple[str, set[str]]]) -> dict[str, set[str]]:
    """Return the modules for which something was found, and what."""
    return {name: names for name, names in found if names}


def _not_below(name: str, path: Path) -> set[str]:
    here = package_of(name)
    below = ALONE.get(here) or set(ORDER[: ORDER.index(here)])
    return {package_of(other) for other in imports_of_ours(path)} - below - {here, "__init__"}


def test_a_package_imports_from_those_below() -> None:
    """Imports for types count, too: so there is no cycle among packages."""
    ours = {name: path for name, path in MODULES.items() if name != "__init__"}

    assert failures((name, _not_below(name, path)) for name, path in ours.items()) == {}


def test_imports_inside_the_package_are_relative() -> None:
    """So that a wheel can contain the package under a second name."""

    def absolute(path: Path) -> set[str]:
        return {name for name in imports(path) if name.partition(".")[0] == "pipeline"}

    assert failures((name, absolute(path)) for name, path in MODULES.items()) == {}


def test_there_is_no_cycle_among_modules() -> None:
    """Each module can be understood and tested with its imports alone."""
    left = {name: imports_of_ours(path) for name, path in MODULES.items() if name != "__init__"}
    while leaves := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in leaves:
            del left[name]

    assert not left


def _impure(name: str, path: Path) -> set[str]:
    # `urllib.parse` parses addresses and opens none.
    found = imports(path) - {"urllib.parse"} - PARTS.get(name, set())
    used = {"open"} if "open(" in path.read_text(encoding="utf-8") else set()
    return ({module.partition(".")[0] for module in found} & IMPURE) | used


def test_pure_modules_touch_nothing() -> None:
    """They use no file, socket, process, clock or environment."""
    pure = {name: path for name, path in MODULES.items() if name.startswith(PURE)}

    assert failures((name, _impure(name, path)) for name, path in pure.items()) == {}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_no_others(name: str) -> None:
    """A pure module imports only pure modules."""
    inside = [path for path in modules() if name_of(path).startswith(name)]
    found = {other for path in inside for other in imports_of_ours(path)}

    assert inside
    assert {other for other in found if not other.startswith(PURE)} == set()
