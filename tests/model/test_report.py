"""Tables: the exit code of a run for every combination of results."""

from __future__ import annotations

import pytest

from pipeline.errors import (
    ConfigError,
    FaultError,
    InterruptedByUserError,
    PipelineError,
    Problem,
    UnknownError,
    WorkError,
)
from pipeline.model.report import DeployResult, DeployStatus, ImageResult, ImageStatus, Report
from pipeline.reference import ImageName
from tests.console.values import make_reference

UNKNOWN, FAULT = UnknownError("the engine is gone"), FaultError(KeyError("nobody expected this"))
WORK, CONFIG = WorkError("it failed"), ConfigError([Problem(None, "it is wrong")])
DELIBERATE = "held-on-purpose"


def report(
    images: str = "",
    deploys: str = "",
    *,
    error: PipelineError | None = None,
    trouble: str = "",
    interrupted: bool = False,
) -> Report:
    """Return a report of images and apps with these statuses; each is named by its status."""
    return Report(
        images=tuple(
            ImageResult(ImageName("web"), ImageStatus(word), make_reference("web"), "")
            for word in images.split()
        ),
        deploys=tuple(
            DeployResult(
                "web",
                ImageName("web"),
                DeployStatus.HELD if word == DELIBERATE else DeployStatus(word),
                "",
                deliberate=word == DELIBERATE,
            )
            for word in deploys.split()
        ),
        error=error,
        trouble=trouble or (error.message if error else ""),
        interrupted=interrupted,
    )


@pytest.mark.parametrize(
    ("images", "deploys", "code"),
    [
        ("", "", 0),
        ("built", "", 0),
        ("copied", "", 0),
        ("exists", "", 0),
        ("failed", "", 1),
        ("blocked", "", 1),
        ("built exists blocked", "", 1),
        ("failed built", "", 1),
        ("", "deployed", 0),
        ("", "current", 0),
        ("", "failed", 1),
        ("", "blocked", 1),
        ("", "rolled-back", 1),
        ("", "held", 1),
        ("", DELIBERATE, 0),
        ("", f"{DELIBERATE} held", 1),
        ("exists", "deployed current", 0),
        ("exists", "deployed blocked", 1),
        ("failed", "deployed", 1),
        ("built", "rolled-back deployed", 1),
    ],
)
def test_what_was_not_done_is_a_failure(images: str, deploys: str, code: int) -> None:
    """Everything that was requested and not done is a failure; a manual rollback is none."""
    made = report(images, deploys)
    assert (made.exit_code, made.failed) == (code, bool(code))


@pytest.mark.parametrize("image", ["", "built", "failed", "blocked"])
@pytest.mark.parametrize("deploy", ["", "deployed", "rolled-back", "held", DELIBERATE])
@pytest.mark.parametrize(
    ("error", "interrupted", "code"),
    [
        (UNKNOWN, False, 4),
        (FAULT, False, 3),
        (WORK, False, 1),
        (CONFIG, False, 2),
        (InterruptedByUserError("Ctrl-C"), False, 130),
        (None, True, 130),
        (UNKNOWN, True, 130),
        (WORK, True, 130),
        (FAULT, True, 3),
    ],
)
def test_priority_of_exit_codes(
    image: str, deploy: str, error: PipelineError | None, *, interrupted: bool, code: int
) -> None:
    """Priority: a bug, Ctrl-C, exit code 4, then 1."""
    made = report(image, deploy, error=error, interrupted=interrupted)
    assert made.exit_code == code


@pytest.mark.parametrize(
    ("images", "trouble", "interrupted", "code"),
    [
        ("built", "the registry refuses", False, 4),
        ("failed", "the registry refuses", False, 4),
        ("", "the registry refuses", True, 130),
        ("failed", "", False, 1),
        ("built", "", True, 130),
    ],
)
def test_trouble_without_an_exception_is_exit_code_4(
    images: str, trouble: str, *, interrupted: bool, code: int
) -> None:
    """A report with `trouble` but without an exception gives exit code 4."""
    assert report(images, trouble=trouble, interrupted=interrupted).exit_code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WorkError, 1),
        (ConfigError, 2),
        (FaultError, 3),
        (UnknownError, 4),
        (InterruptedByUserError, 130),
        (PipelineError, 3),
    ],
)
def test_each_kind_of_error_has_its_code(error: type[PipelineError], code: int) -> None:
    """Each class of error has its exit code, as in the README."""
    assert error.exit_code == code
