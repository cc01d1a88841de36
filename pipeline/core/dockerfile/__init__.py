"""The Dockerfile language as BuildKit reads it: parse a file, resolve a target. Pure."""

from pipeline.core.dockerfile.given import given_repositories
from pipeline.core.dockerfile.reads import Read, ReadKind, Reads, merge_reads
from pipeline.core.dockerfile.resolve import Resolved, resolve
from pipeline.core.dockerfile.tree import Dockerfile, Stage, parse
from pipeline.core.dockerfile.walk import NamedImage

__all__ = [
    "Dockerfile",
    "NamedImage",
    "Read",
    "ReadKind",
    "Reads",
    "Resolved",
    "Stage",
    "given_repositories",
    "merge_reads",
    "parse",
    "resolve",
]
