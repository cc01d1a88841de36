"""The environment for bake: without variables that change an image and are not in its key.

buildx reads variables of its own, and some go into the image: SOURCE_DATE_EPOCH becomes a build
argument, BUILDX_GIT_LABELS adds labels, BUILDX_BAKE_FILE_RELATIVE_PATHS moves contexts. A tag comes
from files alone, so that it is the same on each machine. So none of these is passed on, nor any
unknown variable with a prefix of buildx's, since a later buildx may read it. Such values belong
into `args` in `image.toml`. The list is from a search of all buildx sources from 0.13 to 0.36.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..model.secret import INTO_IMAGES, parse_secret
from ..process.environ import for_docker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ..model.settings import BuildSettings
    from ..process.environ import ChildEnviron

_THEIRS = ("BUILDX_", "BUILDKIT_", "BAKE_", "EXPERIMENTAL_BUILDKIT_")
"""Prefixes of buildx's own variables."""

_HARMLESS = frozenset(
    {
        "BUILDKIT_COLORS",
        "BUILDKIT_HOST",
        "BUILDKIT_PROGRESS",
        "BUILDKIT_TTY_LOG_LINES",
        "BUILDX_BUILDER",
        "BUILDX_CONFIG",
        "BUILDX_CPU_PROFILE",
        "BUILDX_DEFAULT_POLICY",
        "BUILDX_EXPERIMENTAL",
        "BUILDX_GIT_CHECK_DIRTY",
        "BUILDX_GIT_INFO",
        "BUILDX_MEM_PROFILE",
        "BUILDX_METADATA_WARNINGS",
        "BUILDX_NO_DEFAULT_OCI_ARTIFACT",
    }
)
"""Variables about the builder, the output, and the content and storage of attestations."""

_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"


def bake_environ(
    environ: Mapping[str, str], settings: BuildSettings, secrets: Collection[str] = ()
) -> ChildEnviron:
    """Return the environment for bake; `secrets` are variables that a build may read as secrets.

    Nothing is attested unless the settings say so, and nobody is prompted. Provenance is written to
    the metadata file in any case, to check it against the fingerprint (`buildkit.provenance`). bake
    does not check paths: the user has allowed what lies outside the project
    (`project.permissions`), and bake would refuse the private copies that images are built from,
    and judges only one of many targets (buildx `bake/entitlements.go`); a prompt would fail the
    build.
    Raises `ConfigError` if a source policy is set: it can replace one image by another. Dropped
    silently, it would not protect anybody.
    """
    if environ.get(_POLICY):
        message = f"{_POLICY} is set: it can change what images are built from, and no tag shows it"
        hint = "unset it for this command; `pipeline.lock` pins what images are built from"
        raise ConfigError([Problem(None, message, hint)])
    seen = {name: value for name, value in environ.items() if _may_see(name, secrets)}
    env = for_docker(seen, secrets)
    env["BUILDX_METADATA_PROVENANCE"], env["BUILDX_BAKE_ENTITLEMENTS_FS"] = "min", "0"
    env["DOCKER_CLI_HINTS"] = "false"
    if settings.provenance in {"", "false"}:
        env["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
    return env


def secret_variables(specs: Iterable[str]) -> frozenset[str]:
    """Return the variables that secrets in BuildKit's syntax are read from.

    >>> sorted(secret_variables(["id=a,ENV=TOKEN", "id=NPM", "id=b,type=env,src=B", "id=c,src=f"]))
    ['B', 'NPM', 'TOKEN']
    """
    return frozenset(parse_secret(spec).variable for spec in specs) - {""}


def _may_see(name: str, secrets: Collection[str]) -> bool:
    if name in INTO_IMAGES:
        return False
    return name in _HARMLESS or name in secrets or not name.startswith(_THEIRS)
