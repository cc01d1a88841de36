"""Check the builder, for `invoke doctor`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError
from .buildx import builder_error, find_buildx, run_buildx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.settings import BuildSettings
    from .buildx import Buildx

_FIELD = re.compile(r"^\s*([A-Za-z][\w .-]*?):[ \t]+(\S.*?)\s*$", re.MULTILINE)
_WORKING = frozenset({"running", "inactive"})  # a build starts an inactive one
_SERVER_VERSION = ("version", "--format", "{{.Server.Version}}")


class BuilderInfo(Struct, frozen=True):
    """A builder that answers.

    `driver` is buildx's (`docker`, `docker-container`, `remote`, `kubernetes`). `engine` is the
    version of BuildKit or, with the driver `docker`, of the engine. `platforms` are those that it
    can run. `options` are those of the driver, as buildx writes them: `network="host"`.
    """

    name: str
    driver: str
    buildx: str
    engine: str
    platforms: tuple[str, ...]
    options: str = ""

    def __str__(self) -> str:
        """Say it: `default`, engine 28.5.2, driver docker, builds for linux/amd64; buildx 0.29."""
        what = "engine" if self.driver == "docker" else "BuildKit"
        platforms = ", ".join(p for p in self.platforms if p.count("/") == 1)
        return (
            f"`{self.name}`: {what} {self.engine}, driver {self.driver}, builds for {platforms};"
            f" buildx {self.buildx}"
        )


def check_builder(settings: BuildSettings, environ: Mapping[str, str]) -> BuilderInfo:
    """Ask the builder of the settings whether it works.

    Raises `UnknownError` with what is missing: docker, buildx, the builder, its engine.
    """
    buildx = find_buildx(settings, environ)
    name = [settings.builder] if buildx.builder else []
    fields = _fields(run_buildx(buildx, ["inspect", "--", *name]))
    status = fields.get("status", "")
    if status not in _WORKING:
        why = fields.get("error") or status or "no reason given"
        called = fields.get("name", settings.builder)
        raise builder_error(why) or UnknownError(
            f"the builder `{called}` does not run: {why}", hint="`docker buildx ls` says more"
        )
    return BuilderInfo(
        fields.get("name", settings.builder),
        fields.get("driver", ""),
        _version(buildx),
        _engine(buildx, fields),
        tuple(p.strip().rstrip("*") for p in fields.get("platforms", "").split(",") if p.strip()),
        fields.get("driver options", ""),
    )


def _version(buildx: Buildx) -> str:
    """Return the version of buildx, with a remark if it does not tell what it can do."""
    if not buildx.can.tried:
        return buildx.version
    lacks = "" if buildx.can.allow else ", and it lacks `bake --allow`"
    return f"{buildx.version} (it does not say how new it is{lacks})"


def _fields(text: str) -> dict[str, str]:
    """Return the fields of `docker buildx inspect`. Of each name, the first is the builder's."""
    found: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        found.setdefault(match[1].lower(), match[2])
    return found


def _engine(buildx: Buildx, fields: Mapping[str, str]) -> str:
    if fields.get("driver") != "docker":
        return fields.get("buildkit version", fields.get("buildkit", ""))
    engine = run_buildx(replace(buildx, command=buildx.command[:-1]), _SERVER_VERSION)
    return engine.strip()
