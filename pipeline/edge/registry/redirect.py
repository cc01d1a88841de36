"""Where a registry may send us. Pure.

Blobs live in object stores, so redirects to other hosts are right; what is wrong is to be led
from HTTPS to plain HTTP, or from the world into a private network (ggcr #2243, CVE-2026-48978).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def redirect_trouble(source: str, target: str) -> str:
    """Why a redirect from `source` to `target` is not followed; empty where it is."""
    try:
        there, here = urlsplit(target), urlsplit(source)
    except ValueError:
        return "it is no web address"
    if there.scheme not in ("https", "http") or not there.hostname:
        return "it is no web address"
    if there.username is not None or there.password is not None:
        return "it names a user"
    if here.scheme == "https" and there.scheme == "http":
        return "from HTTPS to plain HTTP"
    if there.hostname != here.hostname and is_inside(there.hostname) > is_inside(
        here.hostname or ""
    ):
        return "into a private network"
    return ""


def is_inside(hostname: str) -> bool:
    """Whether the name can only mean this machine or a private network."""
    if hostname == "localhost" or hostname.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        address = ipaddress.ip_address(hostname)
    except ValueError:
        return False
    return not address.is_global
