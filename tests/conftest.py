"""Projects in temporary folders, real registries, the real engine, and Invoke as a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from sandbox.registry import Settings, serve
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.registry import Registry

# How long an example takes is the machine's matter: it may be busy with something else.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

HERE = Path(__file__).parent.parent
CAMPAIGNS = {"faults", "kills", "proof"}
"""Folders whose samples take minutes each, and work on several things at once by themselves."""

WAITING = {"fly", "fly_stand_in", "http", "registry"}
"""Folders whose tests wait for answers and pauses, and leave the processor alone meanwhile."""

STARTING = {"fly_stand_in", "open_shop", "opened_bench", "secured_registry", "serve"}
"""Functions that start a registry, or the stand-in for Fly with one: a module that imports one."""

SERVERS = {"apt-get", "containerd", "docker-registry", "dockerd", "dpkg-deb", "buildkitd"}
"""Programs that no test starts which is marked neither `engine` nor `registry`."""

CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
HOSTS = ("FLY_REGISTRY_HOST", "PIPELINE_REGISTRY_HOST")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep a file's tests together on one worker, and those of all campaigns."""
    # xdist has no types. Its own way to group, `loadgroup`, does nothing with pytest 9.2.
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # noqa: PLC0415

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "campaigns" if CAMPAIGNS.intersection(Path(file).parts) else file

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody waits for it alone at the end.

    Beside the campaigns, which keep all cores busy by themselves, stands what mostly waits. Who
    uses the engine or a registry is marked so, by fixtures and by what the module imports.
    """
    for item in items:
        fixtures: set[str] = set(getattr(item, "fixturenames", ()))
        if "engine" in fixtures:
            item.add_marker("engine")
        if "registry" in fixtures or STARTING & vars(getattr(item, "module", None) or item).keys():
            item.add_marker("registry")

    def turn(item: pytest.Item) -> int:
        parts = set(item.path.relative_to(HERE).parts)
        if CAMPAIGNS & parts:
            return 0 if item.get_closest_marker("engine") else 3
        if WAITING & parts:
            return 1
        return 2 if item.get_closest_marker("engine") else 3

    items.sort(key=turn)


@pytest.fixture(autouse=True, scope="session")
def _heard() -> None:
    """What is started here hears signals, also where the tests are a job in the background.

    A shell lets such a job ignore Ctrl-C, and `nohup` a closed terminal; so would all its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _starts_no_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that is to be quick starts no server: `make test-quick` needs none of them."""
    marked = {"engine", "registry"}.intersection(mark.name for mark in request.node.iter_markers())
    _allowed.append(bool(marked))
    yield
    _allowed.pop()


_allowed = [True]


def _refuse_servers(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"subprocess.Popen", "os.posix_spawn"} and not _allowed[-1]:
        name = Path(os.fsdecode(arguments[0] or "")).name  # type: ignore[arg-type]
        assert name not in SERVERS, f"`{name}`: mark this test `engine` or `registry`"


sys.addaudithook(_refuse_servers)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the developer's home, or takes a token from the environment."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    # The engine stays as `make test` says it; the registry is each test's own.
    for name in ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN", "PIPELINE_PROFILE", *HOSTS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tool_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages that this machine has fetched already, for a test that starts an engine."""
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)


@pytest.fixture(scope="session")
def engine() -> None:
    """The engine that `make test` starts: without it, tests fail, and do not skip."""
    found = subprocess.run(["docker", "version"], capture_output=True, check=False)
    if found.returncode:
        pytest.fail("no engine: run `make test`, which starts one")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry of this test alone; its log names each request."""
    folder = tmp_path / "registry"
    with serve(folder, Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, registry: Registry, engine: None) -> Project:
    """A project without images that pushes to `registry`."""
    del engine
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root, tmp_path / "registry" / "registry.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n')
    return made


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A copy of this repository's own project, as a user has it: files, and nothing built."""
    root = tmp_path / "samples"
    root.mkdir()
    for name in ("images", "pipeline.toml", "tasks.py"):
        source = HERE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, root / name)
    return root
