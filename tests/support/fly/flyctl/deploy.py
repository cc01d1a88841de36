"""`fly deploy` of an image: resolve it, create a release, then machine by machine.

Order of steps and texts: facts, sections 3.1 to 3.3; superfly/flyctl `internal/command/deploy/
deploy.go` (`DeployWithConfig`), `machines_deploymachinesapp.go`, `machines_launchinput.go`, and
`internal/machine/leasable_machine.go` (waiting). Nothing is built here: without an image it fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly import leases, machine_actions
from tests.support.fly.flyctl import fly_toml
from tests.support.fly.flyctl.durations import seconds_of
from tests.support.fly.flyctl.session import FailedError, GoneError, InterruptedRunError
from tests.support.fly.graph import image_id
from tests.support.fly.images import NotFoundError
from tests.support.fly.refusal import RefusedError
from tests.support.fly.world import Release, now

if TYPE_CHECKING:
    from tests.support.fly.flyctl.context import Context
    from tests.support.fly.images import Image
    from tests.support.fly.world import App, Machine

STRATEGIES = ("canary", "rolling", "bluegreen", "immediate")
LOST_WAIT = """Your machine was created, but never started or exited immediately."""
LONGER = "You can try increasing the timeout with the --wait-timeout flag"


def deploy(context: Context) -> None:
    """The command."""
    line, session = context.line, context.session
    if len(line.words) > 1:
        raise FailedError(f"accepts at most 1 arg(s), received {len(line.words)}")
    context.token_text()
    found = context.config()
    name = context.app_name(found[1] if found else None)
    session.err("==> Verifying app config\n")
    path, config = found or (None, _config_of_release(context, name))
    if path is not None:
        session.out(f"Validating {path}\n✓ Configuration is valid\n")
    session.err("--> Verified app config\n")
    app = context.flaps_app(name)
    image = _image(context, app, config)
    if line.on("build-only"):
        return
    session.out(f"\nWatch your deployment at https://fly.io/apps/{name}/monitoring\n\n")
    run = _start(context, app, config, image)
    try:
        run.all()
    except GoneError:
        raise
    except InterruptedRunError:
        run.release.status = "interrupted"
        raise
    except FailedError:
        run.release.status = "failed"
        raise
    run.release.status = "complete"
    if session.environ.get("FLY_EMIT_RELEASE_JSON"):
        release = run.release
        told = {"id": release.id, "version": release.version, "image_ref": release.image_ref}
        session.out(json.dumps(told, separators=(",", ":")) + "\n")
    if "http_service" in config or "services" in config:
        session.out(f"\nVisit your newly deployed app at https://{name}.fly.dev/\n\n")


def _config_of_release(context: Context, name: str) -> dict[str, Any]:
    try:
        app = context.graphql_app(name)
    except FailedError as failed:
        if "Could not find App" not in str(failed):
            raise
        hint = "did you create the app or misspell it in the fly.toml file or via -a?"
        raise FailedError(f"the app name {name} could not be found, {hint}") from None
    if not app.releases:
        raise FailedError(
            "could not create a fly.toml from any machines :-(\nNo machines configured for this app"
        )
    return app.config


def _image(context: Context, app: App, config: dict[str, Any]) -> Image:
    wanted = context.line.value("image") or (config.get("build") or {}).get("image", "")
    context.session.err("==> Building image\n")
    if not wanted:
        raise FailedError(_unfetched("the stand-in for Fly builds nothing: give --image"))
    context.session.err(f"Searching for image '{wanted}' remotely...\n")
    try:
        context.graphql_app(app.name)
        image = context.images.resolve(wanted, app.org, context.graphql_token())
    except NotFoundError:
        raise FailedError(_unfetched(f'Could not find image "{wanted}"')) from None
    except FailedError as failed:
        raise FailedError(_unfetched(str(failed))) from None
    context.session.err(f"image found: {image_id(image.ref.digest)}\n")
    return image


def _unfetched(cause: str) -> str:
    return f"failed to fetch an image or build from source: {cause}"


def _start(context: Context, app: App, config: dict[str, Any], image: Image) -> Run:
    token = context.token()
    if token is None or not token.changes(app):
        raise FailedError('failed to create release (status 403): {"error":"Not authorized"}')
    context.reach("rest")
    reference = str(image.ref)
    try:
        # `POST /api/v1/releases` resolves the reference again: its tag may be gone by now.
        image = context.images.resolve(reference, app.org, token)
    except NotFoundError:
        body = json.dumps({"error": f'Could not find image "{reference}"'}, separators=(",", ":"))
        raise FailedError(f"failed to create release (status 404): {body}") from None
    return Run(context, app, config, image, release=_release(context, app, config, image))


def _release(context: Context, app: App, config: dict[str, Any], image: Image) -> Release:
    with context.world.lock:
        strategy = context.line.value("strategy") or (config.get("deploy") or {}).get(
            "strategy", ""
        )
        if strategy and strategy not in STRATEGIES:
            raise FailedError(f"unsupported deployment strategy: {strategy}")
        made = Release(
            id=context.world.new_id("release", app.name),
            version=len(app.releases) + 1,
            image_ref=str(image.ref),
            digest=image.ref.digest,
            config={**config, "app": app.name},
            strategy=strategy or "rolling",
            user=app.org,
            created_at=now(),
        )
        app.releases.append(made)
        return made


@dataclass(frozen=True, slots=True)
class Run:
    """A release that is under way."""

    context: Context
    app: App
    config: dict[str, Any]
    image: Image
    release: Release

    def all(self) -> None:
        """Everything after the release was created.

        Raises:
            FailedError: a machine did not get well, or the release command failed.
            GoneError: flyctl was killed; what it began stays as it is.

        """
        before = self._machines()
        self._release_command()
        groups = fly_toml.groups(self.config)
        for machine in before:
            if machine.process_group not in groups:
                machine.state = "destroyed"
                machine.happened("destroy", "destroyed")
        if not self.context.line.on("update-only"):
            for group in groups:
                if all(one.process_group != group for one in before):
                    self._create(group)
        updated = sorted((one for one in before if one.state != "destroyed"), key=_by_id)
        if updated:
            strategy = self.release.strategy
            text = f"Updating existing machines in '{self.app.name}' with {strategy} strategy\n"
            self.context.session.out(text)
        for machine in updated:
            self._update(machine)

    def _machines(self) -> list[Machine]:
        # Those that flyctl made: fly-go `IsFlyAppsPlatform`, flaps `ListFlyAppsMachines`.
        metadata = "fly_platform_version"
        return [
            one
            for one in self.app.alive
            if (one.config.get("metadata") or {}).get(metadata) == "v2"
        ]

    def _release_command(self) -> None:
        command = (self.config.get("deploy") or {}).get("release_command")
        if not command or self.context.line.on("skip-release-command"):
            return
        self.context.session.out(f"Running {self.app.name} release_command: {command}\n")
        self.context.session.pause(self.context.world.knobs.start_seconds)
        # No machine runs it here: `false` and `exit 1` fail, anything else succeeds.
        if command.split()[0] in ("false", "exit"):
            text = "error release_command machine exited with non-zero status of 1"
            raise FailedError(f"release command failed - aborting deployment. {text}")
        self.context.session.out("✔ release_command completed successfully\n")

    def _create(self, group: str) -> None:
        session = self.context.session
        session.out(f"No machines in group {group}, launching a new machine\n")
        first = self._new(group)
        if self.context.line.on("ha", otherwise=True) and not self.config.get("mounts"):
            if fly_toml.services(self.config, group):
                self._new(group)
            else:
                session.out(f"Creating a standby machine for {first.id}\n")
                self._new(group, standby_for=first)
        session.err("Finished launching new machines\n")

    def _new(self, group: str, standby_for: Machine | None = None) -> Machine:
        self.context.reach("machines")
        config = self._machine_config(group)
        if standby_for:
            config["standbys"] = [standby_for.id]
        region = self.config.get("primary_region", "iad")
        with self.context.world.lock:
            machine = machine_actions.make(
                self.context.world, self.app, config, self.image.ref, region=region
            )
            if standby_for:
                machine.state = "stopped"
            else:
                machine_actions.launch(machine)
        if not standby_for:
            self._wait(machine)
        return machine

    def _update(self, machine: Machine) -> None:
        context = self.context
        context.reach("machines")
        flag = context.line.value("lease-timeout")
        held = seconds_of("lease-timeout", flag) if flag else context.world.knobs.lease_seconds
        asleep = machine.state in ("stopped", "suspended")
        try:
            lease = leases.take(context.world, machine, f"{self.app.org}@tokens.fly.io", held)
        except RefusedError as refused:
            text = f"failed to acquire lease: failed to obtain lease on machine {machine.id}"
            raise FailedError(f"{text}: {refused}") from None
        context.session.out(f"Updating machine {machine.id}\n")
        config = self._machine_config(machine.process_group)
        if standbys := machine.config.get("standbys"):
            config["standbys"] = standbys
        with context.world.lock:
            machine_actions.update(context.world, machine, config, self.image.ref, skip=asleep)
        if not asleep:
            self._wait(machine)
        if machine.lease is lease:
            leases.release(machine)

    def _machine_config(self, group: str) -> dict[str, Any]:
        made = fly_toml.machine_config(self.config, group, self.release.image_ref)
        made["metadata"]["fly_release_id"] = self.release.id
        made["metadata"]["fly_release_version"] = str(self.release.version)
        for pair in self.context.line.values.get("env", ()):
            name, _, value = pair.partition("=")
            made["env"][name] = value
        return made

    def _wait(self, machine: Machine) -> None:
        context, name = self.context, self.app.name
        if context.line.on("detach") or self.release.strategy == "immediate":
            return
        world, session = context.world, context.session
        seconds = seconds_of("wait-timeout", context.line.value("wait-timeout", self._usual()))
        if not session.until(lambda: world.state(name, machine) == "started", seconds):
            text = "timeout reached waiting for machine's state to change"
            raise FailedError(text, after=f"{LOST_WAIT}\n\n{LONGER}")
        if not session.until(lambda: world.healthy(name, machine), seconds):
            text = f"timeout reached waiting for health checks to pass for machine {machine.id}"
            cause = f'failed to get VM {machine.id}: Get "…": context deadline exceeded'
            raise FailedError(f"{text}: {cause}", after=LONGER)
        session.out(f"✔ Machine {machine.id} is now in a good state\n")

    def _usual(self) -> str:
        return str((self.config.get("deploy") or {}).get("wait_timeout", "5m0s"))


def _by_id(machine: Machine) -> str:
    return machine.id
