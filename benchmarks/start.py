"""Measure the time that a run needs besides its work, compared with an empty Invoke task.

    make bench-start                                   # the table below
    AGAINST=/path/to/a/checkout make bench-start       # the same commands of other code, in turns

Every round runs each command once, in turns, so that whatever else the machine does falls on all of
them alike. Shown are medians: seconds of the clock, seconds of the processor (user and system), and
both as a multiple of the empty task of the same round. Behind a proxy that holds each answer back,
the time that a run takes more is given in round trips. At the end: modules imported by `build-all`
with nothing to do, and their time by package (`-X importtime`).

Bytecode is written first, as pip does when it installs a wheel: Invoke writes none, and a checkout
without it takes twice the time.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.images import push_image
from benchmarks.latency import delayed
from benchmarks.programs import environ_at
from pipeline import fingerprint, load
from pipeline.model.project import reference_of
from sandbox.registry import serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS = int(os.environ.get("ROUNDS", "15"))
SMALL, LARGE = 24, 100
DELAY = 0.08
HERE = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
EMPTY = "an empty Invoke task"
_IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +([\w.]+)")

EMPTY_TASKS = """\
from invoke import task

@task
def nothing(c):
    \"\"\"Do nothing.\"\"\"
"""


class Command(NamedTuple):
    """A program to run: its words, the folder, its stdin, and additions to its environment."""

    name: str
    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str] = {}
    stdin: str = ""


class Cost(NamedTuple):
    """Wall-clock and CPU seconds of one run."""

    wall: float
    cpu: float


def main() -> None:
    """Make the projects, push their images, and run all commands in turns."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as text:
        folder = Path(text)
        with serve(folder / "registry") as server:
            projects = [_project(folder, size, server.address) for size in (SMALL, LARGE)]
            with delayed(server.address, DELAY) as far:
                _compare(folder, projects, far)
            _show_imports(projects[0], folder)


def _compare(folder: Path, projects: Sequence[Path], far: str) -> None:
    empty = folder / "empty"
    empty.mkdir()
    (empty / "tasks.py").write_text(EMPTY_TASKS)
    first = Command(EMPTY, (str(BIN / "invoke"), "nothing"), empty)
    commands = [first, *_ours(projects, far, HERE, "")]
    if other := os.environ.get("AGAINST"):
        commands += _ours(projects, far, Path(other).resolve(), f" of {Path(other).name}")
    costs: dict[str, list[Cost]] = defaultdict(list)
    for command in commands:  # Write bytecode, and let the proxy see each request once.
        _run(command, folder)
    for _ in range(ROUNDS):
        for command in commands:
            costs[command.name].append(_run(command, folder))
    _show(costs)


def _project(folder: Path, size: int, address: str) -> Path:
    """Make a project of so many images, every fourth a base, all of them in the registry."""
    root = folder / f"project-{size}"
    for number in range(size):
        base = number - number % 4
        name = f"base-{number:02}" if number == base else f"app-{number:02}"
        image = root / "images" / name
        image.mkdir(parents=True)
        source = "alpine:3.20" if number == base else f"base-{base:02}"
        lines = (f"FROM {source}", "ARG VERSION=1", "COPY src /srv/", 'CMD ["/srv/run.sh"]', "")
        (image / "Dockerfile").write_text("\n".join(lines))
        (image / "src").mkdir()
        for file in ("run.sh", "settings.ini", "notes.txt"):
            (image / "src" / file).write_text(f"{name} {file}\n" * 20)
        if number % 2:
            (image / "image.toml").write_text('args = { VERSION = "2" }\nsalt = "1"\n')
    (root / "pipeline.toml").write_text(f'[registry]\nhost = "{address}"\n')
    (root / "tasks.py").write_text("from pipeline.tasks import ns\n")
    project = load(root, environ={})
    for name, found in fingerprint(project).items():
        where = reference_of(project, name, found.fingerprint)
        push_image(str(where.repository), [str(where.tag)])
    return root


def _ours(projects: Sequence[Path], far: str, code: Path, suffix: str) -> list[Command]:
    """Return the measured commands, run with the code of one checkout."""
    compileall.compile_dir(code / "pipeline", quiet=1)
    small, large = projects
    near = {"PYTHONPATH": str(code)}
    away = {**near, "PIPELINE_REGISTRY_HOST": far}
    invoke = str(BIN / "invoke")
    helper = "from pipeline.registry.auth.credential_helper import main; main()"
    get = (sys.executable, "-c", f"import sys; sys.argv[1:] = ['get']; {helper}")
    token = {**near, "FLY_API_TOKEN": "FlyV1 benchmark"}
    build = invoke, "build-all"
    return [
        Command(f"invoke --list{suffix}", (invoke, "--list"), small, near),
        Command(f"invoke graph, {SMALL} images{suffix}", (invoke, "graph"), small, near),
        Command(f"build-all, {SMALL} images, nothing to do{suffix}", build, small, near),
        Command(f"build-all, {LARGE} images, nothing to do{suffix}", build, large, near),
        Command(f"docker-credential-fly get{suffix}", get, small, token, "registry.fly.io"),
        Command(f"build-all, {SMALL} images, {_MS} ms away{suffix}", build, small, away),
        Command(f"build-all, {LARGE} images, {_MS} ms away{suffix}", build, large, away),
    ]


_MS = round(DELAY * 1000)


def _run(command: Command, home: Path) -> Cost:
    """Run a command; print its output and exit if it fails."""
    environ = _environ(home, command.environ)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as given:
        given.write(command.stdin)
        given.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env=environ,
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"`{command.name}` failed:\n{output.read()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def _environ(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that leads to no other registry or login; Python writes bytecode."""
    return environ_at(home, "DOCKER_CONFIG", **{"PYTHONDONTWRITEBYTECODE": "", **more})


def _show(costs: Mapping[str, Sequence[Cost]]) -> None:
    width = max(map(len, costs)) + 2
    print(f"medians of {ROUNDS} rounds; ratios against the empty task of the same round")
    print(f"{'':{width}}{'clock':>9}{'ratio':>8}{'processor':>12}{'ratio':>8}")
    for name, found in costs.items():
        wall, cpu = median(c.wall for c in found), median(c.cpu for c in found)
        pairs = list(zip(found, costs[EMPTY], strict=True))
        by_wall = median(one.wall / empty.wall for one, empty in pairs)
        by_cpu = median(one.cpu / empty.cpu for one, empty in pairs)
        print(f"{name:{width}}{wall:>7.3f} s{by_wall:>8.2f}{cpu:>10.3f} s{by_cpu:>8.2f}")
    print()
    for name in costs:
        if f"{LARGE} images, nothing" in name:
            _show_growth(costs, name, name.replace(str(LARGE), str(SMALL), 1))
        if f"{_MS} ms away" in name:
            _show_trips(costs, name, name.replace(f"{_MS} ms away", "nothing to do"))


def _show_growth(costs: Mapping[str, Sequence[Cost]], large: str, small: str) -> None:
    pairs = list(zip(costs[large], costs[small], strict=True))
    wall = median(more.wall / less.wall for more, less in pairs)
    cpu = median(more.cpu / less.cpu for more, less in pairs)
    print(f"{large}: {wall:.2f} times as long as {SMALL}, {cpu:.2f} times the processor")


def _show_trips(costs: Mapping[str, Sequence[Cost]], away: str, near: str) -> None:
    pairs = zip(costs[away], costs[near], strict=True)
    trips = median((slow.wall - fast.wall) / DELAY for slow, fast in pairs)
    print(f"{away}: {trips:.1f} round trips more than without")


def _show_imports(project: Path, home: Path) -> None:
    """Print the modules that `build-all` imports, by package; the fastest of three runs."""
    words = (sys.executable, "-X", "importtime", "-m", "invoke", "build-all")
    environ = _environ(home, {"PYTHONPATH": str(HERE)})
    runs = []
    for _ in range(3):
        done = subprocess.run(
            words, cwd=project, env=environ, capture_output=True, text=True, check=True
        )
        times: dict[str, list[int]] = defaultdict(list)
        for took, module in _IMPORTED.findall(done.stderr):
            times[_package(module)].append(int(took))
        runs.append(times)
    best = min(runs, key=lambda times: sum(map(sum, times.values())))
    print(f"\nimports of build-all, {SMALL} images, nothing to do")
    for package, took in sorted(best.items(), key=lambda item: -sum(item[1]))[:24]:
        print(f"  {package:24}{len(took):>5} modules{sum(took) / 1000:>9.1f} ms")
    modules = sum(map(len, best.values()))
    print(f"  {'all':24}{modules:>5} modules{sum(map(sum, best.values())) / 1000:>9.1f} ms")


def _package(module: str) -> str:
    """Return the package of a module: ours one by one, the standard library as one."""
    first, _, rest = module.partition(".")
    if first == "pipeline":
        return f"pipeline.{rest.partition('.')[0]}"
    return "the standard library" if first in sys.stdlib_module_names else first


if __name__ == "__main__":
    main()
