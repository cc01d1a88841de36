"""An image with `refresh` is built anew in each period, without BuildKit's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load, plan, run
from pipeline.registry.client import Registry
from pipeline.registry.manifest import contents_of

if TYPE_CHECKING:
    from pipeline import Report
    from tests.support.project import Project

pytestmark = pytest.mark.engine

NOW = 1_795_000_000
RUNS = "RUN cat /proc/sys/kernel/random/uuid >/{name}\n"


def test_each_period_has_one_build(project: Project) -> None:
    """What depends on it follows in the same run; a step of it is not taken from the cache."""
    project.image("os", f"FROM debian:bookworm-slim\n{RUNS.format(name='os')}")
    project.image("lang", f"FROM os\n{RUNS.format(name='lang')}")
    project.image("web", "FROM lang\nCOPY web.txt /\n", web_txt="web")
    project.write("images/os/image.toml", 'refresh = "7d"\n')

    first = _built(project, NOW)
    due = next(i.refresh.due for i in load(project.root, instant=NOW) if i.refresh)
    same, following = _built(project, due - 1), _built(project, due)

    assert set(_statuses(first).values()) == {"built"}
    assert set(_statuses(same).values()) == {"exists"}
    assert set(_statuses(following).values()) == {"built"}
    assert _layers(following, "os")[0] == _layers(first, "os")[0]
    assert _layers(following, "os")[1] != _layers(first, "os")[1]
    assert _layers(following, "lang")[:-1] == _layers(following, "os")
    assert _layers(following, "web")[:-1] == _layers(following, "lang")


def _built(project: Project, instant: int) -> Report:
    loaded = load(project.root, instant=instant)
    report = run(plan(loaded, inspect(loaded)))
    assert report.exit_code == 0
    return report


def _layers(report: Report, name: str) -> list[str]:
    """Return the digests of an image's layers, from the lowest on."""
    found = next(image for image in report.images if image.name == name)
    with Registry() as registry:
        manifest = registry.manifest(found.reference)
    return [part.digest for part in contents_of(manifest, found.reference).layers]


def _statuses(report: Report) -> dict[str, str]:
    return {image.name: image.status.value for image in report.images}
