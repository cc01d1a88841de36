"""A case of the campaign: the command, the existing images, and whose requests fail."""

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
"""The User-Agent of this project's client."""

_OTHER_BYTES = frozenset({"200 html", "to a stranger", "other bytes", "oversized"})
RATE = 0.2
"""The share of requests that fail."""


@dataclass(frozen=True, slots=True)
class Case:
    """A run of an Invoke `task`, with the images that exist `before` it.

    `whose` requests fail: "all" (also BuildKit's pushes), or "ours" (only the pipeline's).
    """

    seed: int
    task: str
    before: tuple[str, ...]
    whose: str
    keep_going: bool = False

    @property
    def words(self) -> list[str]:
        """Return the arguments of `invoke`."""
        return [self.task, "--json", *(["--keep-going"] if self.keep_going else [])]


def corrupts_digest(request: Request, fault: Fault) -> bool:
    """Return whether a fault gives containerd other bytes than those of the digest.

    containerd keeps the bytes and continues the download after them, so that no later download
    succeeds ("unexpected commit digest"; engine 26.1.5). A rerun cannot repair that.
    """
    pinned = "/blobs/" in request.path or "/manifests/sha256:" in request.path
    return (
        request.method == "GET" and pinned and request.agent != OURS and fault.kind in _OTHER_BYTES
    )


@dataclass(frozen=True, slots=True)
class CampaignRegistry:
    """The registry of the cases, and the environment and credentials of its clients."""

    registry: str
    folder: Path
    token: str = field(repr=False)
    trust: Mapping[str, str] = field(default_factory=dict)


def case_of(seed: int) -> Case:
    """Return the case of a seed: half are plans; in most of the rest BuildKit gets faults, too."""
    chance = Random(seed)  # noqa: S311 - it is to come again
    task = chance.choice(["plan", "build-all"])
    before = chance.choice([(), ("base",), ("base", "api"), IMAGES])
    whose = chance.choice(["all", "all", "ours"])
    return Case(seed, task, before, whose, task == "build-all" and chance.random() < 0.3)


def project_of(case: Case, root: Path, address: str, place: CampaignRegistry) -> Project:
    """Make three small, unique images: a base, and two apps on it, one with an alias."""
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
