"""The stamp that the driver `fly` leaves in machines' metadata: when it is there, and believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.deploy.protocol import RollbackDriver
from pipeline.model.events import AppChanged, Notice, silent
from pipeline.model.hold import OvertakenError
from pipeline.model.stamp import Revision
from tests.support.fly import leases
from tests.support.fly_driver import REVISION, TOML, Bench, opened_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model.events import Event


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An app that was never deployed."""
    with opened_bench(tmp_path) as opened:
        yield opened


def test_a_deploy_leaves_a_stamp_that_the_list_of_machines_shows(bench: Bench) -> None:
    """On every machine; to see it, nothing is asked besides the list."""
    made = bench.image()
    done = bench.deploy(made)
    machines = bench.fly.apps["web"].alive
    versions, asked = [machine.instance_id for machine in machines], len(bench.fly.requests)
    found = bench.now()

    assert made.digest
    assert len(versions) == 2
    assert found.stamp == done.stamp == bench.app.stamp(made.digest, "1")
    assert bench.app.stamp(made.digest, "1").revision == REVISION
    assert [one.path for one in bench.fly.requests[asked:]] == ["/v1/apps/web/machines"]
    assert versions == [machine.instance_id for machine in bench.fly.apps["web"].alive]


def test_somebodys_own_deploy_carries_it_along(bench: Bench) -> None:
    """Of the same image, the commit is still known, and no configuration; of another, nothing."""
    made, other = bench.image(), bench.image("v2")
    bench.deploy(made)
    bench.by_hand(made)
    found = bench.now()
    assert found.stamp
    assert (found.release, found.stamp.configuration) == ("2", "")
    assert found.stamp.revision == REVISION

    bench.by_hand(other)
    metadata = [machine.config["metadata"] for machine in bench.fly.apps["web"].alive]
    assert all("pipeline_stamp" in one for one in metadata)
    assert bench.now().stamp is None
    bench.deploy(made)
    assert made.digest
    assert bench.now().stamp == bench.app.stamp(made.digest, "4")


def test_who_goes_back_leaves_what_they_went_back_from(bench: Bench) -> None:
    """Only where it is asked for: a run that puts back what it deployed may try again."""
    first = bench.image()
    bench.deploy(first)
    bench.deploy(bench.image("v2"))
    with bench.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        done = opened.rollback(bench.app, silent, hold=True)
    found = bench.now()

    assert (found.digest, found.release) == (first.digest, "3")
    assert found.stamp == done.stamp
    assert found.stamp
    assert (found.stamp.revision, found.stamp.back) == (REVISION, True)
    assert found.differs == ()
    with bench.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        opened.rollback(bench.app, silent)
    assert bench.now().stamp is None


def test_whoever_waited_for_a_newer_deploy_leaves_it_be(bench: Bench) -> None:
    """Flyctl waits for the lease of another deploy, which may be that of a newer commit."""
    made = bench.image()
    bench.deploy(made)
    machine = bench.fly.apps["web"].alive[0]
    leases.take(bench.fly.world, machine, "another@example.com", 60.0)
    older = replace(bench.app, revision=Revision(f"{REVISION.parents[0]}{'0' * 30}"))

    with bench.driver() as opened, pytest.raises(OvertakenError) as caught:
        opened.deploy(older, made, silent)

    assert caught.value.message == f"commit {REVISION.id[:7]} runs, which is newer"
    assert caught.value.running.digest == made.digest


def test_machines_that_do_not_agree_have_none(bench: Bench) -> None:
    """One of two has another text, or none."""
    bench.deploy(bench.image())
    metadata = bench.fly.apps["web"].alive[0].config["metadata"]
    metadata["pipeline_stamp"] = metadata["pipeline_stamp"].replace("a1b2c3d4e5", "a1b2c3d4e6")
    assert bench.now().stamp is None
    del metadata["pipeline_stamp"]
    assert bench.now().stamp is None


def test_a_stamp_that_cannot_be_written_is_told_and_the_deploy_is_well(bench: Bench) -> None:
    """The next run asks once more, and finds that all is as it should be."""
    bench.fly.knobs.metadata_down = True
    told: list[Event] = []
    done = bench.deploy(bench.image(), told.append)

    assert done.healthy
    assert done.stamp is None
    (notice,) = [event.text for event in told if isinstance(event, Notice)]
    assert notice.startswith("the stamp of `web` could not be written to Fly")
    assert bench.now().stamp is None
    assert bench.now().differs == ()


def test_a_file_that_was_edited_meanwhile_leaves_no_stamp(bench: Bench) -> None:
    """And put back: flyctl may have read either. The next run asks what it read."""
    told: list[Event] = []

    def edit(event: Event) -> None:
        told.append(event)
        if isinstance(event, AppChanged):
            bench.write(TOML.replace("blue", "red"))
            bench.write(TOML)

    done = bench.deploy(bench.image(), edit)

    assert done.stamp is None
    (notice,) = [event.text for event in told if isinstance(event, Notice)]
    assert notice == "the configuration of `web` changed while it was deployed"
    assert bench.now().differs == ()
