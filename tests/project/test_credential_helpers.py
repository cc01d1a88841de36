"""A Docker configuration in the project makes no read-only task run a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.model.permission import parse_allowed
from pipeline.model.settings import Settings
from pipeline.project.credential_helpers import check_logins, check_plugins
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    {"credsStore": "desktop"},
    {"credHelpers": {"registry.example.com": "ecr-login"}},
)
HARMLESS = {"auths": {"registry.example.com": {"auth": "bWU6cw=="}}, "credHelpers": {}}


def environment(root: Path, folder: str, told: object) -> dict[str, str]:
    """Return the environment for a Docker configuration in that folder."""
    write_tree(root, {f"{folder}/config.json": json.dumps(told)})
    return {"HOME": str(root / "home"), "DOCKER_CONFIG": str(root / folder)}


@pytest.mark.parametrize("told", NAMES)
def test_a_helper_inside_the_project(tmp_path: Path, told: object) -> None:
    """A helper named inside the project is refused without permission; outside it is allowed."""
    inside = environment(tmp_path, "project/.docker", told)

    with pytest.raises(ConfigError, match=r"project/\.docker/config\.json` lies in the") as caught:
        check_logins(tmp_path / "project", Settings(), inside)

    assert "`--allow commands`" in caught.value.problems[0].hint
    allowed = Settings().allowing(parse_allowed("commands"))
    check_logins(tmp_path / "project", allowed, inside)
    check_logins(tmp_path / "project", Settings(), environment(tmp_path, "docker", told))


def test_the_file_of_podman(tmp_path: Path) -> None:
    """The file of podman can name helpers, too."""
    harmless = environment(tmp_path, "project/.docker", HARMLESS)
    podman = tmp_path / "project" / "auth.json"
    check_logins(tmp_path / "project", Settings(), harmless)

    podman.write_text(json.dumps(NAMES[1]))
    with pytest.raises(ConfigError, match=r"auth\.json"):
        check_logins(
            tmp_path / "project", Settings(), {**harmless, "REGISTRY_AUTH_FILE": str(podman)}
        )


def test_plugins_inside_the_project(tmp_path: Path) -> None:
    """Docker runs plugins such as `docker-buildx`; tasks that run no docker ignore them."""
    root, told = tmp_path / "project", {"cliPluginsExtraDirs": ["bin"]}
    extra = environment(tmp_path, "project/.docker", told)
    check_logins(root, Settings(), extra)
    with pytest.raises(ConfigError, match=r"config\.json` lies in the project"):
        check_plugins(root, Settings(), extra)

    harmless = environment(tmp_path, "project/.docker", HARMLESS)
    check_plugins(root, Settings(), harmless)
    write_tree(root, {".docker/cli-plugins/docker-buildx": "#!/bin/sh\n"})
    check_logins(root, Settings(), harmless)
    with pytest.raises(ConfigError, match="cli-plugins` lies in the project"):
        check_plugins(root, Settings(), harmless)


@pytest.mark.parametrize(("target", "theirs"), [("docker-buildx", True), ("sh", False)])
def test_linked_plugins(tmp_path: Path, target: str, *, theirs: bool) -> None:
    """A link to an installed plugin is allowed, as the sandbox makes one; one to `sh` is not."""
    inside = environment(tmp_path, "project/.docker", HARMLESS)
    write_tree(tmp_path, {f"usr/{target}": "", "project/.docker/cli-plugins/.keep": ""})
    (tmp_path / "project/.docker/cli-plugins/.keep").unlink()
    (tmp_path / "project/.docker/cli-plugins/docker-buildx").symlink_to(tmp_path / "usr" / target)

    if theirs:
        check_plugins(tmp_path / "project", Settings(), inside)
    else:
        with pytest.raises(ConfigError, match="cli-plugins"):
            check_plugins(tmp_path / "project", Settings(), inside)
