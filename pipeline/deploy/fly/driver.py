"""The driver `fly`: flyctl deploys, and what runs is asked of the Machines API.

What flyctl says is for people; an app runs an image when all its machines name that digest. The
image is given by digest (`registry.fly.io/acme-web@sha256:…`): of a tag, flyctl deploys whatever
it stands for when a machine pulls it (flyctl #5010), and one that was pushed over may spread late.

Fly itself is the journal of a run: what was deployed is told by its machines, and what ran before
by its releases, so that a run that was cut off is finished by the next one, from anywhere. A
release that was cut off leaves machines on two images, which is not `current`.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ...errors import Problem, UnknownError, usage_error
from ...fly.api import FlyApi
from ...fly.errors import CREATE, FlyError, NoAppError
from ...fly.flyctl import find_flyctl
from ...fly.queries import apps_of_org, machines_of, releases_of
from ...fly.values import number_of, release_before
from ...http.text import plain
from ...model.apps import MissingAppsError, Release
from ...model.events import AppChanged, Notice
from ...model.fly_apps import SPREAD
from ...model.hold import let_newer_be
from ...model.report import Failure
from ...process.cleanup import private_folder
from ...reference import ReferenceSyntaxError, parse_reference
from ..errors import DeployError
from .running import differing, running_of
from .stamp import as_read, leave_stamp, stamp_of_rollback

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...fly.flyctl import Ended, Flyctl
    from ...fly.values import FlyRelease, Machine
    from ...model.apps import App, Running
    from ...model.events import Reporter
    from ...reference import Reference
    from ...registry.auth.credential import CredentialSource
    from ..protocol import Driver

AT_ONCE = 16
HELD = 60.0
"""Seconds that the lease of another deploy is waited for; that of a dead one ends after 13."""
WELL = 60.0
"""Seconds that machines may take to be well after flyctl saw them so."""
_AGAIN = 2.0
_ONE_APP = frozenset({403, 404})
_KNOWN_RELEASES = 100


@contextmanager
def open_driver(
    environ: Mapping[str, str], credentials: CredentialSource, stop: threading.Event, org: str
) -> Iterator[Driver]:
    """The driver with the token of this environment. Nothing is asked yet."""
    del credentials  # Fly pulls as the organization
    with FlyApi(environ, stop=stop) as api:
        yield FlyDriver(api, environ, stop, org)


class FlyDriver(Struct, frozen=True):
    """Deploys to Fly as whoever `api` is. Machines may take `well` seconds after flyctl's end."""

    api: FlyApi
    environ: Mapping[str, str]
    stop: threading.Event
    org: str
    well: float = WELL

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """What each app's machines run: one request for each, 16 at once.

        A second one asks for the configuration of those that we did not deploy as they are wanted.
        """
        found: dict[str, Running | None] = {}
        missing = []
        lost: list[FlyError] = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = pool.map(lambda app: self._ask(app, lost), apps)
            for app, answer in zip(apps, answers, strict=True):
                if isinstance(answer, NoAppError):
                    missing.append(app.name)
                elif isinstance(answer, FlyError):
                    raise answer
                else:
                    found[app.name] = answer
        if missing:
            raise MissingAppsError(map(_missing, missing), missing, found)
        return found

    def ready(self) -> None:
        """Raises `UnknownError` where there is no flyctl, or no token."""
        self._flyctl()

    def names(self) -> Sequence[str]:
        """The apps of the organization; one app's token sees that app alone."""
        org = self.org or self.environ.get("FLY_ORG", "")
        if not org:
            raise usage_error(
                "whose apps are to be listed?",
                hint='set `org = "…"` in `[fly]` of `pipeline.toml`, or FLY_ORG',
            )
        return apps_of_org(self.api, org)

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """`fly deploy` of the digest, with the app's own configuration, until all run it."""
        if image.digest is None:
            raise UnknownError(f"`{image}` is not pinned")
        wanted, before = f"{image.repository}@{image.digest}", as_read(app)
        if app.config:
            ended = self._run(app, wanted, app.config, report, fresh=fresh)
        else:
            # In an empty folder: flyctl would take a `fly.toml` that lies where it is run.
            with private_folder("deploy", self.environ) as folder:
                ended = self._run(app, wanted, folder, report, fresh=fresh)
        now, machines = self._settled(app, str(image.digest), ended, report)
        if as_read(app) != before:
            report(Notice(f"the configuration of `{app.name}` changed while it was deployed"))
            return now
        stamp = app.stamp(image.digest, ended.release)
        return replace(now, stamp=leave_stamp(self.api, app, stamp, machines, report))

    def releases(self, app: App, /) -> Sequence[Release]:
        """The newest hundred, the newest first."""
        return [_told(release) for release in self._releases(app)]

    def rollback(self, app: App, report: Reporter, /, *, hold: bool = False) -> Running:
        """A new release of the image and the configuration of the last good one before the newest.

        The configuration is the one that Fly kept with that release, given to flyctl as JSON.
        """
        known = self._releases(app)
        old = release_before(known)
        if old is None:
            failure = Failure("rollback", "there is no good release before the one that runs")
            raise DeployError(failure, hint=f"`invoke releases {app.name}` lists what there is")
        if _told(old).image is None:
            said = f"Fly names `{plain(old.image)}` as what release {old.version} ran: no image"
            raise DeployError(Failure("rollback", said))
        report(AppChanged(app.name, f"back to release {old.version}"))
        with private_folder("deploy", self.environ) as folder:
            config = _kept(folder, app, old, report)
            ended = self._run(app, old.image, config, report, fresh=False)
        now, machines = self._settled(app, old.image.partition("@")[2], ended, report)
        newest = str(known[0].version)
        stamp = stamp_of_rollback(machines, newest, now.digest, ended.release) if hold else None
        left = leave_stamp(self.api, app, stamp, machines, report) if stamp else None
        return replace(now, stamp=left)

    def _ask(self, app: App, lost: list[FlyError]) -> Running | FlyError | None:
        """What one app runs; what is no app's own trouble goes into `lost`, and ends the rest."""
        if lost:
            return lost[0]
        try:
            machines = machines_of(self.api, app.name)
            now = running_of(app.name, machines)
            differs = differing(self.api, app, now, machines) if now else ()
            return replace(now, differs=differs) if now else None
        except FlyError as error:
            if error.status not in _ONE_APP:
                lost.append(error)
            return error

    def _flyctl(self) -> Flyctl:
        return find_flyctl(self.environ, self.api.token.text, self.stop)

    def _releases(self, app: App) -> Sequence[FlyRelease]:
        try:
            return list(islice(releases_of(self.api, app.name), _KNOWN_RELEASES))
        except FlyError as error:
            if error.status in (401, 403) or error.code == "NOT_FOUND":
                raise
            try:
                return self._flyctl().releases(app.name)
            except UnknownError:
                raise error from None

    def _run(self, app: App, image: str, config: Path, report: Reporter, *, fresh: bool) -> Ended:
        """Run flyctl until it ends for a reason that waiting does not change."""
        flyctl, began = self._flyctl(), time.monotonic()
        folder, name = (config, "") if config.is_dir() else (config.parent, config.name)
        while True:
            ended = flyctl.deploy(app.name, image, folder, name, app.strategy)
            waited = time.monotonic() - began
            spreading = fresh and ended.image_is_missing and waited < SPREAD
            held = ended.is_held and waited < HELD
            if not (spreading or held) or self.stop.wait(_AGAIN):
                return ended
            why = "waiting for the image" if spreading else "waiting for another deploy"
            report(AppChanged(app.name, why))
            if held:
                let_newer_be(app, running_of(app.name, machines_of(self.api, app.name)))

    def _settled(
        self, app: App, digest: str, ended: Ended, report: Reporter
    ) -> tuple[Running, Sequence[Machine]]:
        """What runs now, and on which machines, when it is what was wanted.

        Raises `DeployError` where it is not.
        """
        if ended.code:
            # Where Fly cannot be asked either, that is the trouble.
            machines_of(self.api, app.name)
            raise DeployError(_failure(ended, stopped=self.stop.is_set()), hint=_hint(ended))
        report(AppChanged(app.name, "checking"))
        end = time.monotonic() + self.well
        while (now := running_of(app.name, found := machines_of(self.api, app.name))) is not None:
            other = now.healthy and digest not in ("", str(now.digest))
            if now.healthy and not other and not _behind(found, ended):
                return replace(now, release=ended.release or now.release), found
            if other or time.monotonic() >= end or self.stop.wait(_AGAIN):
                break
        raise DeployError(_unsettled(now, found, digest, ended))


def _missing(app: str) -> Problem:
    return Problem(None, f"there is no app `{app}` at Fly", CREATE)


def _failure(ended: Ended, *, stopped: bool) -> Failure:
    message = "interrupted while it was deployed" if stopped else ended.message
    return Failure("fly deploy", message, log=ended.lines)


def _hint(ended: Ended) -> str:
    if ended.image_is_missing:
        return (
            "Fly prunes images that no machine is tied to: run again, and what is missing is "
            "built; `invoke keep` ties images"
        )
    return ""


def _behind(machines: Sequence[Machine], ended: Ended) -> str:
    """The machine that is of an older release than flyctl says that it made; empty without one."""
    made = number_of(ended.release)
    if made is None:
        return ""
    numbers = ((one.id, number_of(one.release)) for one in machines if one.serves)
    return next((name for name, number in numbers if number is not None and number < made), "")


def _unsettled(
    now: Running | None, machines: Sequence[Machine], digest: str, ended: Ended
) -> Failure:
    step, message = "fly deploy", "flyctl ended well, and "
    if now is None:
        silent = any(machine.serves for machine in machines)
        message += "Fly does not say what its machines run" if silent else "the app has no machine"
    elif not now.healthy:
        step, message = "health check", now.trouble
    elif digest not in ("", str(now.digest)):
        message += f"the machines run `{now.digest}` instead of `{digest}`"
    else:
        message += f"machine {_behind(machines, ended)} is not of its release {ended.release}"
    return Failure(step, message, log=ended.lines)


def _kept(folder: Path, app: App, old: FlyRelease, report: Reporter) -> Path:
    """The configuration of a release as a file that flyctl reads; the app's own without one."""
    if not old.config:
        text = f"`{app.name}`: Fly kept no configuration of release {old.version}"
        report(Notice(f"{text}; it goes back with that of today"))
        return app.config or folder
    path = folder / "fly.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(old.config, file)
    return path


def _told(release: FlyRelease) -> Release:
    try:
        image = parse_reference(release.image) if release.image else None
    except ReferenceSyntaxError:
        image = None
    return Release(str(release.version), release.status, image, release.created)
