"""The environment of started programs, and which modules start programs."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.process.environ import find_program, for_command, for_docker, for_flyctl, for_git
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.process.environ import ChildEnviron

FLY = {"FLY_ACCESS_TOKEN": "fm2_a", "FLY_API_TOKEN": "fm2_b"}
LOGINS = {"DOCKER_AUTH_CONFIG": "{}"}
REST = {"HOME": "/home/me", "HTTPS_PROXY": "http://proxy.example.com", "LANG": "C"}
ALL = {**FLY, **LOGINS, **REST, "PATH": "/usr/bin:/bin"}
STARTERS = {
    "process/supervise.py",
    "process/capture.py",
    "deploy/docker/proxy_client.py",
    "project/command.py",
    "process/reaper.py",
}
"""The modules that start programs. All use a `ChildEnviron`, except the proxy's, which passes only

PATH, and the supervisor's, which passes its own.
"""


@pytest.mark.parametrize(
    ("made", "withheld"),
    [
        (for_docker, {*FLY}),
        (for_command, {*FLY, *LOGINS}),
        (for_flyctl, {*FLY, *LOGINS}),
        (for_git, {*FLY, *LOGINS, "HTTPS_PROXY", "LANG"}),
    ],
)
def test_variables_that_programs_do_not_get(
    made: Callable[[Mapping[str, str]], ChildEnviron], withheld: set[str]
) -> None:
    """Tokens and logins that a program does not need; it gets everything else."""
    given = made(ALL)

    assert ALL.keys() - given.keys() == withheld
    assert {name: given[name] for name in ALL.keys() - withheld} == {
        name: value for name, value in ALL.items() if name not in withheld
    }


def test_variables_that_some_programs_get() -> None:
    """The token in use, variables of a build's secrets, and what the user allows for a command."""
    assert for_flyctl(ALL, "fm2_c").items() >= {"FLY_ACCESS_TOKEN": "fm2_c"}.items()
    assert "FLY_API_TOKEN" not in for_flyctl(ALL, "fm2_c")
    assert for_docker(ALL, ["FLY_API_TOKEN"])["FLY_API_TOKEN"] == "fm2_b"
    assert for_command(ALL, ["FLY_API_TOKEN"])["FLY_API_TOKEN"] == "fm2_b"


def test_commands_and_builds_use_the_same_list() -> None:
    """Commands and builds use the same list of credentials."""
    names = ("CI_REGISTRY_PASSWORD", "ACTIONS_RUNTIME_TOKEN", "FLY_API_TOKEN_STAGING", "NPM_TOKEN")

    assert for_command(dict.fromkeys(names, "t"), ["FLY_API_TOKEN_STAGING"]).keys() == {*names[2:]}


@pytest.mark.parametrize("made", [for_docker, for_command, for_flyctl, for_git])
def test_relative_entries_of_path_are_removed(
    made: Callable[[Mapping[str, str]], ChildEnviron],
) -> None:
    """Relative and empty entries of PATH are removed."""
    assert made({"PATH": ".:/usr/bin::bin:/bin"})["PATH"] == "/usr/bin:/bin"
    assert all(folder.startswith("/") for folder in made({"PATH": "."})["PATH"].split(":"))
    assert "PATH" not in made({})


def test_a_program_in_the_project_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless PATH has its folder as an absolute path."""
    file = write_program(tmp_path / "docker", "")
    monkeypatch.chdir(tmp_path)

    assert find_program("docker", {"PATH": ".:"}) is None
    assert find_program("docker", {"PATH": ""}) is None
    assert find_program("docker", {"PATH": f"bin:{tmp_path}"}) == str(file)


def test_git_of_buildx_ignores_settings_of_the_repository() -> None:
    """The provenance of buildx runs git; variables that the user has set stay."""
    theirs = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "me",
    }
    asked = {"user.name": "me", "core.fsmonitor": "", "safe.bareRepository": "explicit"}

    for key, value in asked.items():
        said = subprocess.run(
            ["git", "config", key],
            env={**for_docker({**ALL, **theirs})},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == f"{value}\n"


def test_modules_that_start_programs() -> None:
    """A new module must create its environment the same way, and be added here."""
    root = Path(pipeline.__file__).parent

    assert {str(f.relative_to(root)) for f in root.rglob("*.py") if _starts(f)} == STARTERS


def _starts(file: Path) -> bool:
    text = file.read_text()
    if "subprocess" not in text and "os." not in text:
        return False
    calls = (n.func for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call))
    names = (n for n in calls if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    return any(
        (n.value.id == "subprocess" and n.attr in {"run", "Popen", "call", "check_output"})
        or (n.value.id == "os" and n.attr.startswith(("exec", "spawn", "posix_spawn", "system")))
        for n in names
        if isinstance(n.value, ast.Name)
    )
