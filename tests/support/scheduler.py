"""Distribute the test files to the workers of pytest-xdist.

The engine does its work outside of the tests' processes, so that a worker with such tests is idle
half of the time. But with more of them than cores, races of the engine itself made some fail. So as
many workers as there are cores, at least two, run the tests that use the engine, and the others run
the rest meanwhile.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

# xdist has no types. Its option `--dist loadgroup` does nothing with pytest 9.2.
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from typing import Any

CAMPAIGNS = frozenset({"faults", "kills", "proof", "random_builds"})
"""Folders whose tests take minutes each and run several processes at once."""

_ENGINE_FOLDERS = CAMPAIGNS | {"builders", "e2e", "sandbox"}
_ENGINE_FILES = frozenset(
    {
        "tests/fake_fly/test_registry.py",
        "tests/runner/test_publish.py",
        "tests/runner/test_run.py",
    }
)
_ENGINE_WORKERS = max(2, os.cpu_count() or 2)


def may_use_engine(file: str) -> bool:
    """Return whether the tests of a file may use the engine.

    The scheduler knows their names alone, and not their marks.

    >>> may_use_engine("tests/e2e/test_lock.py"), may_use_engine("tests/model/test_plan.py")
    (True, False)
    """
    return file in _ENGINE_FILES or not _ENGINE_FOLDERS.isdisjoint(PurePosixPath(file).parts)


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
        all_of_them = number < _ENGINE_WORKERS
        return next((s for s in self.workqueue if all_of_them or not _uses_engine(s)), None)


def _uses_engine(scope: str) -> bool:
    return scope == "campaigns" or may_use_engine(scope)
