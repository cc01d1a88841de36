"""Run the campaign: `python -m tests.reasons [--cases NAMES] [--all]`.

For each case of the proof and each kind of change that it has, one change (with `--all`, every one)
is committed and cloned into a fresh folder, with an empty home. `why` explains it there twice: with
the record of the registry and no history, and with the history and an empty registry. What it names
is compared with the documents of the inputs before and after.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError
from tests.proof.cases import CASES
from tests.proof.changes import changes
from tests.reasons.pairs import Origin, Place
from tests.support.registries import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.proof.cases import Case
    from tests.proof.changes import Change
    from tests.reasons.pairs import Verdict


def main(words: list[str]) -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.reasons")
    parser.add_argument("--cases", default="", help="names of cases, separated by commas")
    parser.add_argument("--all", action="store_true", help="every change, not one of each kind")
    chosen = parser.parse_args(words)
    names = {name for name in chosen.cases.split(",") if name}
    began = time.monotonic()
    done: list[Verdict] = []
    with (
        tempfile.TemporaryDirectory(prefix="reasons-") as folder,
        serve(Path(folder) / "registry") as real,
        serve(Path(folder) / "wiped") as wiped,
    ):
        for number, case in enumerate(one for one in CASES if not names or one.name in names):
            place = Place(real.address, wiped.address, Path(folder) / str(number))
            done += judged(case, place, every=chosen.all)
    print("\n".join(table(done)))
    print(f"\n{time.monotonic() - began:.0f} s")
    return int(not all(verdict.right for verdict in done))


def judged(case: Case, place: Place, *, every: bool) -> Iterator[Verdict]:
    """Judge the changes of a case; print those that were not named as they should be."""
    place.folder.mkdir()
    try:
        origin = Origin(case, place)
    except PipelineError as error:
        print(f"{case.name}: left out, {error}", file=sys.stderr)
        return
    for number, change in enumerate(chosen_changes(origin, every=every)):
        verdict = origin.judge(change, number)
        if verdict is None:
            continue
        if not verdict.right:
            print(f"WRONG {case.name}: {change.kind} of {change.what}")
            print(f"  differs {sorted(verdict.differs)}")
            print(f"  record  {sorted(verdict.by_record)}\n  Git     {sorted(verdict.by_git)}")
        yield verdict


def chosen_changes(origin: Origin, *, every: bool) -> Sequence[Change]:
    """Return every change of a case, or the first of each kind."""
    found = list(changes(origin.tree, "other"))
    return found if every else list({one.kind: one for one in reversed(found)}.values())


def table(done: Sequence[Verdict]) -> Iterator[str]:
    """Yield how often each kind of change was tried, differs, and was named by which way."""
    rows: dict[str, Counter[str]] = {}
    for one in done:
        row = rows.setdefault(one.change.kind, Counter())
        row.update({"tried": 1, "differ": bool(one.differs)})
        row.update({"record": one.by_record == one.differs, "git": one.by_git == one.differs})
    titles = ("tried", "differ", "record", "git")
    yield f"{'kind of change':<40}" + "".join(f"{title:>9}" for title in titles)
    for kind, row in sorted(rows.items()):
        yield f"{kind:<40}" + "".join(f"{row[title]:>9}" for title in titles)
    total = sum(rows.values(), Counter[str]())
    yield f"{f'{len(rows)} kinds':<40}" + "".join(f"{total[title]:>9}" for title in titles)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
