"""BuildKit over the docker command line: one bake solve, its progress, its failures."""

from pipeline.edge.buildkit.checking import BuilderInfo, check_builder
from pipeline.edge.buildkit.outcome import Broken, Built, Cancelled, Outcome
from pipeline.edge.buildkit.passing import may_pass
from pipeline.edge.buildkit.solving import MAX_TARGETS, Solve, solve

__all__ = [
    "MAX_TARGETS",
    "Broken",
    "BuilderInfo",
    "Built",
    "Cancelled",
    "Outcome",
    "Solve",
    "check_builder",
    "may_pass",
    "solve",
]
