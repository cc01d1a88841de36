"""Which tags only a build may publish: those that may be made of a fingerprint. Pure.

A tag of inputs stands for the same image for ever, so nothing else may be put under one. Which tags
those are does not hang on the template that is in force: it may be changed in the same commit as an
alias, and projects that share a repository have templates of their own. But each of them holds
`{fingerprint}`, so that no tag of inputs is without 20 hex digits in a row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..reference import Tag
from .csv_fields import split_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reference import Reference

# In either case of letters: a registry on a disk that knows no case has one file for both.
_RUN = re.compile(r"[0-9a-f]{20,}", re.IGNORECASE)
_GIT = (40, 64)

WHY = "may be the tag of some image's inputs, which stands for the same image for ever"


def may_be_fingerprint(tag: str) -> bool:
    """Whether a tag template could make this tag, of whatever image, in whatever project.

    >>> may_be_fingerprint("99e119ac964f836b8d22"), may_be_fingerprint("web-99e119ac964f836b8d22")
    (True, True)
    >>> may_be_fingerprint("latest"), may_be_fingerprint("2024-11-28")
    (False, False)
    """
    return _RUN.search(tag) is not None


def is_commit(tag: str) -> bool:
    """Whether all that makes a tag look like one of inputs is the full id of a Git commit.

    Only a template that writes 20 more hex digits right beside `{fingerprint}` could make it.
    """
    return all(len(run) in _GIT for run in _RUN.findall(tag))


def is_own(source: Reference, destination: Reference) -> bool:
    """Whether `destination` is the tag of inputs that `source` has, in another repository.

    A source that names a digest may be anything, whatever tag is written beside it.
    """
    elsewhere = source.repository != destination.repository
    return elsewhere and source.digest is None and source.tag == destination.tag


def cache_tags(cache: str) -> Iterator[Tag]:
    """The tags that BuildKit would push a cache to, of an entry in its own syntax: of every `ref`.

    Raises `ValueError` for what is no list with commas.

    >>> list(cache_tags("type=registry,ref=ghcr.io/acme/cache:web")), list(cache_tags("type=gha"))
    (['web'], [])
    """
    fields = [field.strip() for field in split_fields(cache)]
    bare = all("=" not in field for field in fields)  # an entry of a reference alone
    for field in fields:
        key, _, value = field.partition("=")
        if bare or key.strip().lower() == "ref":
            tag = (field if bare else value).rpartition("/")[2].partition(":")[2]
            yield Tag(tag.partition("@")[0].strip())
