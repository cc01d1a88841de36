"""Run the commands of the documentation: `python -m tests.docs_check [PAGE…]`.

PAGE is a part of a page's path. Each page runs in an empty folder, with the engine of the sandbox
and an empty registry, or with a fake Fly. The exit code is 1 if a page shows something else than
what its commands print.
"""

# ruff: noqa: T201 - a command that prints what it found

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.docs_check.page import ROOT, Page, pages, read_page
from tests.docs_check.readme import README, readme_page
from tests.docs_check.run import environ_of_reader, run_page
from tests.support.fly import fake_fly
from tests.support.registries import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ENGINE = ("DOCKER_BUILDKIT", "DOCKER_CONFIG", "DOCKER_HOST")


def main(words: Sequence[str]) -> int:
    """Run the pages whose paths contain one of `words`, or all that have commands."""
    found = [_steps_of(path) for path in pages() if _chosen(path, words)]
    chosen = [page for page in found if page.steps]
    if not chosen:
        print("no page with commands has such a path", file=sys.stderr)
        return 2
    failed = [page for page in chosen if not _passes(page)]
    print(f"{len(chosen)} pages, {len(failed)} differ")
    return int(bool(failed))


def _steps_of(path: Path) -> Page:
    return readme_page() if path == README else read_page(path)


def differences(page: Page) -> list[str]:
    """Run a page in an empty folder; return what differs from it."""
    with (
        TemporaryDirectory(prefix="docs-") as scratch,
        environ_of(page.needs, Path(scratch)) as more,
    ):
        home = Path(scratch, "home")
        home.mkdir()
        return run_page(page, Path(scratch), environ_of_reader(home, more))


def _chosen(path: Path, words: Sequence[str]) -> bool:
    return not words or any(word in str(path.relative_to(ROOT)) for word in words)


def _passes(page: Page) -> bool:
    began = time.monotonic()
    found = differences(page)
    seconds = time.monotonic() - began
    left_out = f", {page.left_out} blocks not run" if page.left_out else ""
    verdict = "differs" if found else "as shown"
    print(f"{verdict:9}{seconds:6.1f} s  {page.path.relative_to(ROOT)}{left_out}", flush=True)
    for one in found:
        print(one)
    return not found


@contextmanager
def environ_of(needs: str, scratch: Path) -> Iterator[Mapping[str, str]]:
    """Yield the variables of the engine and of the registry or the Fly that a page needs."""
    engine = {name: os.environ[name] for name in _ENGINE if name in os.environ}
    if needs == "fly":
        with fake_fly(scratch / "fly") as fly:
            yield {**engine, **fly.environ}
    elif needs == "engine":
        with serve(scratch / "registry") as registry:
            yield {**engine, "PIPELINE_REGISTRY_HOST": registry.address}
    else:
        yield {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
