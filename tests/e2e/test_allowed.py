"""`--allow`, and what a project may not use without it."""

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
    """A project that never gets as far as an engine or a registry."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", "")
    made.image("web", "FROM scratch\n")
    return made


def test_every_task_that_loads_a_project_takes_it() -> None:
    """More than once, as buildx does."""
    tasks = {name: task.argspec(task.body).parameters for name, task in ns.tasks.items()}
    loading = {name for name, parameters in tasks.items() if "profile" in parameters}

    assert loading == {name for name, parameters in tasks.items() if "allow" in parameters}
    assert all("allow" in ns[name].iterable for name in loading)


def test_words_of_the_user_alone(project: Project) -> None:
    """Each option and the environment have some; all that are wrong in one come at once."""
    good = project.invoke("graph", "--allow", "ssh,commands", "--allow", "network.host")
    flag = project.invoke("graph", "--allow", "ssh,shh", "--allow", "command")
    variable = project.invoke("graph", environ={"PIPELINE_ALLOW": "secret"})

    assert (good.code, flag.code, variable.code) == (0, 2, 2), good.err
    assert "`shh` in `--allow` is not known" in flag.err
    assert "`command` in `--allow` is not known" in flag.err
    assert "`secret` in PIPELINE_ALLOW cannot be read" in variable.err


def test_every_word_is_explained() -> None:
    """With how it is written, in the table of docs/security.md."""
    text = Path(__file__).parents[2].joinpath("docs/security.md").read_text()

    with pytest.raises(ConfigError) as caught:
        parse_allowed("none-of-them")

    words = re.findall("`(.+?)`", caught.value.problems[0].hint)
    assert len(words) > 9
    assert [word for word in words if f"\n| `{word}` | " not in text] == []


def test_tasks_of_ones_own_on_the_files_of_others(project: Project, tmp_path: Path) -> None:
    """As docs/security.md tells: `invoke -r` reads no `tasks.py` of theirs."""
    trusted = tmp_path / "elsewhere"
    trusted.mkdir()
    (trusted / "tasks.py").write_text("from pipeline.tasks import ns\n")
    project.write("tasks.py", "raise SystemExit(7)\n")

    assert project.invoke("graph").code == 7
    ran = project.invoke("-r", str(trusted), "graph")

    assert (ran.code, ran.out) == (0, "web\n"), ran.err
