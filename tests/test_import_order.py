"""Each package can be imported first, also one that is imported late or inside a function.

`Project.invoke` runs in processes that have imported all modules, and would not notice. That no
module needs another one first is held by `test_layers`: there is no cycle among them. But the
`__init__` of a package runs before any of its modules, so each package is tried.
"""

from __future__ import annotations

import subprocess
import sys

from tests.support.invoker import modules

FIRST = """
import importlib, os, sys, traceback
import docker, h11, httpx, invoke.main, msgspec, rich.live, tree_sitter

for names in sys.argv[1:]:
    if os.fork() == 0:
        try:
            for name in names.split():
                importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.wait()[1]:
        print(names)
"""


def test_each_package_can_be_imported_first() -> None:
    """Each in a process that has imported nothing else of ours, with its modules in both orders."""
    packages: dict[str, list[str]] = {}
    for name in modules():
        packages.setdefault(name.rpartition(".")[0], []).append(name)
    orders = [" ".join(names[::step]) for names in packages.values() for step in (1, -1)]
    command = [sys.executable, "-c", FIRST, *orders]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert len(packages) > 15
    assert done.stdout == "", done.stderr
