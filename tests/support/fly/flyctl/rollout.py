"""A deploy after its release was created: create new machines, update the existing ones.

Order, filters and texts: superfly/flyctl `internal/command/deploy/machines_deploymachinesapp.go`,
`machines_launchinput.go`, `strategy_bluegreen.go`; `internal/machine/leasable_machine.go` (waiting)
and `machine_set.go` (it takes the leases of all machines before it changes the first).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tests.support.fly import leases, machine_actions
from tests.support.fly.errors import RefusedError
from tests.support.fly.flyctl import fly_toml
from tests.support.fly.flyctl.durations import seconds_of
from tests.support.fly.flyctl.session import FailedError, InterruptedRunError
from tests.support.fly.images import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fly.flyctl.context import Context
    from tests.support.fly.reference import ImageRef
    from tests.support.fly.state import App, Machine, Release

LOST = (
    "Your machine was created, but never started or exited immediately. This could mean that your"
    " app is taking a long time to start,\nbut it could be indicative of a region issue.\n\n"
)
LONGER = "You can try increasing the timeout with the --wait-timeout flag"
NO_CHECKS = "app not in valid state for bluegreen deployments"
SICK_GREEN = "could not get all green machines to be healthy"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A release in progress."""

    context: Context
    app: App
    config: dict[str, Any]
    release: Release

    def all(self) -> None:
        """Do everything that follows the creation of the release.

        Raises:
            FailedError: a machine did not become healthy, or the release command failed.
            GoneError: flyctl was killed; machines and leases stay as they are.

        """
        before = self._machines()
        self._release_command()
        groups = fly_toml.groups(self.config)
        for machine in before:
            if machine.process_group not in groups:
                _destroy(machine)
        chosen = set(self.context.line.all("process-groups")) or set(groups)
        if not self.context.line.on("update-only"):
            for group in groups:
                if group in chosen and all(one.process_group != group for one in before):
                    self._create(group)
        kept = [one for one in before if one.state != "destroyed" and self._chosen(one, chosen)]
        if kept:
            self._roll(sorted(kept, key=attrgetter("id")))

    def _machines(self) -> list[Machine]:
        # The machines that flyctl made: fly-go `IsFlyAppsPlatform`, flaps `ListFlyAppsMachines`.
        return [
            one
            for one in self.app.alive
            if (one.config.get("metadata") or {}).get("fly_platform_version") == "v2"
        ]

    def _chosen(self, machine: Machine, groups: set[str]) -> bool:
        line = self.context.line
        regions = set(line.all("regions") + line.all("only-regions")) or {machine.region}
        machines = set(line.all("only-machines")) or {machine.id}
        return (
            machine.process_group in groups
            and machine.region in regions - set(line.all("exclude-regions"))
            and machine.id in machines - set(line.all("exclude-machines"))
        )

    def _release_command(self) -> None:
        command = (self.config.get("deploy") or {}).get("release_command")
        if not command or self.context.line.on("skip-release-command"):
            return
        self.context.session.out(f"Running {self.app.name} release_command: {command}\n")
        self.context.session.pause(self.context.world.knobs.start_seconds)
        # No machine runs the command: `false` and `exit 1` fail, everything else succeeds.
        if command.split()[0] in ("false", "exit"):
            text = "error release_command machine exited with non-zero status of 1"
            raise FailedError(f"release command failed - aborting deployment. {text}")
        self.context.session.out("✔ release_command completed successfully\n")

    def _create(self, group: str) -> None:
        session = self.context.session
        session.out(f"No machines in group {group}, launching a new machine\n")
        region = self.context.line.value("primary-region", self.config.get("primary_region", "iad"))
        first = self._new(group, region)
        self._wait(first)
        if self.context.line.on("ha", otherwise=True) and not self.config.get("mounts"):
            if fly_toml.services(self.config, group):
                self._wait(self._new(group, region))
            else:
                session.out(f"Creating a standby machine for {first.id}\n")
                self._new(group, region, standby_for=first)
        session.err("Finished launching new machines\n")

    def _new(
        self,
        group: str,
        region: str,
        *,
        standby_for: Machine | None = None,
        like: Machine | None = None,
    ) -> Machine:
        self.context.reach("machines")
        config = self._machine_config(group, like)
        if standby_for:
            config["standbys"] = [standby_for.id]
        world, image = self.context.world, self._image()
        with world.lock:
            machine = machine_actions.make(world, self.app, config, image, region=region)
            # A standby stays `created` (`machines_launchinput.go`, `skipLaunch`).
            if not standby_for:
                machine_actions.launch(machine)
        return machine

    def _roll(self, machines: list[Machine]) -> None:
        strategy = self.release.strategy
        text = f"Updating existing machines in '{self.app.name}' with {strategy} strategy\n"
        self.context.session.out(text)
        with self._leased(machines):
            if strategy == "bluegreen":
                self._turn_green(machines)
                return
            for machine in machines:
                self._update(machine)

    def _update(self, machine: Machine) -> None:
        world = self.context.world
        self.context.reach("machines")
        # A suspended machine gets its new configuration without being started.
        asleep = machine.state != "started"
        self.context.session.out(f"Updating machine {machine.id}\n")
        config = self._machine_config(machine.process_group, machine)
        if standbys := machine.config.get("standbys"):
            config["standbys"] = standbys
        image = self._image()
        with world.lock:
            machine_actions.update(world, machine, config, image, skip=asleep)
        if not asleep:
            self._wait(machine)

    def _turn_green(self, blue: list[Machine]) -> None:
        if not any(self.context.world.checks(self.app.name, one) for one in blue):
            raise FailedError(NO_CHECKS)
        green = [self._new(one.process_group, one.region, like=one) for one in blue]
        try:
            for machine in green:
                self._wait(machine)
        except FailedError:
            for machine in green:
                _destroy(machine)
            raise FailedError(SICK_GREEN, after=LONGER) from None
        for machine in blue:
            _destroy(machine)

    @contextmanager
    def _leased(self, machines: list[Machine]) -> Iterator[None]:
        """Hold the leases of all machines; a killed flyctl leaves them until they expire."""
        held: list[Machine] = []
        try:
            for machine in machines:
                self._lease(machine)
                held.append(machine)
            yield
        except (FailedError, InterruptedRunError):
            _release(held)
            raise
        _release(held)

    def _lease(self, machine: Machine) -> None:
        world = self.context.world
        try:
            leases.take(world, machine, self._owner(), self._lease_seconds())
        except RefusedError as refused:
            text = f"failed to acquire lease: failed to obtain lease on machine {machine.id}"
            raise FailedError(f"{text}: {refused}") from None

    def _owner(self) -> str:
        return f"{self.app.org}@tokens.fly.io"

    def _lease_seconds(self) -> float:
        given = self.context.line.value("lease-timeout")
        return (
            seconds_of("lease-timeout", given)
            if given
            else (self.context.world.knobs.lease_seconds)
        )

    def _machine_config(self, group: str, like: Machine | None) -> dict[str, Any]:
        """Merge the new configuration over the machine's own, as `ToMachineConfig` does."""
        made = fly_toml.machine_config(self.config, group, self.release.image_ref)
        if found := fly_toml.files(self.config, self.context.session.cwd):
            made["files"] = found
        if like and "guest" not in made:
            made["guest"] = like.config["guest"]
        had = (like.config.get("metadata") or {}) if like else {}
        made["metadata"] = {**had, **made["metadata"]}
        made["metadata"]["fly_release_id"] = self.release.id
        made["metadata"]["fly_release_version"] = str(self.release.version)
        for pair in self.context.line.values.get("env", ()):
            name, _, value = pair.partition("=")
            made["env"][name] = value
        return made

    def _image(self) -> ImageRef:
        # Only the tag is passed on (facts, 3.3.5): if it has moved since, the new image runs.
        wanted = self.release.image_ref
        try:
            return self.context.images.resolve(wanted, self.app.org, self.context.token()).ref
        except NotFoundError as error:
            raise FailedError(f"failed to get manifest {wanted}: {error}") from None

    def _wait(self, machine: Machine) -> None:
        if self.context.line.on("detach") or self.release.strategy == "immediate":
            return
        world, name = self.context.world, self.app.name
        usual = str((self.config.get("deploy") or {}).get("wait_timeout", "5m0s"))
        seconds = seconds_of("wait-timeout", self.context.line.value("wait-timeout", usual))
        if not self._until(machine, "started", seconds):
            text = "timeout reached waiting for machine's state to change"
            raise FailedError(text, after=f"{LOST}{LONGER}")
        if not self._until(machine, "healthy", seconds):
            text = f"timeout reached waiting for health checks to pass for machine {machine.id}"
            url = f"{self.context.api}/v1/apps/{name}/machines/{machine.id}"
            cause = f'failed to get VM {machine.id}: Get "{url}": context deadline exceeded'
            raise FailedError(f"{text}: {cause}", after=LONGER)
        done = f"✔ Machine {machine.id} is now in a good state\n"
        self.context.session.out(done if world.healthy(name, machine) else "")

    def _until(self, machine: Machine, what: str, seconds: float) -> bool:
        world, name = self.context.world, self.app.name

        def well() -> bool:
            self._refresh_leases()
            if what == "healthy":
                return world.healthy(name, machine)
            return world.state(name, machine) == "started"

        return self.context.session.until(well, seconds)

    def _refresh_leases(self) -> None:
        end = time.monotonic() + self._lease_seconds()
        for machine in self.app.alive:
            if machine.lease is not None and machine.lease.owner == self._owner():
                machine.lease.until = max(machine.lease.until, end)


def _destroy(machine: Machine) -> None:
    machine.state = "destroyed"
    machine.happened("destroy", "destroyed")


def _release(machines: list[Machine]) -> None:
    for machine in machines:
        leases.release(machine)
