"""The apps of a plan in waves."""

from __future__ import annotations

from pipeline.model.actions import AppAction, DeployAction
from pipeline.model.waves import deploy_waves
from pipeline.reference import parse_image_name


def _step(app: str, action: DeployAction = DeployAction.DEPLOY) -> AppAction:
    return AppAction(app, parse_image_name(app.split("-", maxsplit=1)[0]), action, "")


def test_each_image_has_first_apps_of_its_own() -> None:
    """Each image has its own first apps; then follow the others of both."""
    steps = [_step("web-1"), _step("web-2"), _step("api-1"), _step("web-3")]
    waves = [[step.app for step in wave] for wave in deploy_waves(steps, (1,))]
    assert waves == [["web-1", "api-1"], ["web-2", "web-3"]]


def test_current_apps_do_not_count_in_a_wave() -> None:
    """Apps that are current do not count, and 10 % is at least one app."""
    ran = [_step(f"web-{n}", DeployAction.CURRENT) for n in range(90)]
    rest = [_step(f"web-{n}") for n in range(90, 100)]
    assert [len(wave) for wave in deploy_waves([*rest, *ran], ("10%",))] == [90, 1, 9]


def test_without_waves_all_changes_go_at_once() -> None:
    """Without waves all apps are deployed at once."""
    assert [len(wave) for wave in deploy_waves([_step("web-1"), _step("api-1")], ())] == [2]
    assert list(deploy_waves([], (1,))) == []
