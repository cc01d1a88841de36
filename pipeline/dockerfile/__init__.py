"""The Dockerfile language as BuildKit reads it: parse a file, resolve a target. Pure."""

from .arguments import is_dockers, is_proxy
from .named_contexts import KEPT_NAMES, context_key
from .reads import Read, ReadKind, Reads, merge_reads
from .repository_arguments import given_repositories
from .resolve import Resolved, resolve
from .stages import Onbuild
from .steps import StageSteps, merge_steps
from .tree import Dockerfile, Stage, parse
from .walk import NamedImage

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
