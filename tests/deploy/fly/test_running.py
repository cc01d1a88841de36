"""Whether an app at Fly runs the configuration of its files: seen, named, asked for once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.errors import DeployError
from pipeline.deploy.fly.running import FAILED_BEFORE, MIXED, NONE_KEPT
from pipeline.deploy.protocol import RollbackDriver
from pipeline.fly.errors import FlyError
from pipeline.model.events import silent
from tests.support.fly_driver import TOML, Bench, opened_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MORE = """\
app = "web"
kill_timeout = "90s"
[env]
COLOUR = "blue"
PORT = 8080
[http_service]
internal_port = 8080
force_https = false
[[http_service.checks]]
path = "/"
interval = "90s"
[[vm]]
memory_mb = 512
[[files]]
guest_path = "/etc/app.conf"
local_path = "app.conf"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An app that was deployed by us as it is."""
    with opened_bench(tmp_path) as opened:
        opened.deploy(opened.image())
        yield opened


def asked(bench: Bench) -> tuple[tuple[str, ...], int]:
    """What differs, and how many requests it took to see that."""
    before = len(bench.fly.requests)
    return bench.now().differs, len(bench.fly.requests) - before


def test_a_change_is_named_with_one_more_request_until_it_is_deployed(bench: Bench) -> None:
    """The value is in no word of it; a comment is no change."""
    assert asked(bench) == ((), 1)
    bench.write(f"# new\n{TOML}")
    assert asked(bench) == ((), 1)
    bench.write(TOML.replace("blue", "red").replace("8080", "8081"))
    assert asked(bench) == (("`[env] COLOUR`", "`[http_service] internal_port`"), 2)

    bench.deploy(bench.image())
    assert {m.config["env"]["COLOUR"] for m in bench.fly.apps["web"].alive} == {"red"}
    assert asked(bench) == ((), 1)


def test_somebodys_own_deploy_of_another_configuration_is_seen(bench: Bench) -> None:
    """Our stamp is still there, and does not count; when the same was deployed, all is well."""
    mine = bench.image()
    bench.by_hand(mine, "--env", "COLOUR=blue")
    assert asked(bench) == ((), 2)
    bench.write(TOML.replace("blue", "green"))
    bench.by_hand(mine)
    bench.write(TOML)

    assert asked(bench) == (("`[env] COLOUR`",), 2)


def test_an_app_that_we_never_deployed_is_compared_as_fly_keeps_it(bench: Bench) -> None:
    """Fly writes durations and texts its own way, and leaves out what is empty."""
    bench.write("text", "app.conf")
    bench.write(MORE)
    bench.by_hand(bench.image())

    assert asked(bench) == ((), 2)


def test_contents_of_a_named_file_count(bench: Bench) -> None:
    """Also where we did not deploy it: the list of machines has them."""
    bench.write("text", "app.conf")
    bench.write(MORE)
    bench.deploy(bench.image())
    assert asked(bench) == ((), 1)
    bench.write("other", "app.conf")
    assert asked(bench) == (("the contents of `app.conf`",), 2)

    bench.by_hand(bench.image())
    assert asked(bench) == ((), 2)
    bench.write("third", "app.conf")
    assert asked(bench) == (("the contents of `app.conf`",), 2)


def test_a_release_without_a_configuration_has_that_of_the_one_before(bench: Bench) -> None:
    """As a release for secrets; where none has any, it is deployed rather than left."""
    web = bench.fly.apps["web"]
    bench.by_hand(bench.image())
    web.releases[-1].config = {}
    assert asked(bench) == ((), 2)
    web.releases[0].config = {}
    assert asked(bench) == ((NONE_KEPT,), 2)


def restart(bench: Bench) -> None:
    """`fly secrets set`: a release with the configuration of the newest; machines keep theirs."""
    web = bench.fly.apps["web"]
    newest = web.releases[-1]
    version = newest.version + 1
    web.releases.append(replace(newest, id=f"r{version}", version=version, status="complete"))
    for machine in web.alive:
        machine.config["metadata"]["fly_release_version"] = str(version)


def test_a_restart_after_a_deploy_of_ours_changes_nothing(bench: Bench) -> None:
    """Also where the file has a key that flyctl does not keep; a deploy of another does."""
    bench.write("text", "app.conf")
    bench.write(f"{MORE}[experimental]\nenable_6pn = true\n")
    bench.deploy(bench.image())
    del bench.fly.apps["web"].releases[-1].config["experimental"]["enable_6pn"]
    restart(bench)
    restart(bench)
    assert asked(bench) == ((), 2)
    del bench.fly.apps["web"].alive[0].config["metadata"]["pipeline_stamp"]
    assert asked(bench) == ((), 2)

    bench.write("other", "app.conf")
    bench.by_hand(bench.image())
    bench.write("text", "app.conf")
    assert "the contents of `app.conf`" in asked(bench)[0]


def test_a_restart_after_a_deploy_that_failed_has_not_brought_its_configuration(
    bench: Bench,
) -> None:
    """The new release has it at Fly, and the machines have the one before."""
    bench.write(f'{TOML}[deploy]\nrelease_command = "false"\n'.replace("blue", "red"))
    with pytest.raises(DeployError):
        bench.deploy(bench.image())
    restart(bench)

    assert {m.config["env"]["COLOUR"] for m in bench.fly.apps["web"].alive} == {"blue"}
    assert asked(bench) == ((FAILED_BEFORE,), 2)
    bench.by_hand(bench.image(), "--skip-release-command")
    bench.fly.apps["web"].releases[1].status = "complete"
    assert asked(bench) == ((), 2)


def test_a_deploy_that_ended_half_way_left_two_configurations(bench: Bench) -> None:
    """The same image on all machines, all well: only some have what the files say."""
    bench.fly.sick(machine=min(machine.id for machine in bench.fly.apps["web"].alive))
    bench.write(f'{TOML}[[http_service.checks]]\npath = "/"\n[deploy]\nwait_timeout = "1s"\n')
    with pytest.raises(DeployError):
        bench.deploy(bench.image())
    bench.fly.heal()

    assert bench.now().healthy
    assert asked(bench) == ((MIXED,), 1)


def test_a_deploy_that_ended_before_it_reached_a_machine_changed_nothing(bench: Bench) -> None:
    """Its release has the configuration of the files, and no machine has; also of old flyctl."""
    bench.write(f'{TOML}[deploy]\nrelease_command = "false"\n'.replace("blue", "red"))
    with pytest.raises(DeployError):
        bench.deploy(bench.image())
    keys = ("`[deploy] release_command`", "`[env] COLOUR`")

    assert asked(bench) == (keys, 2)
    for machine in bench.fly.apps["web"].alive:
        del machine.config["metadata"]["fly_release_version"]
    assert asked(bench) == (keys, 2)


def test_what_cannot_be_compared_is_not_taken_for_the_same(bench: Bench) -> None:
    """Fly's other interface is down: that is an error, where the stamp does not say enough."""
    bench.fly.down("graphql")
    assert asked(bench) == ((), 1)
    bench.write(TOML.replace("blue", "red"))
    with bench.driver() as opened, pytest.raises(FlyError):
        opened.running([bench.app])


def test_a_rollback_leaves_the_app_outdated(bench: Bench) -> None:
    """It runs the configuration before, and the files say the newer one."""
    bench.write(TOML.replace("blue", "red"))
    bench.deploy(bench.image())
    with bench.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        opened.rollback(bench.app, silent)

    assert asked(bench) == (("`[env] COLOUR`",), 2)
    bench.write(TOML)
    assert asked(bench) == ((), 2)
