"""A case of the campaign: what is run, what exists before, and whose requests fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.faults import Fault, Request

IMAGES = ("base", "api", "web")
OURS = "fly-image-pipeline"
"""How this project's client calls itself."""

_OTHER_BYTES = frozenset({"200 html", "to a stranger", "other bytes", "oversized"})
RATE = 0.2
"""The share of requests that fail."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: `task` of Invoke's, the images that exist `before` it, whose requests fail.

    `whose` is "all" (BuildKit's pushes included) or "ours" (only what this project sends).
    """

    seed: int
    task: str
    before: tuple[str, ...]
    whose: str
    keep_going: bool = False

    @property
    def words(self) -> list[str]:
        """The command, after `invoke`."""
        return [self.task, "--json", *(["--keep-going"] if self.keep_going else [])]


def poisons(request: Request, fault: Fault) -> bool:
    """Whether a fault gives containerd other bytes than those of a digest, for blob or manifest.

    It keeps them and takes the download up behind them, so that no later one of them succeeds
    either ("unexpected commit digest"; engine 26.1.5): nothing that a rerun of ours could mend.
    """
    pinned = "/blobs/" in request.path or "/manifests/sha256:" in request.path
    return (
        request.method == "GET" and pinned and request.agent != OURS and fault.kind in _OTHER_BYTES
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case is run: the real registry, what its clients need, and who we are there."""

    registry: str
    folder: Path
    token: str = field(repr=False)
    trust: Mapping[str, str] = field(default_factory=dict)


def case_of(seed: int) -> Case:
    """The case of a seed: half of them plan, most of the rest fail for BuildKit too."""
    chance = Random(seed)  # noqa: S311 - it is to come again
    task = chance.choice(["plan", "build-all"])
    before = chance.choice([(), ("base",), ("base", "api"), IMAGES])
    whose = chance.choice(["all", "all", "ours"])
    return Case(seed, task, before, whose, task == "build-all" and chance.random() < 0.3)


def project_of(case: Case, root: Path, address: str, place: Place) -> Project:
    """Three small images, no two cases alike: a base, and two apps on it, one with an alias."""
    root.mkdir(parents=True)
    environ = {
        **place.trust,
        "FLY_REGISTRY_HOST": address,
        "FLY_API_TOKEN": place.token,
        "HOME": str(root.parent),
    }
    made = Project(root, root / "none.log", environ)
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nrepository = "s{case.seed}/{{name}}"\n')
    made.image("base", "FROM scratch\nCOPY base.txt /\n", base_txt=f"base of {case.seed}\n")
    made.image("api", "FROM base\nCOPY api.txt /\n", api_txt=f"api of {case.seed}\n")
    made.image("web", "FROM base\nCOPY web.txt /\n", web_txt=f"web of {case.seed}\n")
    made.write("images/api/image.toml", 'aliases = ["latest"]\n')
    return made
