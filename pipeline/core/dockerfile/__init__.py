"""The Dockerfile language as BuildKit reads it: parse a file, resolve a target. Pure."""

from pipeline.core.dockerfile.arguments import is_dockers, is_proxy
from pipeline.core.dockerfile.given import given_repositories
from pipeline.core.dockerfile.named_contexts import KEPT_NAMES, context_key
from pipeline.core.dockerfile.plan import Onbuild
from pipeline.core.dockerfile.reads import Read, ReadKind, Reads, merge_reads
from pipeline.core.dockerfile.resolve import Resolved, resolve
from pipeline.core.dockerfile.steps import StageSteps, merge_steps
from pipeline.core.dockerfile.tree import Dockerfile, Stage, parse
from pipeline.core.dockerfile.walk import NamedImage

__all__ = [
    "KEPT_NAMES",
    "Dockerfile",
    "NamedImage",
    "Onbuild",
    "Read",
    "ReadKind",
    "Reads",
    "Resolved",
    "Stage",
    "StageSteps",
    "context_key",
    "given_repositories",
    "is_dockers",
    "is_proxy",
    "merge_reads",
    "merge_steps",
    "parse",
    "resolve",
]
