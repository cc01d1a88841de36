"""Entries of `images`: globs of Dockerfiles, names made by templates, one context for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.project import Project

EMPTY = "FROM scratch\n"


def project(root: Path, images: str, *paths: str, **files: str) -> Project:
    """Load a project with these `images`; `paths` are files of one line, `files` others."""
    tree = {path: EMPTY if "ockerfile" in path else "" for path in paths}
    write_tree(root, {"pipeline.toml": f"images = {images}\n", **tree, **files})
    return load(root, environ={})


def names(root: Path, images: str, *paths: str) -> dict[str, str]:
    """Return the Dockerfile of each image, by its name."""
    return {image.name: str(image.dockerfile) for image in project(root, images, *paths)}


def problem(root: Path, images: str, *paths: str, **files: str) -> tuple[str, str]:
    """Return location and message of the only problem, and what to do."""
    with pytest.raises(ConfigError) as caught:
        project(root, images, *paths, **files)
    (found,) = caught.value.problems
    return str(found), found.hint


NESTED = ("src/8.3/alpine/Cli/Dockerfile", "src/8.4/alpine/Cli/Dockerfile")
MANY = ("docker/web.Dockerfile", "docker/Dockerfile.jobs", "docker/Dockerfile")
NAMES = {
    "a glob of files": ('["**/*.Dockerfile"]', MANY, {"web": MANY[0]}),
    "a stem, else the folder": (
        '["docker/*Dockerfile*"]',
        MANY,
        {"web": MANY[0], "jobs": MANY[1], "docker": MANY[2]},
    ),
    "a template": (
        '[{ path = "docker/*ockerfile*", name = "{folder}-{stem}" }]',
        MANY,
        {"docker-web": MANY[0], "docker-jobs": MANY[1], "docker": MANY[2]},
    ),
    "the whole path": (
        '[{ path = "src/**", name = "{path}" }]',
        NESTED,
        {"8.3-alpine-cli": NESTED[0], "8.4-alpine-cli": NESTED[1]},
    ),
    "parents": (
        '[{ path = "src/8.3/*/*", name = "php-{parent}-{folder}" }]',
        NESTED,
        {"php-alpine-cli": NESTED[0]},
    ),
    "the first entry": (
        '[{ path = "docker", name = "all" }, "docker/Dockerfile"]',
        MANY,
        {"all": MANY[2]},
    ),
    "what is fitted": (
        '[{ path = "*", name = "{folder}" }]',
        ("My App/Dockerfile", "_Ünit/Dockerfile"),
        {"my-app": "My App/Dockerfile", "unit": "_Ünit/Dockerfile"},
    ),
    "no ignore file": (
        '["*/Dockerfile*"]',
        ("web/Dockerfile", "web/Dockerfile.dockerignore"),
        {"web": "web/Dockerfile"},
    ),
    "a file of any name": ('["docker/web.df"]', (), {"web": "docker/web.df"}),
    "the root": (
        '[{ path = ".", name = "site" }, "Dockerfile.jobs"]',
        ("Dockerfile", "Dockerfile.jobs"),
        {"site": "Dockerfile", "jobs": "Dockerfile.jobs"},
    ),
    "folders only": (
        '["images/*"]',
        ("images/web/Dockerfile", "images/Dockerfile"),
        {"web": "images/web/Dockerfile"},
    ),
}


@pytest.mark.parametrize(("images", "paths", "found"), NAMES.values(), ids=NAMES)
def test_names(tmp_path: Path, images: str, paths: tuple[str, ...], found: dict[str, str]) -> None:
    """What the globs match, and the names of the images."""
    write_tree(tmp_path, {"docker/web.df": EMPTY})
    assert names(tmp_path, images, *paths) == found


def test_one_context_for_all(tmp_path: Path) -> None:
    """It is relative to the root; an `image.toml` has priority, and is relative to its folder."""
    found = project(
        tmp_path,
        '[{ path = "src/*", context = "." }]',
        "src/a/Dockerfile",
        "src/b/Dockerfile",
        **{"src/b/image.toml": 'context = "."\n'},
    )
    assert {image.name: str(image.context) for image in found} == {"a": ".", "b": "src/b"}
    assert {image.context_location for image in found} == {None}


def test_a_context_that_is_not_there_yet(tmp_path: Path) -> None:
    """Its location is in `pipeline.toml`: the build that needs it says so."""
    (image,) = project(tmp_path, '[{ path = "a", context = "dist" }]', "a/Dockerfile")
    assert str(image.context_location) == "pipeline.toml:1:35"


def test_each_image_of_a_folder_has_its_own_settings_and_configuration(tmp_path: Path) -> None:
    """`image.toml` and `fly.toml` belong to `Dockerfile`."""
    found = project(
        tmp_path,
        '["app/Dockerfile*"]',
        "app/Dockerfile",
        "app/Dockerfile.cron",
        **{
            "app/Dockerfile.jobs": "ARG V\nFROM scratch\n",
            "app/image.toml": 'salt = "1"\n',
            "app/image.jobs.toml": 'args = { V = "2" }\n',
            "app/fly.toml": 'app = "acme"\n',
            "app/fly.jobs.toml": 'app = "acme-jobs"\n',
        },
    )
    assert {i.name: (i.salt, dict(i.args), str(i.settings_file)) for i in found} == {
        "app": ("1", {}, "app/image.toml"),
        "jobs": ("", {"V": "2"}, "app/image.jobs.toml"),
        "cron": ("", {}, "app/image.cron.toml"),
    }
    assert {i.name: i.deploy.apps for i in found if i.deploy} == {
        "app": ("acme",),
        "jobs": ("acme-jobs",),
    }


def test_the_only_image_of_a_folder_has_what_is_there(tmp_path: Path) -> None:
    """Whatever its Dockerfile is called."""
    found = project(
        tmp_path,
        '["app/prod.Dockerfile"]',
        "app/prod.Dockerfile",
        "app/Dockerfile",
        **{"app/image.toml": 'salt = "1"\n', "app/fly.toml": 'app = "acme"\n'},
    )
    (image,) = found
    assert (image.name, image.salt, found.apps) == ("prod", "1", ("acme",))


def test_images_of_one_dockerfile_by_their_configurations(tmp_path: Path) -> None:
    """A Phoenix umbrella: each release is a `fly.NAME.toml` with an argument."""
    config = 'app = "acme-{0}"\n[build]\nargs = {{ RELEASE = "{0}" }}\n'
    found = project(
        tmp_path,
        '["fly.*.toml"]',
        **{
            "Dockerfile": "ARG RELEASE\nFROM scratch\n",
            "fly.web.toml": config.format("web"),
            "fly.admin.toml": config.format("admin"),
        },
    )
    assert {i.name: (str(i.dockerfile), dict(i.args)) for i in found} == {
        "web": ("Dockerfile", {"RELEASE": "web"}),
        "admin": ("Dockerfile", {"RELEASE": "admin"}),
    }
    assert found.apps == ("acme-admin", "acme-web")


def test_a_configuration_that_no_image_has_is_a_warning(tmp_path: Path) -> None:
    """Unless one of them names it."""
    paths = ("app/Dockerfile.web", "app/Dockerfile.jobs")
    files = {"app/fly.toml": 'app = "acme"\n'}
    found = project(tmp_path, '["app/Dockerfile.*"]', *paths, **files)
    assert found.apps == ()
    assert found.warnings[0].startswith("`app/fly.toml` belongs to none of the images")
    files["app/image.web.toml"] = '[deploy]\nconfig = "fly.toml"\n'
    found = project(tmp_path, '["app/Dockerfile.*"]', *paths, **files)
    assert (found.apps, found.warnings) == (("acme",), ())


WRONG = {
    "an unknown word": (
        '[{ path = "*", name = "{foldr}" }]',
        "pipeline.toml:1:32: `{foldr}` asks for {foldr}",
        "did you mean `folder`?",
    ),
    "no path": ('[{ name = "a" }]', "pipeline.toml:1:11: ", "`path` is a glob"),
    "an unknown key": ('[{ path = "a", nam = "a" }]', "pipeline.toml:1:25: `nam`", "`name`?"),
    "one name": (
        '["a", { path = "b/*", name = "same" }]',
        "pipeline.toml:1:39: it gives `b/d` the name `same` of `b/c`",
        "{folder}",
    ),
    "no name": (
        '[{ path = "日本", name = "{folder}" }]',
        "pipeline.toml:1:33: it gives `日本` no name",
        "write other",
    ),
    "a name that does not fit": ('["B"]', "B: `B` is not an image name", "rename the folder"),
    "a stem that does not fit": (
        '["a/Dockerfile.X"]',
        "a/Dockerfile.X: `X` is not",
        'set `name = "…"` in its `image.toml`',
    ),
    "no file": (
        '["a/*.Dockerfile"]',
        "pipeline.toml:1:11: `a/*.Dockerfile` matches no Dockerfile",
        "looked for",
    ),
    "no folder": (
        '[{ path = "none/*" }]',
        "pipeline.toml:1:20: `none/*` matches no folder",
        "looked for",
    ),
    "a context outside": (
        '[{ path = "a", context = "../x" }]',
        "pipeline.toml:1:35: `../x` leaves the project",
        "relative to its root",
    ),
    "two Dockerfiles of a stem": (
        '["e/fly.web.toml"]',
        "pipeline.toml:1:11: `e` has `Dockerfile.web` and `web.Dockerfile`",
        "rename one",
    ),
    "an image.toml for several": (
        '["f/Dockerfile.*"]',
        "f/image.toml: it is for one image, and there are 2 in this folder",
        "`image.x.toml`",
    ),
    "another Dockerfile": (
        '["g/Dockerfile"]',
        "g/fly.toml:1:24: `g/Dockerfile.x` here, but `images` matches this image by `g/Dockerfile`",
        "match the folder",
    ),
    "files of one name": (
        '["e/*.Dockerfile", "e/Dockerfile.*"]',
        "e/web.Dockerfile: the name `web` is taken by `e/Dockerfile.web`",
        "rename one of the files",
    ),
}


@pytest.mark.parametrize(("images", "said", "hint"), WRONG.values(), ids=WRONG)
def test_mistakes(tmp_path: Path, images: str, said: str, hint: str) -> None:
    """Each has its location, and what to do."""
    folders = ("a", "b/c", "b/d", "B", "日本")
    stems = ("a/Dockerfile.X", "e/Dockerfile.web", "e/web.Dockerfile", "f/Dockerfile.x")
    paths = (*(f"{folder}/Dockerfile" for folder in folders), *stems, "f/Dockerfile.y")
    files = {
        "e/fly.web.toml": 'app = "web"\n',
        "f/image.toml": "",
        "g/Dockerfile": EMPTY,
        "g/Dockerfile.x": EMPTY,
        "g/fly.toml": 'build = { dockerfile = "Dockerfile.x" }\napp = "g"\n',
    }
    told, advice = problem(tmp_path, images, *paths, **files)
    assert told.startswith(said)
    assert hint in advice


def test_a_profile_has_images_of_its_own(tmp_path: Path) -> None:
    """As a list, it replaces the other, and is located in the profile."""
    text = 'images = ["a"]\n[profiles.p]\nimages = [{ path = "b", name = "{folder}-{stm}" }]\n'
    write_tree(tmp_path, {"pipeline.toml": text, "a/Dockerfile": EMPTY, "b/Dockerfile": EMPTY})
    with pytest.raises(ConfigError, match=r"pipeline.toml:3:32: .*{stm}"):
        load(tmp_path, environ={})
    (tmp_path / "pipeline.toml").write_text(text.replace("{stm}", "{stem}"))
    assert load(tmp_path, environ={}).names == ("a",)
    assert load(tmp_path, profile="p", environ={}).names == ("b",)
