"""Public images, which are deployed as they are: how to declare one, and mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load, plan
from pipeline.errors import ConfigError
from pipeline.model.actions import Action, DeployAction
from pipeline.model.image import ImageKind
from pipeline.model.plan import to_ask, to_build
from pipeline.model.presence import Present
from pipeline.model.state import State
from pipeline.reference import ImageName
from tests.support.memory_driver import digest

if TYPE_CHECKING:
    from pathlib import Path

HELLO = ImageName("hello")
FLY_TOML = 'app = "hello"\n[build]\nimage = "flyio/hellofly:latest"\n'


def write(root: Path, **files: str) -> None:
    """Write files of `images/hello`; a keyword `fly_toml` writes `fly.toml`."""
    folder = root / "images" / "hello"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def problems_of(root: Path) -> list[str]:
    """Return the problems of the project."""
    with pytest.raises(ConfigError) as caught:
        load(root)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "files",
    [
        {"fly_toml": FLY_TOML},
        {"image_toml": 'image = "flyio/hellofly"\n[deploy]\napps = ["hello"]\n'},
        {"image_toml": 'image = "flyio/hellofly"\n', "fly_toml": 'app = "hello"\n'},
        {"image_toml": '[deploy]\nconfig = "eu.toml"\n', "eu_toml": FLY_TOML},
    ],
)
def test_a_folder_without_a_dockerfile_names_an_image(
    tmp_path: Path, files: dict[str, str]
) -> None:
    """A folder without a Dockerfile may name an image; its reference is normalized as by docker."""
    write(tmp_path, **files)

    (hello,) = load(tmp_path).images
    assert hello.kind is ImageKind.APP
    assert str(hello.public) == "docker.io/flyio/hellofly:latest"
    assert hello.deploy
    assert hello.deploy.apps == ("hello",)
    assert [str(external.reference) for external in hello.externals] == [str(hello.public)]


def test_an_image_named_like_its_folder(tmp_path: Path) -> None:
    """In a folder `hello`, `image = "hello"` means Docker Hub's."""
    write(tmp_path, image_toml='image = "hello"\n[deploy]\napps = ["hello"]\n')

    (hello,) = load(tmp_path).images
    assert str(hello.public) == "docker.io/library/hello:latest"
    assert hello.bases == ()


def test_a_lock_pins_it(tmp_path: Path) -> None:
    """The lock pins it like an external of a Dockerfile."""
    write(tmp_path, fly_toml=FLY_TOML)
    (tmp_path / "pipeline.lock").write_text(
        f'[[external]]\nreference = "docker.io/flyio/hellofly:latest"\ndigest = "{digest(1)}"\n'
    )

    (hello,) = load(tmp_path).images
    assert str(hello.public) == f"docker.io/flyio/hellofly:latest@{digest(1)}"
    assert hello.floating == ()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"fly_toml": 'app = "hello"\n[build]\nimage = "Nope:1:2"\n'},
            "images/hello/fly.toml:3:9: `Nope:1` is not a repository",
        ),
        (
            {"image_toml": 'image = "a b"\n[deploy]\napps = ["hello"]\n'},
            "images/hello/image.toml:1:9: `a b` is no",
        ),
        ({"image_toml": 'image = "nginx"\n'}, "images/hello/image.toml:1:9: no app is named"),
        (
            {"image_toml": 'image = "nginx"\n', "fly_toml": FLY_TOML, "Dockerfile": "FROM a:1\n"},
            "there is `images/hello/Dockerfile` too",
        ),
        (
            {"image_toml": 'salt = "1"\n', "fly_toml": FLY_TOML},
            "images/hello/image.toml:1:1: `salt` is for an image that is built",
        ),
        ({"image_toml": "image = 5\n"}, "`image` must be an image such as"),
    ],
)
def test_mistakes_are_reported_with_their_location(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    """File, line and column."""
    write(tmp_path, **files)

    (told,) = problems_of(tmp_path)
    assert said in told


def test_it_is_never_built(tmp_path: Path) -> None:
    """It is never built, also with `force`; a new digest means a deploy."""
    write(tmp_path, fly_toml=FLY_TOML)
    project = load(tmp_path)
    presence = {HELLO: Present(digest(2))}
    state = State(project, fingerprint(project), presence)

    what = plan(project, state, force=True, apps={"hello"})

    assert to_ask(project, {}, {HELLO}, force=True) == (HELLO,)
    assert to_build(project, presence, {HELLO}, force=True) == frozenset()
    (action,), (step,) = what.images, what.deploys
    assert (action.action, action.digest, action.reason) == (
        Action.EXISTS,
        digest(2),
        "it is deployed as it is",
    )
    assert str(action.reference) == "docker.io/flyio/hellofly:latest"
    assert step.action is DeployAction.DEPLOY
