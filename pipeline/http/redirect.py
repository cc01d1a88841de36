"""Decide which redirects to follow. Pure.

Redirects to other hosts are normal, as files are often in an object store; what is refused is the
way from HTTPS to plain HTTP, or from the public Internet into a private network (ggcr #2243,
CVE-2026-48978).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .addresses import is_inside, read_address

PRIVATE = "into a private network"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
"""The name of a host, or its address. Anything else, two programs may read as two hosts."""


def why_not_followed(source: str, target: str, *, inside: bool = False) -> str:
    """Return why a redirect from `source` to `target` is refused; "" for one that is followed.

    `inside` says that `source` is known to be in a private network, whatever its name is.
    """
    if not is_web_address(target):
        return "it is not a web address"
    there, here = urlsplit(target), urlsplit(source)
    if there.username is not None or there.password is not None:
        return "it names a user"
    if here.scheme == "https" and there.scheme == "http":
        return "from HTTPS to plain HTTP"
    host, ours = there.hostname or "", here.hostname or ""
    if host != ours and is_inside(host) and not (inside or is_inside(ours)):
        return PRIVATE
    return ""


def is_web_address(url: str) -> bool:
    """Return whether a text is an HTTP address, with a host that all programs read alike."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "[" in parts.netloc:
        known = ":" in host and read_address(host) is not None
    else:
        known = _NAME.fullmatch(host) is not None
    return parts.scheme in ("https", "http") and known and port != 0 and url.isprintable()
