"""Imports go one way: core < edge < shell < tasks, and the console knows the core alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pipeline"
COMMON = {"pipeline.errors", "pipeline.__version__"}
MAY_IMPORT = {
    "errors": set(),
    "core": {"core"},
    "edge": {"core", "edge"},
    "shell": {"core", "edge", "shell"},
    "console": {"core", "console"},
    "tasks": {"core", "edge", "shell", "console", "tasks"},
    "schema": set(),
    "__init__": {"core", "shell"},
}
IMPURE = {
    "asyncio", "datetime", "glob", "http", "importlib", "io", "logging", "multiprocessing", "os",
    "random", "select", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib", "uuid", "docker", "httpcore", "httpx", "invoke", "pydantic",
    "rich", "ruamel", "tomli", "tomllib",
}  # fmt: skip


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    """The layer of a module: the folder, or the module itself, right under `pipeline`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """All that a module imports, also inside functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{a.name}" if node.module == "pipeline" else str(node.module)
                      for a in node.names}  # fmt: skip
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    """A module imports from its own layer and those below it."""
    ours = {name for name in imports(path) if name.startswith("pipeline.")}
    layers = {name.split(".")[1] for name in ours if name not in COMMON}

    assert layers <= MAY_IMPORT[layer(path)]


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_core_is_pure(path: Path) -> None:
    """The core opens no file, socket or process, and asks neither clock nor environment."""
    # `urllib.parse` takes addresses apart and opens none.
    found = imports(path) - {"urllib.parse"}

    assert {name.split(".")[0] for name in found}.isdisjoint(IMPURE)
    assert "open(" not in path.read_text(encoding="utf-8")
