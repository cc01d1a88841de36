"""Which proxy is used for an address. Every row was compared with Go's `httpproxy` (0.62)."""

from __future__ import annotations

import pytest

from pipeline.http.proxies import proxies

PROXY = "http://me:hidden@proxy.example.com:3128"


def is_direct(no_proxy: str, url: str) -> bool:
    """Return whether an address is reached without a proxy."""
    named = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}
    return proxies(named).before(url) is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        # Networks.
        ("192.0.2.0/24", "https://192.0.2.7", True),
        ("192.0.2.0/24", "http://192.0.2.7:5000/v2/", True),
        ("192.0.2.9/24", "https://192.0.2.7", True),
        ("192.0.2.0/24", "https://192.0.3.7", False),
        ("192.0.2.0/024", "https://192.0.2.7", True),
        ("192.0.2.0/33", "https://192.0.2.7", False),
        ("192.0.2.0/", "https://192.0.2.0", False),
        ("192.0.2.0/255.255.255.0", "https://192.0.2.7", False),
        ("192.0.2.0/24:443", "https://192.0.2.7", False),
        ("0.0.0.0/0", "https://192.0.2.7", True),
        ("0.0.0.0/0", "https://[2001:db8::1]", False),
        ("0.0.0.0/0", "https://registry.test", False),
        ("2001:db8::/32", "https://[2001:db8:1::7]:5000", True),
        ("2001:db8::/32", "https://[2001:db9::7]", False),
        ("192.0.2.0/24", "https://[::ffff:192.0.2.7]", True),
        ("::ffff:192.0.2.0/120", "https://192.0.2.7", True),
        # Addresses.
        ("192.0.2.7", "https://192.0.2.7", True),
        ("192.0.2.7", "https://192.0.2.77", False),
        ("192.0.2.7:443", "https://192.0.2.7", True),
        ("192.0.2.7:443", "http://192.0.2.7", False),
        ("192.0.2.7:80", "http://192.0.2.7", True),
        ("192.0.2.7:5000", "https://192.0.2.7:5000", True),
        ("192.0.2.7:", "https://192.0.2.7:5000", True),
        ("2001:db8::1", "https://[2001:db8::1]:5000", True),
        ("2001:DB8:0::1", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:5000", "https://[2001:db8::1]:5000", True),
        ("[2001:db8::1]:5000", "https://[2001:db8::1]", False),
        ("[2001:db8::1]", "https://[2001:db8::1]", False),
        ("fe80::1", "https://[fe80::1%25eth0]", True),
        (".192.0.2.7", "https://192.0.2.7", False),
        ("2.7", "https://192.0.2.7", False),
        # Names.
        ("registry.test", "https://registry.test", True),
        ("registry.test", "https://a.b.registry.test", True),
        ("registry.test", "https://aregistry.test", False),
        ("test", "https://registry.test", True),
        (".registry.test", "https://registry.test", False),
        (".registry.test", "https://a.registry.test", True),
        ("*.registry.test", "https://registry.test", False),
        ("*.registry.test", "https://a.registry.test", True),
        ("*registry.test", "https://registry.test", False),
        ("registry.test:5000", "https://registry.test:5000", True),
        ("registry.test:5000", "https://registry.test", False),
        (".registry.test:5000", "https://a.registry.test:5000", True),
        ("Registry.TEST", "https://REGISTRY.test", True),
        ("registry.test.", "https://registry.test", False),
        ("b\u00fccher.example", "https://xn--bcher-kva.example", True),
        (".xn--bcher-kva.example", "https://a.b\u00fccher.example", True),
        # Lists.
        (" other , registry.test ,", "https://registry.test", True),
        ("other registry.test", "https://registry.test", False),
        ("other,*", "https://registry.test", True),
        ("*:443", "https://registry.test", False),
        ("", "https://registry.test", False),
        (",:443, ,", "https://registry.test", False),
        # This machine.
        ("", "http://localhost:5000", True),
        ("", "http://127.0.0.1:5000", True),
        ("", "https://127.8.9.10", True),
        ("", "http://[::1]:5000", True),
        ("", "http://[::ffff:127.0.0.1]:5000", True),
    ],
)
def test_hosts_without_a_proxy(no_proxy: str, url: str, *, direct: bool) -> None:
    """`NO_PROXY`, as docker reads it."""
    assert is_direct(no_proxy, url) is direct


@pytest.mark.parametrize(
    ("environ", "scheme", "variable"),
    [
        ({"HTTPS_PROXY": "a"}, "https", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a"}, "http", None),
        ({"HTTP_PROXY": "a"}, "https", None),
        ({"HTTPS_PROXY": "a", "https_proxy": "b"}, "https", "https_proxy"),
        ({"HTTPS_PROXY": "a", "https_proxy": ""}, "https", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "c"}, "https", "ALL_PROXY"),
        ({"HTTPS_PROXY": "a", "all_proxy": "c"}, "https", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "*", "no_proxy": "other"}, "https", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "*", "no_proxy": ""}, "https", None),
        ({"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, "http", None),
        ({"http_proxy": "a", "REQUEST_METHOD": "GET"}, "http", "http_proxy"),
        ({}, "https", None),
    ],
    ids=str,
)
def test_proxy_variables(environ: dict[str, str], scheme: str, variable: str | None) -> None:
    """Lower case first, empty values never, the scheme's own before `ALL_PROXY`."""
    found = proxies(environ).before(f"{scheme}://registry.test")

    assert (found.variable if found else None) == variable


@pytest.mark.parametrize("url", ["ftp://a", "nonsense", "https://a:port/", "https://a:99999/", ""])
def test_an_invalid_address(url: str) -> None:
    """An invalid address is reported by whoever sends to it."""
    found = proxies({"HTTPS_PROXY": PROXY}).before(url)

    assert (found is None) is not url.startswith("https")


def test_what_messages_show_of_a_proxy() -> None:
    """Host and port, never user and password."""
    named = proxies({"HTTPS_PROXY": PROXY}).before("https://registry.test")

    assert named is not None
    assert named.address == "proxy.example.com:3128"
    assert "hidden" not in repr(named)
