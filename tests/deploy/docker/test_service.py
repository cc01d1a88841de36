"""How the driver `docker` reads a `fly.toml`."""

from __future__ import annotations

import pytest
import tomli

from pipeline.deploy.docker.service import Group, Health, Port, Service, service
from pipeline.deploy.durations import seconds


def read(text: str) -> Service:
    """Parse a `fly.toml`."""
    return service(tomli.loads(text))


def test_no_file_means_a_worker() -> None:
    """Without a file there is one group without a port."""
    assert read("") == Service()
    assert read("").groups == (Group("app"),)


def test_groups_have_their_own_services_and_checks() -> None:
    """By `processes`; services without it belong to the default group, which is first."""
    found = read("""
        [processes]
        background = "run jobs"
        app = "run web"
        admin = "run admin"
        [http_service]
        internal_port = 8080
        [[services]]
        internal_port = 9000
        processes = ["admin"]
        [checks.jobs]
        type = "http"
        port = 9100
        path = "/alive"
        processes = ["background"]
    """)

    assert found.groups == (
        Group("app", "run web", (Port(8080),)),
        Group("admin", "run admin", (Port(9000, http=False),)),
        Group("background", "run jobs", (), (Health(9100, "/alive"),)),
    )
    assert found.groups[2].published == (9100,)


def test_without_app_the_first_group_by_name_is_the_default() -> None:
    """As in flyctl's `DefaultProcessName`."""
    found = read('[processes]\nworker = "w"\nserver = "s"\n[http_service]\ninternal_port = 80\n')

    assert [(g.name, g.ports) for g in found.groups] == [("server", (Port(80),)), ("worker", ())]


def test_several_ports() -> None:
    """Each service has its port; HTTP if a handler says so; UDP is not supported."""
    found = read("""
        [[services]]
        internal_port = 5432
        [[services.ports]]
        port = 5432
        [[services]]
        internal_port = 8080
        [[services.ports]]
        port = 443
        handlers = ["tls", "http"]
        [[services]]
        internal_port = 8080
        [[services]]
        internal_port = 53
        protocol = "udp"
    """)

    assert set(found.groups[0].ports) == {Port(5432, http=False), Port(8080)}


def test_all_kinds_of_checks() -> None:
    """With method, headers, timeouts and TLS; a check of `[checks]` may use the service's port."""
    found = read("""
        [http_service]
        internal_port = 8080
        [[http_service.checks]]
        path = "/healthz"
        method = "post"
        interval = "15s"
        timeout = "1500ms"
        grace_period = "1m30s"
        protocol = "https"
        tls_skip_verify = true
        headers = { X-Who = "us" }
        [[services]]
        internal_port = 25
        [[services.tcp_checks]]
        timeout = 3
        [checks.both]
        type = "http"
        [checks.line]
        type = "tcp"
        port = 26
        path = "/is/not/asked"
    """)

    headers = {"X-Who": "us"}
    tls = Health(8080, "/healthz", "POST", headers, 15.0, 1.5, 90.0, tls=True, verify=False)
    assert found.groups[0].health == (
        tls,
        Health(25, timeout=3.0),
        Health(8080, "/"),
        Health(26),
    )
    assert found.patience == 60.0 + 90.0


def test_a_check_without_a_port_is_ignored() -> None:
    """It is ignored, as there is nothing to connect to; `fly deploy` refuses it."""
    assert read('[checks.x]\ntype = "tcp"\n').groups[0].health == ()


def test_environment_signals_and_timeouts() -> None:
    """Environment, region, signals, timeouts, the release command, and ignored keys."""
    found = read("""
        primary_region = "fra"
        kill_signal = "SIGINT"
        kill_timeout = "30s"
        [env]
        COLOUR = "blue"
        COUNT = 3
        [deploy]
        wait_timeout = "2m"
        release_command = "migrate --all"
        release_command_timeout = "10m"
        [[vm]]
        size = "shared-cpu-1x"
        [[mounts]]
        source = "data"
    """)

    assert found == Service(
        env={"COLOUR": "blue", "COUNT": "3"},
        region="fra",
        stop_signal="SIGINT",
        stop_seconds=30,
        patience=120.0,
        release_command="migrate --all",
        release_patience=600.0,
        left_out=("mounts",),
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("1m30s", 90.0), ("250ms", 0.25), (7, 7.0), ("1h", 3600.0), ("soon", 4.0), (True, 4.0)],
)
def test_durations(value: object, wanted: float) -> None:
    """As Go writes them, or a number of seconds; otherwise the default."""
    assert seconds(value, 4.0) == wanted
