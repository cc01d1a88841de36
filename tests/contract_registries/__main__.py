"""The campaign: `python -m tests.contract_registries [REGISTRY …]`.

Runs the same tests against each registry of `tests.support.registries`, by default all that can be
had here, and with `REGISTRY=HOST:PORT` in the environment against that one. Prints a table of what
passed; ends with 1 where a test failed.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from sandbox import registry
from sandbox.errors import SandboxError
from sandbox.folders import folders
from sandbox.go_programs import build
from tests.support.registries import KINDS, PROGRAM, PROGRAMS, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "existence, push, aliases": ("contract_registries/test_existence.py",),
    "login": ("contract_registries/test_login.py",),
    "copies, deep check": ("contract_registries/test_copy.py",),
    "races, interrupted copies": ("contract_registries/races.py", "runner/test_publish.py"),
    "faults": ("registry/test_faults.py",),
    "promote": ("e2e/test_promote.py",),
    "copies instead of builds": ("e2e/test_copied_images.py",),
    "--verify deep": ("e2e/test_incomplete_images.py",),
    "build-all": ("e2e/test_build_all.py", "e2e/test_one_repository.py"),
    "build-all, twice at once": ("e2e/test_concurrent_runs.py",),
    "build-all, interrupted": ("e2e/test_interrupted.py",),
}


def main(words: list[str]) -> int:
    """Run the tests against each registry; print the table."""
    given = os.environ.get("REGISTRY", "")
    kinds = words or ([given] if given else list(KINDS))
    results = {}
    for kind in kinds:
        try:
            program = build(PROGRAMS[kind]) if kind in PROGRAMS else None
        except SandboxError as error:
            sys.exit(f"error: {error.message}\nhint: {error.hint}")
        print(f"{kind}: {_version(kind)}", flush=True)
        results[kind] = _run(kind, program)
    print("\n".join(table(results)))
    return int(
        any(f for counts in results.values() for f in (c["failed"] for c in counts.values()))
    )


def _version(kind: str) -> str:
    """Return the version of a registry, as it says or as it was built."""
    if kind in PROGRAMS:
        return PROGRAMS[kind].version
    if kind not in KINDS:
        return "it runs already; its version is not known"
    ran = subprocess.run(
        [registry.server(folders()), "--version"], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def _run(kind: str, program: Path | None) -> dict[str, Counter[str]]:
    """Run all tests against one registry; return how many passed, failed, do not apply."""
    files = [str(HERE.parent / file) for group in SUBJECTS.values() for file in group]
    environ = {**os.environ, VARIABLE: kind, PROGRAM: str(program or "")}
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        report = Path(folder, "report.xml")
        words = ["-q", "-p", "no:cacheprovider", f"--basetemp={folder}/t", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *words, *files]
        code = subprocess.run(command, env=environ, check=False).returncode
        if code not in (0, 1):
            sys.exit(f"the tests against {kind} did not run to their end: pytest ended with {code}")
        return outcomes(report)


def outcomes(report: Path) -> dict[str, Counter[str]]:
    """Return how many tests of each subject passed, failed and were skipped, of a JUnit report."""
    counts: dict[str, Counter[str]] = {subject: Counter() for subject in SUBJECTS}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if kinds else "passed"
        counts[_subject(case.get("classname", ""))][outcome] += 1
    return counts


def _subject(module: str) -> str:
    path = re.sub(r"^tests\.", "", module).replace(".", "/") + ".py"
    return next(subject for subject, files in SUBJECTS.items() if path in files)


def table(results: Mapping[str, Mapping[str, Counter[str]]]) -> Iterator[str]:
    """Iterate over the lines of a Markdown table: how many tests passed, by registry."""
    yield "| | " + " | ".join(results) + " |"
    yield "|---" * (len(results) + 1) + "|"
    for subject in SUBJECTS:
        cells = [_cell(counts[subject]) for counts in results.values()]
        yield f"| {subject} | " + " | ".join(cells) + " |"


def _cell(counts: Counter[str]) -> str:
    total = counts.total() - counts["skipped"]
    skipped = f", {counts['skipped']} do not apply" if counts["skipped"] else ""
    return f"{counts['passed']} of {total}{skipped}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
