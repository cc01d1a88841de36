"""Docker's `config.json`, changed by several processes at once: no change is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import WorkError
from pipeline.registry.auth.change_configuration import change_configuration
from pipeline.registry.auth.credential import Credential
from pipeline.runner.login import log_docker_in, name_helper

if TYPE_CHECKING:
    from pipeline.registry.auth.docker_login import JsonObject

HOSTS = [f"r{number}.example.com" for number in range(20)]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return a home with Docker's configuration, and our helper on PATH."""
    helper = tmp_path / "bin" / "docker-credential-fly"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\n")
    helper.chmod(0o755)
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text('{"auths": {"quay.io": {"auth": "eDp5"}}}')
    return {"HOME": str(tmp_path), "PATH": str(helper.parent)}


def read_configuration(environ: dict[str, str]) -> Any:
    """Return the configuration as docker would read it."""
    return json.loads(Path(environ["HOME"], ".docker/config.json").read_text())


def test_twenty_at_once_in_one_process(environ: dict[str, str]) -> None:
    """All changes are kept, no temporary file remains, and only the owner may read it."""
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda host: name_helper(host, environ), HOSTS))

    found = read_configuration(environ)
    assert found["credHelpers"] == dict.fromkeys(HOSTS, "fly")
    assert found["auths"] == {"quay.io": {"auth": "eDp5"}}
    folder = Path(environ["HOME"], ".docker")
    assert [path.name for path in folder.iterdir()] == ["config.json"]
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o600


def test_several_processes(environ: dict[str, str]) -> None:
    """A lock between processes: each adds its hosts one by one."""
    code = (
        "import os, sys\n"
        "from pipeline.registry.auth.change_configuration import change_configuration\n"
        "for number in range(10):\n"
        "    change_configuration(os.environ, lambda c: {**c, sys.argv[1] + str(number): 1})\n"
    )
    run = [sys.executable, "-c", code]
    here = {**environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    others = [subprocess.Popen([*run, word], env=here) for word in ("a", "b")]

    assert [other.wait() for other in others] == [0, 0]
    assert {f"{word}{n}" for word in "ab" for n in range(10)} <= read_configuration(environ).keys()


def test_another_program_without_a_lock(environ: dict[str, str]) -> None:
    """Docker takes no lock: what it wrote meanwhile is merged."""
    file = Path(environ["HOME"], ".docker/config.json")
    looks = []

    def change(found: JsonObject) -> JsonObject:
        looks.append(found)
        if len(looks) == 1:  # Docker saves a new file under the old name.
            file.with_name("theirs").write_text('{"auths": {}, "theirs": 1}')
            file.with_name("theirs").replace(file)
        return {**found, "ours": 1}

    change_configuration(environ, change)

    assert len(looks) == 2
    assert read_configuration(environ) == {"auths": {}, "theirs": 1, "ours": 1}


def test_endless_changes_by_another_program(environ: dict[str, str]) -> None:
    """After some attempts an error, and the other program's file is unchanged."""
    file = Path(environ["HOME"], ".docker/config.json")

    def change(found: JsonObject) -> JsonObject:
        file.write_text(json.dumps({**found, "again": "x" * (len(str(found)) + 1)}))
        return {"ours": 1}

    with pytest.raises(WorkError, match="another program keeps changing"):
        change_configuration(environ, change)

    assert "ours" not in read_configuration(environ)


def test_a_symbolic_link_stays(environ: dict[str, str], tmp_path: Path) -> None:
    """As with docker, also if its target does not exist yet."""
    file = Path(environ["HOME"], ".docker/config.json")
    file.unlink()
    file.symlink_to("../dotfiles/docker.json")

    change_configuration(environ, lambda found: {**found, "ours": 1})

    assert file.is_symlink()
    assert json.loads((tmp_path / "dotfiles/docker.json").read_text()) == {"ours": 1}


def test_docker_saves_while_we_hold_its_folder(environ: dict[str, str], tmp_path: Path) -> None:
    """It reads first and writes last: a change of ours in between would be lost."""
    docker = tmp_path / "bin" / "docker"
    docker.write_text(f"#!{sys.executable} -I\n{DOCKER}")
    docker.chmod(0o755)

    log_docker_in("r.example.com", Credential("x", "token", "a test"), environ)

    assert (tmp_path / ".docker/seen").read_text() == "held"


DOCKER = """
import fcntl, os, pathlib, sys
sys.stdin.read()
folder = pathlib.Path(os.environ["HOME"], ".docker")
try:
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    seen = "free"
except BlockingIOError:
    seen = "held"
(folder / "seen").write_text(seen)
"""
