"""Read `pipeline.toml`: check it, merge a profile in, and apply the environment."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import ConfigError, Problem
from ..model.permission import VARIABLE, parse_allowed
from ..model.settings import (
    BuildSettings,
    DeploySettings,
    DriverName,
    ImagePattern,
    RegistrySettings,
    Settings,
)
from ..reference import HUB, is_hub, is_loopback_host, parse_platform
from . import value_checks
from .document import read_document
from .profiles import profiles_of, with_profile
from .required_version import check_version
from .result import Result
from .settings_model import PipelineFile, Profile
from .tables import read_table
from .validation import check, without_mistakes
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .document import Document
    from .settings_model import ImagesTable

PIPELINE_FILE = PurePosixPath("pipeline.toml")
_MOST_CHECKED = 4 << 20
"""Characters, over all profiles."""

_FLY_HOST = RegistrySettings().host


def read_settings(root: Path, *, profile: str, environ: Mapping[str, str]) -> Result[Settings]:
    """Read `pipeline.toml` in `root`; without one, the settings are the defaults.

    `profile` names a table under `[profiles]` that is merged over the rest, if it is there.
    `FLY_REGISTRY_HOST` then stands in for the host `registry.fly.io`, and
    `PIPELINE_REGISTRY_HOST` for any host of this machine itself. All profiles are checked,
    whichever is asked for; but nothing is, where the file wants another version of this software
    (`requires`), which may know what this one does not.
    """
    document, problems = read_document(root, PIPELINE_FILE)
    if document is None:
        return Result(None, problems)
    if another := check_version(document):
        return Result(None, (another,))
    if problems := check(document, PipelineFile):
        return Result(None, problems)
    if problems := (*_check_names(document), *_check_environ(environ)):
        return Result(None, problems)
    merged, _ = read_table(Profile, with_profile(document, profile).data)
    requires = str(document.data.get("requires", ""))
    settings = replace(_settings(merged, profile, environ), requires=requires)
    if problem := _check_insecure(document, profile, settings.registry, environ):
        return Result(None, (problem,))
    return Result(settings.allowing(parse_allowed(environ.get(VARIABLE, ""))))


def settings_despite(root: Path, profile: str) -> Settings | None:
    """Return what is right in a `pipeline.toml` that has mistakes, to find those of other files.

    `None` if it does not say which images there are, or is for another version of this software.
    """
    document = read_document(root, PIPELINE_FILE).value
    if document is None:
        return Settings(profile=profile)
    if check_version(document):
        return None
    whole, gone = without_mistakes(document, PipelineFile)
    if gone & {"images", "profiles"}:
        return None
    return _settings(read_table(Profile, with_profile(whole, profile).data)[0], profile, {})


def settings_document(root: Path, profile: str) -> Document | None:
    """Return the project's `pipeline.toml`, with its profile merged in, if it can be read."""
    document = read_document(root, PIPELINE_FILE).value
    return with_profile(document, profile) if document else None


def _settings(file: Profile, profile: str, environ: Mapping[str, str]) -> Settings:
    return Settings(
        images=tuple(_pattern(entry) for entry in file.images),
        registry=RegistrySettings(
            host=_host(file.registry.host, environ),
            repository=file.registry.repository,
            tag=file.registry.tag,
            insecure=file.registry.insecure,
            also=tuple(_place(text, environ) for text in file.registry.also),
            records=file.registry.records,
        ),
        build=BuildSettings(
            builder=file.build.builder,
            platforms=tuple(parse_platform(text) for text in file.build.platforms),
            cache_from=tuple(file.build.cache_from),
            cache_to=tuple(file.build.cache_to),
            sbom=file.build.sbom,
            provenance=file.build.provenance,
            network=file.build.network,
            refresh=file.build.refresh,
            reuse=file.build.reuse,
        ),
        deploy=DeploySettings(
            DriverName(file.deploy.driver),
            file.deploy.max_parallel,
            tuple(file.deploy.waves),
            file.deploy.backwards,
        ),
        org=file.fly.org,
        profile=profile,
        strict=file.strict,
    )


def _pattern(entry: str | ImagesTable) -> ImagePattern:
    if isinstance(entry, str):
        return ImagePattern(entry)
    return ImagePattern(entry.path, entry.name, entry.context)


def _host(written: str, environ: Mapping[str, str]) -> str:
    """Return the host, which the environment may replace; Docker Hub has one name here."""
    if is_hub(written):
        return HUB
    if written == _FLY_HOST:
        return environ.get("FLY_REGISTRY_HOST") or written
    if is_loopback_host(written):
        return environ.get("PIPELINE_REGISTRY_HOST") or written
    return written


def _place(written: str, environ: Mapping[str, str]) -> str:
    """Return a repository; the environment may replace its host, if it has one."""
    host, slash, path = written.partition("/")
    return f"{_host(host, environ)}/{path}" if slash else written


def _check_environ(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    found = []
    for variable in ("PIPELINE_REGISTRY_HOST", "FLY_REGISTRY_HOST"):
        try:
            value_checks.host(environ.get(variable) or _FLY_HOST)
        except ValueError as error:
            hint = error.hint if isinstance(error, WrongValueError) else ""
            found.append(Problem(None, f"`{variable}` in the environment: {error}", hint))
    try:
        parse_allowed(environ.get(VARIABLE, ""))
    except ConfigError as error:
        found += error.problems
    return tuple(found)


def _check_insecure(
    document: Document, profile: str, registry: RegistrySettings, environ: Mapping[str, str]
) -> Problem | None:
    """Refuse `insecure` for Fly's registry: only its certificate proves who it is."""
    host = registry.host.removesuffix(":443")
    flys = host in (_FLY_HOST, environ.get("FLY_REGISTRY_HOST"))
    if not registry.insecure or not flys or is_loopback_host(host):
        return None
    where = with_profile(document, profile).locate("registry", "insecure")
    hint = "remove it: Fly's registry has a certificate, and its token is never sent without one"
    return Problem(where, f"`insecure` cannot be true for Fly's registry, `{host}`", hint)


def _check_profiles(document: Document) -> Problem | None:
    """Limit the profiles: each is checked with all of the file around it."""
    count, size = len(profiles_of(document)), len(document.text)
    if count * size <= _MOST_CHECKED:
        return None
    message = f"there are {count:,} profiles, which is too many for a file of {size >> 10:,} KiB"
    return Problem(document.locate_key("profiles"), message, "remove some")


def _check_names(document: Document) -> tuple[Problem, ...]:
    """Find templates that give two images the same reference, or an invalid one."""
    if too_many := _check_profiles(document):
        return (too_many,)
    found = (
        find(document, profile)
        for profile in ("", *profiles_of(document))
        for find in (_check_templates, _check_namespace)
    )
    return tuple(dict.fromkeys(problem for problem in found if problem))


def _check_namespace(document: Document, profile: str) -> Problem | None:
    """Refuse `docker.io/web`, which Docker reads as its own `docker.io/library/web`."""
    merged = with_profile(document, profile)
    registry = read_table(Profile, merged.data)[0].registry
    if not is_hub(registry.host) or "/" in registry.repository:
        return None
    key = "repository" if merged.has("registry", "repository") else "host"
    return Problem(
        merged.locate("registry", key),
        f"a repository on Docker Hub belongs to a user or an organization, and "
        f"`{registry.repository}` to neither",
        'write repository = "acme/{name}" under `[registry]`',
    )


def _check_templates(document: Document, profile: str) -> Problem | None:
    merged = with_profile(document, profile)
    registry = read_table(Profile, merged.data)[0].registry
    if "{name}" in registry.repository or "{name}" in registry.tag:
        return None
    keys = ("tag", "repository")
    own = (key for key in keys if document.has("profiles", profile, "registry", key))
    key = next(own, None) or next(key for key in keys if merged.has("registry", key))
    return Problem(
        merged.locate("registry", key),
        f"`{registry.repository}` is one repository for all images, and the tag "
        f"`{registry.tag}` does not distinguish them",
        'write tag = "{name}-{fingerprint}", or put {name} into `repository`',
    )
