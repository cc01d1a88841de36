"""Tables: the exit code of a run, for every way in which images and apps can end."""

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
    """Make a report of images and apps that ended in these ways, named by their statuses."""
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
    """Whatever was asked for and was not done; an app that somebody put back is no failure."""
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
def test_what_stopped_a_run_goes_before_how_things_ended(
    image: str, deploy: str, error: PipelineError | None, *, interrupted: bool, code: int
) -> None:
    """A fault of ours before Ctrl-C, that before what could not be found out, and all before 1."""
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
def test_trouble_without_an_error_is_what_could_not_be_found_out(
    images: str, trouble: str, *, interrupted: bool, code: int
) -> None:
    """As where the library makes a report of its own."""
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
    """As README lists them."""
    assert error.exit_code == code
