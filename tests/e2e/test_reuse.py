"""A base is built anew and contains the same: what depends on it is reused, and not deployed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load, plan, run
from tests.support.memory_driver import PlainDriver

if TYPE_CHECKING:
    from pipeline import Plan, Report
    from tests.support.project import Project

pytestmark = pytest.mark.engine

APPS = 12


def many_apps(project: Project) -> None:
    """Add a base, a second base on it, and apps on that."""
    project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="1")
    for number in range(APPS):
        project.image(f"app-{number}", "FROM os\nCOPY app.txt /\n", app_txt=f"{number}")
        project.write(f"images/app-{number}/fly.toml", f'app = "acme-{number}"\n')


def planned(project: Project, driver: PlainDriver) -> Plan:
    """Plan to build and deploy all."""
    loaded = load(project.root)
    return plan(loaded, inspect(loaded, apps=loaded.apps, driver=lambda: driver))


def done(project: Project, driver: PlainDriver) -> Report:
    """Build and deploy all."""
    report = run(planned(project, driver), driver=lambda: driver)
    assert report.exit_code == 0, report
    return report


def test_a_comment_in_a_base_of_many_apps(project: Project) -> None:
    """One build, a new tag for each app, and no deploy."""
    many_apps(project)
    driver = PlainDriver()
    first = done(project, driver)
    project.image("os", "FROM scratch\n# why\nCOPY os.txt /\n", os_txt="1")

    shown = planned(project, driver)
    second = done(project, driver)

    assert Counter(image.status.value for image in first.images) == {"built": 1 + APPS}
    assert {action.reusable for action in shown.images[1:]} == {True}
    assert shown.images[1].reason.endswith("; it may be reused once `os` is built")
    assert Counter(image.status.value for image in second.images) == {"built": 1, "copied": APPS}
    assert Counter(one.status.value for one in second.deploys) == {"current": APPS}
    assert [i.digest for i in first.images[1:]] == [i.digest for i in second.images[1:]]
    assert not {i.reference for i in first.images} & {i.reference for i in second.images}
    assert planned(project, driver).empty


def test_a_run_for_the_base_alone_comes_first(project: Project) -> None:
    """The next run builds nothing, and deploys nothing: no engine is asked."""
    many_apps(project)
    driver = PlainDriver()
    done(project, driver)
    project.image("os", "FROM scratch\n# why\nCOPY os.txt /\n", os_txt="1")
    loaded = load(project.root)
    base = run(plan(loaded, inspect(loaded, only=["os"])))

    second = done(project, driver)

    assert [image.status.value for image in base.images] == ["built"]
    assert Counter(i.status.value for i in second.images) == {"exists": 1, "copied": APPS}
    assert Counter(one.status.value for one in second.deploys) == {"current": APPS}
    assert planned(project, driver).empty
