"""The environment of buildx."""

from __future__ import annotations

import pytest

from pipeline.buildkit.environment import bake_environ, secret_variables
from pipeline.errors import ConfigError
from pipeline.model.settings import BuildSettings

WITHHELD = [
    "SOURCE_DATE_EPOCH",
    "BUILDX_GIT_LABELS",
    "BUILDX_BAKE_FILE",
    "BUILDX_BAKE_FILE_RELATIVE_PATHS",
    "BUILDX_WHAT_A_LATER_ONE_READS",
    "BUILDKIT_SYNTAX",
    "BUILDX_NO_DEFAULT_ATTESTATIONS",
    "BAKE_CMD_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
]
HANDED_OVER = [
    "PATH",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "BUILDKIT_HOST",
    "SSH_AUTH_SOCK",
    "ACTIONS_RUNTIME_TOKEN",
    "HTTPS_PROXY",
]
ATTESTED = BuildSettings(provenance="mode=max")


@pytest.mark.parametrize("name", WITHHELD)
def test_variables_that_could_change_an_image_are_not_passed(name: str) -> None:
    """Variables that could change an image without its fingerprint are not passed."""
    assert name not in bake_environ({name: "1"}, ATTESTED)


@pytest.mark.parametrize("name", HANDED_OVER)
def test_variables_that_a_build_needs_are_passed(name: str) -> None:
    """Variables that a build needs are passed unchanged."""
    assert bake_environ({name: "/x"}, ATTESTED)[name] == "/x"


def test_names_of_secret_variables() -> None:
    """Any name is allowed, except those that buildx reads as build arguments or labels."""
    secrets = ["BUILDKIT_TOKEN", "SOURCE_DATE_EPOCH", "BUILDX_GIT_LABELS"]

    seen = bake_environ(dict.fromkeys(secrets, "s"), ATTESTED, secrets)

    assert [name for name in secrets if name in seen] == ["BUILDKIT_TOKEN"]


@pytest.mark.parametrize(
    "spec", ["id=t,env=BAKE_T", "id=t,ENV=BAKE_T", "id=t,type=env,src=BAKE_T", "id=BAKE_T"]
)
def test_every_spelling_of_a_secret_is_found(spec: str) -> None:
    """A secret's variable is passed, in every spelling of its entry."""
    assert secret_variables([spec, "id=k,src=key"]) == {"BAKE_T"}


def test_a_source_policy_is_refused() -> None:
    """It changes the sources of a build, and ignoring it would disable a protection."""
    with pytest.raises(ConfigError, match="EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"):
        bake_environ({"EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "policy.json"}, ATTESTED)


def test_nothing_is_attested_by_default() -> None:
    """Unless the settings request attestations."""
    assert bake_environ({}, BuildSettings())["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS" not in bake_environ({}, ATTESTED)
