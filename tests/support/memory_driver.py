"""A driver that deploys to memory: `Driver` of `pipeline.deploy.protocol`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.deploy.errors import DeployError
from pipeline.model.apps import Release, Running
from pipeline.model.report import Failure
from pipeline.reference import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.model.apps import App
    from pipeline.model.events import Reporter
    from pipeline.reference import Reference


def digest(number: int) -> Digest:
    """Return the digest of the image with that number."""
    return Digest(f"sha256:{number:064x}")


@dataclass
class PlainDriver:
    """Apps and what they run; `failing` ones fail, `half_deployed` ones keep half of the release.

    `calls` lists all calls in order, and `fresh` the apps whose image was just pushed.
    """

    now: dict[str, list[Running]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    half_deployed: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)
    on_deploy: Callable[[str], None] = lambda _app: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """Return the newest release of each app."""
        return {app.name: self.now.get(app.name, [None])[-1] for app in apps}

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Add a release; for a torn app it has the old image and is not healthy."""
        del report
        with self.lock:
            self.calls.append(f"deploy {app.name}")
            self.fresh |= {app.name} if fresh else set()
            self.on_deploy(app.name)
            before = self.now.setdefault(app.name, [])
            if app.name in self.half_deployed:
                before.append(replace(before[-1], healthy=False))
            if app.name in self.failing | self.half_deployed:
                raise DeployError(Failure("health check", "it answers 500"))
            assert image.digest
            before.append(Running(image.digest, str(len(before) + 1)))
            return before[-1]


@dataclass
class MemoryDriver(PlainDriver):
    """The same with releases and rollback, which fails for apps in `not_restorable`."""

    not_restorable: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    on_rollback: Callable[[str], None] = lambda _app: None

    def releases(self, app: App, /) -> Sequence[Release]:
        """Return the releases, newest first."""
        return [Release(r.release, "complete") for r in reversed(self.now[app.name])]

    def rollback(
        self, app: App, report: Reporter, /, *, hold: bool = False, to: str = ""
    ) -> Running:
        """Drop the newest release; `held` lists the apps that are to be held there."""
        del report, to
        self.held |= {app.name} if hold else set()
        with self.lock:
            self.calls.append(f"rollback {app.name}")
            self.on_rollback(app.name)
            if app.name in self.not_restorable:
                raise DeployError(Failure("rollback", "its image was pruned"))
            self.now[app.name].pop()
            return self.now[app.name][-1]
