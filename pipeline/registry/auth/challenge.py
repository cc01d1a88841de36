"""`WWW-Authenticate`: how a registry asks who we are (RFC 9110, 11.6.1). Pure."""

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
_PIECE = re.compile(
    rf"""[\s,]*(?P<name>{_WORD})
         (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_WORD}|[^\s",]+)))?""",
    re.VERBOSE,
)
OTHER_HOST = "it is another host than the registry's"
_ESCAPE = re.compile(r"\\(.)")

_KNOWN_REALMS = frozenset(
    {
        ("registry-1.docker.io", "auth.docker.io"),
        ("registry.hub.docker.com", "auth.docker.io"),
        ("registry.gitlab.com", "gitlab.com"),
        ("nvcr.io", "authn.nvidia.com"),
    }
)
"""Token servers that stand under another name than their registry."""


class Challenge(Struct, frozen=True):
    """A scheme in lower case, `basic` or `bearer`, and its parameters under lower-case names."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """All challenges of one header, in their order; what cannot be read ends the reading.

    >>> parse_challenges('Negotiate, Bearer realm="https://a/t",service="b, c"')[1].scheme
    'bearer'
    """
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while match := _PIECE.match(header, position):
        position = match.end()
        value = _value(match)
        if value is None:
            found.append((match["name"].lower(), {}))
        elif found:
            found[-1][1].setdefault(match["name"].lower(), value)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def realm_trouble(
    realm: str, registry: str, trusted: frozenset[str] = frozenset(), *, sending: bool = True
) -> str:
    """Why a token server `realm` is not asked on behalf of the origin `registry`; empty if it is.

    CVE-2020-15157, CVE-2025-51471 and their kin: a registry that can name any realm can have the
    credential sent anywhere. One that is shown a credential (`sending`) must be the registry's own
    host, a known pair (a host of the same domain may be anybody's: `github.io`) or among the hosts
    that the user has `trusted` with it; over HTTPS, or on this machine. Who has no credential is as
    careful as with a redirect.
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
    """The host of a token server as `PIPELINE_ALLOW` names it; empty where that cannot be said."""
    try:
        return parse_host(place_of(realm))
    except ValueError:
        return ""


def place_of(url: str) -> str:
    """The host of an address, with its port where that is another than usual."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    hostname, port = parts.hostname or "", parts.port
    name = f"[{hostname}]" if ":" in hostname else hostname
    return name if port in (None, usual) else f"{name}:{port}"


def _value(match: re.Match[str]) -> str | None:
    if match["quoted"] is not None:
        return _ESCAPE.sub(r"\1", match["quoted"])
    return match["bare"]
