"""OCI names: registry, repository, tag, digest, reference, platform.

The grammar is that of distribution/reference (`regexp.go`, `normalize.go`). A reference is parsed
once, at the edge; inside, no function takes a string for one.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NewType

from msgspec import Struct
from msgspec.structs import replace

ImageName = NewType("ImageName", str)
"""The name of an image of the project, a node of the DAG: an OCI path component, `python-base`."""

Tag = NewType("Tag", str)
Digest = NewType("Digest", str)
"""`sha256:` and 64 hex digits: identifies a manifest, a blob or a config."""

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_COMPONENT_RE = re.compile(_COMPONENT)
_PATH_RE = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG_RE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST_RE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST_RE = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_BARE_HEX_RE = re.compile(r"[0-9a-f]{64}")
_MAX_NAME = 255
_LAST_PORT = 65535

HUB = "docker.io"
HUB_NAMES = (HUB, f"index.{HUB}", f"registry-1.{HUB}", "registry.hub.docker.com")
"""Docker Hub's name in references, and the hosts that serve it."""

_PLATFORM_RE = re.compile(
    r"([a-zA-Z0-9_-]+)(?:\([^()/]*\))?(?:/([a-zA-Z0-9_.-]+)(?:/([a-zA-Z0-9_.-]+))?)?"
)
_SYSTEMS = frozenset({
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux",
    "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos",
})  # fmt: skip
_ARCHITECTURES = frozenset({
    "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64",
    "mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64",
    "s390", "s390x", "sparc", "sparc64", "wasm",
})  # fmt: skip
_SAME = {"i386": "386", "x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_ARMS = {"armhf": "v7", "armel": "v6"}
_VARIANTS = {
    ("amd64", "v1"): "",
    **{("arm64", variant): "" for variant in ("8", "v8", "v8.0")},
    **{("arm64", variant): "v9" for variant in ("9", "9.0", "v9.0")},
    ("arm", ""): "v7",
    **{("arm", variant): f"v{variant}" for variant in "5678"},
}
"""How containerd writes a variant that can be written in several ways (`platforms/database.go`)."""


class ReferenceSyntaxError(ValueError):
    """A string that is not a reference; the message says which part of it is wrong."""


class Platform(Struct, frozen=True, order=True):
    """An OCI platform, `linux/arm64/v8`."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Repository(Struct, frozen=True, order=True):
    """A registry's host (with its port) and a path on it: `registry.fly.io` and `acme-api`."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


class Reference(Struct, frozen=True, order=True):
    """`host/path:tag@digest`, with a tag or a digest or both; with both, the digest decides.

    >>> str(parse_reference("debian"))
    'docker.io/library/debian:latest'
    """

    repository: Repository
    tag: Tag | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def identifier(self) -> Tag | Digest:
        """The last part of `manifests/…` in a request: the digest if there is one, else the tag."""
        identifier = self.digest or self.tag
        if identifier is None:
            raise ReferenceSyntaxError(f"`{self.repository}` has neither a tag nor a digest")
        return identifier

    def at(self, digest: Digest) -> Reference:
        """Return the same reference, pinned to `digest`."""
        return replace(self, digest=digest)

    def pinned(self, digest: Digest) -> Reference:
        """Return the repository at `digest`, without a tag."""
        return Reference(self.repository, None, digest)


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> Reference:
    """Parse a reference as docker does: `docker.io`, `library/` and `latest` are filled in.

    Raises `ReferenceSyntaxError`, which says which part is wrong.
    """
    rest, digest = _split_digest(text)
    name, tag = _split_tag(rest)
    repository = _parse_repository(name)
    if tag is None and digest is None:
        tag = Tag("latest")
    return Reference(repository, tag, digest)


def parse_repository(text: str) -> Repository:
    """Parse `host/path` without a tag or digest. Raises `ReferenceSyntaxError`."""
    return _parse_repository(text)


def parse_repository_on(text: str, host: str) -> Repository:
    """Parse `host/path`, or a path on `host` if it begins with none.

    Raises `ReferenceSyntaxError`.

    >>> str(parse_repository_on("acme/web", "registry.fly.io"))
    'registry.fly.io/acme/web'
    """
    first, slash, rest = text.partition("/")
    if not slash or not _looks_like_host(first):
        return _parse_repository(f"{host}/{text}")
    return _parse_repository(f"{HUB}/{rest}" if is_hub(first) else text)


def parse_tag(text: str) -> Tag:
    """Parse a tag. Raises `ReferenceSyntaxError`."""
    if not _TAG_RE.fullmatch(text):
        raise ReferenceSyntaxError(
            f"`{text}` is not a tag: up to 128 letters, digits, `_`, `.`, `-`, not `.` or `-` first"
        )
    return Tag(text)


def parse_digest(text: str) -> Digest:
    """Parse a digest. Raises `ReferenceSyntaxError`."""
    if not _DIGEST_RE.fullmatch(text):
        raise ReferenceSyntaxError(f"`{text}` is not a digest, such as `sha256:` and 64 hex digits")
    return Digest(text)


def parse_image_name(text: str) -> ImageName:
    """Parse the name of an image of the project. Raises `ReferenceSyntaxError`."""
    if not _COMPONENT_RE.fullmatch(text) or len(text) > 128:
        raise ReferenceSyntaxError(
            f"`{text}` is not an image name: lower-case letters and digits, with `.`, `_`, `__` or "
            "`-` between them"
        )
    return ImageName(text)


@lru_cache(maxsize=256)
def parse_platform(text: str) -> Platform:
    """Parse `os/architecture[/variant]`, or one of the first two alone, as containerd does.

    The defaults are `linux` and `amd64`, wherever this runs, so that one file is one build. Raises
    `ReferenceSyntaxError`.

    >>> [str(parse_platform(text)) for text in ("linux", "arm64", "linux/armhf", "linux/aarch64")]
    ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm64']
    """
    found = _PLATFORM_RE.fullmatch(text)
    if not found:
        raise ReferenceSyntaxError(f"`{text}` is not a platform, such as `linux/amd64`")
    first, *more = found[1].lower(), *(part.lower() for part in found.groups()[1:] if part)
    system = "darwin" if first == "macos" else first
    if more:
        return Platform(system, *_architecture(*more))
    if system in _SYSTEMS:
        return Platform(system, "amd64")
    architecture, variant = _architecture(first)
    if architecture not in _ARCHITECTURES:
        raise ReferenceSyntaxError(
            f"`{text}` is not a platform, such as `linux/amd64`: no known system or architecture"
        )
    return Platform("linux", architecture, variant)


def _architecture(written: str, variant: str = "") -> tuple[str, str]:
    """Return architecture and variant under their canonical names."""
    if written in _ARMS:
        return "arm", _ARMS[written]
    name = _SAME.get(written, written)
    if name == "386" and written != name:
        return name, ""
    return name, _VARIANTS.get((name, variant), variant)


def registry_named(host: str) -> str:
    """Return the one name that docker has for the registry at a host: Docker Hub has several.

    >>> registry_named("registry-1.docker.io"), registry_named("Quay.io:443")
    ('docker.io', 'quay.io')
    """
    name = host.lower().removesuffix(":443")
    return HUB if name in HUB_NAMES else name


def is_hub(host: str) -> bool:
    """Return whether a host is Docker Hub, under any of its names."""
    return registry_named(host) == HUB


def parse_host(text: str) -> str:
    """Parse a registry's host with an optional port. Raises `ReferenceSyntaxError`."""
    if not _HOST_RE.fullmatch(text) or not _is_valid_host(text):
        raise ReferenceSyntaxError(
            f"`{text}` is not a registry host, such as `registry.fly.io` or `127.0.0.1:5000`"
        )
    return text


def is_loopback_host(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine's own.

    >>> [is_loopback_host(host) for host in ("127.0.0.1:5000", "[::1]:5000", "registry.fly.io")]
    [True, True, False]
    """
    name = host.rpartition("]")[0].removeprefix("[") or host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_valid_host(host: str) -> bool:
    """Return whether a host's IPv6 address and port are valid: the grammar takes any digits."""
    name, _, port = host.rpartition("]")
    try:
        if name:
            ipaddress.IPv6Address(name.removeprefix("["))
    except ValueError:
        return False
    return int(port.rpartition(":")[2] if ":" in port else 0) <= _LAST_PORT


def _split_digest(text: str) -> tuple[str, Digest | None]:
    rest, at, digest = text.partition("@")
    return rest, parse_digest(digest) if at else None


def _split_tag(text: str) -> tuple[str, Tag | None]:
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        return text, None
    return name, parse_tag(tag)


def _parse_repository(text: str) -> Repository:
    if _BARE_HEX_RE.fullmatch(text):
        raise ReferenceSyntaxError(f"`{text}` is 64 hex digits, which is an id and not a name")
    host, path = _split_host(text)
    if not _PATH_RE.fullmatch(path):
        raise ReferenceSyntaxError(f"`{text}` is not a repository: `{path}` is not allowed there")
    if len(host) + 1 + len(path) > _MAX_NAME:
        raise ReferenceSyntaxError(f"`{text}` is longer than {_MAX_NAME} characters")
    return Repository(host, path)


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash or not _looks_like_host(first):
        return HUB, text if slash else f"library/{text}"
    host = HUB if first == f"index.{HUB}" else parse_host(first)
    if host == HUB and "/" not in rest:
        rest = f"library/{rest}"
    return host, rest


def _looks_like_host(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first.lower() != first
