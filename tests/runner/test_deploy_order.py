"""A table: what a failure stops, by `after` and waves, with a driver in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.model.apps import Running
from pipeline.model.events import silent
from pipeline.model.settings import DeploySettings
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.client import Registry
from pipeline.runner.tools import Tools
from tests.runner.test_deploy import deployed, make_deployment, statuses
from tests.support.memory_driver import MemoryDriver, digest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tools() -> Iterator[Tools]:
    """Return the tools of a run; no test here queries the registry."""
    with Registry(credentials=credentials({})) as registry:
        yield Tools(registry, credentials({}), {}, silent, threading.Event())


@pytest.mark.parametrize(
    ("after", "waves", "sick", "keep_going", "expected"),
    [
        ("api", (), "", False, "api-1=deployed api-2=deployed web-1=deployed web-2=deployed"),
        ("api", (), "api-1", False, "api-1=failed api-2=deployed web-1=blocked web-2=blocked"),
        ("api", (), "api-1", True, "api-1=failed api-2=deployed web-1=blocked web-2=blocked"),
        ("", (), "api-1", True, "api-1=failed api-2=deployed web-1=deployed web-2=deployed"),
        ("api", (), "web-1", False, "api-1=deployed api-2=deployed web-1=failed web-2=deployed"),
        ("api", (1,), "api-1", True, "api-1=failed api-2=blocked web-1=blocked web-2=blocked"),
        ("api", (1,), "web-1", True, "api-1=deployed api-2=deployed web-1=failed web-2=blocked"),
        ("api", (1,), "web-2", True, "api-1=deployed api-2=deployed web-1=deployed web-2=failed"),
    ],
)
def test_what_a_failure_stops(
    tools: Tools,
    after: str,
    waves: tuple[int, ...],
    sick: str,
    *,
    keep_going: bool,
    expected: str,
) -> None:
    """Dependents and later waves, also with `--keep-going`; the rest of a wave is deployed."""
    driver = MemoryDriver(
        {app: [Running(digest(1), "1")] for app in ("api-1", "api-2", "web-1", "web-2")}
    )
    driver.failing = {sick}
    made = make_deployment(
        driver, replace(tools, keep_going=keep_going), after={"web": after} if after else {}
    )
    project = made.plan.project
    deploy = DeploySettings(max_parallel=1, waves=waves)
    project = replace(project, settings=replace(project.settings, deploy=deploy))

    ends, error = deployed(replace(made, plan=replace(made.plan, project=project)))

    assert error is None
    assert " ".join(f"{app}={end}" for app, end in sorted(statuses(ends).items())) == expected
    tried = {app for app, end in statuses(ends).items() if end != "blocked"}
    assert set(driver.calls) == {f"deploy {app}" for app in tried}
