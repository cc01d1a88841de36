"""Secrets of builds: where their values come from, and what is reported if they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import ConfigError, WorkError
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.plan import plan
from pipeline.model.presence import Absent, Present
from pipeline.model.state import State
from pipeline.project.load import load
from pipeline.reference import Digest
from pipeline.runner.run import run
from pipeline.runner.secrets import build_secrets, given_secrets, missing_secrets, without_others
from tests.support.small_projects import image_of, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.plan import Plan
    from pipeline.model.project import Project

ENVIRON = {"TOKEN": "t0ken", "EMPTY": "", "HOME": "/HOME", "both": "from the variable"}
FILES = {
    "web/key": "k3y",
    "web/both": "from the file",
    "web/hollow": "",
    "shared/key": "shared",
    "home/key": "from home",
    "home/a,b": "comma",
}
GIVEN = [
    ("id=token,env=TOKEN", "id=token,env=TOKEN", "t0ken"),
    ("id=token,type=env,env=TOKEN", "id=token,env=TOKEN", "t0ken"),
    ("id=token,type=env,src=TOKEN", "id=token,env=TOKEN", "t0ken"),
    ("type=env,id=TOKEN", "id=TOKEN,env=TOKEN", "t0ken"),
    ("id=TOKEN", "id=TOKEN,env=TOKEN", "t0ken"),
    ("id=key", "id=key,src={}/web/key", "k3y"),
    ("id=both", "id=both,env=both", "from the variable"),
    ("id=both,type=file", "id=both,src={}/web/both", "from the file"),
    ("id=k,src=key", "id=k,src={}/web/key", "k3y"),
    ("id=k,source=./key,type=file", "id=k,src={}/web/key", "k3y"),
    ("ID=k,SRC=../shared/key", "id=k,src={}/shared/key", "shared"),
    ("id=k,src={}/home/key", "id=k,src={}/home/key", "from home"),
    ("id=k,src=~/key", "id=k,src={}/home/key", "from home"),
    ("id=token,env=TOKEN,required=true", "id=token,env=TOKEN", "t0ken"),
    ("id=token,env=TOKEN,required=false", "id=token,env=TOKEN", "t0ken"),
    ("id=token,env=NONE,required=false", "id=token,env=NONE", ""),
    ("id=token,env=EMPTY,required=false", "id=token,env=EMPTY", ""),
    ("id=k,src=none,required=false", "", ""),
    ("id=k,src=hollow,required=false", "id=k,src={}/web/hollow", ""),
    ("id=none,required=false", "", ""),
]
LOST = [
    ("id=token,env=NONE", "the variable `NONE` is not set"),
    ("id=token,env=EMPTY", "the variable `EMPTY` is empty"),
    ("id=token,type=env,src=NONE", "the variable `NONE` is not set"),
    ("id=NONE,type=env", "the variable `NONE` is not set"),
    ("id=EMPTY", "the variable `EMPTY` is empty"),
    ("id=k,src=none", "there is no file `web/none`"),
    ("id=k,src=shared/key", "there is no file `web/shared/key`"),
    ("id=k,src=hollow", "the file `web/hollow` is empty"),
    ("id=k,src=../shared", "`shared` is not a file"),
    ("id=none", "there is no variable `none`, and there is no file `web/none`"),
]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    write_tree(tmp_path, {**FILES, "web/Dockerfile": ""})
    return tmp_path


def environ(root: Path) -> dict[str, str]:
    """Return an environment whose home is among the files."""
    return {**ENVIRON, "HOME": str(root / "home")}


@pytest.mark.parametrize(("written", "entry", "value"), GIVEN)
def test_what_buildx_gets(root: Path, written: str, entry: str, value: str) -> None:
    """`required` is removed, and a path relative to the image's folder becomes absolute."""
    image = replace(image_of("FROM scratch\n", name="web"), secrets=(written.format(root),))

    assert given_secrets(image, root, environ(root)) == ((entry.format(root),) if entry else ())
    assert set(build_secrets([image], root, environ(root))) >= ({value} if value else set())


def test_a_path_with_a_comma_is_quoted(root: Path) -> None:
    """A path with a comma is quoted: buildx reads the entry as CSV."""
    image = replace(image_of("FROM scratch\n", name="web"), secrets=("id=k,src=~/key",))
    (root / "home").rename(root / "ho,me")

    given = given_secrets(image, root, {"HOME": str(root / "ho,me")})

    assert given == (f'id=k,"src={root}/ho,me/key"',)


@pytest.mark.parametrize(("written", "why"), LOST)
def test_missing_secrets(root: Path, written: str, why: str) -> None:
    """The message names what was looked for."""
    image = replace(image_of("FROM scratch\n", name="web"), secrets=(written,))

    with pytest.raises(WorkError) as caught:
        given_secrets(image, root, environ(root))

    identity = dict(part.split("=") for part in written.split(","))["id"]
    assert caught.value.message == f"`web` lacks its secret `{identity}`: {why}"


@pytest.mark.parametrize(
    "written",
    [
        "id=a,env=SOURCE_DATE_EPOCH",
        "id=a,ENV=DOCKER_DEFAULT_PLATFORM",
        "id=a,type=env,src=BUILDX_GIT_LABELS",
        "id=SOURCE_DATE_EPOCH",
    ],
)
def test_a_variable_that_buildx_does_not_get(tmp_path: Path, written: str) -> None:
    """A variable that buildx does not get must not be a secret: it would be empty in the build."""
    image = f'secrets = ["{written}"]\n'
    write_tree(
        tmp_path, {"images/web/Dockerfile": "FROM scratch\n", "images/web/image.toml": image}
    )

    with pytest.raises(ConfigError, match="cannot hold a secret"):
        load(tmp_path, environ={})


PIPELINE = 'images = ["*"]\n[profiles.ci]\n'
ONE = '# two of them\nsecrets = [\n  "id=a,env=A",\n  "id=b,src=b",\n  "id=T,env=T",\n]\n'
TWO = '[profiles.ci]\nsecrets = ["id=c,env=C"]\n'


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    files = {
        "pipeline.toml": PIPELINE,
        "one/Dockerfile": "FROM scratch\n",
        "one/image.toml": ONE,
        "two/Dockerfile": "FROM scratch\nLABEL two=2\n",
        "two/image.toml": TWO,
    }
    write_tree(tmp_path, files)
    return load(tmp_path, profile="ci", environ={})


def planned(project: Project, *existing: str) -> Plan:
    """Return the plan for a registry with these images."""
    there = Present(Digest("sha256:" + "1" * 64))
    presence = {name: there if name in existing else Absent() for name in project.names}
    return plan(project, State(project, fingerprint(project), presence))


def test_all_missing_secrets_are_reported_at_once(project: Project) -> None:
    """All missing secrets are reported at once with their lines, before anything is done."""
    told: list[object] = []

    with pytest.raises(ConfigError) as caught:
        run(planned(project), report=told.append, environ={"T": "t"})

    assert [str(problem) for problem in caught.value.problems] == [
        "one/image.toml:3:3: `one` lacks its secret `a`: the variable `A` is not set",
        "one/image.toml:4:3: `one` lacks its secret `b`: there is no file `one/b`",
        "two/image.toml:2:12: `two` lacks its secret `c`: the variable `C` is not set",
    ]
    assert "`required=false`" in caught.value.problems[0].hint
    assert told == []


def test_an_existing_image_needs_no_secrets(project: Project) -> None:
    """An existing image needs no secrets, so its dependents can be built without them."""
    assert missing_secrets(planned(project, "one", "two"), {}) == ()
    found = missing_secrets(planned(project, "one"), {})
    assert [problem.location.file for problem in found if problem.location] == ["two/image.toml"]


def test_a_build_gets_only_its_own_variables(tmp_path: Path) -> None:
    """A build gets the variables of its own secrets, and those that docker needs."""
    secrets = {
        "api": ["id=t,env=THEIRS", "id=both,env=SHARED", "id=s3,env=AWS_SECRET_ACCESS_KEY"],
        "web": ["id=m,env=MINE", "id=SHARED"],
    }
    write_tree(
        tmp_path,
        {f"images/{name}/Dockerfile": "FROM scratch\n" for name in secrets}
        | {f"images/{name}/image.toml": f"secrets = {own}\n" for name, own in secrets.items()},
    )
    project = load(tmp_path)
    environ = dict.fromkeys(["THEIRS", "SHARED", "MINE", "AWS_SECRET_ACCESS_KEY", "LANG"], "x")
    web = project.image(project.names[-1])

    assert web.name == "web"
    assert environ.keys() - without_others(environ, project, [web]).keys() == {"THEIRS"}
    assert without_others(environ, project, project.images) == environ
