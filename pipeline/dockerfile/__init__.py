"""Read the Dockerfile language as BuildKit does: parse a file, resolve a target. Pure."""

from .arguments import is_proxy
from .frontend import is_official
from .named_contexts import RESERVED_NAMES, context_key
from .parser import Dockerfile, Stage, parse
from .reads import Read, ReadKind, Reads, merge_reads
from .repository_arguments import given_repositories
from .resolve import Resolved, resolve
from .stage_graph import Onbuild
from .stage_walker import NamedImage
from .step_count import StageSteps, merge_steps

__all__ = [
    "RESERVED_NAMES",
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
    "is_official",
    "is_proxy",
    "merge_reads",
    "merge_steps",
    "parse",
    "resolve",
]
