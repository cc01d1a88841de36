"""Which network an address belongs to, in every spelling that a resolver accepts."""

from __future__ import annotations

import socket

import pytest

from pipeline.http.addresses import is_inside, is_loopback, leads_here, read_address
from pipeline.http.redirect import why_not_followed
from pipeline.registry.auth.challenge import why_untrusted

HERE = (
    *("127.0.0.1", "127.8.9.10", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001"),
    *("0x7F.0x0.0.1", "0177.1", "127.0.0.1.", "0", "0.0.0.0", "0x0", "[::1]", "[::]"),  # noqa: S104
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[::ffff:0:127.0.0.1]"),
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.LocalHost.", "ip6-localhost"),
    *("ip6-loopback", "localhost.localdomain"),
)
INSIDE = (
    *("10.0.0.1", "10.1", "0xa.1", "167772161", "172.16.0.1", "192.168.1.1", "192.168.257"),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518"),
    *("100.64.0.1", "100.127.255.254", "0.1.2.3", "192.0.0.8", "198.18.0.1", "224.0.0.1"),
    *("239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]"),
    *("[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[::10.0.0.1]", "[64:ff9b::a00:1]"),
    *("[64:ff9b::169.254.169.254]", "[64:ff9b:1::808:808]", "[2002:a00:1::1]", "[2002:c0a8:101::]"),
    *("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:db8::1]", "[3fff::1]", "[100::1]"),
    *("metadata.google.internal", "metadata.google.internal.", "METADATA.google.INTERNAL"),
    *("printer.local", "printer.local.", "nas.lan", "git.corp", "router.home.arpa", "a.intranet"),
    *("metadata", "registry", "kubernetes"),
)
OUTSIDE = (
    *("registry.fly.io", "registry.fly.io.", "8.8.8.8", "134744072", "0x08080808", "1.1"),
    *("[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::808:808]", "[2002:808:808::1]"),
    *("internal.example.com", "localhost.example.com", "10.0.0.1.example.com", "172.32.0.1"),
    *("mylocalhost.com", "99.64.0.1"),
)


@pytest.mark.parametrize("host", [*HERE, *INSIDE])
def test_public_hosts_do_not_lead_to_private_addresses(host: str) -> None:
    """From a public host: by a redirect, or to a token server."""
    target = f"https://{host}/v2/"

    assert why_not_followed("https://registry.example.com/v2/", target) == "into a private network"
    assert why_untrusted(target, "https://registry.example.com", sending=False)
    assert why_untrusted(target, "https://registry.example.com")


@pytest.mark.parametrize("host", [*HERE, *INSIDE])
def test_private_registries_may_use_private_addresses(host: str) -> None:
    """A registry in a private network has its storage there, whatever its name looks like."""
    target = f"https://{host}/v2/"

    assert why_not_followed("https://10.0.0.5/v2/", target) == ""
    assert why_not_followed("https://registry.example.com/v2/", target, inside=True) == ""
    assert why_not_followed(target, target) == ""


@pytest.mark.parametrize("host", OUTSIDE)
def test_public_addresses(host: str) -> None:
    """Also addresses that embed a public one, as with NAT64."""
    assert why_not_followed("https://registry.example.com/", f"https://{host}/") == ""
    assert not leads_here(host)


@pytest.mark.parametrize("host", HERE)
def test_every_spelling_of_this_machine(host: str) -> None:
    """To forbid, all spellings count; to allow, only plain ones."""
    assert leads_here(host)


@pytest.mark.parametrize("host", INSIDE)
def test_private_addresses_are_not_loopback(host: str) -> None:
    """Another machine, or none."""
    assert is_inside(host)
    assert not leads_here(host)
    assert not is_loopback(host.strip("[]"))


@pytest.mark.parametrize(
    ("host", "plainly"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("127.1", False),
        ("2130706433", False),
        ("localhost.", False),
        ("a.localhost", False),
        ("ip6-localhost", False),
        ("0.0.0.0", False),  # noqa: S104
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_get_credentials_over_http(host: str, *, plainly: bool) -> None:
    """Credentials are sent without TLS only to this machine, if its address is unambiguous."""
    assert is_loopback(host) is plainly


@pytest.mark.parametrize("host", [h for h in (*HERE, *INSIDE, *OUTSIDE) if h[:1].isdigit()])
def test_addresses_are_read_as_the_system_reads_them(host: str) -> None:
    """A text is an address exactly if `getaddrinfo` reads it as one."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return
    assert str(read_address(host)) == found[0][4][0]


@pytest.mark.parametrize(
    "target",
    [
        "https://127%2e0%2e0%2e1/",
        "https://%6cocalhost/",
        "https://a\tb.example.com/",
        "https://exa\nmple.com/",
        "https://\uff11\uff12\uff17.1/",
        "https://127\u30020\u30020\u30021/",
        "https://evil.example.com\\.registry.example.com/",
        "https://a b/",
        "https://a_b|c/",
        "https://[::1/",
        "https://[v1.a]/",
        "https://a:0/",
        "https://a:70000/",
        "https:///path",
        "https:a",
        "//a.example.com/",
        "file:///etc/passwd",
        "gopher://a.example.com/",
    ],
)
def test_ambiguous_hosts_are_invalid(target: str) -> None:
    """Characters that a parser may drop, decode or convert make an invalid host."""
    assert why_not_followed("https://registry.example.com/", target) == "it is not a web address"
    assert why_untrusted(target, "https://registry.example.com", sending=False)
