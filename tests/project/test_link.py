"""Links between the images of a project, by the names in their Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.image import Image

ARGS = "ARG REPO=x\nARG TAG=1\n"
BOUND = '[bases]\nREPO = "base"\n'
GIVEN = 'args = { REPO = "base" }\n'
DIGEST = f"sha256:{'0' * 64}"


def link_web(root: Path, dockerfile: str, toml: str = "", **others: str) -> Image:
    """Return the image `web` of a project that also has `base` and `others`."""
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


def problem_of(root: Path, dockerfile: str, toml: str = "", **others: str) -> tuple[str, ...]:
    """Return location, message and hint of the only problem of `web`."""
    with pytest.raises(ConfigError) as caught:
        link_web(root, dockerfile, toml, **others)
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
def test_an_argument_with_a_whole_repository(
    tmp_path: Path, dockerfile: str, toml: str, written: str
) -> None:
    """An argument with a whole repository names a base, with any tag, bound or not."""
    image = link_web(tmp_path, dockerfile, toml)
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
    """A part of a repository names no base, nor does a value from elsewhere."""
    image = link_web(tmp_path, dockerfile, toml)
    assert [external.written for external in image.externals] == [written]
    assert image.bases == ()


@pytest.mark.parametrize("written", ["web", "web:latest"])
def test_an_image_on_docker_hubs_image_of_the_same_name(tmp_path: Path, written: str) -> None:
    """An image may build on Docker Hub's image of the same name; the hint shows how to write it."""
    place, message, hint = problem_of(tmp_path / "a", f"FROM {written}\n")
    assert (place, message) == ("images/web/Dockerfile:1:6", "`web` depends on itself: web -> web")
    assert hint == "Docker Hub's image of that name is `docker.io/library/web`"

    image = link_web(tmp_path / "b", "FROM docker.io/library/web\n")
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
def test_a_name_near_an_image_is_an_error(tmp_path: Path, dockerfile: str) -> None:
    """A name that is nearly an image's is an error with both possible meanings."""
    _, message, hint = problem_of(tmp_path / "a", dockerfile)
    assert message == "there is no image `bsae` in this project"
    assert hint == "did you mean `base`? Docker Hub's image is `docker.io/library/bsae`"

    image = link_web(tmp_path / "b", dockerfile.replace("bsae", "docker.io/library/bsae"))
    assert len(image.externals) == 1


def test_a_near_repository_on_our_registry_is_noted(tmp_path: Path) -> None:
    """It stays an external, as another project may own it."""
    image = link_web(tmp_path, "FROM registry.fly.io/bsae:1\n")
    assert [e.written for e in image.externals] == ["registry.fly.io/bsae:1"]
    note = "`registry.fly.io/bsae:1` is not an image of this project, whose nearest is `base`"
    assert note in image.floating


@pytest.mark.parametrize(
    ("named", "message", "hint"),
    [
        ("base", "`base` is an image of this project, and `image` names one that is ready", "apps"),
        ("bsae", "there is no image `bsae` in this project", "did you mean `base`?"),
        ("docker.io/library/base", "", ""),
        ("base:1", "", ""),
        ("ready", "", ""),
    ],
)
def test_a_ready_image_with_a_bare_name(
    tmp_path: Path, named: str, message: str, hint: str
) -> None:
    """The name of another image, or nearly one, is an error; `image` names no image of ours."""
    toml = f'image = "{named}"\ndeploy = {{ apps = ["acme-ready"] }}\n'
    write_tree(
        tmp_path,
        {
            "pipeline.toml": "",
            "images/base/Dockerfile": "FROM scratch\n",
            "images/ready/image.toml": toml,
        },
    )
    if not message:
        assert len(load(tmp_path).images) == 2
        return
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    (problem,) = caught.value.problems
    assert (str(problem.location), problem.message) == ("images/ready/image.toml:1:9", message)
    assert hint in problem.hint


SLIP = 'args = { NODE_VERSON = "22" }\n'
NODE = "ARG NODE_VERSION=18\nFROM scratch\nARG NODE_VERSION\n"
LOCKED = f"""
[[external]]
reference = "docker.io/library/corp-node:1"
digest = "{DIGEST}"
platforms = {{ "linux/amd64" = "{DIGEST}" }}
triggers = {{ "linux/amd64" = TRIGGERS }}
"""


@pytest.mark.parametrize(
    ("dockerfile", "hint"),
    [
        (NODE, "did you mean `NODE_VERSION`?"),
        ("FROM scratch\nARG node_version\n", "did you mean `node_version`?"),
        ("FROM scratch AS no\nARG NODE_VERSION\nFROM scratch\n", "did you mean `NODE_VERSION`?"),
        ("FROM base\nARG NODE_VERSION\n", "did you mean `NODE_VERSION`?"),
        ("FROM scratch\n", "add `ARG` to `images/web/Dockerfile`, or remove it here"),
        (f"# syntax=docker/dockerfile:1.7-labs\n{NODE}", "did you mean `NODE_VERSION`?"),
    ],
)
def test_an_undeclared_argument_is_an_error(tmp_path: Path, dockerfile: str, hint: str) -> None:
    """An undeclared argument is an error where it is set, with the nearest name."""
    place, message, told = problem_of(tmp_path, dockerfile, SLIP)
    assert (place, told) == ("images/web/image.toml:1:24", hint)
    assert message == "`images/web/Dockerfile` has no `ARG NODE_VERSON`"


def test_an_undeclared_argument_of_a_profile(tmp_path: Path) -> None:
    """A mistake in a profile is an error only with that profile, at its line."""
    toml = f"[profiles.new]\n{SLIP}"
    link_web(tmp_path, NODE, toml)
    with pytest.raises(ConfigError, match=r"image.toml:2:24: .* has no `ARG NODE_VERSON`"):
        load(tmp_path, profile="new")


def test_an_undeclared_argument_of_bases(tmp_path: Path) -> None:
    """A mistake in `[bases]` is reported the same way, with the nearest name."""
    place, _, hint = problem_of(tmp_path, "ARG REPO=x\nFROM scratch\n", '[bases]\nREPOS = "base"\n')
    assert (place, hint) == ("images/web/image.toml:2:9", "did you mean `REPO`?")


@pytest.mark.parametrize(
    "name",
    [
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy",
        "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "Http_Proxy",
        "SOURCE_DATE_EPOCH", "BUILDKIT_INLINE_CACHE", "BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_SYNTAX",
        "BUILDKIT_MULTI_PLATFORM", "BUILDKIT_CONTEXT_KEEP_GIT_DIR", "BUILDKIT_DOCKERFILE_CHECK",
        "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_SBOM_SCAN_STAGE", "BUILDKIT_NEW",
        "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
        "TARGETOSVERSION", "BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
        "BUILDOSVERSION",
    ],
)  # fmt: skip
def test_predefined_arguments(tmp_path: Path, name: str) -> None:
    """BuildKit's predefined arguments need no declaration, also with another value."""
    value = "docker/dockerfile:1" if name == "BUILDKIT_SYNTAX" else "1"
    assert link_web(tmp_path, "FROM scratch\n", f'args = {{ {name} = "{value}" }}\n').warnings == ()


@pytest.mark.parametrize("value", ["", "0", "-1", "1700000000", "context", "Stage"])
def test_source_date_epoch_may_be_a_name(tmp_path: Path, value: str) -> None:
    """SOURCE_DATE_EPOCH may be a name in newer frontends."""
    toml = f'args = {{ SOURCE_DATE_EPOCH = "{value}" }}\n'
    assert link_web(tmp_path, "FROM scratch AS stage\nFROM scratch\n", toml).warnings == ()


def test_an_invalid_source_date_epoch(tmp_path: Path) -> None:
    """Every frontend refuses an invalid SOURCE_DATE_EPOCH."""
    told = problem_of(tmp_path, "FROM scratch\n", 'args = { SOURCE_DATE_EPOCH = "abc" }\n')
    assert told[:2] == ("images/web/image.toml:1:30", "`abc` is not a time for `SOURCE_DATE_EPOCH`")


ELSEWHERE = {
    "a stage that is not needed": "FROM scratch AS no\nARG NODE_VERSON\nFROM scratch\n",
    "before the first FROM alone": "ARG NODE_VERSON\nFROM scratch\n",
    "a trigger for others": "FROM scratch\nONBUILD ARG NODE_VERSON=1\n",
    "a trigger of a stage": "FROM scratch AS a\nONBUILD ARG X NODE_VERSON\nFROM a\n",
    "another frontend": f"# syntax=acme/frontend:1\n{NODE}",
    "one that a mirror has": f"# syntax=mirror.acme.io/docker/dockerfile:1\n{NODE}",
}


@pytest.mark.parametrize("dockerfile", ELSEWHERE.values(), ids=ELSEWHERE)
def test_arguments_that_are_declared_somewhere(tmp_path: Path, dockerfile: str) -> None:
    """An argument is known wherever it is declared and whoever may read it."""
    assert link_web(tmp_path, dockerfile, SLIP).warnings == ()


def test_a_trigger_of_a_base_declares_an_argument(tmp_path: Path) -> None:
    """A trigger of a base may declare an argument, which is known after linking."""
    base = "FROM scratch\nONBUILD ARG NODE_VERSON\n"
    image = link_web(tmp_path, "FROM mid\n", SLIP, mid=base)
    assert image.declared == {"NODE_VERSON": "22"}


@pytest.mark.parametrize("triggers", ['["ARG NODE_VERSON"]', '["ARG OTHER"]', "[]"])
def test_a_locked_trigger_declares_an_argument(tmp_path: Path, triggers: str) -> None:
    """A trigger in the lock may declare an argument, too."""
    write_tree(tmp_path, {"pipeline.lock": LOCKED.replace("TRIGGERS", triggers)})
    if "NODE" in triggers:
        assert link_web(tmp_path, "FROM corp-node:1\n", SLIP).declared == {"NODE_VERSON": "22"}
    else:
        _, message, _ = problem_of(tmp_path, "FROM corp-node:1\n", SLIP)
        assert message == "`images/web/Dockerfile` has no `ARG NODE_VERSON`"


@pytest.mark.parametrize(
    ("dockerfile", "warned"),
    [
        ("FROM corp-node:1\n", False),
        ("FROM corp-node:1\nARG VERSION\n", False),
        ("FROM corp-node:1\nARG NODE_VERSION\n", True),
        ("FROM corp-node:1 AS no\nARG NODE_VERSION\nFROM scratch\n", True),
    ],
)
def test_unknown_triggers_make_near_misses_warnings(
    tmp_path: Path,
    dockerfile: str,
    warned: bool,  # noqa: FBT001
) -> None:
    """If triggers are unknown, only near misses give a warning."""
    warnings = link_web(tmp_path, dockerfile, SLIP).warnings
    assert [w.hint for w in warnings] == ["did you mean `NODE_VERSION`?"] * warned


@pytest.mark.parametrize("locked", [True, False])
def test_an_undeclared_argument_of_a_fly_toml(tmp_path: Path, locked: bool) -> None:  # noqa: FBT001
    """An undeclared argument of a fly.toml gives only a warning, as flyctl accepts it."""
    fly = 'app = "acme"\n[build.args]\nNODE_VERSON = "22"\n'
    write_tree(tmp_path, {"images/web/fly.toml": fly})
    (warning,) = link_web(tmp_path, NODE if locked else NODE.replace("scratch", "corp:1")).warnings
    assert str(warning.location) == "images/web/fly.toml:3:15"
    assert warning.hint == "did you mean `NODE_VERSION`?"
