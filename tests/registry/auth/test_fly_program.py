"""Finding flyctl on PATH, where other programs are called `fly`, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UnknownError
from pipeline.registry.auth.fly_login import login
from pipeline.registry.auth.fly_program import fly_program
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

FLY = "echo 'fly v0.4.87 linux/amd64 Commit: ad0172fac BuildDate: 2026-08-21T00:00:00Z'"
CONCOURSE = "echo 'Unknown command `version'\\'. Please specify one command' >&2; exit 1"
"""The message of go-flags for an unknown command (concourse `fly/main.go`)."""


def scripts_on_path(tmp_path: Path, **scripts: str) -> dict[str, str]:
    """Put scripts on PATH, each as `FOLDER_NAME=script`, in the order of the folders."""
    for name, script in scripts.items():
        folder, _, file = name.partition("_")
        write_program(tmp_path / folder / file, script)
    folders = dict.fromkeys(name.partition("_")[0] for name in scripts)
    return {"PATH": os.pathsep.join(str(tmp_path / folder) for folder in folders)}


@pytest.mark.parametrize(
    ("scripts", "chosen"),
    [
        ({"a_fly": CONCOURSE, "b_flyctl": FLY}, "b/flyctl"),
        ({"a_fly": CONCOURSE, "b_fly": FLY}, "b/fly"),
        ({"a_fly": "echo 7.11.0", "b_fly": FLY}, "b/fly"),
        ({"a_flyctl": FLY, "a_fly": CONCOURSE}, "a/flyctl"),
        ({"a_fly": FLY, "b_flyctl": FLY}, "b/flyctl"),
        ({"a_flyctl": "exit 126", "b_fly": FLY}, "b/fly"),
        ({"a_fly": FLY}, "a/fly"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_the_right_program(tmp_path: Path, scripts: dict[str, str], chosen: str) -> None:
    """`flyctl` before `fly`, then the order of PATH; broken programs are skipped."""
    found = fly_program(scripts_on_path(tmp_path, **scripts))

    assert found.path == str(tmp_path / chosen)
    assert found.version == "0.4.87"


def test_files_that_cannot_be_executed(tmp_path: Path) -> None:
    """A file without the executable bit, a folder, and a program for another machine."""
    environ = scripts_on_path(tmp_path, a_flyctl=FLY, b_fly=FLY)
    (tmp_path / "a" / "flyctl").chmod(0o644)
    (tmp_path / "a" / "fly").mkdir()
    assert fly_program(environ).path == str(tmp_path / "b" / "fly")

    other = tmp_path / "a" / "flyctl"
    other.write_bytes(b"\x7fELF of another machine")
    other.chmod(0o755)
    assert fly_program(environ).path == str(tmp_path / "b" / "fly")
    (tmp_path / "b" / "fly").unlink()
    with pytest.raises(UnknownError, match=rf"`{other}` cannot be run: exec format error"):
        fly_program(environ)


def test_only_other_programs(tmp_path: Path) -> None:
    """The error has the output of each; none got the token."""
    told = 'echo "Unknown command, token ${FLY_API_TOKEN:-none}" >&2; exit 1'
    environ = scripts_on_path(tmp_path, a_fly=told, b_fly="exit 3") | {
        "FLY_API_TOKEN": "fm2_planted"
    }
    with pytest.raises(UnknownError) as caught:
        fly_program(environ)

    message = caught.value.message
    assert f"`{tmp_path}/a/fly` is another program" in message
    assert "Unknown command, token none" in message
    assert f"`{tmp_path}/b/fly` is another program, or broken: it says 'nothing'" in message
    assert "https://fly.io/docs/flyctl/install/" in caught.value.hint


def test_a_program_is_asked_once(tmp_path: Path) -> None:
    """However many apps are deployed; a replaced program is asked again."""
    environ = scripts_on_path(tmp_path, a_flyctl=f"echo x >> {tmp_path}/asked; {FLY}")
    for _ in range(3):
        fly_program(environ)
    assert (tmp_path / "asked").read_text() == "x\n"

    os.utime(tmp_path / "a" / "flyctl", (1, 1))
    fly_program(environ)
    assert (tmp_path / "asked").read_text() == "x\nx\n"


def test_the_login_is_that_of_flyctl(tmp_path: Path) -> None:
    """The token is also read from the right program."""
    token = """echo '{"token": "FlyV1 fm2_mine"}'"""
    environ = scripts_on_path(tmp_path, a_fly=CONCOURSE, b_fly=token) | {"HOME": str(tmp_path)}
    found = login(environ)

    assert found is not None
    assert found.token == "fm2_mine"
