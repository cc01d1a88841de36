"""The library as a program uses it: plain strings, short texts, and whether all is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import (
    ConfigError,
    Planned,
    Report,
    State,
    __version__,
    fingerprint,
    inspect,
    load,
    plan,
)
from pipeline.model.presence import Absent
from tests.support.scripted_server import scripted_server
from tests.support.small_projects import write_tree
from tests.unchanged.views import has_nothing, plain_environ

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Load a project with a base and an app."""
    write_tree(
        tmp_path,
        {
            "pipeline.toml": "",
            "images/base/Dockerfile": "FROM scratch\n",
            "images/web/Dockerfile": "FROM base\n",
            "images/web/fly.toml": 'app = "acme-web"\n',
        },
    )
    return load(tmp_path, environ={})


def test_names_are_plain_strings(project: Project, tmp_path: Path) -> None:
    """In each function that takes some."""
    assert project.apps == ("acme-web",)
    assert set(fingerprint(project, only=["web"])) == {"base", "web"}
    with scripted_server(has_nothing) as server:
        environ = {**plain_environ(tmp_path), "FLY_REGISTRY_HOST": server.address}
        found = load(project.root, environ=environ)
        state = inspect(found, only={"base"}, environ=environ)
    assert [action.name for action in plan(found, state).images] == ["base"]


def test_a_name_that_is_none_is_an_error(project: Project) -> None:
    """It would be left out silently."""
    state = State(project, fingerprint(project))
    for ask in (
        lambda: fingerprint(project, only=["wbe"]),
        lambda: inspect(project, only=["wbe"], environ={}),
        lambda: plan(project, state, only=["wbe"]),
    ):
        with pytest.raises(ConfigError, match="there is no image `wbe`") as caught:
            ask()
        assert caught.value.problems[0].hint == "did you mean `web`?"


def test_values_are_shown_in_one_line(project: Project) -> None:
    """Printing events is the first thing that one tries."""
    inputs = fingerprint(project)
    state = State(project, inputs, {name: Absent() for name in project.names})
    planned = plan(project, state)
    assert repr(planned) == "<Plan: build 2>"
    assert repr(Planned(planned)) == "Planned(plan=<Plan: build 2>)"
    assert repr(project.images[0]) == "<Image base: images/base/Dockerfile>"
    shown = [repr(value) for value in (project, state, *inputs.values())]
    assert max(map(len, shown)) < 200
    assert "\n" not in "".join(shown)


def test_a_report_says_whether_all_is_done() -> None:
    """As the exit code of a task."""
    assert Report(()).ok
    assert not Report((), trouble="the engine is gone").ok
    assert not Report((), interrupted=True).ok
    assert __version__
