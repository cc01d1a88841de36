"""Read `WWW-Authenticate`, by which a registry asks for a credential (RFC 9110, 11.6.1). Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, field

from ...http.addresses import is_loopback
from ...http.redirect import is_web_address, why_not_followed
from ...reference import parse_host

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PIECE = rf"""[\s,]*(?P<name>{_WORD})
    (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_WORD}|[^\s",]+)))?"""
OTHER_HOST = "it is another host than the registry's"
_ESCAPE = r"\\(.)"

_KNOWN_REALMS = frozenset(
    {
        ("registry-1.docker.io", "auth.docker.io"),
        ("registry.hub.docker.com", "auth.docker.io"),
        ("registry.gitlab.com", "gitlab.com"),
        ("nvcr.io", "authn.nvidia.com"),
    }
)
"""Registries and their token servers on other hosts."""


class Challenge(Struct, frozen=True):
    """A scheme in lower case (`basic`, `bearer`), and its parameters under lower-case names."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Parse the challenges of a header, in their order, as far as it can be read.

    >>> parse_challenges('Negotiate, Bearer realm="https://a/t",service="b, c"')[1].scheme
    'bearer'
    """
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    piece = re.compile(_PIECE, re.VERBOSE)  # most registries challenge nobody
    while match := piece.match(header, position):
        position = match.end()
        value = _value(match)
        if value is None:
            found.append((match["name"].lower(), {}))
        elif found:
            found[-1][1].setdefault(match["name"].lower(), value)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def why_untrusted(
    realm: str, registry: str, trusted: frozenset[str] = frozenset(), *, sending: bool = True
) -> str:
    """Return why the token server `realm` is not asked for the origin `registry`; "" if it is.

    CVE-2020-15157, CVE-2025-51471 and the like: a registry that can name any realm can have the
    credential sent anywhere. A server that gets a credential (`sending`) must be the registry's own
    host, a known pair (a host of the same domain may be anybody's: `github.io`) or among the hosts
    that the user has `trusted`; over HTTPS, or on this machine. Without a credential, the rules are
    those of redirects.
    """
    if not is_web_address(realm):
        return "it is not a web address"
    ours, theirs = urlsplit(registry), urlsplit(realm)
    in_clear = theirs.scheme == ours.scheme and (not sending or is_loopback(theirs.hostname or ""))
    if not (theirs.scheme == "https" or in_clear):
        return "it is not an HTTPS address"
    if theirs.username is not None or theirs.password is not None:
        return "it names a user"
    if theirs.hostname == ours.hostname or (ours.hostname, theirs.hostname) in _KNOWN_REALMS:
        return ""
    if place_of(realm) in trusted:
        return ""
    return OTHER_HOST if sending else why_not_followed(registry, realm)


def server_of(realm: str) -> str:
    """Return the host of a token server as `PIPELINE_ALLOW` names it; "" for a malformed one."""
    try:
        return parse_host(place_of(realm))
    except ValueError:
        return ""


def place_of(url: str) -> str:
    """Return the host of an address, with its port unless it is the default."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    hostname, port = parts.hostname or "", parts.port
    name = f"[{hostname}]" if ":" in hostname else hostname
    return name if port in (None, usual) else f"{name}:{port}"


def _value(match: re.Match[str]) -> str | None:
    if match["quoted"] is not None:
        return re.sub(_ESCAPE, r"\1", match["quoted"])
    return match["bare"]
