"""Recognize tags that may be made of a fingerprint: only a build may publish them.

Such a tag means the same image for ever, so nothing else may be put under it. Which tags those are
does not depend on the current template: it may be changed in the same commit as an alias, and
projects that share a repository have templates of their own. But every template has
`{fingerprint}`, so every tag of inputs has 20 hex digits in a row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..reference import Tag
from .csv_fields import split_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reference import Reference

# Upper or lower case: a registry on a case-insensitive disk has one file for both.
_RUN = r"(?i)[0-9a-f]{20,}"
_GIT = (40, 64)

WHY = "may be a fingerprint tag, which never moves"


def may_be_fingerprint(tag: str) -> bool:
    """Return whether a tag template could make this tag, for any image in any project.

    >>> may_be_fingerprint("99e119ac964f836b8d22"), may_be_fingerprint("web-99e119ac964f836b8d22")
    (True, True)
    >>> may_be_fingerprint("latest"), may_be_fingerprint("2024-11-28")
    (False, False)
    """
    return re.search(_RUN, tag) is not None


def is_commit(tag: str) -> bool:
    """Return whether a tag looks like one of inputs only because of the full id of a Git commit.

    Only a template that writes 20 more hex digits right beside `{fingerprint}` could make it.
    """
    return all(len(run) in _GIT for run in re.findall(_RUN, tag))


def is_own(source: Reference, destination: Reference) -> bool:
    """Return whether `destination` is the tag of inputs of `source`, in another repository.

    A source that names a digest may be any image, whatever tag is written beside it.
    """
    elsewhere = source.repository != destination.repository
    return elsewhere and source.digest is None and source.tag == destination.tag


def cache_tags(cache: str) -> Iterator[Tag]:
    """Yield the tags that BuildKit would push a cache to: those of every `ref` of an entry.

    Raises `ValueError` for text that is not a list with commas.

    >>> list(cache_tags("type=registry,ref=ghcr.io/acme/cache:web")), list(cache_tags("type=gha"))
    (['web'], [])
    """
    fields = [field.strip() for field in split_fields(cache)]
    bare = all("=" not in field for field in fields)  # an entry that is nothing but references
    for field in fields:
        key, _, value = field.partition("=")
        if bare or key.strip().lower() == "ref":
            tag = (field if bare else value).rpartition("/")[2].partition(":")[2]
            yield Tag(tag.partition("@")[0].strip())
