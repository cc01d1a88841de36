"""Which images of a project stand on which, by the names in their Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from tests.support.contexts import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.model import Image

ARGS = "ARG REPO=x\nARG TAG=1\n"
BOUND = '[bases]\nREPO = "base"\n'
GIVEN = 'args = { REPO = "base" }\n'
DIGEST = f"sha256:{'0' * 64}"


def joined(root: Path, dockerfile: str, toml: str = "", **others: str) -> Image:
    """The image `web` of a project that has `base` and `others` beside it."""
    files = {f"images/{name}/Dockerfile": text for name, text in others.items()}
    write_tree(
        root,
        {
            "pipeline.toml": "",
            "images/base/Dockerfile": "FROM scratch\n",
            "images/web/Dockerfile": dockerfile,
            "images/web/image.toml": toml,
            **files,
        },
    )
    return next(image for image in load(root).images if image.name == "web")


def refused(root: Path, dockerfile: str, toml: str = "", **others: str) -> tuple[str, ...]:
    """Place, message and hint of the only problem of `web`."""
    with pytest.raises(ConfigError) as caught:
        joined(root, dockerfile, toml, **others)
    (problem,) = caught.value.problems
    return str(problem.location), problem.message, problem.hint


WHOLE = {
    "with a tag": (f"{ARGS}FROM $REPO:$TAG\n", BOUND, "base:1"),
    "in braces": (f"{ARGS}FROM ${{REPO}}:${{TAG}}\n", BOUND, "base:1"),
    "by args": (f"{ARGS}FROM $REPO:$TAG\n", GIVEN, "base:1"),
    "with a tag of its own": (f"{ARGS}FROM $REPO:3.12-slim\n", GIVEN, "base:3.12-slim"),
    "with a digest": (f"{ARGS}FROM ${{REPO}}@{DIGEST}\n", BOUND, f"base@{DIGEST}"),
    "alone": (f"{ARGS}FROM $REPO\n", GIVEN, "base"),
    "with a default": (f"{ARGS}FROM ${{REPO:-y}}:$TAG\n", GIVEN, "base:1"),
    "as a default": (f"{ARGS}FROM ${{NO:-$REPO}}:$TAG\n", GIVEN, "base:1"),
    "through another argument": (f"{ARGS}ARG IT=$REPO:$TAG\nFROM $IT\n", BOUND, "base:1"),
    "with a tag that is given": (
        f"{ARGS}FROM $REPO:$TAG\n",
        'args = { REPO = "base", TAG = "2" }\n',
        "base:2",
    ),
    "in a stage above": (
        f"{ARGS}FROM $REPO:$TAG AS b\nFROM scratch\nCOPY --from=b /x /\n",
        BOUND,
        "base:1",
    ),
}


@pytest.mark.parametrize(("dockerfile", "toml", "written"), WHOLE.values(), ids=WHOLE)
def test_an_argument_that_is_the_whole_repository_names_a_base(
    tmp_path: Path, dockerfile: str, toml: str, written: str
) -> None:
    """With any tag, be it bound or given."""
    image = joined(tmp_path, dockerfile, toml)
    assert [(base.name, base.written) for base in image.bases] == [("base", written)]
    assert image.externals == ()


PART = {
    "below another": (f"{ARGS}FROM corp/$REPO:$TAG\n", GIVEN, "corp/base:1"),
    "above another": (f"{ARGS}FROM $REPO/sub:$TAG\n", GIVEN, "base/sub:1"),
    "at its beginning": (f"{ARGS}FROM ${{REPO}}-slim:$TAG\n", BOUND, "base-slim:1"),
    "changed": (f"{ARGS}FROM ${{REPO%e}}:$TAG\n", BOUND, "bas:1"),
    "of the Dockerfile alone": ("ARG REPO=base\nFROM $REPO:1\n", "", "base:1"),
    "written out": (f"{ARGS}FROM base:1\nARG REPO\n", GIVEN, "base:1"),
    "with its tag in the value": ("ARG IT=x\nFROM $IT\n", 'args = { IT = "base:1" }\n', "base:1"),
    "of a value that is no image": (
        f"{ARGS}FROM $REPO:1\n",
        'args = { REPO = "bash" }\n',
        "bash:1",
    ),
}


@pytest.mark.parametrize(("dockerfile", "toml", "written"), PART.values(), ids=PART)
def test_a_part_of_a_repository_names_no_base(
    tmp_path: Path, dockerfile: str, toml: str, written: str
) -> None:
    """Nor does what no argument gave."""
    image = joined(tmp_path, dockerfile, toml)
    assert [external.written for external in image.externals] == [written]
    assert image.bases == ()


@pytest.mark.parametrize("written", ["web", "web:latest"])
def test_an_image_on_hubs_image_of_its_own_name(tmp_path: Path, written: str) -> None:
    """The hint has a name that means the other one, and that name does."""
    place, message, hint = refused(tmp_path / "a", f"FROM {written}\n")
    assert (place, message) == ("images/web/Dockerfile:1:6", "`web` stands on itself: web -> web")
    assert hint == "Docker Hub's image of that name is `docker.io/library/web`"

    image = joined(tmp_path / "b", "FROM docker.io/library/web\n")
    assert (image.bases, len(image.externals)) == ((), 1)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM bsae\n",
        "ARG B=bsae\nFROM scratch AS x\nFROM $B\n",
        "FROM scratch\nCOPY --from=bsae /x /\n",
        "FROM scratch\nRUN --mount=from=bsae,target=/x y\n",
    ],
)
def test_a_name_that_is_nearly_an_images_is_a_slip(tmp_path: Path, dockerfile: str) -> None:
    """Told with both names that may have been meant; the longer one always means Docker Hub."""
    _, message, hint = refused(tmp_path / "a", dockerfile)
    assert message == "there is no image `bsae` in this project"
    assert hint == "did you mean `base`? Docker Hub's image is `docker.io/library/bsae`"

    image = joined(tmp_path / "b", dockerfile.replace("bsae", "docker.io/library/bsae"))
    assert len(image.externals) == 1
