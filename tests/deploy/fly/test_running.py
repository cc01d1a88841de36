"""Whether an app at Fly runs the configuration of its files, and which keys differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.errors import DeployError
from pipeline.deploy.fly.running import FAILED_BEFORE, MIXED, NONE_KEPT
from pipeline.deploy.protocol import RollbackDriver
from pipeline.fly.errors import FlyError
from pipeline.model.events import silent
from tests.support.fly_driver_setup import TOML, FlyDriverSetup, open_fly_driver_setup

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
def setup(tmp_path: Path) -> Iterator[FlyDriverSetup]:
    """Deploy an app."""
    with open_fly_driver_setup(tmp_path) as opened:
        opened.deploy(opened.image())
        yield opened


def differences(setup: FlyDriverSetup) -> tuple[tuple[str, ...], int]:
    """Return what differs, and the number of requests."""
    before = len(setup.fly.requests)
    return setup.running().differs, len(setup.fly.requests) - before


def test_a_change_is_named(
    setup: FlyDriverSetup,
) -> None:
    """The reason has no value of it; a comment is no change."""
    assert differences(setup) == ((), 1)
    setup.write(f"# new\n{TOML}")
    assert differences(setup) == ((), 1)
    setup.write(TOML.replace("blue", "red").replace("8080", "8081"))
    assert differences(setup) == (("`[env] COLOUR`", "`[http_service] internal_port`"), 2)

    setup.deploy(setup.image())
    assert {m.config["env"]["COLOUR"] for m in setup.fly.apps["web"].alive} == {"red"}
    assert differences(setup) == ((), 1)


def test_a_manual_deploy_of_another_configuration(setup: FlyDriverSetup) -> None:
    """Our stamp is still there, but outdated; after a deploy of the same all is equal."""
    mine = setup.image()
    setup.fly_deploy(mine, "--env", "COLOUR=blue")
    assert differences(setup) == ((), 2)
    setup.write(TOML.replace("blue", "green"))
    setup.fly_deploy(mine)
    setup.write(TOML)

    assert differences(setup) == (("`[env] COLOUR`",), 2)


def test_an_app_that_we_never_deployed(setup: FlyDriverSetup) -> None:
    """Fly rewrites durations and strings, and omits empty values."""
    setup.write("text", "app.conf")
    setup.write(MORE)
    setup.fly_deploy(setup.image())

    assert differences(setup) == ((), 2)


def test_contents_of_a_named_file_count(setup: FlyDriverSetup) -> None:
    """Also in an app that we did not deploy: the list of machines has the files."""
    setup.write("text", "app.conf")
    setup.write(MORE)
    setup.deploy(setup.image())
    assert differences(setup) == ((), 1)
    setup.write("other", "app.conf")
    assert differences(setup) == (("the contents of `app.conf`",), 2)

    setup.fly_deploy(setup.image())
    assert differences(setup) == ((), 2)
    setup.write("third", "app.conf")
    assert differences(setup) == (("the contents of `app.conf`",), 2)


def test_a_release_without_a_configuration(
    setup: FlyDriverSetup,
) -> None:
    """Such as a release for secrets; if no release has one, the app is deployed."""
    web = setup.fly.apps["web"]
    setup.fly_deploy(setup.image())
    web.releases[-1].config = {}
    assert differences(setup) == ((), 2)
    web.releases[0].config = {}
    assert differences(setup) == ((NONE_KEPT,), 2)


def restart(setup: FlyDriverSetup) -> None:
    """Do as `fly secrets set`: a release with the newest configuration; machines keep theirs."""
    web = setup.fly.apps["web"]
    newest = web.releases[-1]
    version = newest.version + 1
    web.releases.append(replace(newest, id=f"r{version}", version=version, status="complete"))
    for machine in web.alive:
        machine.config["metadata"]["fly_release_version"] = str(version)


def test_a_restart_after_a_deploy(setup: FlyDriverSetup) -> None:
    """Also if the file has a key that flyctl drops; a deploy by others is a change."""
    setup.write("text", "app.conf")
    setup.write(f"{MORE}[experimental]\nenable_6pn = true\n")
    setup.deploy(setup.image())
    del setup.fly.apps["web"].releases[-1].config["experimental"]["enable_6pn"]
    restart(setup)
    restart(setup)
    assert differences(setup) == ((), 2)
    del setup.fly.apps["web"].alive[0].config["metadata"]["pipeline_stamp"]
    assert differences(setup) == ((), 2)

    setup.write("other", "app.conf")
    setup.fly_deploy(setup.image())
    setup.write("text", "app.conf")
    assert "the contents of `app.conf`" in differences(setup)[0]


def test_a_restart_after_a_failed_deploy(
    setup: FlyDriverSetup,
) -> None:
    """The new release has it at Fly, but the machines run the one before."""
    setup.write(f'{TOML}[deploy]\nrelease_command = "false"\n'.replace("blue", "red"))
    with pytest.raises(DeployError):
        setup.deploy(setup.image())
    restart(setup)

    assert {m.config["env"]["COLOUR"] for m in setup.fly.apps["web"].alive} == {"blue"}
    assert differences(setup) == ((FAILED_BEFORE,), 2)
    setup.fly_deploy(setup.image(), "--skip-release-command")
    setup.fly.apps["web"].releases[1].status = "complete"
    assert differences(setup) == ((), 2)


def test_a_deploy_that_ended_half_way(setup: FlyDriverSetup) -> None:
    """All machines run the same image and are healthy, but only some have the configuration."""
    setup.fly.make_unhealthy(machine=min(machine.id for machine in setup.fly.apps["web"].alive))
    setup.write(f'{TOML}[[http_service.checks]]\npath = "/"\n[deploy]\nwait_timeout = "1s"\n')
    with pytest.raises(DeployError):
        setup.deploy(setup.image())
    setup.fly.heal()

    assert setup.running().healthy
    assert differences(setup) == ((MIXED,), 1)


def test_a_deploy_that_reached_no_machine(
    setup: FlyDriverSetup,
) -> None:
    """Its release has the configuration, but no machine has; also with old versions of flyctl."""
    setup.write(f'{TOML}[deploy]\nrelease_command = "false"\n'.replace("blue", "red"))
    with pytest.raises(DeployError):
        setup.deploy(setup.image())
    keys = ("`[deploy] release_command`", "`[env] COLOUR`")

    assert differences(setup) == (keys, 2)
    for machine in setup.fly.apps["web"].alive:
        del machine.config["metadata"]["fly_release_version"]
    assert differences(setup) == (keys, 2)


def test_a_configuration_that_cannot_be_compared(setup: FlyDriverSetup) -> None:
    """If Fly's REST API is down and the stamp is not enough, that is an error."""
    setup.fly.down("graphql")
    assert differences(setup) == ((), 1)
    setup.write(TOML.replace("blue", "red"))
    with setup.driver() as opened, pytest.raises(FlyError):
        opened.running([setup.app])


def test_a_rollback_leaves_the_app_outdated(setup: FlyDriverSetup) -> None:
    """It runs the previous configuration, and the files have the newer one."""
    setup.write(TOML.replace("blue", "red"))
    setup.deploy(setup.image())
    with setup.driver() as opened:
        assert isinstance(opened, RollbackDriver)
        opened.rollback(setup.app, silent)

    assert differences(setup) == (("`[env] COLOUR`",), 2)
    setup.write(TOML)
    assert differences(setup) == ((), 2)
