"""What bake sees of the environment: nothing that could change an image and is not in its key.

buildx reads variables of its own, and some go into the image: SOURCE_DATE_EPOCH becomes a build
argument, BUILDX_GIT_LABELS makes labels, BUILDX_BAKE_FILE_RELATIVE_PATHS moves contexts. A tag
comes from files, so that it is the same for whoever computes it, and none of these is handed over;
nor is any that begins like one of buildx's and is not known here, as a later buildx may read it.
`args` in `image.toml` is where such values belong. All of buildx's sources were searched for what
it reads, from 0.13 to 0.36.
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
"""How names begin that are buildx's own."""

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
"""Which builder, how it is looked at, and what attestations say and how they are stored."""

_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"


def bake_environ(
    environ: Mapping[str, str], settings: BuildSettings, secrets: Collection[str] = ()
) -> ChildEnviron:
    """The environment for bake; `secrets` are the variables that a build may read as secrets.

    Nothing is attested unless asked for, nobody is prompted. Provenance is written down beside the
    image all the same, for the self-audit (`buildkit.provenance`). What lies outside the project
    was allowed by the user by then (`project.permissions`), so bake does not check paths: it would
    refuse the private copies that images are built from, and of many targets it judges one
    (buildx `bake/entitlements.go`); a prompt would fail the build.
    Raises `ConfigError` where a source policy is set: it can put one image in another's place, and
    left out it would protect nobody.
    """
    if environ.get(_POLICY):
        message = f"{_POLICY} is set: it can change what images are built from, and no tag knows it"
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
    """The variables that secrets in BuildKit's syntax may be read from.

    >>> sorted(secret_variables(["id=a,ENV=TOKEN", "id=NPM", "id=b,type=env,src=B", "id=c,src=f"]))
    ['B', 'NPM', 'TOKEN']
    """
    return frozenset(parse_secret(spec).variable for spec in specs) - {""}


def _may_see(name: str, secrets: Collection[str]) -> bool:
    if name in INTO_IMAGES:
        return False
    return name in _HARMLESS or name in secrets or not name.startswith(_THEIRS)
