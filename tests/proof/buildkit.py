"""Build many projects in one real solve: which steps ran, and which image resulted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.buildkit.definition import Output, Target, definition, target_name
from pipeline.buildkit.stream import OtherLine, Vertex
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.fingerprints.snapshot import Snapshot
from pipeline.reference import ImageName, parse_reference
from tests.proof.unrequested_steps import records_of, unrequested_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from pipeline.model.project import Project

APP = ImageName("app")
AT_ONCE = 12
_BAKE = ("docker", "buildx", "bake", "-f", "-", "--progress", "rawjson")
_ATTEMPTS = 3
_PASSING = re.compile(
    r"snapshot \S+ does not exist|no such job|deadline exceeded|moby-dangling\S+: already exists"
)
"""Errors of an overloaded engine, which do not depend on the project."""

_CONSEQUENCE = re.compile(
    r"context canceled|(code|desc) = Canceled|from server: EOF|locked for \S+ \(since"
)
"""Errors of what was being built when something else failed, or when another had the same image."""

_MOMENT = "1000000000"
_DIGEST = "containerimage.config.digest"
_NUMBER = re.compile(r"\d+/\d+$")
PLAIN, COPY = "", "x"
"""Two ways to build a project, as suffixes of its key in target names: from its folder, and

from a copy of the files in its fingerprint, as a run does.
"""


@dataclass(frozen=True, slots=True)
class Built:
    """The result for a project: steps that ran, the digest by each way, or the error.

    An unrequested step is refused by us, and is an error, too.
    """

    ran: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


class Requirement(NamedTuple):
    """A project to build, by one way or both; `places` are other paths of its own folders."""

    project: Project
    ways: tuple[str, ...]
    places: Mapping[PurePosixPath, str] = {}


def build_each(projects: Mapping[str, Requirement], folder: Path) -> dict[str, Built]:
    """Build the image `app` of each project; the keys become the names of targets.

    A failure cancels the other projects: they are built again without it, or in two halves if it is
    not known which one failed.
    """
    if not projects:
        return {}
    found = _patiently(projects, folder)
    left = {key: project for key, project in projects.items() if key not in found}
    if found:
        return found | build_each(left, folder)
    keys = list(left)
    halves = (keys[: len(keys) // 2], keys[len(keys) // 2 :])
    one, other = ({key: left[key] for key in half} for half in halves)
    return build_each(one, folder) | build_each(other, folder)


def _patiently(projects: Mapping[str, Requirement], folder: Path) -> dict[str, Built]:
    """Solve again if the engine failed, a limited number of times."""
    for _ in range(_ATTEMPTS - 1):
        found = _solve(projects, folder)
        if not any(_PASSING.search(one.error) for one in found.values()):
            return found
    return _solve(projects, folder)


def _solve(projects: Mapping[str, Requirement], folder: Path) -> dict[str, Built]:
    targets: dict[str, object] = {}
    for key, (project, ways, places) in projects.items():
        if PLAIN in ways:
            targets |= targets_of(key, project, places)
        if COPY in ways:
            copies = copied_files(project, folder / f"{key}-copy")
            targets |= targets_of(f"{key}{COPY}", project, copies)
    wanted = [target_of(key + way) for key, (_, ways, _) in projects.items() for way in ways]
    metadata = folder / "metadata.json"
    metadata.unlink(missing_ok=True)
    done = bake(targets, wanted, metadata)
    seen = _Seen(done.stderr, list(projects))
    if done.returncode:
        return seen.failures()
    written = json.loads(metadata.read_bytes())
    more = unrequested_steps(
        done.stderr, {key: _made(one.project, {}) for key, one in projects.items()}
    )
    return {
        key: Built(
            seen.ran(key),
            {way: written[target_of(key + way)][_DIGEST] for way in ways},
            more.get(key, ""),
        )
        for key, (_, ways, _) in projects.items()
    }


def bake(
    targets: Mapping[str, object], wanted: Sequence[str], metadata: Path
) -> subprocess.CompletedProcess[bytes]:
    """Build the wanted ones of `targets` in one solve; write what resulted to `metadata`."""
    request = {"group": {"ALL": {"targets": wanted}}, "target": targets}
    return subprocess.run(
        [*_BAKE, "--metadata-file", str(metadata), "ALL"],
        input=json.dumps(request).encode(),
        capture_output=True,
        cwd=metadata.parent,
        env={
            **os.environ,
            "BUILDX_METADATA_PROVENANCE": "disabled",
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        },
        check=False,
    )


def copied_files(project: Project, folder: Path) -> dict[PurePosixPath, str]:
    """Copy the fingerprinted files of a project; return where its folders are now."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = Snapshot(project.root, folder / "root")
    inputs = fingerprint(project)
    for image in project:
        files.add(image, inputs[image.name])
    files.settle()
    return {path: files.copy_of(path) for path in folders_of(project)}


def folders_of(project: Project) -> list[PurePosixPath]:
    """Return the folders of a project that BuildKit gets."""
    named = [context.path for image in project for context in image.contexts.values()]
    own = [path for image in project for path in (image.context, image.dockerfile.parent)]
    return [*own, *named]


def targets_of(
    key: str, project: Project, places: Mapping[PurePosixPath, str]
) -> dict[str, object]:
    """Return the targets of a project with unique names, and contexts at any path."""
    made: Any = definition(_made(project, places), project.settings.build)
    found: dict[str, object] = {}
    for name, fields in made["target"].items():
        contexts = {
            written: str(project.root / where)
            if where.startswith("./")
            else where.replace("target:", f"target:{key}-", 1)
            for written, where in fields.get("contexts", {}).items()
        }
        del fields["tags"]
        found[f"{key}-{name}"] = {
            **fields,
            "context": str(project.root / fields["context"]),
            "contexts": contexts,
            # So that an image built again from the same steps has the same digest.
            "args": {**fields.get("args", {}), "SOURCE_DATE_EPOCH": _MOMENT},
            # The engine keeps one of two identical images, so only one is requested.
            "output": [f"type=image,push=false,unpack=false,store={str(not places).lower()}"],
        }
    return found


def _made(project: Project, places: Mapping[PurePosixPath, str]) -> list[Target]:
    return [_target(project, name, places) for name in project.names]


def _target(project: Project, name: ImageName, places: Mapping[PurePosixPath, str]) -> Target:
    image = project.image(name)
    reference = parse_reference(f"proof.invalid/{image.name}:1")
    return Target(image, reference, Output.PUSH, dict.fromkeys(image.base_names), places)


def target_of(key: str) -> str:
    """Return the name of the target of the image `app` of a project."""
    return f"{key}-{target_name(APP)}"


class _Seen:
    """The instructions of each project in the stream of a solve."""

    def __init__(self, stream: bytes, keys: list[str]) -> None:
        self._keys = keys
        self._cached: dict[str, bool] = {}
        self._names: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._errors: dict[str, str] = {}
        records = records_of(stream)
        for record in records:
            if isinstance(record, Vertex):
                self._vertex(record)
        said = "\n".join(record.text for record in records if isinstance(record, OtherLine))
        self._said = said.rpartition("ERROR: ")[2] or "it failed"

    def ran(self, key: str) -> tuple[str, ...]:
        """Return the instructions of a project that were not cached."""
        return tuple(step for digest, step in self._names[key].items() if not self._cached[digest])

    def failures(self) -> dict[str, Built]:
        """Return the failed projects with their errors; empty if it is not known which failed."""
        targets = {key: (f"target {key}-", f"target {key}{COPY}-") for key in self._keys}
        spoken_of = [k for k, texts in targets.items() if any(t in self._said for t in texts)]
        found = dict.fromkeys(spoken_of, self._said) | self._errors
        if len(self._keys) == 1:
            found = dict.fromkeys(self._keys, self._said)
        return {key: Built(error=error) for key, error in found.items()}

    def _vertex(self, vertex: Vertex) -> None:
        owner, step = _split(vertex.name, self._keys)
        if owner and vertex.error and not _CONSEQUENCE.search(vertex.error):
            self._errors[owner] = vertex.error
        if step and vertex.completed:
            self._names[owner][vertex.digest] = step
            self._cached[vertex.digest] = self._cached.get(vertex.digest, True) and vertex.cached


def _split(name: str, keys: list[str]) -> tuple[str, str]:
    """Return project and instruction of a vertex; empty for sources and internal steps.

    Web and Git sources are checked each time: the image shows whether they changed.
    """
    head, _, step = name[1:].partition("] ")
    owner = head.partition("-")[0].removesuffix(COPY)
    if not name.startswith("[") or owner not in keys:
        return "", ""
    remote = step.startswith("ADD ") and "://" in step
    if not _NUMBER.search(head) or step.startswith("FROM ") or remote:
        return owner, ""
    return owner, f"[{head.partition(' ')[2]}] {step}"
