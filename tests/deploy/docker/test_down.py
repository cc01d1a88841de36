"""Which containers `down` removes, if several projects share an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from pipeline.deploy.docker.containers import APP, PROJECT, RELEASE, owned
from pipeline.deploy.docker.down import Removed

if TYPE_CHECKING:
    from docker.models.containers import Container


class FakeContainer:
    """The attributes of a container that `owned` reads."""

    def __init__(self, app: str, release: int, project: str | None) -> None:
        self.labels = {APP: app, RELEASE: str(release)}
        if project is not None:
            self.labels[PROJECT] = project


@pytest.mark.parametrize(
    ("containers", "apps", "mine"),
    [
        ([("web", 1, "/here"), ("api", 1, "/there")], (), [0]),
        ([("web", 1, "/here"), ("web", 2, "/here")], (), [0, 1]),
        ([("web", 1, "/here"), ("web", 2, "/there")], ("web",), []),
        ([("web", 10, "/here"), ("web", 9, "/there")], (), [0, 1]),
        ([("web", 1, None), ("api", 1, None)], ("web",), [0]),
        ([("web", 1, None), ("web", 2, "/here")], (), [0, 1]),
        ([("web", 1, ""), ("web", 2, "/here/too")], ("web",), []),
    ],
    ids=["other", "earlier", "taken", "by number", "unlabelled", "adopted", "below"],
)
def test_projects_of_containers(
    containers: list[tuple[str, int, str | None]], apps: tuple[str, ...], mine: list[int]
) -> None:
    """An app belongs to the project of its newest release, with all its releases."""
    labelled = [FakeContainer(*one) for one in containers]

    found = owned(cast("list[Container]", labelled), "/here", apps)

    assert [labelled.index(cast("Any", one)) for one in found] == mine


def test_remaining_containers_are_reported() -> None:
    """With the command that removes them."""
    assert str(Removed(0)) == "nothing was running"
    assert str(Removed(2)) == "containers removed: 2"
    said = "nothing was running; left to other projects: api, web (`--all` removes them too)"
    assert str(Removed(0, ("api", "web"))) == said
