"""Build arguments from the command line and from the environment: in the key as if written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.errors import ConfigError
from tests.support.invoker import invoke
from tests.support.scripted_server import scripted_server
from tests.support.small_projects import write_tree
from tests.unchanged.views import has_nothing, plain_environ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WEB = "FROM scratch\nARG GIT_SHA=none\nLABEL sha=$GIT_SHA\n"
API = "FROM debian:bookworm-slim\nRUN true\n"


def project(root: Path, image_toml: str = "", **dockerfiles: str) -> Path:
    """Write a project with `web`, which declares an argument, `api`, which does not, and others."""
    files = {f"images/{name}/Dockerfile": text for name, text in dockerfiles.items()}
    write_tree(
        root,
        {
            "pipeline.toml": "",
            "tasks.py": "from pipeline.tasks import ns\n",
            "images/web/Dockerfile": WEB,
            "images/web/image.toml": image_toml,
            "images/api/Dockerfile": API,
            **files,
        },
    )
    return root


def keys(
    root: Path, args: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the key of each image."""
    found = fingerprint(load(root, environ=environ or {}, args=args or {}))
    return {str(name): inputs.key.hex for name, inputs in found.items()}


def problem(
    root: Path, args: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[str, str, str]:
    """Return location, message and hint of the only problem."""
    with pytest.raises(ConfigError) as caught:
        load(root, environ=environ or {}, args=args or {})
    (one,) = caught.value.problems
    return str(one.location), one.message, one.hint


def test_a_value_is_in_the_key_as_if_it_were_written(tmp_path: Path) -> None:
    """Whether it comes from the command line, the environment, or the file."""
    plain = project(tmp_path / "plain")
    written = keys(project(tmp_path / "written", 'args = { GIT_SHA = "1f2e" }\n'))
    read = project(tmp_path / "read", 'args = { GIT_SHA = { env = "COMMIT" } }\n')
    assert keys(plain, {"GIT_SHA": "1f2e"}) == written
    assert keys(read, environ={"COMMIT": "1f2e"}) == written
    assert keys(read, environ={"COMMIT": "2f2e"})["web"] != written["web"]
    assert keys(plain)["web"] != written["web"]


def test_an_image_that_does_not_declare_it_keeps_its_key(tmp_path: Path) -> None:
    """Also one on an external whose triggers are not known, which might declare anything."""
    root = project(tmp_path)
    assert keys(root, {"GIT_SHA": "1f2e"})["api"] == keys(root)["api"]


def test_the_command_line_overrides_the_files(tmp_path: Path) -> None:
    """Also a variable that is not set, and an argument of `fly.toml`."""
    root = project(tmp_path, 'args = { GIT_SHA = { env = "COMMIT" } }\n')
    image = load(root, environ={}, args={"GIT_SHA": "9"}).images[1]
    assert (image.declared["GIT_SHA"], str(image.origins["args.GIT_SHA"])) == ("9", "--arg")


def test_an_argument_that_only_a_trigger_of_a_base_declares_is_given(tmp_path: Path) -> None:
    """The trigger runs in the dependent."""
    root = project(
        tmp_path, base="FROM scratch\nONBUILD ARG REV\nONBUILD LABEL r=$REV\n", on="FROM base\n"
    )
    before, after = keys(root), keys(root, {"REV": "7"})
    assert {name for name in after if after[name] != before[name]} == {"on"}


def test_a_base_may_be_named_on_the_command_line(tmp_path: Path) -> None:
    """As by `args` in image.toml: the edge is in the graph."""
    root = project(tmp_path, base="FROM scratch\n", on="ARG IT=web\nFROM $IT\n")
    on = {image.name: image for image in load(root, args={"IT": "base"})}
    assert [str(name) for name in next(v for k, v in on.items() if k == "on").base_names] == [
        "base"
    ]


def test_a_variable_that_is_not_set_is_an_error_at_its_place(tmp_path: Path) -> None:
    """Unless the file has a default; an empty value is a value."""
    place, message, hint = problem(project(tmp_path / "a", '[args]\nGIT_SHA = { env = "SHA" }\n'))
    assert place == "images/web/image.toml:2:11"
    assert "`SHA` is not set" in message
    assert "--arg GIT_SHA=" in hint
    text = '[args]\nGIT_SHA = { env = "SHA", default = "none" }\n'
    root = project(tmp_path / "b", text)
    assert keys(root) == keys(project(tmp_path / "c", 'args = { GIT_SHA = "none" }\n'))
    assert keys(root, environ={"SHA": ""}) == keys(root, {"GIT_SHA": ""})


def test_a_variable_for_logging_in_is_never_an_argument(tmp_path: Path) -> None:
    """An argument is in the image's history."""
    root = project(tmp_path, 'args = { GIT_SHA = { env = "FLY_API_TOKEN" } }\n')
    place, message, hint = problem(root, environ={"FLY_API_TOKEN": "x"})
    assert place == "images/web/image.toml:1:28"
    assert "for logging in" in message
    assert "secrets" in hint


def test_an_argument_that_no_image_declares_is_an_error(tmp_path: Path) -> None:
    """With the nearest name, or all names."""
    root = project(tmp_path)
    _, message, hint = problem(root, {"GIT_SAH": "1"})
    assert "`ARG GIT_SAH`" in message
    assert hint == "did you mean `GIT_SHA`?"
    assert problem(root, {"ZZ": "1"})[2] == "the arguments are `GIT_SHA`"
    assert "not a name" in problem(root, {"GIT-SHA": "1"})[1]


def test_an_argument_that_is_bound_to_an_image_is_refused(tmp_path: Path) -> None:
    """Neither may win silently."""
    root = project(tmp_path, '[bases]\nB = "base"\n', web="ARG B=x\nFROM $B\n", base="FROM scratch")
    place, message, _ = problem(root, {"B": "api"})
    assert place == "images/web/image.toml:2:5"
    assert "`--arg` sets it, too" in message


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "--json"],
        ["--dry", "build-all", "--json"],
        ["--dry", "build", "web", "--json"],
        ["exists", "web", "--json"],
        ["inputs", "web", "--json"],
    ],
    ids=lambda words: words[0 if words[0] != "--dry" else 1],
)
def test_tasks_take_arguments(tmp_path: Path, words: list[str]) -> None:
    """Each task computes the same tag as with the file."""
    root = project(tmp_path / "project")
    wanted = keys(root, {"GIT_SHA": "1f2e"})["web"][:20]
    with scripted_server(has_nothing) as server:
        environ = {**plain_environ(tmp_path), "FLY_REGISTRY_HOST": server.address}
        ended = invoke([*words, "--arg", "GIT_SHA=1f2e"], root, environ)
    assert wanted in ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arg", "GIT_SHA"], "`--arg GIT_SHA` has no value"),
        (["--arg", "GIT_SHA=1", "--arg", "GIT_SHA=2"], "is there twice"),
        (["--arg", "NO=1"], "no Dockerfile of the project has `ARG NO`"),
    ],
)
def test_a_wrong_argument_ends_with_2(tmp_path: Path, words: list[str], message: str) -> None:
    """Before anything is asked."""
    root = project(tmp_path / "project")
    ended = invoke(["inputs", "web", *words], root, plain_environ(tmp_path))
    assert (ended.returncode, message in ended.stderr) == (2, True)


def test_the_values_are_shown_with_their_origin(tmp_path: Path) -> None:
    """In `inputs`, as two machines may differ in them."""
    root = project(tmp_path / "project")
    words = ["inputs", "web", "--json", "--arg", "GIT_SHA=1f2e"]
    found = json.loads(invoke(words, root, plain_environ(tmp_path)).stdout)
    assert found["args"] == {"GIT_SHA": "1f2e"}
    assert found["origins"]["args.GIT_SHA"] == "--arg"
