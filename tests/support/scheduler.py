"""Distribute the test files to the workers of pytest-xdist.

The engine does its work outside of the tests' processes, so that a worker with such tests is idle
half of the time. But with more of them than cores, races of the engine itself made some fail. So as
many workers as there are cores, at least two, run the tests that use the engine, and the others run
the rest meanwhile. The tests that use the engine take the longest, so those workers begin with
them, and only then help with the rest. One of the others helps them when the rest is done: by then
the campaigns are over, which do several builds at once.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

# xdist has no types. Its option `--dist loadgroup` does nothing with pytest 9.2.
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

CAMPAIGNS = frozenset({"faults", "kills", "proof", "random_builds"})
"""Folders whose tests take minutes each and run several processes at once."""

_ENGINE_FOLDERS = CAMPAIGNS | {"builders", "e2e", "sandbox"}
WITH_ENGINE = frozenset(
    {
        "tests/fake_fly/test_registry.py",
        "tests/runner/test_publish.py",
        "tests/runner/test_run.py",
    }
)
"""Files that use the engine, in other folders."""

WITHOUT_ENGINE = frozenset(
    {
        "tests/e2e/test_allow.py",
        "tests/e2e/test_bad_input.py",
        "tests/e2e/test_fly_keep.py",
        "tests/e2e/test_project_commands.py",
        "tests/e2e/test_warnings.py",
        "tests/sandbox/test_builder_image.py",
        "tests/sandbox/test_folders.py",
        "tests/sandbox/test_go_programs.py",
        "tests/sandbox/test_machine.py",
    }
)
"""Files that do not use it, in those folders."""

LONGEST = (
    "tests/e2e/test_builder.py",
    "tests/e2e/test_build_all.py",
    "tests/e2e/test_deploy.py",
    "tests/e2e/test_fly_refusals.py",
    "tests/e2e/test_fly_deploy.py",
    "tests/e2e/test_deploy_releases.py",
    "tests/e2e/test_promote.py",
    "tests/mutants/test_mutants.py",
    "tests/unchanged/test_unchanged.py",
    "tests/registry/test_faults.py",
)
"""The files that take the longest. They begin first, so that no worker has one left at the end."""

_ENGINE_WORKERS = max(2, os.cpu_count() or 2)


def may_use_engine(file: str) -> bool:
    """Return whether the tests of a file may use the engine.

    The scheduler knows their names alone, and not their marks.

    >>> may_use_engine("tests/e2e/test_lock.py"), may_use_engine("tests/model/test_plan.py")
    (True, False)
    """
    if file in WITHOUT_ENGINE:
        return False
    return file in WITH_ENGINE or not _ENGINE_FOLDERS.isdisjoint(PurePosixPath(file).parts)


def next_file(
    queue: Iterable[str], worker: int, engine_workers: int = _ENGINE_WORKERS
) -> str | None:
    """Return the file that a worker runs next, and `None` where there is none for it.

    >>> queue = ["tests/model/test_plan.py", "tests/e2e/test_lock.py"]
    >>> [next_file(queue, worker, 2) for worker in (0, 1)]
    ['tests/e2e/test_lock.py', 'tests/e2e/test_lock.py']
    >>> [next_file(queue, worker, 2) for worker in (2, 3)]
    ['tests/model/test_plan.py', 'tests/model/test_plan.py']

    At the end the first three help each other.

    >>> [next_file(queue[:1], worker, 2) for worker in (0, 1)]
    ['tests/model/test_plan.py', 'tests/model/test_plan.py']
    >>> [next_file(queue[1:], worker, 2) for worker in (2, 3)]
    ['tests/e2e/test_lock.py', None]
    """
    files = list(queue)
    with_engine = worker < engine_workers
    first = next((file for file in files if _uses_engine(file) is with_engine), None)
    if first is None and files and worker <= engine_workers:
        return files[0]
    return first


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Run all tests of a file on one worker, and all campaigns on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "campaigns" if CAMPAIGNS.intersection(PurePosixPath(file).parts) else file

    def _reschedule(self, node: Any) -> None:
        if self.workqueue and not node.shutting_down and self._next(node) is None:
            node.shutdown()
        else:
            super()._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        scope = self._next(node)
        if scope is not None:
            self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    def _next(self, node: Any) -> str | None:
        """Return the first file that a worker may run."""
        number = int(node.gateway.id.removeprefix("gw"))
        return next_file(self.workqueue, number)


def _uses_engine(scope: str) -> bool:
    return scope == "campaigns" or may_use_engine(scope)
