"""Tables: reading challenges, and which token servers get a credential."""

from __future__ import annotations

import pytest

from pipeline.registry.auth.challenge import (
    OTHER_HOST,
    parse_challenges,
    place_of,
    server_of,
    why_untrusted,
)

OURS = "https://registry.example"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        ('bearer REALM="x",Service=y', [("bearer", {"realm": "x", "service": "y"})]),
        ('Bearer realm="a, b",scope="c"', [("bearer", {"realm": "a, b", "scope": "c"})]),
        (r'Bearer realm="say \"no\""', [("bearer", {"realm": 'say "no"'})]),
        ('Bearer realm="1",realm="2"', [("bearer", {"realm": "1"})]),
        ('Negotiate, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            'Bearer realm="t",service="s", Basic realm="x"',
            [("bearer", {"realm": "t", "service": "s"}), ("basic", {"realm": "x"})],
        ),
        ('realm="x"', []),
        ('Bearer realm = "x" , service = "y"', [("bearer", {"realm": "x", "service": "y"})]),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    """Schemes and names in lower case; of a repeated parameter the first."""
    assert [(one.scheme, one.parameters) for one in parse_challenges(header)] == expected


@pytest.mark.parametrize(
    ("realm", "registry", "sending", "why"),
    [
        ("https://registry.example/token", OURS, True, ""),
        ("https://registry.example:8443/token", OURS, True, ""),
        ("https://auth.docker.io/token", "https://registry-1.docker.io", True, ""),
        ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com", True, ""),
        ("https://auth.docker.io/token", OURS, True, OTHER_HOST),
        ("https://evil.example/token", OURS, True, OTHER_HOST),
        ("https://sub.registry.example/token", OURS, True, OTHER_HOST),
        ("https://evil.example/token", OURS, False, ""),
        ("https://10.0.0.1/token", OURS, False, "private network"),
        ("http://registry.example/token", OURS, True, "HTTPS"),
        ("http://registry.example/token", OURS, False, "HTTPS"),
        ("http://registry.example/token", "http://registry.example", True, "HTTPS"),
        ("http://127.0.0.1:5000/token", "http://127.0.0.1:5000", True, ""),
        ("https://user@registry.example/token", OURS, True, "user"),
        ("ftp://registry.example/token", OURS, True, "web address"),
        ("", OURS, True, "web address"),
    ],
)
def test_a_token_server(realm: str, registry: str, *, sending: bool, why: str) -> None:
    """Only the registry's own host and known pairs, over HTTPS."""
    said = why_untrusted(realm, registry, sending=sending)
    assert (why in said) if why else not said


@pytest.mark.parametrize(
    ("trusted", "why"),
    [
        (["auth.example"], ""),
        (["other.example"], OTHER_HOST),
        (["auth.example:8443"], OTHER_HOST),
        ([], OTHER_HOST),
    ],
)
def test_a_token_server_that_the_user_trusts(trusted: list[str], why: str) -> None:
    """By its host, with a port unless it is the usual one."""
    realm = "https://auth.example/token"
    assert why_untrusted(realm, OURS, frozenset(trusted)) == why


@pytest.mark.parametrize(
    ("realm", "place", "server"),
    [
        ("https://auth.example/token", "auth.example", "auth.example"),
        ("https://auth.example:443/token", "auth.example", "auth.example"),
        ("http://auth.example:80/token", "auth.example", "auth.example"),
        ("https://auth.example:8443/token", "auth.example:8443", "auth.example:8443"),
        ("https://[2001:db8::1]/token", "[2001:db8::1]", "[2001:db8::1]"),
        ("https://a_b/token", "a_b", ""),
    ],
)
def test_the_name_of_a_token_server(realm: str, place: str, server: str) -> None:
    """As in `--allow token-server=`; empty if it cannot be written there."""
    assert (place_of(realm), server_of(realm)) == (place, server)
