"""The stamp that the driver `fly` writes to machine metadata: when it exists, and is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.deploy.errors import DeployError
from pipeline.deploy.protocol import RollbackDriver
from pipeline.model.events import AppChanged, Notice, silent
from pipeline.model.hold import OvertakenError
from pipeline.model.stamp import Revision
from tests.support.fly import leases
from tests.support.fly_driver_setup import REVISION, TOML, FlyDriverSetup, open_fly_driver_setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model.events import Event


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[FlyDriverSetup]:
    """Create an app that was never deployed."""
    with open_fly_driver_setup(tmp_path) as opened:
        yield opened


def test_a_deploy_writes_a_stamp(setup: FlyDriverSetup) -> None:
    """Every machine has it, and reading it needs no further request."""
    made = setup.image()
    done = setup.deploy(made)
    machines = setup.fly.apps["web"].alive
    versions, asked = [machine.instance_id for machine in machines], len(setup.fly.requests)
    found = setup.running()

    assert made.digest
    assert len(versions) == 2
    assert found.stamp == done.stamp == setup.app.stamp(made, "1")
    assert setup.app.stamp(made, "1").revision == REVISION
    assert [one.path for one in setup.fly.requests[asked:]] == ["/v1/apps/web/machines"]
    assert versions == [machine.instance_id for machine in setup.fly.apps["web"].alive]


def test_a_manual_deploy_copies_the_stamp(setup: FlyDriverSetup) -> None:
    """With the same image the commit stays known, the configuration not; otherwise nothing."""
    made, other = setup.image(), setup.image("v2")
    setup.deploy(made)
    setup.fly_deploy(made)
    found = setup.running()
    assert found.stamp
    assert (found.release, found.stamp.configuration) == ("2", "")
    assert found.stamp.revision == REVISION

    setup.fly_deploy(other)
    metadata = [machine.config["metadata"] for machine in setup.fly.apps["web"].alive]
    assert all("pipeline_stamp" in one for one in metadata)
    assert setup.running().stamp is None
    setup.deploy(made)
    assert made.digest
    assert setup.running().stamp == setup.app.stamp(made, "4")


def test_a_rollback_records_what_it_left(setup: FlyDriverSetup) -> None:
    """Only if requested: a run that rolls back its own deploy may try again."""
    first = setup.image()
    setup.deploy(first)
    setup.deploy(setup.image("v2"))
    with setup.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        done = opened.rollback(setup.app, silent, hold=True)
    found = setup.running()

    assert (found.digest, found.release) == (first.digest, "3")
    assert found.stamp == done.stamp
    assert found.stamp
    assert (found.stamp.revision, found.stamp.back) == (REVISION, True)
    assert found.differs == ()
    setup.deploy(setup.image("v3"))
    with setup.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        opened.rollback(setup.app, silent)
    assert setup.running().stamp is None


def test_rollbacks_in_a_row_go_further_back(setup: FlyDriverSetup) -> None:
    """Each to the release before the one that the last restored; all that was left is known."""
    made = [setup.image(tag) for tag in ("v1", "v2", "v3")]
    for image in made:
        setup.deploy(image)
    left = []
    with setup.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        for image in (made[1], made[0]):
            opened.rollback(setup.app, silent, hold=True)
            found = setup.running()
            assert found.digest == image.digest
            assert found.stamp
            left.append([one.image for one in found.stamp.left])
        with pytest.raises(DeployError, match="no previous release"):
            opened.rollback(setup.app, silent, hold=True)

    digests = [str(image.digest).removeprefix("sha256:")[:20] for image in made]
    assert left == [[digests[2]], [digests[1], digests[2]]]


@pytest.mark.parametrize(
    ("to", "message"),
    [("9", "there is no release 9"), ("2", "release 2 is the newest one"), ("1", "")],
)
def test_a_rollback_to_one_release(setup: FlyDriverSetup, to: str, message: str) -> None:
    """It must be among the newest, have succeeded, and not be the one that runs."""
    first = setup.image()
    setup.deploy(first)
    setup.deploy(setup.image("v2"))
    with setup.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        if message:
            with pytest.raises(DeployError, match=message):
                opened.rollback(setup.app, silent, hold=True, to=to)
        else:
            opened.rollback(setup.app, silent, hold=True, to=to)
            assert setup.running().digest == first.digest


def test_a_newer_deploy_meanwhile_is_kept(setup: FlyDriverSetup) -> None:
    """Flyctl waits for the lease of another deploy, which may be of a newer commit."""
    made = setup.image()
    setup.deploy(made)
    machine = setup.fly.apps["web"].alive[0]
    leases.take(setup.fly.world, machine, "another@example.com", 60.0)
    older = replace(setup.app, revision=Revision(f"{REVISION.parents[0]}{'0' * 30}"))

    with setup.driver() as opened, pytest.raises(OvertakenError) as caught:
        opened.deploy(older, made, silent)

    assert caught.value.message == f"commit {REVISION.id[:7]} runs, which is newer"
    assert caught.value.running.digest == made.digest


def test_machines_with_different_stamps(setup: FlyDriverSetup) -> None:
    """Two machines with different stamps, or only one with a stamp."""
    setup.deploy(setup.image())
    metadata = setup.fly.apps["web"].alive[0].config["metadata"]
    metadata["pipeline_stamp"] = metadata["pipeline_stamp"].replace("a1b2c3d4e5", "a1b2c3d4e6")
    assert setup.running().stamp is None
    del metadata["pipeline_stamp"]
    assert setup.running().stamp is None


def test_a_stamp_that_cannot_be_written(
    setup: FlyDriverSetup,
) -> None:
    """The next run compares again, and finds everything equal."""
    setup.fly.knobs.metadata_down = True
    told: list[Event] = []
    done = setup.deploy(setup.image(), told.append)

    assert done.healthy
    assert done.stamp is None
    (notice,) = [event.text for event in told if isinstance(event, Notice)]
    assert notice.startswith("the stamp of `web` could not be written to Fly")
    assert setup.running().stamp is None
    assert setup.running().differs == ()


def test_a_file_that_changes_during_the_deploy(setup: FlyDriverSetup) -> None:
    """Also if the change is reverted: flyctl may have read either. The next run compares."""
    told: list[Event] = []

    def edit(event: Event) -> None:
        told.append(event)
        if isinstance(event, AppChanged):
            setup.write(TOML.replace("blue", "red"))
            setup.write(TOML)

    done = setup.deploy(setup.image(), edit)

    assert done.stamp is None
    (notice,) = [event.text for event in told if isinstance(event, Notice)]
    assert notice == "the configuration of `web` changed while it was deployed"
    assert setup.running().differs == ()
