"""Each module can be imported first, also those that are imported late or inside a function.

`Project.invoke` runs in processes that have imported all modules, and would not notice.
"""

from __future__ import annotations

import subprocess
import sys

from tests.support.invoker import modules

FIRST = """
import importlib, os, sys, traceback
import docker, httpcore, invoke.main, msgspec, rich.live, tree_sitter

for name in sys.argv[1:]:
    if os.fork() == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.wait()[1]:
        print(name)
"""


def test_each_module_can_be_imported_first() -> None:
    """Each in a process that has imported nothing else of the package."""
    names = modules()
    command = [sys.executable, "-c", FIRST, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert len(names) > 100
    assert done.stdout.split() == [], done.stderr
