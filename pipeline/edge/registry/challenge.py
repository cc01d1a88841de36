"""`WWW-Authenticate`: how a registry asks who we are (RFC 9110, 11.6.1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PIECE = re.compile(
    rf"""[\s,]*(?P<name>{_WORD})
         (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_WORD}|[^\s",]+)))?""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")

_KNOWN_REALMS = frozenset(
    {
        ("registry-1.docker.io", "auth.docker.io"),
        ("registry.gitlab.com", "gitlab.com"),
        ("nvcr.io", "authn.nvidia.com"),
    }
)
"""Token servers that stand under another name than their registry."""


@dataclass(frozen=True, slots=True)
class Challenge:
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


def realm_trouble(realm: str, registry: str) -> str:
    """Why `realm` must not be shown a credential meant for the origin `registry`; empty if it may.

    CVE-2020-15157, CVE-2025-51471 and their kin: a registry that can name any realm can have the
    credential sent anywhere. Ours must be the registry's own host or a known pair (a host of the
    same domain may be anybody's: `github.io`); over HTTPS unless the registry itself speaks plain
    HTTP.
    """
    try:
        ours, theirs = urlsplit(registry), urlsplit(realm)
    except ValueError:
        return "it is no web address"
    if theirs.scheme not in ("https", ours.scheme) or not theirs.hostname:
        return "it is not an HTTPS address"
    if theirs.username is not None or theirs.password is not None:
        return "it names a user"
    if theirs.hostname == ours.hostname or (ours.hostname, theirs.hostname) in _KNOWN_REALMS:
        return ""
    return "it is another host than the registry's"


def _value(match: re.Match[str]) -> str | None:
    if match["quoted"] is not None:
        return _ESCAPE.sub(r"\1", match["quoted"])
    return match["bare"]
