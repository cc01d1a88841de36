"""The option `--allow`, and what a project may not use without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.model.permission import parse_allowed
from pipeline.tasks import ns
from tests.support.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project whose tasks end before they need an engine or a registry."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", "")
    made.image("web", "FROM scratch\n")
    return made


def test_every_task_that_loads_a_project_has_the_option() -> None:
    """Every task that loads a project has the option, which may be repeated as in buildx."""
    tasks = {name: task.argspec(task.body).parameters for name, task in ns.tasks.items()}
    loading = {name for name, parameters in tasks.items() if "profile" in parameters}

    assert loading == {name for name, parameters in tasks.items() if "allow" in parameters}
    assert all("allow" in ns[name].iterable for name in loading)


def test_wrong_permissions(project: Project) -> None:
    """Permissions of option and environment are merged; all wrong ones are reported at once."""
    good = project.invoke("graph", "--allow", "ssh,commands", "--allow", "network.host")
    flag = project.invoke("graph", "--allow", "ssh,shh", "--allow", "command")
    variable = project.invoke("graph", environ={"PIPELINE_ALLOW": "secret"})

    assert (good.code, flag.code, variable.code) == (0, 2, 2), good.err
    assert "`shh` in `--allow` is not known" in flag.err
    assert "`command` in `--allow` is not known" in flag.err
    assert "`secret` in PIPELINE_ALLOW cannot be read" in variable.err


def test_every_permission_is_documented() -> None:
    """docs/security.md lists every permission in the form in which it is written."""
    text = Path(__file__).parents[2].joinpath("docs/security.md").read_text()

    with pytest.raises(ConfigError) as caught:
        parse_allowed("none-of-them")

    words = re.findall("`(.+?)`", caught.value.problems[0].hint)
    assert len(words) > 9
    assert [word for word in words if f"\n| `{word}` | " not in text] == []


def test_own_tasks_on_another_project(project: Project, tmp_path: Path) -> None:
    """`invoke -r` runs your own tasks on another project and ignores its `tasks.py`."""
    trusted = tmp_path / "elsewhere"
    trusted.mkdir()
    (trusted / "tasks.py").write_text("from pipeline.tasks import ns\n")
    project.write("tasks.py", "raise SystemExit(7)\n")

    assert project.invoke("graph").code == 7
    ran = project.invoke("-r", str(trusted), "graph")

    assert (ran.code, ran.out) == (0, "web\n"), ran.err
