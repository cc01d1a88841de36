"""A table: which redirects are followed, and why others are not."""

from __future__ import annotations

import pytest

from pipeline.http.redirect import PRIVATE, is_web_address, why_not_followed

HUB = "https://registry-1.docker.io/v2/"
HERE = "http://127.0.0.1:5000/v2/"


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (HUB, "https://store.example/blob", ""),
        (HUB, "https://registry-1.docker.io/other", ""),
        (HUB, "http://store.example/blob", "HTTPS to plain HTTP"),
        (HUB, "http://registry-1.docker.io/v2/", "HTTPS to plain HTTP"),
        (HUB, "https://user@store.example/blob", "user"),
        (HUB, "https://:secret@store.example/blob", "user"),
        (HUB, "https://10.0.0.1/blob", PRIVATE),
        (HUB, "https://169.254.169.254/latest", PRIVATE),
        (HUB, "https://[::1]/blob", PRIVATE),
        (HUB, "https://store.internal/blob", PRIVATE),
        (HUB, "ftp://store.example/blob", "web address"),
        (HUB, "https:///blob", "web address"),
        (HUB, "https://store.example:0/blob", "web address"),
        (HUB, "https://store.example:no/blob", "web address"),
        (HUB, "https://store.example/\n", "web address"),
        (HERE, "http://127.0.0.1:5000/other", ""),
        (HERE, "http://127.0.0.1:5001/other", ""),
        (HERE, "http://10.0.0.1/blob", ""),
        (HERE, "https://store.example/blob", ""),
        (HERE, "http://store.example/blob", ""),
    ],
)
def test_a_redirect(source: str, target: str, why: str) -> None:
    """An empty reason means that it is followed."""
    said = why_not_followed(source, target)
    assert (why in said) if why else not said


@pytest.mark.parametrize(("inside", "why"), [(False, PRIVATE), (True, "")])
def test_redirects_inside_a_private_network(*, inside: bool, why: str) -> None:
    """Whatever the registry's name looks like."""
    assert why_not_followed("https://registry.example/", "https://10.0.0.1/", inside=inside) == why


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://example.com", True),
        ("http://127.0.0.1:5000/x", True),
        ("https://[2001:db8::1]/", True),
        ("https://[::1", False),
        ("https://[nothing]/", False),
        ("https://a b/", False),
        ("//example.com", False),
        ("example.com", False),
        ("", False),
        ("file:///etc/passwd", False),
        ("https://example.com:65536/", False),
        ("https://ex\u00e4mple.com/", False),
    ],
)
def test_valid_redirect_targets(address: str, *, is_one: bool) -> None:
    """With a host that all parsers read alike."""
    assert is_web_address(address) is is_one
