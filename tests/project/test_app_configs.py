"""One image in several environments: profiles, configurations per app, and file formats."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError, WorkError
from pipeline.project.name_app import name_app
from pipeline.runner.apps import apps_of

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem

EU = 'app = "acme-eu"\n'


def image(root: Path, name: str = "web", **files: str) -> Path:
    """Make an image's folder; a keyword `fly_eu_toml` writes the file `fly.eu.toml`."""
    folder = root / "images" / name
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text)
    return folder


def apps(root: Path, profile: str = "") -> list[tuple[str, str]]:
    """Return each app with the name of its configuration file."""
    found = apps_of(load(root, profile=profile or None, environ={}))
    return [(app.name, app.config.name if app.config else "") for app in found]


def problems_of(root: Path, profile: str = "") -> tuple[Problem, ...]:
    """Return the problems of the project."""
    with pytest.raises(ConfigError) as caught:
        load(root, profile=profile or None, environ={})
    return caught.value.problems


PROFILES = """\
args = { A = "1", B = "2" }
[deploy]
config = "fly.eu.toml"
strategy = "rolling"
[test]
command = ["true"]
[profiles.us]
args = { B = "3" }
deploy = { config = "fly.us.toml" }
[profiles.us.test]
timeout = 5
"""


def test_a_profile_is_merged_over_the_rest(tmp_path: Path) -> None:
    """A profile merges tables key by key and replaces everything else, as in `pipeline.toml`."""
    folder = image(tmp_path, image_toml=PROFILES, fly_eu_toml=EU, fly_us_toml='app = "acme-us"\n')
    (folder / "Dockerfile").write_text("FROM scratch\nARG A\nARG B\n")

    assert apps(tmp_path) == [("acme-eu", "fly.eu.toml")]
    assert apps(tmp_path, "us") == [("acme-us", "fly.us.toml")]
    (web,) = load(tmp_path, profile="us", environ={}).images
    assert dict(web.args) == {"A": "1", "B": "3"}
    assert web.deploy
    assert web.deploy.strategy == "rolling"
    assert web.test
    assert (web.test.command, web.test.timeout) == (("true",), 5)


@pytest.mark.parametrize(
    ("apps", "profile", "said"),
    [
        ('["acme"]', "", "`fly.eu.toml` goes to `acme`; this profile has no `apps`"),
        ('["acme", { name = "b", config = "fly.toml" }]', "", "`fly.eu.toml` goes to `acme`; "),
        ('[{ name = "b", config = "fly.toml" }]', "", "`fly.eu.toml` goes to no app, as each has"),
        ('["acme"]', 'apps = ["acme-eu"]', ""),
        ('["acme", "acme-eu"]', "", ""),
    ],
)
def test_a_profile_that_changes_only_the_configuration(
    tmp_path: Path, apps: str, profile: str, said: str
) -> None:
    """A profile that changes the configuration but not the apps gives a warning."""
    told = f'[deploy]\napps = {apps}\n[profiles.eu.deploy]\nconfig = "fly.eu.toml"\n{profile}\n'
    image(tmp_path, image_toml=told, fly_toml='app = "acme"\n', fly_eu_toml=EU)

    (web,) = load(tmp_path, profile="eu", environ={}).images
    (plain,) = load(tmp_path, environ={}).images

    assert plain.warnings == ()
    assert [str(w.location) for w in web.warnings] == ["images/web/image.toml:4:10"] * bool(said)
    assert said in "".join(w.message for w in web.warnings)


def test_a_profile_exists_if_any_file_has_it(tmp_path: Path) -> None:
    """A profile exists if any file has it; other images are unchanged."""
    image(tmp_path, image_toml='[profiles.staging]\nsalt = "1"\n')
    image(tmp_path, "api", fly_toml='app = "acme-api"\n')
    (tmp_path / "pipeline.toml").write_text('[profiles.local]\nfly = { org = "me" }\n')

    assert [i.salt for i in load(tmp_path, profile="staging", environ={})] == ["", "1"]
    assert [i.salt for i in load(tmp_path, environ={"PIPELINE_PROFILE": "local"})] == ["", ""]
    (problem,) = problems_of(tmp_path, "stagign")
    assert "there is no profile `stagign`, which `--profile` names" in problem.message
    assert problem.hint == "did you mean `staging`?"


@pytest.mark.parametrize(
    ("profile", "text", "place", "said"),
    [
        ("", '[profiles.us]\nslat = "1"\n', "2:1", "`slat` is not a key of `[profiles.us]`"),
        ("us", '[profiles.us.deploy]\nafter = ["wb"]\n', "2:10", "`wb`, which is not an image"),
        ("us", "[profiles.us]\nargs = { A = 1 }\n", "2:14", "must be a table of strings"),
        ("us", "[profiles.us.test]\ntimeout = 5\n", "1:14", "lacks `command`"),
        ("us", '[deploy]\nconfig = "fly.toml"\n[profiles.us.deploy]\nconfig = "n.toml"\n',
         "4:10", "there is no `images/web/n.toml`"),
        ("us", '[profiles.us]\ncontext = "../../.."\n', "2:11", "lies outside the project"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_profile_has_its_location(
    tmp_path: Path, profile: str, text: str, place: str, said: str
) -> None:
    """A mistake in a profile is reported at its own line, not at the one that it replaces."""
    image(tmp_path, image_toml=text, fly_toml=EU)

    (problem,) = problems_of(tmp_path, profile)

    assert str(problem.location) == f"images/web/image.toml:{place}"
    assert said in problem.message


def test_each_app_may_have_a_configuration_of_its_own(tmp_path: Path) -> None:
    """Each app may have its own configuration; others have that of the image."""
    listed = 'apps = ["acme-de", { name = "acme-us", config = "fly.us.yaml" }, { name = "acme-x" }]'
    image(
        tmp_path,
        image_toml=f"[deploy]\n{listed}\n",
        fly_toml=EU,
        fly_us_yaml="app: acme-us\n",
    )

    assert apps(tmp_path) == [
        ("acme-de", "fly.toml"),
        ("acme-us", "fly.us.yaml"),
        ("acme-x", "fly.toml"),
    ]


@pytest.mark.parametrize(
    ("listed", "place", "said", "hint"),
    [
        ('[{ nmae = "a" }]', "2:11", "`nmae` is not a key of `[deploy.apps]`", "mean `name`?"),
        ('[{ config = "a" }]', "2:9", "`[deploy.apps]` lacks `name`", "`name` is an app name"),
        ('[{ name = "A" }]', "2:18", "`A` is not an app name", "lower-case"),
        ('["a", { name = "b", config = 5 }]', "2:37", "`deploy.apps.1.config` must be a path", ""),
        ('["a", 5]', "2:14", "`deploy.apps` must be a list of app names", "in quotes"),
        ('[{ name = "b", config = "n.toml" }]', "2:32", "there is no `images/web/n.toml`", "add"),
        ('[{ name = "b", config = "../../../n" }]', "2:32", "lies outside the project", "inside"),
    ],
)
def test_a_wrong_app_has_its_location(
    tmp_path: Path, listed: str, place: str, said: str, hint: str
) -> None:
    """The location is that of the wrong key, or of the element without it."""
    image(tmp_path, image_toml=f"[deploy]\napps = {listed}\n", fly_toml=EU)

    (problem,) = [p for p in problems_of(tmp_path) if said in p.message]

    assert str(problem.location) == f"images/web/image.toml:{place}"
    assert hint in problem.hint


def test_an_app_of_two_images_is_reported(tmp_path: Path) -> None:
    """An app of two images is reported with the table, or the profile, that names it."""
    image(tmp_path, "api", fly_toml=EU)
    image(tmp_path, image_toml='[profiles.x.deploy]\napps = ["acme", { name = "acme-eu" }]\n')

    (problem,) = problems_of(tmp_path, "x")

    assert str(problem.location) == "images/web/image.toml:2:17"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"fly_json": '{"app": "acme-eu"}'}, "fly.json"),
        ({"fly_yaml": "app: acme-eu\n"}, "fly.yaml"),
        ({"fly_json": '{"app": "acme-eu"}', "fly_yaml": "app: other\n"}, "fly.json"),
        ({"fly_toml": EU, "fly_json": '{"app": "x"}'}, "fly.toml"),
    ],
)
def test_the_order_of_file_formats(tmp_path: Path, files: dict[str, str], name: str) -> None:
    """TOML before JSON before YAML, as for flyctl; each of them makes the folder an app."""
    image(tmp_path, **files)

    assert apps(tmp_path) == [("acme-eu", name)]


@pytest.mark.parametrize(
    ("file", "text", "place", "said", "hint"),
    [
        ("fly.json", '{\n "app" "a"}', ":2:8", "not JSON: expecting", "as JSON"),
        ("fly.json", '{\n "env": [1, {"b": "]"}],\n "app": "A"\n}', ":3:9", "`A` is not an", ""),
        ("fly.json", "[]", ":1:1", "it must be an object", ""),
        ("fly.json", '{"a": "\\ud800"}', "", "half of a pair", ""),
        ("fly.yaml", "env:\n  A: b: c\n", ":2:7", "not YAML: mapping values are not", "as YAML"),
        ("fly.yaml", "env: {A: 1}\napp: A\n", ":2:6", "`A` is not an app name", ""),
        ("fly.yaml", "env: &a\n  b: *a\n", ":1:6", "refers to itself", ""),
        ("fly.yaml", "app: a\napp: b\n", ":2:1", "`app` is there twice", ""),
        ("fly.yaml", "app: a\n---\napp: b\n", ":2:1", "another document", ""),
        ("fly.yaml", "8080: a\n", ":1:1", "a key must be a text", ""),
        ("fly.yaml", "app: a\nb: \x01\n", ":2:4", "special characters are not allowed", ""),
        ("fly.json", '{"a": ' + "9" * 5000 + "}", "", "not JSON: ", ""),
        ("fly.json", '{"b": ' + "[" * 90 + "]" * 90 + ', "app": "A"}', ":1:196", "`A` is no", ""),
        ("fly.json", '{"b": ' + "[" * 700 + "]" * 700 + "}", ":1:107", "deeper than 100", "remove"),
        ("fly.yml", "app: a\n", "", "flyctl does not read `fly.yml`", "rename it"),
        ("eu.yml", "app: a\n", ":1:4", "not TOML", "whose name ends with `.yaml`: rename it"),
    ],
)  # fmt: skip
def test_mistakes_in_json_and_yaml_have_a_location(
    tmp_path: Path, file: str, text: str, place: str, said: str, hint: str
) -> None:
    """Line and column, as in TOML."""
    named = '[deploy]\nconfig = "eu.yml"\n' if file == "eu.yml" else ""
    folder = image(tmp_path, image_toml=named)
    (folder / file).write_text(text)

    (problem,) = problems_of(tmp_path)

    assert str(problem.location) == f"images/web/{file}{place}"
    assert said in problem.message
    assert hint in problem.hint


def test_a_name_is_written_only_into_toml(tmp_path: Path) -> None:
    """`invoke apps --save` writes names only into TOML; other formats are left to the user."""
    folder = image(tmp_path, fly_json="{}")

    with pytest.raises(WorkError, match=r"fly.json` is JSON"):
        name_app(tmp_path, PurePosixPath("images/web/fly.json"), "acme")
    assert (folder / "fly.json").read_text() == "{}"


def test_yaml_is_read_as_by_go(tmp_path: Path) -> None:
    """`no` is a string (flyctl reads YAML 1.2), and `<<` merges."""
    text = "x: &x {app: other, a: 1}\n<<: *x\napp: no\n"
    image(tmp_path, fly_yaml=text)

    assert apps(tmp_path) == [("no", "fly.yaml")]
