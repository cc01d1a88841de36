"""All mistakes of all files are told in one round, and none that only follows from another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from tests.support.invoker import invoke
from tests.support.small_projects import write_tree
from tests.unchanged.views import plain_environ

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GOOD = {
    "tasks.py": "from pipeline.tasks import ns\n",
    "pipeline.toml": "",
    "images/base/Dockerfile": "FROM scratch\n",
    "images/web/Dockerfile": "FROM base\n",
    "images/web/fly.toml": 'app = "acme-web"\n',
    "images/api/Dockerfile": "FROM base\n",
    "images/api/fly.toml": 'app = "acme-api"\n',
    "images/api/image.toml": 'deploy = { after = ["web"] }\n',
}
SETTINGS = '[registry]\nhots = "x"\n[deploy]\nmax_parallel = "4"\n'


def problems(root: Path, files: Mapping[str, str]) -> list[str]:
    """Return the locations of all problems that loading the project finds."""
    write_tree(root, {**GOOD, **files})
    try:
        load(root, environ={})
    except ConfigError as error:
        return [str(problem.location).partition(":")[0] for problem in error.problems]
    return []


def test_every_kind_of_file_in_one_round(tmp_path: Path) -> None:
    """Settings, image.toml, Dockerfile, fly.toml, the lock, and names across files."""
    found = problems(
        tmp_path,
        {
            "pipeline.toml": SETTINGS,
            "pipeline.lock": "x",
            "images/web/image.toml": 'targt = "x"\nsalt = 1\n',
            "images/web/Dockerfile": "FORM scratch\n",
            "images/web/fly.toml": "app = 1\n",
            "images/api/image.toml": 'bases = { B = "bsae" }\ndeploy = { after = ["wbe"] }\n',
        },
    )
    assert found == [
        "images/api/image.toml",
        "images/api/image.toml",
        "images/web/Dockerfile",
        "images/web/fly.toml",
        "images/web/image.toml",
        "images/web/image.toml",
        "pipeline.lock",
        "pipeline.toml",
        "pipeline.toml",
    ]


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"pipeline.toml": SETTINGS}, ["pipeline.toml"] * 2),
        ({"pipeline.toml": '[registry]\nrepository = "{nme}"\n'}, ["pipeline.toml"]),
        ({"pipeline.toml": 'images = ["nowhere/*"'}, ["pipeline.toml"]),
        ({"pipeline.toml": "images = 1\n"}, ["pipeline.toml"]),
        ({"pipeline.toml": 'requires = ">=99"\nnew = 1\n'}, ["pipeline.toml"]),
        ({"images/base/image.toml": "slat = 1\n"}, ["images/base/image.toml"]),
        ({"images/web/image.toml": "slat = 1\n"}, ["images/web/image.toml"]),
        ({"images/web/image.toml": 'name = "W"\n'}, ["images/web/image.toml"]),
        ({"images/web/image.toml": "deploy = { app = 1 }\n"}, ["images/web/image.toml"]),
        ({"images/web/image.toml": "x\n"}, ["images/web/image.toml"]),
        ({"images/web/image.toml": "context = 1\n"}, ["images/web/image.toml"]),
        ({"images/web/image.toml": 'args = { A = { env = "A" } }\n'}, ["images/web/image.toml"]),
        ({"images/base/Dockerfile": "FORM scratch\n"}, ["images/base/Dockerfile"]),
        ({"images/web/Dockerfile": "FORM scratch\n"}, ["images/web/Dockerfile"]),
        ({"images/web/fly.toml": "app = 1\n"}, ["images/web/fly.toml"]),
        ({}, []),
    ],
)
def test_one_mistake_is_one_problem(
    tmp_path: Path, files: Mapping[str, str], where: list[str]
) -> None:
    """Another image may name one that could not be read."""
    assert problems(tmp_path, files) == where


def test_doctor_shows_all_of_them(tmp_path: Path) -> None:
    """Each with its hint."""
    write_tree(tmp_path / "p", {**GOOD, "pipeline.toml": SETTINGS, "images/api/image.toml": "x=1"})
    ended = invoke(["doctor"], tmp_path / "p", plain_environ(tmp_path))
    places = ("pipeline.toml:2:1", "pipeline.toml:4:16", "images/api/image.toml:1:1")
    assert [place in ended.stdout for place in places] == [True] * 3, ended.stdout
    assert "did you mean `host`?" in ended.stdout
