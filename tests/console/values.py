"""Values to render: a small project, its plan, a run, and a report."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.dockerfile import Reads, parse
from pipeline.errors import Location
from pipeline.model.actions import Action, AppAction, DeployAction, ImageAction
from pipeline.model.apps import Release, Running
from pipeline.model.events import (
    AppChanged,
    Finished,
    ImageChanged,
    LogLine,
    Notice,
    Phase,
    Planned,
    StepChanged,
)
from pipeline.model.image import AppSpec, Base, External, Image
from pipeline.model.inputs import Fingerprint
from pipeline.model.plan import Plan
from pipeline.model.project import Project
from pipeline.model.report import (
    DeployResult,
    DeployStatus,
    Failure,
    ImageResult,
    ImageStatus,
    Report,
)
from pipeline.model.settings import Settings
from pipeline.model.status import AppState, AppStatus
from pipeline.reference import Digest, ImageName, Reference, Repository, Tag, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model.events import Event

DIGEST = Digest("sha256:" + "0123456789abcdef" * 4)
PRINT = Fingerprint("f0" * 32)
DEBIAN = parse_reference("debian:bookworm-slim")

FAILURE = Failure(
    step="[2/3] RUN make all",
    message='process "/bin/sh -c make all" did not complete successfully: exit code: 2',
    location="images/api/Dockerfile:3:1",
    excerpt="RUN make all",
    log=("make: *** No rule to make target 'all'.  Stop.",),
)


def make_image(name: str, *bases: str, app: bool = False, outside: Iterable[str] = ()) -> Image:
    """Return an image on its bases, with externals."""
    folder = PurePosixPath("images") / name
    place = Location(f"{folder}/Dockerfile", 1, 6)
    return Image(
        name=ImageName(name),
        folder=folder,
        dockerfile=folder / "Dockerfile",
        context=folder,
        source=parse(b"FROM scratch\n", file=place.file),
        reads=Reads(),
        bases=tuple(Base(base, ImageName(base), place) for base in bases),
        externals=tuple(External(e, parse_reference(e), place) for e in outside),
        deploy=AppSpec((name,)) if app else None,
    )


def make_project(*images: Image) -> Project:
    """Return a project of images, given in build order."""
    return Project(Path("project"), Settings(), images)


def make_reference(name: str) -> Reference:
    """Return the reference of an image in the plan."""
    return Reference(Repository("registry.fly.io", name), Tag(PRINT.short))


def make_action(image: Image, action: Action) -> ImageAction:
    """Return the action for an image."""
    reference = make_reference(image.name)
    if action is Action.BUILD:
        why = f"the registry has no `{reference}`"
        return ImageAction(image, reference, PRINT, action, why)
    return ImageAction(image, reference, PRINT, action, "the registry has it", DIGEST)


OS = make_image("os-base", outside=["debian:bookworm-slim"])
PYTHON = make_image("python-base", "os-base")
API = make_image("api", "python-base", app=True)
WEB = make_image("web", "python-base", "os-base", app=True)
PROJECT = make_project(OS, PYTHON, API, WEB)

PLAN = Plan(
    PROJECT,
    (
        make_action(OS, Action.EXISTS),
        make_action(PYTHON, Action.BUILD),
        make_action(API, Action.BUILD),
        make_action(WEB, Action.BUILD),
    ),
    (
        AppAction("api", ImageName("api"), DeployAction.DEPLOY, "its image is built anew"),
        AppAction("web", ImageName("web"), DeployAction.CURRENT, "it runs this image"),
    ),
    {ImageName("os-base"): ("`debian:bookworm-slim` is not locked",)},
    requests=4,
)

REPORT = Report(
    images=(
        ImageResult(
            ImageName("os-base"),
            ImageStatus.EXISTS,
            make_reference("os-base"),
            "the registry has it",
            DIGEST,
        ),
        ImageResult(
            ImageName("python-base"),
            ImageStatus.BUILT,
            make_reference("python-base"),
            "the registry has no `x`",
            DIGEST,
            12.34,
        ),
        ImageResult(
            ImageName("api"),
            ImageStatus.FAILED,
            make_reference("api"),
            FAILURE.message,
            failure=FAILURE,
        ),
        ImageResult(
            ImageName("web"),
            ImageStatus.BLOCKED,
            make_reference("web"),
            "not tried, because `api` failed",
        ),
    ),
    deploys=(
        DeployResult("api", ImageName("api"), DeployStatus.BLOCKED, "its image `api` is failed"),
        DeployResult(
            "web",
            ImageName("web"),
            DeployStatus.DEPLOYED,
            "it runs another image",
            "v3",
            "http://127.0.0.1:8080",
            2.5,
        ),
    ),
    requests=7,
    seconds=15.0,
)

STATUSES = (
    AppStatus(
        "web",
        ImageName("web"),
        AppState.CURRENT,
        "it runs this image",
        make_reference("web"),
        DIGEST,
        Running(DIGEST, "v3", url="http://127.0.0.1:8080"),
    ),
    AppStatus("api", ImageName("api"), AppState.MISSING, "nothing runs yet", make_reference("api")),
)
RELEASES = (
    Release("v3", "complete", make_reference("web"), "2026-11-24T15:00:00Z"),
    Release("v2", "failed"),
)

_PYTHON, _API, _WEB = ImageName("python-base"), ImageName("api"), ImageName("web")
_APT, _MAKE = "[2/5] RUN apt-get update", "[2/3] RUN make all"

RUN: tuple[Event, ...] = (
    Planned(PLAN),
    ImageChanged(ImageName("os-base"), Phase.EXISTS, "the registry has it"),
    Notice("asked again after 429"),
    ImageChanged(_PYTHON, Phase.BUILDING),
    StepChanged(_PYTHON, "[1/5] FROM os-base", completed=True, cached=True),
    StepChanged(_PYTHON, _APT),
    LogLine(_PYTHON, _APT, "Get:1 [red]not markup[/red] \x1b[31mnot red\x1b[0m"),
    StepChanged(_PYTHON, _APT, completed=True, seconds=3.2),
    ImageChanged(_PYTHON, Phase.PUSHING),
    StepChanged(_PYTHON, "exporting to image", current=1_000_000, total=4_000_000),
    StepChanged(_PYTHON, "exporting to image", current=2_000_000, total=4_000_000),
    ImageChanged(_PYTHON, Phase.BUILT, "the registry has no `x`", 12.34),
    ImageChanged(_API, Phase.BUILDING),
    StepChanged(_API, _MAKE),
    LogLine(_API, _MAKE, "make: *** No rule to make target 'all'.  Stop."),
    ImageChanged(_API, Phase.FAILED, FAILURE.message),
    ImageChanged(_WEB, Phase.BLOCKED, "not tried, because `api` failed"),
    AppChanged("web", "deploying"),
    AppChanged("web", "checking"),
    AppChanged("web", "deployed", "it runs another image", 2.5),
    Finished(REPORT),
)
