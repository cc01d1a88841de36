"""Finding and calling docker and buildx, and the meaning of their messages.

The docker here is a script; its output was copied from the real versions that are named.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.builder import check_builder
from pipeline.buildkit.buildx import (
    bake_command,
    builder_error,
    find_buildx,
    is_overloaded,
    unsure,
)
from pipeline.errors import UnknownError
from pipeline.model.settings import BuildSettings
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

BUILDX = "github.com/docker/buildx v0.29.1 1234567"


def docker(
    tmp_path: Path,
    *,
    buildx: str = BUILDX,
    context: str = "",
    inspect: str = "exit 1",
    bake: str = "exit 1",
) -> dict[str, str]:
    """Return an environment with a docker that has this buildx and this context.

    `bake` is the script for a test of its features.
    """
    write_program(
        tmp_path / "docker",
        'case "$*" in\n'
        f'"buildx version") {f"echo {buildx}" if buildx else "exit 1"};;\n'
        f'"context inspect -- {context or "-"}") ;;\n'
        f"*inspect*) {inspect};;\n"
        f'"buildx bake "*) {bake};;\n'
        "*) exit 1;; esac",
    )
    return {"PATH": str(tmp_path)}


def test_no_docker(tmp_path: Path) -> None:
    """Without docker: one sentence and a hint."""
    with pytest.raises(UnknownError, match="there is no `docker` on PATH") as caught:
        find_buildx(BuildSettings(), {"PATH": str(tmp_path)})

    assert caught.value.hint


def test_no_buildx(tmp_path: Path) -> None:
    """Without the plugin."""
    with pytest.raises(UnknownError, match="docker has no buildx plugin"):
        find_buildx(BuildSettings(), docker(tmp_path, buildx=""))


def test_an_old_buildx(tmp_path: Path) -> None:
    """An old buildx does not write the stream that we read."""
    environ = docker(tmp_path, buildx="github.com/docker/buildx 0.12.1 x")

    with pytest.raises(UnknownError, match=r"buildx 0\.12\.1 is too old") as caught:
        find_buildx(BuildSettings(), environ)

    assert "lacks `--progress rawjson`; 0.13 or later is needed" in caught.value.message


@pytest.mark.parametrize("said", ["v0.0.0+unknown", "dev", ""])
def test_a_buildx_of_unknown_version(tmp_path: Path, said: str) -> None:
    """It is tried; `doctor` says so, and so does a build."""
    inspect = "echo 'Name: d'; echo 'Driver: remote'; echo 'Status: running'"
    called = f"github.com/docker/buildx {said}"
    environ = docker(tmp_path, buildx=called, inspect=inspect, bake="exit 0")
    settings = BuildSettings(builder="d", network="host")

    found = find_buildx(settings, environ)
    command = bake_command(found, settings, "ALL", "m.json")
    info = check_builder(settings, environ)

    assert ("--allow", "network.host") in itertools.pairwise(command)
    named = said or "without a version"
    assert unsure(found) == f"buildx {named} does not say how new it is; it is tried"
    assert f"buildx {named} (it does not say how new it is)" in str(info)


def test_a_buildx_of_unknown_version_without_allow(tmp_path: Path) -> None:
    """What buildx 0.13 says to the flag: it builds, but not with a network of a build."""
    lacks = "case \"$*\" in *--allow*) echo 'unknown flag: --allow' >&2; exit 1;; esac"
    environ = docker(tmp_path, buildx="github.com/docker/buildx dev", bake=lacks)

    command = bake_command(find_buildx(BuildSettings(), environ), BuildSettings(), "ALL", "m.json")
    with pytest.raises(UnknownError, match="cannot set the network of a build: it lacks"):
        find_buildx(BuildSettings(network="host"), environ)

    assert "--allow" not in command


def test_a_buildx_of_unknown_version_that_is_too_old(tmp_path: Path) -> None:
    """It is refused with what it lacks."""
    lacks = "echo 'ERROR: invalid progress mode rawjson' >&2; exit 1"
    environ = docker(tmp_path, buildx="github.com/docker/buildx v0.0.0+unknown", bake=lacks)

    with pytest.raises(UnknownError) as caught:
        find_buildx(BuildSettings(), environ)

    assert caught.value.message == (
        "buildx v0.0.0+unknown is too old: it lacks `--progress rawjson`; 0.13 or later is needed"
    )


def test_a_buildx_whose_version_tells_is_not_tried(tmp_path: Path) -> None:
    """A trial costs a process in every build."""
    find_buildx(BuildSettings(), docker(tmp_path, bake=f"touch {tmp_path}/tried"))

    assert not (tmp_path / "tried").exists()


def test_a_network_that_an_old_buildx_would_ignore(tmp_path: Path) -> None:
    """An old buildx would silently ignore the network, and build another image."""
    environ = docker(tmp_path, buildx="github.com/docker/buildx 0.13.1+ds1 x")

    with pytest.raises(UnknownError, match="cannot set the network"):
        find_buildx(BuildSettings(network="host"), environ)


def test_the_default_builder_is_dockers_choice(tmp_path: Path) -> None:
    """BUILDX_BUILDER and `docker buildx use` are respected."""
    found = find_buildx(BuildSettings(), {**docker(tmp_path), "BUILDX_BUILDER": "mine"})

    assert found.command == (f"{tmp_path}/docker", "buildx")
    assert found.builder == ()
    assert found.environ["BUILDX_BUILDER"] == "mine"


def test_a_builder_by_its_name(tmp_path: Path) -> None:
    """A builder of buildx is passed as `--builder`."""
    found = find_buildx(BuildSettings(builder="remote"), docker(tmp_path))

    assert found.builder == ("--builder", "remote")


def test_a_docker_context_by_its_name(tmp_path: Path) -> None:
    """A context is passed to docker, as buildx refuses it as a builder, without BUILDX_BUILDER."""
    environ = {**docker(tmp_path, context="second"), "BUILDX_BUILDER": "mine"}

    found = find_buildx(BuildSettings(builder="second"), environ)

    assert found.command == (f"{tmp_path}/docker", "--context", "second", "buildx")
    assert found.builder == ()
    assert "BUILDX_BUILDER" not in found.environ


@pytest.mark.parametrize(
    ("version", "network", "allowed"),
    [("0.13.1", "", []), ("0.17.0", "", ["ssh"]), ("0.29.1", "host", ["ssh", "network.host"])],
)
def test_permissions_of_bake(
    tmp_path: Path, version: str, network: str, allowed: list[str]
) -> None:
    """Permissions are passed to bake, which cannot ask; before 0.17 it has no such option."""
    settings = BuildSettings(network=network)
    environ = docker(tmp_path, buildx=f"github.com/docker/buildx v{version} x")

    command = bake_command(find_buildx(settings, environ), settings, "ALL", "m.json")

    flags = itertools.pairwise(command)
    assert allowed == [value for flag, value in flags if flag == "--allow"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
                "Is the docker daemon running?"
            ),
            "no engine answers at `unix:///var/run/docker.sock`",
        ),
        (
            (
                "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon "
                "running?"
            ),
            "no engine answers at `tcp://127.0.0.1:1`",
        ),
        (
            (
                "failed to connect to the docker API at unix:///no.sock; check if the path is "
                "correct and if the daemon is running: dial unix /no.sock: connect: no such file "
                "or directory"
            ),
            "no engine answers at `unix:///no.sock`",
        ),
        (
            (
                "failed to connect to the docker API at tcp://engine.invalid:2375: lookup "
                "engine.invalid on 127.0.0.53:53: no such host"
            ),
            "no engine answers at `tcp://engine.invalid:2375`",
        ),
        ('no builder "nosuch" found', "there is no builder `nosuch`"),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///x",
            "the engine refuses access: permission denied on its socket",
        ),
        (
            "permission denied while trying to connect to the docker API at unix:///x",
            "the engine refuses access: permission denied on its socket",
        ),
        (
            (
                "failed to receive status: rpc error: code = Unavailable desc = error reading from "
                "server: EOF"
            ),
            "the connection to the builder was lost",
        ),
        (
            (
                "failed to update builder last activity time: open /root/.docker/buildx/activity/"
                ".tmp-default1: read-only file system"
            ),
            (
                "buildx could not go on: open /root/.docker/buildx/activity/.tmp-default1: "
                "read-only file system"
            ),
        ),
        (
            "write /tmp/.tmp-metadata.json1: no space left on device",
            "the builder could not go on: write /tmp/.tmp-metadata.json1: no space left on device",
        ),
        (
            "failed to solve: pipe2: too many open files",
            "the builder could not go on: pipe2: too many open files",
        ),
    ],
)
def test_meaning_of_messages(said: str, expected: str) -> None:
    """Each message becomes one clear sentence with a hint."""
    error = builder_error(said)

    assert error is not None
    assert error.message == expected
    assert error.hint


def test_other_messages_are_no_builder_failure() -> None:
    """A failed step is not a failure of the builder."""
    assert builder_error('failed to solve: process "/bin/sh -c false" did not complete') is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("failed to receive status: rpc error: code = NotFound desc = no such job 9gir", True),
        ("failed to solve: DeadlineExceeded: context deadline exceeded", True),
        ("failed to do request: Head https://r/v2/: context deadline exceeded", False),
    ],
)
def test_an_overloaded_builder(said: str, expected: bool) -> None:  # noqa: FBT001
    """It is distinguished from a registry that does not answer."""
    assert expected is is_overloaded(said)


def test_a_builder_that_does_not_run(tmp_path: Path) -> None:
    """The error quotes what buildx says."""
    said = "echo 'Name: remote'; echo 'Driver: remote'; echo 'Error: no route'"

    with pytest.raises(UnknownError, match="the builder `remote` does not run: no route"):
        check_builder(BuildSettings(builder="remote"), docker(tmp_path, inspect=said))


def test_a_builder_that_runs(tmp_path: Path) -> None:
    """What `doctor` shows of it."""
    said = (
        "echo 'Name: remote'; echo 'Driver: remote'; echo; echo 'Nodes:'; echo 'Name: remote0';"
        "echo 'Status: running'; echo 'BuildKit version: v0.25.0';"
        "echo 'Platforms: linux/amd64*, linux/arm64'"
    )

    info = check_builder(BuildSettings(builder="remote"), docker(tmp_path, inspect=said))

    assert (info.name, info.driver, info.engine) == ("remote", "remote", "v0.25.0")
    assert info.platforms == ("linux/amd64", "linux/arm64")


def test_a_buildx_that_cannot_run_is_installed(tmp_path: Path) -> None:
    """A lack of memory or processes is not reported as a missing buildx."""
    environ = docker(tmp_path)
    for said in ("runtime: cannot allocate memory", "fork: resource temporarily unavailable"):
        write_program(tmp_path / "docker", f"echo '{said}' >&2; exit 2")
        with pytest.raises(UnknownError) as caught:
            find_buildx(BuildSettings(), environ)
        assert said in caught.value.message
        assert "install" not in caught.value.hint
