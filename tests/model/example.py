"""A project to plan; text describes which images exist, and what the apps run.

`plans("web=absent", only="web")` is the plan of such a state, `images(plan)` and `deploys(plan)`
are what it says, each in one line.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.errors import UnknownError
from pipeline.model.apps import Running
from pipeline.model.image import AppSpec
from pipeline.model.inputs import Fingerprint, Inputs, Key
from pipeline.model.plan import plan
from pipeline.model.presence import Absent, Elsewhere, Incomplete, Present
from pipeline.model.settings import DeploySettings
from pipeline.model.stamp import Revision, Stamp
from pipeline.model.state import State, alias_references
from pipeline.reference import Digest, ImageName, Tag, parse_reference
from tests.console.values import make_image, make_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.image import Image
    from pipeline.model.plan import Plan
    from pipeline.model.presence import Availability, Presence
    from pipeline.model.project import Project
    from pipeline.reference import Reference

ONE, TWO = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
SOURCE = parse_reference("ghcr.io/acme/other:1")
HEAD = Revision("a" * 40)
ASLEEP = UnknownError("it is asleep", hint="wake it")
STANDINGS: dict[str, Availability] = {
    "present": Present(ONE),
    "absent": Absent(),
    "hollow": Incomplete(ONE, "a layer is missing"),
    "elsewhere": Elsewhere(SOURCE, ONE),
}
RUNNING: dict[str, Running | None] = {
    "nothing": None,
    "this": Running(ONE),
    "another": Running(TWO),
    "ill": Running(ONE, healthy=False),
    "out-of-memory": Running(ONE, healthy=False, trouble="it is out of memory"),
    "configured-otherwise": Running(ONE, differs=("`[env] COLOUR`",)),
    "newer": Running(TWO, stamp=Stamp("", TWO, "2", Revision("b" * 40, (HEAD.id[:12],)))),
    "newer-same": Running(ONE, stamp=Stamp("", ONE, "2", Revision("b" * 40, (HEAD.id[:12],)))),
    "went-back": Running(TWO, stamp=Stamp("", TWO, "2", HEAD, back=True)),
    "older": Running(TWO, stamp=Stamp("", TWO, "2", Revision("c" * 40))),
}


def _app(image: Image, *apps: str, after: tuple[str, ...] = ()) -> Image:
    names = tuple(ImageName(name) for name in after)
    return replace(image, deploy=AppSpec(apps, PurePosixPath("fly.toml"), names))


OS = make_image("os")
LANG = make_image("lang", "os")
WEB = _app(make_image("web", "lang"), "web-1", "web-2", after=("api",))
API = _app(make_image("api", "lang"), "api-1")
PROXY = replace(
    _app(make_image("proxy"), "proxy-1"), public=parse_reference("docker.io/library/nginx:1.27")
)
PROJECT = make_project(OS, PROXY, LANG, API, WEB)
"""In build order: os, proxy (a public image), lang on os, and api and web on lang."""


def names(text: str) -> tuple[ImageName, ...]:
    """Return the image names in a text, separated by spaces."""
    return tuple(ImageName(name) for name in text.split())


def presence(text: str) -> dict[ImageName, Availability]:
    """Return the state of each image from a text such as `os=present web=absent`."""
    pairs = (pair.split("=") for pair in text.split())
    return {ImageName(name): STANDINGS[word] for name, word in pairs if word != "unknown"}


def unknown(text: str) -> dict[str, UnknownError]:
    """Return the error for each image or app that is `unknown` in such a text."""
    pairs = (pair.split("=") for pair in text.split())
    return {name: ASLEEP for name, word in pairs if word == "unknown"}


def inputs(project: Project) -> dict[ImageName, Inputs]:
    """Return inputs of all images, each with a different fingerprint."""
    return {
        image.name: Inputs(
            name=image.name,
            key=Key("0" * 64),
            fingerprint=Fingerprint(image.name.encode().hex().ljust(64, "0")),
            entries=(),
            args={},
            target=None,
            platforms=image.platforms,
            bases={},
            externals={},
        )
        for image in project
    }


def plans(
    standing: str,
    *,
    project: Project = PROJECT,
    only: str = "",
    force: bool = False,
    running: str = "",
    redeploy: str = "",
    aliases: Mapping[Reference, Presence] | None = None,
) -> Plan:
    """Return the plan for images and apps in these states; `running` names the apps to deploy."""
    pairs = [pair.split("=") for pair in running.split()]
    state = State(
        project,
        inputs(project),
        presence(standing),
        aliases or {},
        {app: RUNNING[word] for app, word in pairs if word != "unknown"},
        revision=HEAD if running else None,
        unknown={ImageName(name): error for name, error in unknown(standing).items()},
        unknown_apps=unknown(running),
    )
    return plan(
        project,
        state,
        only=names(only) if only else None,
        force=force,
        apps=[app for app, _ in pairs],
        redeploy=redeploy.split(),
    )


def images(made: Plan) -> str:
    """Return the actions of images, such as `os=exists web=build!`; `!` means forced."""
    return " ".join(f"{a.name}={a.action}{'!' if a.forced else ''}" for a in made.images)


def deploys(made: Plan) -> str:
    """Return the actions of apps, such as `web-1=deploy web-2=current`."""
    return " ".join(f"{step.app}={step.action}" for step in made.deploys)


def with_aliases(*tags: str) -> Project:
    """Return the project with these aliases of `web`."""
    web = replace(WEB, aliases=tuple(Tag(tag) for tag in tags))
    return make_project(OS, PROXY, LANG, API, web)


def alias(project: Project, tag: str) -> Reference:
    """Return the reference of an alias of `web`."""
    found = alias_references(project, project.image(ImageName("web")))
    return next(reference for reference in found if reference.tag == tag)


def going_backwards() -> Project:
    """Return the project with settings that allow older commits to replace newer ones."""
    settings = replace(PROJECT.settings, deploy=DeploySettings(backwards=True))
    return replace(PROJECT, settings=settings)
