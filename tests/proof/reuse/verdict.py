"""Judge whether what was reused is what a build on the new base makes."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from pipeline import UnknownError, inspect, load, plan, run
from pipeline.registry.client import Registry
from tests.proof.reuse.cases import DEPENDENTS, project
from tests.random_builds.contents import Contents, differences, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline import Report
    from pipeline.reference import Reference
    from tests.proof.reuse.cases import Change
    from tests.random_builds.contents import Member

REUSED, BUILT, MISSED, FALSE = "reused", "built", "missed", "FALSE HIT"
"""Right, right, a build that made the same, and the one fault that must not be."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one dependent after one change; `why` has what differs."""

    change: str
    dependent: str
    verdict: str
    why: str = ""


class World:
    """A project in a folder, its registry, and what happens to the builder between two runs.

    A change is run for all images at once or, with `base_first`, for the base alone, and then for
    the others.
    """

    def __init__(
        self,
        root: Path,
        settings: str,
        event: Callable[[], None] = lambda: None,
        names: Sequence[str] = tuple(DEPENDENTS),
        *,
        base_first: bool = False,
    ) -> None:
        self.root = root
        self.names = names
        self._settings = settings
        self._event = event
        self._before: Sequence[str] = ("os",) if base_first else ()
        self.write(None)
        self.first = self._contents(self._run())

    def write(self, change: Change | None) -> None:
        """Write the project anew, with a change of its base."""
        shutil.rmtree(self.root, ignore_errors=True)
        for path, text in {**project(change, self.names), "pipeline.toml": self._settings}.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def judge(self, changes: Sequence[Change]) -> Iterator[Judged]:
        """Change the base, run, build each dependent anew on the new base, and compare."""
        for change in changes:
            self.write(change)
            self._event()
            if self._before:
                self._run(self._before, force=False)
            report = self._run()
            after = self._contents(report)
            anew: dict[str, Contents] = {}
            # Each stands on what is published now, level by level.
            for names in (LOWER, UPPER):
                chosen = [name for name in names if name in self.names]
                anew |= self._contents(self._run(chosen, force=True), chosen) if chosen else {}
            for image in report.images:
                if image.name in DEPENDENTS:
                    name = image.name
                    verdict = self._verdict(name, image.status.value, after[name], anew[name])
                    yield Judged(change.name, name, *verdict)

    def _verdict(self, name: str, status: str, now: Contents, anew: Contents) -> tuple[str, str]:
        differing = differences(now, anew)
        if status == "copied":
            return (FALSE, "; ".join(differing)) if differing else (REUSED, "")
        if status == "built":
            return (BUILT if differences(self.first[name], anew) else MISSED), ""
        return FALSE, f"its status is {status}"

    def _run(self, names: Sequence[str] = (), *, force: bool = False) -> Report:
        loaded = load(self.root)
        for _ in range(_ATTEMPTS):
            state = inspect(loaded, only=names or None, force=force)
            report = run(plan(loaded, state))
            # An engine with much else to do gives up, which says nothing of the images.
            if report.exit_code != UnknownError.exit_code:
                break
        failed = [f"{i.name}: {i.failure or i.reason}" for i in report.images if i.status not in OK]
        assert report.exit_code == 0, "; ".join([*failed, report.trouble])
        return report

    def _contents(self, report: Report, names: Sequence[str] = ()) -> dict[str, Contents]:
        with Registry() as registry:
            return {
                image.name: read(registry, image.reference.pinned(image.digest))
                for image in report.images
                if image.digest and (not names or image.name in names)
            }


_ATTEMPTS = 4
UPPER = ("below", "below-all")
LOWER = tuple(name for name in DEPENDENTS if name not in UPPER)
OK = frozenset({"built", "copied", "exists"})


def read(registry: Registry, reference: Reference) -> Contents:
    """Read an image of the registry: its configuration and files without times."""
    manifest = json.loads(registry.manifest(reference).content)
    blobs = f"http://{reference.repository.host}/v2/{reference.repository.path}/blobs"
    config = json.loads(httpx.get(f"{blobs}/{manifest['config']['digest']}").content)
    layers = tuple(_layer(blobs, layer["digest"]) for layer in manifest["layers"])
    for key in ("created", "rootfs"):
        config.pop(key, None)
    for step in config.get("history", ()):
        step.pop("created", None)
    return Contents(json.dumps(config, sort_keys=True), layers)


_read: dict[str, Mapping[str, Member]] = {}


def _layer(blobs: str, digest: str) -> Mapping[str, Member]:
    """Read the files of a layer, once: all images have the lowest one."""
    if digest not in _read:
        content = httpx.get(f"{blobs}/{digest}", timeout=60).content
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            _read[digest] = dict(members(tar))
    return _read[digest]


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """Return the lines of the table: a row for each change, a column for each verdict."""
    words = (REUSED, BUILT, MISSED, FALSE)
    yield f"{'change of the base':45}" + "".join(f"{word:>10}" for word in words)
    rows: dict[str, list[str]] = {}
    for one in judged:
        rows.setdefault(one.change, []).append(one.verdict)
    rows["all"] = [one.verdict for one in judged]
    for name, found in rows.items():
        yield f"{name:45}" + "".join(f"{found.count(word) or '-':>10}" for word in words)


def errors(judged: Sequence[Judged], same: Mapping[str, bool]) -> Iterator[str]:
    """Return the false hits, and what was not reused although its base contains the same."""
    for one in judged:
        if one.verdict == FALSE:
            yield f"{one.change}: {one.dependent}: {one.verdict}: {one.why}"
        elif same[one.change] and one.verdict != REUSED:
            yield f"{one.change}: {one.dependent}: {one.verdict}, and should be reused"
