"""Find files that images copy and nobody means: the questions of `invoke init` about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PipelineError
from ..fingerprints.fingerprint import fingerprint
from .proposal import Question, put_together

if TYPE_CHECKING:
    from ..model.project import Project


def copied_by_mistake(project: Project) -> tuple[Question, ...]:
    """Return a question for each warning about the files of a project, which is read.

    Nothing is asked if a file is missing that an image copies: a plan says so.
    """
    try:
        found = fingerprint(project)
    except PipelineError:
        return ()
    warnings = {warning for inputs in found.values() for warning in inputs.warnings}
    return put_together(
        Question(str(one.location or ""), one.message, "it stays so", one.hint) for one in warnings
    )
