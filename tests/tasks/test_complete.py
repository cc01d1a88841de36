"""Completion knows tasks, options and the names of a project, and never prints an error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.tasks import _completion_script, ns
from pipeline.tasks._complete import candidates
from pipeline.tasks._overview import overview
from tests.support.project import Project

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = """\
[profiles.staging]
deploy = { driver = "docker" }
[profiles.local]
registry = { host = "127.0.0.1:5000" }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a base and two apps."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("pipeline.toml", SETTINGS)
    made.image("base", "FROM scratch\n")
    made.image("web", "FROM base\n", fly_toml='app = "acme-web"\n')
    made.image("api", "FROM base\n", image_toml='[deploy]\napps = ["acme-eu", "acme-us"]\n')
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fip bu", "build build-all"),
        ("fip build ", "api base web"),
        ("fip build w", "web"),
        ("fip build api,", "api,base api,web"),
        ("fip build api,w", "api,web"),
        ("fip build web pl", "plan"),
        ("fip plan inp", "inputs"),
        ("fip build-all --only ", "api base web"),
        ("fip build-all --only=a", "--only=api"),
        ("fip build-all --only=api,w", "--only=api,web"),
        ("fip build-all --force -o b", "base"),
        ("fip deploy acme-", "acme-eu acme-us acme-web"),
        ("fip deploy ", "acme-eu acme-us acme-web api web"),
        ("fip rollback acme-w", "acme-web"),
        ("fip status --only acme-e", "acme-eu"),
        ("fip promote w", "web"),
        ("fip promote web ", ""),
        ("fip plan --profile ", "local staging"),
        ("fip plan --verify ", "deep"),
        ("fip build web --log ", "plain"),
        ("fip graph --format=m", "--format=mermaid"),
        ("fip build --depend", "--dependents"),
        ("fip --dry build-all --ke", "--keep-going"),
        ("fip -r . build w", "web"),
        ("fip --ver", "--version"),
        ("fip nonsense x", ""),
        ("fip releases acme-web --limit ", ""),
    ],
)
def test_the_last_word(line: str, expected: str) -> None:
    """What it may become depends on what is before it."""
    assert sorted(candidates(line)) == expected.split()


@pytest.mark.usefixtures("project")
def test_all_tasks_are_offered() -> None:
    """And nothing but names if Invoke completes the rest."""
    assert set(candidates("fip ")) == set(ns.task_names)
    assert candidates("invoke ", names_only=True) == []
    assert candidates("invoke build --f", names_only=True) == []
    assert candidates("invoke build w", names_only=True) == ["web"]


@pytest.mark.parametrize("mistake", ["", "[registry]\nhots = 1\n", "["])
def test_a_project_with_mistakes_has_no_names(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And no error; nor has a folder without a project."""
    monkeypatch.chdir(tmp_path)
    if mistake:
        (tmp_path / "pipeline.toml").write_text(mistake)

    assert candidates("fip build ") == []
    assert capfd.readouterr() == ("", "")


def run_fip(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the console program as a shell does."""
    command = [sys.executable, "-m", "fly_image_pipeline", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_shell_asks_for_it(project: Project) -> None:
    """One candidate a line; a shell may send the line as one word or as several."""
    one = run_fip(project.root, "--complete", "--", "fip build b")
    several = run_fip(project.root, "--complete-names", "--", "inv", "build", "b")

    assert (one.stdout, one.stderr, one.returncode) == ("base\n", "", 0)
    assert several.stdout == "base\n"


def test_the_script_of_a_shell_that_there_is_none_for(tmp_path: Path) -> None:
    """The error names the shells."""
    ran = run_fip(tmp_path, "--print-completion-script", "tcsh")

    assert ran.returncode == 1
    assert "there are: bash, zsh, fish" in ran.stderr


BASH = """\
fip() { "$PYTHON" -m fly_image_pipeline "$@"; }
source <(fip --print-completion-script bash)
COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_fip_complete "$1"
echo "${COMPREPLY[*]}"
"""


def in_bash(project: Project, words: Sequence[str]) -> str:
    """Return what Bash offers for the last of these words, as it splits them."""
    command = ["bash", "-c", BASH, "bash", *words]
    environ = {"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=project.root, env=environ, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return ran.stdout.strip()


ROOT = Path(__file__).parents[2]


def test_bash(project: Project) -> None:
    """A name of one of two tasks is completed, also behind a comma."""
    assert in_bash(project, ["fip", "build", "api,w"]) == "api,web"
    assert in_bash(project, ["inv", "build", "w"]) == "web"


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish here")
def test_fish(project: Project) -> None:
    """The script is what fish reads."""
    script = (
        f"function fip; {sys.executable} -m fly_image_pipeline $argv; end\n"
        f"{_completion_script.SCRIPTS['fish']}\ncomplete -C 'fip build w'"
    )
    ran = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "web\n"


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh here")
def test_zsh(tmp_path: Path) -> None:
    """The script has no mistake of syntax; a real terminal was tried by hand."""
    (tmp_path / "script").write_text(_completion_script.SCRIPTS["zsh"])
    subprocess.run(["zsh", "-n", str(tmp_path / "script")], check=True)


def test_the_overview_has_every_task() -> None:
    """Each once, in a group; no line is wider than a terminal."""
    lines = list(overview(ns, "fip"))
    named = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]

    assert sorted(named) == sorted(ns.task_names)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Start:"


TASKS = """\
from invoke import task
from pipeline.tasks import ns

@task(default=DEFAULT)
def mine(c):
    \"\"\"Greet.\"\"\"
    print("hello")

ns.add_task(mine)
"""


def test_invoke_without_a_task(project: Project) -> None:
    """It shows all tasks, also the user's own, unless one of those is the default."""
    project.write("tasks.py", TASKS.replace("DEFAULT", "False"))
    shown = project.invoke()
    project.write("tasks.py", TASKS.replace("DEFAULT", "True"))
    own = project.invoke()
    asked = project.invoke("help")

    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("Start:\n  help ")
    assert "\nMore:\n  mine " in shown.out
    assert "`invoke --help TASK` explains a task" in shown.out
    assert (own.code, own.out) == (0, "hello\n")
    assert asked.out == shown.out
