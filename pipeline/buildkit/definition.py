"""A solve as `docker buildx bake` reads it: targets, links between them, what is done with each.

The facts are from buildx `bake/bake.go` and buildkit `frontend/dockerui/namedcontext.go`, and were
tried with buildx 0.13 and 0.29 on both stores of the engine.
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
"""The group of all targets. No image can be called so: names have no upper-case letters."""

_NO_PROVENANCE = frozenset({"", "false"})


class Output(StrEnum):
    """What becomes of an image: pushed, or loaded into the engine and not pushed."""

    PUSH = "push"
    LOAD = "load"


class Target(Struct, frozen=True):
    """An image in a solve, and the reference that it gets.

    `bases` says for each base either where it is, pinned by digest, or `None`: that it is a target
    of the same solve. `places` says where BuildKit finds folders of the project that it is not to
    read themselves. `secrets` are what its steps are given, in BuildKit's own words. `proxies` are
    those that its steps reach the network by; they are no inputs.
    """

    image: Image
    reference: Reference
    output: Output
    bases: Mapping[ImageName, Reference | None]
    places: Mapping[PurePosixPath, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    proxies: Mapping[str, str] = field(default_factory=dict)


def target_name(name: ImageName) -> str:
    """What an image is called in a definition, where a dot is not allowed. No two come out alike.

    >>> target_name(ImageName("python3.12"))
    'python3D12'
    """
    return name.replace(".", "D")


def definition(targets: Sequence[Target], settings: BuildSettings) -> dict[str, Json]:
    """Write `targets` as the JSON for `docker buildx bake -f - ALL`, run at the project's root.

    A base that is built in this solve must be one of the targets: what is only linked to is not
    pushed. Media types are OCI's, so that a digest does not depend on BuildKit's version; the
    classic store of an engine pushes docker's all the same.
    Raises `ConfigError` where a stage would be replaced by a base (see `clashes`).
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
    """Say which names of the Dockerfile BuildKit would take for another thing than we do.

    A named context replaces a stage of the same name, whatever the stage does: in
    `FROM python-base AS python-base` the stage would be skipped without a word. BuildKit has no
    other way of writing the name that does not.
    """
    stages = {stage.name: stage.location for stage in image.source.stages if stage.name}
    problems = (_clash(written, place, stages) for written, place in _replaced(image))
    return tuple(dict.fromkeys(problem for problem in problems if problem))


def _replaced(image: Image) -> Iterable[tuple[str, Location]]:
    yield from ((base.written, base.location) for base in image.bases)
    yield from ((e.written, e.location) for e in image.externals if e.locked)


def _clash(written: str, place: Location, stages: Mapping[str, Location]) -> Problem | None:
    key = context_key(written)
    if key in RESERVED_NAMES:
        return Problem(
            place,
            f"BuildKit keeps the name `{key}` for itself: an image cannot be used under it",
            "call the image's folder something else",
        )
    if key in stages:
        return Problem(
            stages[key],
            f"the stage `{key}` has the name of the image `{written}`, which would replace it",
            f"give the stage another name, such as `{key}-stage`",
        )
    return None


def _cache_to(template: str, image: Image) -> list[str]:
    """Where the cache of an image goes. Its name may be what makes a tag of inputs of the whole."""
    caches = _cache_from(template, image)
    if any(may_be_fingerprint(tag) for cache in caches for tag in cache_tags(cache)):
        raise usage_error(
            f"`{template}` of `cache_to` exports the cache of `{image.name}` to a tag that {WHY}",
            hint='a repository for cache alone is best, as in "ghcr.io/acme/cache:{name}"',
        )
    return caches


def _cache_from(template: str, image: Image) -> list[str]:
    """Where cache is, as it was understood, so that buildx can understand nothing else by it."""
    return [cache.entry(image.name) for cache in parse_cache(template)]


def _target(target: Target, settings: BuildSettings) -> dict[str, Json]:
    image = target.image
    fields: dict[str, Json] = {
        "context": target.places.get(image.context) or _path(str(image.context)),
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
        "entitlements": [HOST_NETWORK] if image.host_network else [],
        "attest": _attestations(settings),
        "tags": [str(target.reference)],
        "output": [_exporter(target.output)],
    }
    return {key: value for key, value in fields.items() if value}


def _dockerfile(target: Target) -> str:
    """The Dockerfile, as a path from the context where that is in the project."""
    file = target.image.dockerfile
    if folder := target.places.get(file.parent):
        return f"{folder}/{file.name}"
    return posixpath.relpath(f"/{file}", f"/{target.image.context}")


def _proxies(target: Target) -> dict[str, Json]:
    """The proxies as arguments under names that no Dockerfile sees: in mixed case, `Http_Proxy`.

    BuildKit takes a proxy by its name in any case (`proxyEnvFromBuildArgs`) for what RUN reaches,
    and keeps it out of image and cache. Under the usual name, an `ARG HTTP_PROXY` would bring the
    machine's own into the image.
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
    # With `./` no folder can be taken for a URL, a target or an image.
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
        name: target.places.get(named.path) or _path(str(named.path))
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
    """The same, with nothing in it that HCL would expand: bake reads each string as a template."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value
