"""`pipeline.toml`: read, checked, a profile merged in, and the environment after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.model import (
    BuildSettings,
    DeploySettings,
    DriverName,
    RegistrySettings,
    Settings,
)
from pipeline.core.reference import parse_platform
from pipeline.errors import Location, Problem
from pipeline.shell.config import checks
from pipeline.shell.config.document import read_document
from pipeline.shell.config.loaded import Loaded
from pipeline.shell.config.requires import check_version
from pipeline.shell.config.wrong import WrongValueError, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.shell.config.document import Document
    from pipeline.shell.config.settings_model import Profile

PIPELINE_FILE = PurePosixPath("pipeline.toml")
_OF_THE_FILE = ("profiles", "requires")
"""What no profile has."""
_FLY_HOST = RegistrySettings().host


def load_settings(
    root: Path, *, profile: str | None, environ: Mapping[str, str]
) -> Loaded[Settings]:
    """Read `pipeline.toml` in `root`; without one, the settings are the defaults.

    `profile` (else `PIPELINE_PROFILE`) names a table under `[profiles]` that is merged over the
    rest: tables key by key, anything else as a whole. `FLY_REGISTRY_HOST` then stands in for the
    host `registry.fly.io`, and `PIPELINE_REGISTRY_HOST` for any host of this machine itself. All
    profiles are checked, whichever is asked for; but nothing is, where the file wants another
    version of this software (`requires`), which may know what this one does not.
    """
    document, problems = read_document(root, PIPELINE_FILE)
    if document is None:
        return Loaded(None, problems)
    if another := check_version(document):
        return Loaded(None, (another,))
    from pipeline.shell.config import sentences, settings_model  # noqa: PLC0415 - pydantic takes its time

    if problems := sentences.check(document, settings_model.PipelineFile):
        return Loaded(None, (*problems, *_check_profile(document, profile, environ)))
    name = profile or environ.get("PIPELINE_PROFILE", "")
    problems = (
        *_check_names(document),
        *_check_profile(document, profile, environ),
        *_check_environ(environ),
    )
    if problems:
        return Loaded(None, problems)
    merged = settings_model.Profile.model_validate(_merged(document, name))
    requires = str(document.data.get("requires", ""))
    return Loaded(replace(_settings(merged, name, environ), requires=requires))


def images_place(root: Path, profile: str, index: int) -> Location | None:
    """Where the glob `index` of the settings is written; `None` where it is the default's."""
    document, _ = read_document(root, PIPELINE_FILE)
    if document is None:
        return None
    for path in (("profiles", profile, "images", index), ("images", index)):
        if document.has(*path[:-1]):
            return document.locate(*path) if document.has(*path) else None
    return None


def _settings(file: Profile, profile: str, environ: Mapping[str, str]) -> Settings:
    return Settings(
        globs=tuple(file.images),
        registry=RegistrySettings(
            host=_host(file.registry.host, environ),
            repository=file.registry.repository,
            tag=file.registry.tag,
            insecure=file.registry.insecure,
            also=tuple(_place(text, environ) for text in file.registry.also),
        ),
        build=BuildSettings(
            builder=file.build.builder,
            platforms=tuple(parse_platform(text) for text in file.build.platforms),
            cache_from=tuple(file.build.cache_from),
            cache_to=tuple(file.build.cache_to),
            sbom=file.build.sbom,
            provenance=file.build.provenance,
            network=file.build.network,
        ),
        deploy=DeploySettings(
            DriverName(file.deploy.driver), file.deploy.max_parallel, tuple(file.deploy.waves)
        ),
        org=file.fly.org,
        profile=profile,
        strict=file.strict,
    )


def _host(written: str, environ: Mapping[str, str]) -> str:
    if written == _FLY_HOST:
        return environ.get("FLY_REGISTRY_HOST") or written
    if checks.is_loopback(written):
        return environ.get("PIPELINE_REGISTRY_HOST") or written
    return written


def _place(written: str, environ: Mapping[str, str]) -> str:
    """A repository with its host, if it has one, as the environment calls that."""
    host, slash, path = written.partition("/")
    return f"{_host(host, environ)}/{path}" if slash else written


def _merged(document: Document, profile: str) -> dict[str, object]:
    plain = {key: value for key, value in document.data.items() if key not in _OF_THE_FILE}
    return _merge(plain, _profiles(document).get(profile, {}))


def _merge(under: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _profiles(document: Document) -> dict[str, dict[str, object]]:
    written = document.data.get("profiles")
    if not isinstance(written, dict):
        return {}
    return {name: table for name, table in written.items() if isinstance(table, dict)}


def _check_profile(
    document: Document, profile: str | None, environ: Mapping[str, str]
) -> tuple[Problem, ...]:
    name, known = profile or environ.get("PIPELINE_PROFILE", ""), _profiles(document)
    if not name or name in known:
        return ()
    source = "`--profile`" if profile else "`PIPELINE_PROFILE`"
    hint = nearest(name, known) or (
        f"its profiles are {listing(known)}" if known else f"write a table `[profiles.{name}]`"
    )
    message = f"there is no profile `{name}`, which {source} asks for"
    return (Problem(Location(document.file), message, hint),)


def _check_environ(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    found = []
    for variable in ("PIPELINE_REGISTRY_HOST", "FLY_REGISTRY_HOST"):
        try:
            checks.host(environ.get(variable) or _FLY_HOST)
        except ValueError as error:
            hint = error.hint if isinstance(error, WrongValueError) else ""
            found.append(Problem(None, f"`{variable}` in the environment: {error}", hint))
    return tuple(found)


def _check_names(document: Document) -> tuple[Problem, ...]:
    """Find templates that would give two images the same reference, in each profile."""
    found = (_check_templates(document, profile) for profile in ("", *_profiles(document)))
    return tuple(dict.fromkeys(problem for problem in found if problem))


def _check_templates(document: Document, profile: str) -> Problem | None:
    from pipeline.shell.config.settings_model import Profile  # noqa: PLC0415

    registry = Profile.model_validate(_merged(document, profile)).registry
    if "{name}" in registry.repository or "{name}" in registry.tag:
        return None
    paths = [
        (*table, "registry", key)
        for table in (("profiles", profile), ())
        for key in ("tag", "repository")
    ]
    place = next(path for path in paths if document.has(*path))
    return Problem(
        document.locate(*place),
        f"`{registry.repository}` is one repository for all images, and the tag "
        f"`{registry.tag}` does not tell them apart",
        'write tag = "{name}-{fingerprint}", or put {name} into `repository`',
    )
