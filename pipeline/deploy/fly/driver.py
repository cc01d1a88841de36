"""The driver `fly`: deploys with flyctl, and asks the Machines API what runs.

flyctl's output is for people and decides nothing: an app runs an image when all its machines name
that digest. The image is given by digest (`registry.fly.io/acme-web@sha256:…`): for a tag, flyctl
deploys whatever the tag points to when a machine pulls it (flyctl #5010), and a tag that was pushed
again may reach Fly's hosts late.

Fly keeps all state: machines say what was deployed, releases what ran before. So the next run
finishes what an interrupted one began, from any machine. An interrupted deploy leaves Fly machines
on two images, and then the app is not `current`.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ...errors import Problem, UnknownError, usage_error
from ...fly.api import FlyApi
from ...fly.errors import CREATE, FlyError, NoAppError
from ...fly.flyctl import find_flyctl
from ...fly.queries import apps_of_org, machines_of, releases_of
from ...fly.values import release_before, release_called
from ...http.text import plain
from ...model.apps import MissingAppsError, Release
from ...model.events import AppChanged, Notice
from ...model.fly_apps import SPREAD
from ...model.hold import check_overtaken
from ...model.report import Failure
from ...process.cleanup import private_folder
from ...reference import ReferenceSyntaxError, parse_reference
from ..errors import DeployError
from .running import differing, running_of
from .settle import WELL, Deployed, flyctl_error, wait_until_settled
from .stamp import config_file_states, leave_stamp, stamp_before_rollback, stamp_of_rollback

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...fly.flyctl import Flyctl, FlyctlResult
    from ...fly.values import FlyRelease, Machine
    from ...model.apps import App, Running
    from ...model.events import Reporter
    from ...reference import Reference
    from ...registry.auth.credential import CredentialSource
    from ..protocol import Driver

_REQUESTS_AT_ONCE = 16
HELD = 60.0
"""Seconds to wait for the lease of another deploy; the lease of a dead one ends after 13."""
_PAUSE = 2.0
_OF_ONE_APP = frozenset({403, 404})
_KNOWN_RELEASES = 100


@contextmanager
def open_driver(
    environ: Mapping[str, str], credentials: CredentialSource, stop: threading.Event, org: str
) -> Iterator[Driver]:
    """Open the driver with the token of this environment. Sends no request yet."""
    del credentials  # Fly pulls as the organization
    with FlyApi(environ, stop=stop) as api:
        yield FlyDriver(api, environ, stop, org)


class FlyDriver(Struct, frozen=True):
    """Deploys to Fly as the user of `api`.

    Without a `wait_timeout`, machines may take `well` seconds after flyctl ended.
    """

    api: FlyApi
    environ: Mapping[str, str]
    stop: threading.Event
    org: str
    well: float = WELL

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """Return what each app's machines run: one request for each, 16 at once.

        A second request gets the configuration of an app that was not deployed by us as it is
        wanted.
        """
        found: dict[str, Running | None] = {}
        missing = []
        failed: list[FlyError] = []
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            answers = pool.map(lambda app: self._state_of(app, failed), apps)
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
        """Check that there are a flyctl and a token. Raises `UnknownError` if not."""
        self._flyctl()

    def names(self) -> Sequence[str]:
        """Return the apps of the organization; the token of one app sees that app alone."""
        org = self.org or self.environ.get("FLY_ORG", "")
        if not org:
            raise usage_error(
                "the apps cannot be listed: no organization is set",
                hint='set `org = "…"` in `[fly]` of `pipeline.toml`, or FLY_ORG',
            )
        return apps_of_org(self.api, org)

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Run `fly deploy` with the digest and the app's configuration till all machines run it."""
        if image.digest is None:
            raise UnknownError(f"`{image}` is not pinned")
        wanted, before = f"{image.repository}@{image.digest}", config_file_states(app)
        if app.config:
            ended = self._run_flyctl(app, wanted, app.config, report, fresh=fresh)
        else:
            # In an empty folder, because flyctl reads a `fly.toml` where it is run.
            with private_folder("deploy", self.environ) as folder:
                ended = self._run_flyctl(app, wanted, folder, report, fresh=fresh)
        now, machines = self._settled(app, str(image.digest), ended, report)
        if config_file_states(app) != before:
            report(Notice(f"the configuration of `{app.name}` changed while it was deployed"))
            return now
        stamp = app.stamp(image, ended.release)
        return replace(now, stamp=leave_stamp(self.api, app, stamp, machines, report))

    def releases(self, app: App, /) -> Sequence[Release]:
        """Return the newest hundred releases, newest first."""
        return [_release_of(release) for release in self._releases(app)]

    def rollback(
        self, app: App, report: Reporter, /, *, hold: bool = False, to: str = ""
    ) -> Running:
        """Deploy image and configuration of release `to`, or of the last good one before this one.

        The configuration is the one that Fly kept with that release; flyctl gets it as JSON.
        """
        known = self._releases(app)
        ran = stamp_before_rollback(machines_of(self.api, app.name), known)
        old = (
            release_called(known, to) if to else release_before(known, ran.restored if ran else "")
        )
        if old is None:
            message = "there is no previous release that succeeded"
            failure = Failure("rollback", _no_release(to, known) if to else message)
            raise DeployError(failure, hint=f"`invoke releases {app.name}` lists the releases")
        if _release_of(old).image is None:
            message = f"release {old.version} ran `{plain(old.image)}`, which is not an image"
            raise DeployError(Failure("rollback", message))
        report(AppChanged(app.name, f"back to release {old.version}"))
        with private_folder("deploy", self.environ) as folder:
            config = _config_of(folder, app, old, report)
            ended = self._run_flyctl(app, old.image, config, report, fresh=False)
        now, machines = self._settled(app, old.image.partition("@")[2], ended, report)
        if not hold:
            return replace(now, stamp=None)
        stamp = stamp_of_rollback(ran, known[0], old, now.digest, ended.release)
        return replace(now, stamp=leave_stamp(self.api, app, stamp, machines, report))

    def _state_of(self, app: App, failed: list[FlyError]) -> Running | FlyError | None:
        """Return what one app runs, or the error of the request.

        An error that is not about this app alone goes into `failed`, and no more requests are sent.
        """
        if failed:
            return failed[0]
        try:
            machines = machines_of(self.api, app.name)
            now = running_of(app.name, machines)
            differs = differing(self.api, app, now, machines) if now else ()
            return replace(now, differs=differs) if now else None
        except FlyError as error:
            if error.status not in _OF_ONE_APP:
                failed.append(error)
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

    def _run_flyctl(
        self, app: App, image: str, config: Path, report: Reporter, *, fresh: bool
    ) -> FlyctlResult:
        """Run `fly deploy`; repeat it after a failure that passes.

        The image may not be there yet, another deploy may hold the app, or Fly's rate limit may
        have refused a request of flyctl.
        """
        flyctl, began = self._flyctl(), time.monotonic()
        folder, name = (config, "") if config.is_dir() else (config.parent, config.name)
        while True:
            ended = flyctl.deploy(app.name, image, folder, name, app.strategy)
            waited = time.monotonic() - began
            spreading = fresh and ended.image_is_missing and waited < SPREAD
            held = ended.is_held and waited < HELD
            limited = ended.is_limited and waited < HELD
            if not (spreading or held or limited) or self.stop.wait(_PAUSE):
                return ended
            report(AppChanged(app.name, _waits_for(ended)))
            if held or limited:
                now = running_of(app.name, machines_of(self.api, app.name))
                check_overtaken(app, parse_reference(image), now)

    def _settled(
        self, app: App, digest: str, ended: FlyctlResult, report: Reporter
    ) -> tuple[Running, Sequence[Machine]]:
        """Check how flyctl ended, and wait until the machines run what was deployed."""
        if ended.code:
            # If this request fails as well, that error says more.
            machines_of(self.api, app.name)
            raise flyctl_error(app.name, ended, stopped=self.stop.is_set())
        return wait_until_settled(
            partial(machines_of, self.api, app.name),
            Deployed(app, digest, ended),
            report,
            stop=self.stop,
            otherwise=self.well,
        )


def _waits_for(ended: FlyctlResult) -> str:
    if ended.image_is_missing:
        return "waiting for the image"
    return "waiting for another deploy" if ended.is_held else "waiting for Fly's rate limit"


def _no_release(to: str, known: Sequence[FlyRelease]) -> str:
    if known and str(known[0].version) == to:
        return f"release {to} is the newest one"
    if any(str(one.version) == to for one in known):
        return f"release {to} did not succeed"
    return f"there is no release {to} among the newest {_KNOWN_RELEASES}"


def _missing(app: str) -> Problem:
    return Problem(None, f"there is no app `{app}` at Fly", CREATE)


def _config_of(folder: Path, app: App, old: FlyRelease, report: Reporter) -> Path:
    """Write the configuration of a release to a file for flyctl; the app's own if Fly kept none."""
    if not old.config:
        text = f"`{app.name}`: Fly kept no configuration of release {old.version}"
        report(Notice(f"{text}; the current one is deployed instead"))
        return app.config or folder
    path = folder / "fly.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(old.config, file)
    return path


def _release_of(release: FlyRelease) -> Release:
    try:
        image = parse_reference(release.image) if release.image else None
    except ReferenceSyntaxError:
        image = None
    return Release(str(release.version), release.status, image, release.created)
