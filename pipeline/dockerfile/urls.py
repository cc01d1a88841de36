"""Recognize sources of ADD that are not files: URLs and Git repositories.

Facts from buildkit `frontend/dockerfile/dfgitutil/git_ref.go` and `util/gitutil/git_url.go`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

_PROTOCOL = r"([a-zA-Z0-9]+)://"
_SCP = r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:(?P<path>.*)"
_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"


def is_git(source: str) -> bool:
    """Return whether a source is a Git repository (`github.com/…` without a scheme is a path)."""
    if ":" not in source or source.startswith(("./", "../", "github.com/")):
        return False
    protocol = re.match(_PROTOCOL, source)
    if not protocol:
        return re.fullmatch(_SCP, source) is not None
    if protocol[1].lower() in {"http", "https"}:
        parts = _split(source)
        return parts is not None and parts.path.endswith(".git")
    return protocol[1].lower() in {"ssh", "git"}


def is_http(source: str) -> bool:
    """Return whether a source is a file on the web."""
    return source.startswith(("http://", "https://")) and not is_git(source)


def is_pinned_git(source: str) -> bool:
    """Return whether the source names a commit by its full hash."""
    rest, _, fragment = source.partition("#")
    query = parse_qs(rest.partition("?")[2])
    named = [fragment.partition(":")[0]]
    for key in ("checksum", "commit", "ref"):
        named += query.get(key, [])
    return any(re.fullmatch(_COMMIT, name) for name in named)


def _split(source: str) -> SplitResult | None:
    try:
        return urlsplit(source)
    except ValueError:
        return None
