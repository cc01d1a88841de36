"""The definition of a solve for `docker buildx bake`: targets, links between them, outputs. Pure.

Facts are from buildx `bake/bake.go` and buildkit `frontend/dockerui/namedcontext.go`, tried with
buildx 0.13 and 0.29 on both image stores of the engine.
"""

from __future__ import annotations

import posixpath
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..dockerfile import RESERVED_NAMES, context_key
from ..errors import Problem, raise_problems, usage_error
from ..model.cache import parse_cache
from ..model.fingerprint_tag import WHY, cache_tags, may_be_fingerprint
from ..model.permission import HOST_NETWORK
from ..model.ssh import parse_ssh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import PurePosixPath

    from ..errors import Location
    from ..model.image import Image
    from ..model.settings import BuildSettings
    from ..reference import ImageName, Reference

Json = str | bool | list["Json"] | dict[str, "Json"]

GROUP = "ALL"
"""The group of all targets. No image can have this name: names have no upper-case letters."""

_NO_PROVENANCE = frozenset({"", "false"})


class Output(StrEnum):
    """What to do with a built image: push it, or load it into the engine without a push."""

    PUSH = "push"
    LOAD = "load"


class Target(Struct, frozen=True):
    """An image in a solve, and the reference that it gets.

    `bases` has for each base its reference, pinned by digest, or `None` if it is a target of the
    same solve. `copies` maps folders of the project to the copies that BuildKit reads instead.
    `secrets` are secrets of its steps, in BuildKit's syntax. `proxies` are proxies for its steps;
    they are not inputs.
    """

    image: Image
    reference: Reference
    output: Output
    bases: Mapping[ImageName, Reference | None]
    copies: Mapping[PurePosixPath, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    proxies: Mapping[str, str] = field(default_factory=dict)


def target_name(name: ImageName) -> str:
    """Return the target name of an image: without dots, and different for each image.

    >>> target_name("python3.12")
    'python3D12'
    """
    return name.replace(".", "D")


def definition(targets: Sequence[Target], settings: BuildSettings) -> dict[str, Json]:
    """Return `targets` as the JSON for `docker buildx bake -f - ALL`, run at the project's root.

    A base that is built in this solve must be among the targets: an image that is only linked is
    not pushed. Media types are OCI's, so that a digest does not depend on BuildKit's version; the
    classic store of an engine pushes docker's all the same.
    Raises `ConfigError` if a base would replace a stage (see `clashes`).
    """
    raise_problems([problem for target in targets for problem in clashes(target.image)])
    names = [target_name(target.image.name) for target in targets]
    return {
        "group": {GROUP: {"targets": [*names]}},
        "target": {
            name: _escaped(_target(target, settings))
            for name, target in zip(names, targets, strict=True)
        },
    }


def clashes(image: Image) -> tuple[Problem, ...]:
    """Return the names in the Dockerfile that BuildKit would take for something else.

    A named context replaces a stage of the same name, whatever the stage does: in `FROM python-base
    AS python-base`, BuildKit would skip the stage without a message. It knows no other way to write
    the name that avoids this.
    """
    stages = {stage.name: stage.location for stage in image.source.stages if stage.name}
    problems = (_clash(written, location, stages) for written, location in _replaced(image))
    return tuple(dict.fromkeys(problem for problem in problems if problem))


def _replaced(image: Image) -> Iterable[tuple[str, Location]]:
    yield from ((base.written, base.location) for base in image.bases)
    yield from ((e.written, e.location) for e in image.externals if e.locked)


def _clash(written: str, location: Location, stages: Mapping[str, Location]) -> Problem | None:
    key = context_key(written)
    if key in RESERVED_NAMES:
        return Problem(
            location,
            f"BuildKit reserves the name `{key}`: an image of that name cannot be used",
            "rename the image's folder",
        )
    if key in stages:
        return Problem(
            stages[key],
            f"the stage `{key}` has the name of the image `{written}`, which would replace it",
            f"give the stage another name, such as `{key}-stage`",
        )
    return None


def _cache_to(template: str, image: Image) -> list[str]:
    """Return where to export the cache. Refuses a tag that may be a fingerprint tag."""
    caches = _cache_from(template, image)
    if any(may_be_fingerprint(tag) for cache in caches for tag in cache_tags(cache)):
        raise usage_error(
            f"`{template}` of `cache_to` exports the cache of `{image.name}` to a tag that {WHY}",
            hint='use a repository for cache only, as in "ghcr.io/acme/cache:{name}"',
        )
    return caches


def _cache_from(template: str, image: Image) -> list[str]:
    """Return the caches in a normal form, so that buildx cannot read them differently."""
    return [cache.entry(image.name) for cache in parse_cache(template)]


def _target(target: Target, settings: BuildSettings) -> dict[str, Json]:
    image = target.image
    fields: dict[str, Json] = {
        "context": target.copies.get(image.context) or _path(str(image.context)),
        "dockerfile": _dockerfile(target),
        "contexts": _contexts(target),
        "target": image.target or "",
        "args": {**image.args, **_proxies(target)},
        "platforms": [str(platform) for platform in image.platforms],
        "secret": [*target.secrets],
        "ssh": [str(parse_ssh(text)) for text in image.ssh],
        "cache-from": [c for text in settings.cache_from for c in _cache_from(text, image)],
        "cache-to": [c for text in settings.cache_to for c in _cache_to(text, image)],
        "network": settings.network,
        "no-cache": image.refresh is not None,
        "entitlements": [HOST_NETWORK] if image.host_network else [],
        "attest": _attestations(settings),
        "tags": [str(target.reference)],
        "output": [_exporter(target.output)],
    }
    return {key: value for key, value in fields.items() if value}


def _dockerfile(target: Target) -> str:
    """Return the Dockerfile's path, relative to the context if that is in the project."""
    file = target.image.dockerfile
    if folder := target.copies.get(file.parent):
        return f"{folder}/{file.name}"
    return posixpath.relpath(f"/{file}", f"/{target.image.context}")


def _proxies(target: Target) -> dict[str, Json]:
    """Return the proxies as arguments in mixed case, `Http_Proxy`, which no Dockerfile declares.

    BuildKit recognizes a proxy by its name in any case (`proxyEnvFromBuildArgs`), uses it for the
    network of RUN, and keeps it out of image and cache. Under the usual name, an `ARG HTTP_PROXY`
    would put the proxy of this machine into the image.
    """
    args = target.image.args
    given = {name.lower() for name in args}
    seen = {*args, *target.image.declared}
    return {
        next(n for n in (name.title(), name.title().swapcase()) if n not in seen): value
        for name, value in target.proxies.items()
        if name.lower() not in given
    }


def _path(path: str) -> str:
    # With `./`, bake cannot take a folder for a URL, a target or an image.
    return f"./{path}" if path != "." else path


def _contexts(target: Target) -> dict[str, Json]:
    locked: dict[str, Json] = {
        context_key(external.written): f"docker-image://{external.reference.at(external.locked)}"
        for external in target.image.externals
        if external.locked
    }
    bases: dict[str, Json] = {
        context_key(base.written): _context(base.name, target.bases[base.name])
        for base in target.image.bases
    }
    folders: dict[str, Json] = {
        name: target.copies.get(named.path) or _path(str(named.path))
        for name, named in target.image.contexts.items()
    }
    return locked | bases | folders


def _context(name: ImageName, reference: Reference | None) -> str:
    return f"docker-image://{reference}" if reference else f"target:{target_name(name)}"


def _attestations(settings: BuildSettings) -> list[Json]:
    found: list[Json] = ["type=sbom"] if settings.sbom else []
    if settings.provenance in _NO_PROVENANCE:
        return [*found, "type=provenance,disabled=true"]
    mode = "mode=min" if settings.provenance == "true" else settings.provenance
    return [*found, f"type=provenance,{mode}"]


def _exporter(output: Output) -> str:
    if output is Output.LOAD:
        return "type=docker"
    return "type=image,push=true,oci-mediatypes=true"


def _escaped(value: Json) -> Json:
    """Escape everything that HCL would expand: bake reads each string as a template."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value
