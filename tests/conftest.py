"""Shared fixtures: a project in a temporary folder, a real registry, the engine of `make test`."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from sandbox.registry import Settings
from tests.support.project import Project, project_at
from tests.support.registries import serve
from tests.support.scheduler import CAMPAIGNS, LONGEST, Scheduler, may_use_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registries import Registry

# Hypothesis sets no deadline: the machine may be busy with other work.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

HERE = Path(__file__).parent.parent
WAITING = {"fly", "fake_fly", "http", "registry"}
"""Folders whose tests mostly wait for responses and pauses, and use little CPU."""

STARTING = {"fake_fly", "open_fly_driver_setup", "open_fly_project", "secured_registry", "serve"}
"""Functions that start a registry or a fake Fly. A module that imports one is marked `registry`."""

SERVERS = {"apt-get", "containerd", "docker-registry", "dockerd", "dpkg-deb", "buildkitd"}
"""Programs that only tests with the mark `engine` or `registry` may start."""

CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
REMOVED = (
    *("HOME", "FLY_API_TOKEN", "FLY_ACCESS_TOKEN", "PIPELINE_PROFILE"),
    *("FLY_REGISTRY_HOST", "PIPELINE_REGISTRY_HOST"),
)
"""Variables of the environment that no test sees as they are."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let the workers run each file as a whole, and only some of them use the engine."""
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the engine or a registry, and start the slowest tests first.

    Fixtures and imports decide the marks. The campaigns keep all cores busy, so the tests that
    mostly wait run beside them. See `tests/support/scheduler.py` for which worker runs what.
    """
    for item in items:
        fixtures: set[str] = set(getattr(item, "fixturenames", ()))
        if "engine" in fixtures:
            item.add_marker("engine")
            file = item.path.relative_to(HERE).as_posix()
            assert may_use_engine(file), f"name {file} in tests/support/scheduler.py"
        if "registry" in fixtures or STARTING & vars(getattr(item, "module", None) or item).keys():
            item.add_marker("registry")

    items.sort(key=lambda item: _turn(item.path, engine=bool(item.get_closest_marker("engine"))))


@functools.cache
def _turn(path: Path, *, engine: bool) -> int:
    file = path.relative_to(HERE)
    parts = set(file.parts)
    if CAMPAIGNS & parts:
        return 0 if engine else 4
    if file.as_posix() in LONGEST:
        return 1
    if WAITING & parts:
        return 2
    return 3 if engine else 4


# Collecting makes a million objects that stay. Looking for garbage among them took almost half of
# the time, and some of each test's.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but not what was made until here."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _restore_signals() -> None:
    """Restore SIGINT and SIGHUP, so that the processes which tests start can be interrupted.

    A shell lets a background job ignore Ctrl-C, and `nohup` lets it ignore a closed terminal. Child
    processes inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _own_environment(request: pytest.FixtureRequest, homes: Iterator[str]) -> Iterator[None]:
    """Set an empty HOME, remove tokens from the environment, and refuse servers without a mark.

    The variables of the engine stay as `make test` set them. Each test has its own registry.
    `make test-quick` must need no servers. One fixture, as each costs time for every test.
    """
    node = request.node
    _allowed.append(bool(node.get_closest_marker("engine") or node.get_closest_marker("registry")))
    before = {name: os.environ.pop(name) for name in REMOVED if name in os.environ}
    os.environ["HOME"] = next(homes)
    yield
    for name in REMOVED:
        os.environ.pop(name, None)
    os.environ.update(before)
    _allowed.pop()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return empty folders; the same one again for as long as it stays empty."""
    return _empty_folders(tmp_path_factory)


def _empty_folders(factory: pytest.TempPathFactory) -> Iterator[str]:
    while True:
        home = factory.mktemp("home")
        while home.is_dir() and not os.listdir(home):  # noqa: PTH208 - for each test, so it is fast
            yield str(home)


_allowed = [True]


def _refuse_servers(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"subprocess.Popen", "os.posix_spawn"} and not _allowed[-1]:
        name = Path(os.fsdecode(arguments[0] or "")).name  # type: ignore[arg-type]
        assert name not in SERVERS, f"`{name}`: mark this test `engine` or `registry`"


sys.addaudithook(_refuse_servers)


@pytest.fixture
def tool_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use this machine's cache of downloaded packages, for a test that starts an engine."""
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)


@pytest.fixture(scope="session")
def engine() -> None:
    """Fail, instead of skip, without the engine that `make test` starts."""
    found = subprocess.run(["docker", "version"], capture_output=True, check=False)
    if found.returncode:
        pytest.fail("no engine: run `make test`, which starts it")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Start an empty registry for this test; its access log has a line for each request."""
    folder = tmp_path / "registry"
    with serve(folder, Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, registry: Registry, engine: None) -> Project:
    """Make a project without images that pushes to `registry`."""
    del engine
    return project_at(registry, tmp_path)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Copy the sample project of this repository."""
    root = tmp_path / "samples"
    root.mkdir()
    for name in ("images", "pipeline.toml", "tasks.py"):
        source = HERE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, root / name)
    return root
