"""`[build]` of a `fly.toml`: it is built like by `fly deploy`; `image.toml` has priority."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem
    from pipeline.model.image import Image

DOCKERFILE = "FROM scratch AS a\nARG V\nFROM a AS b\nFROM a AS c\n"


def project(root: Path, build: str, *, name: str = "fly.toml", settings: str = "") -> Path:
    """Make an image `web` whose `fly.toml` has these lines below `[build]`."""
    folder = root / "images" / "web"
    (folder / "docker").mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "docker" / "Prod").write_text("FROM scratch AS prod\n")
    (folder / name).write_text(f'app = "acme"\n[build]\n{build}')
    (folder / "image.toml").write_text(settings)
    return folder


def web(root: Path) -> Image:
    """Load the project and return its image."""
    return load(root).images[0]


def problems_of(root: Path) -> list[Problem]:
    """Return the problems of the project."""
    with pytest.raises(ConfigError) as caught:
        load(root)
    return list(caught.value.problems)


@pytest.mark.parametrize("path", ["docker/Prod", "/docker/Prod", "./docker/../docker/Prod"])
def test_a_dockerfile_is_relative_to_the_configuration(tmp_path: Path, path: str) -> None:
    """`dockerfile` is relative to the configuration; the context stays the image's folder."""
    project(tmp_path, f'dockerfile = "{path}"\n')

    image = web(tmp_path)

    assert str(image.dockerfile) == "images/web/docker/Prod"
    assert str(image.context) == "images/web"
    assert str(image.origins["dockerfile"]) == "images/web/fly.toml:3:14"
    assert image.warnings == ()


@pytest.mark.parametrize("key", ["build-target", "build_target", "Build-Target"])
def test_target_and_arguments(tmp_path: Path, key: str) -> None:
    """Target and arguments are in the fingerprint; mistakes have their location."""
    project(tmp_path, f'{key} = "b"\n[build.args]\nV = "1"\n')

    image = web(tmp_path)

    assert (image.target, dict(image.args), dict(image.declared)) == ("b", {"V": "1"}, {"V": "1"})
    assert {k: str(v) for k, v in fingerprint(load(tmp_path))[image.name].origins.items()} == {
        "target": f"images/web/fly.toml:3:{len(key) + 4}",
        "args.V": "images/web/fly.toml:5:5",
    }


def test_keys_are_found_in_any_case_of_letters(tmp_path: Path) -> None:
    """Keys match in any case of letters, as in Go's JSON decoder, which flyctl uses."""
    folder = project(tmp_path, "")
    (folder / "fly.toml").write_text('App = "acme"\n[Build]\nDockerFile = "docker/Prod"\n')

    image = web(tmp_path)

    assert image.deploy
    assert image.deploy.apps == ("acme",)
    assert str(image.dockerfile) == "images/web/docker/Prod"
    assert str(image.origins["dockerfile"]) == "images/web/fly.toml:3:14"


def test_json_and_yaml(tmp_path: Path) -> None:
    """JSON and YAML work the same, with their own locations."""
    folder = project(tmp_path, "")
    (folder / "fly.toml").unlink()
    (folder / "fly.yaml").write_text("app: acme\nbuild:\n  build-target: b\n  args: {V: '1'}\n")

    image = web(tmp_path)

    assert (image.target, dict(image.args)) == ("b", {"V": "1"})
    assert str(image.origins["target"]) == "images/web/fly.yaml:3:17"


def test_a_dockerfile_in_lower_case(tmp_path: Path) -> None:
    """`dockerfile` in lower case is found if there is no other, as by BuildKit and flyctl."""
    folder = project(tmp_path, "")
    (folder / "Dockerfile").rename(folder / "dockerfile")
    base = tmp_path / "images" / "base"
    base.mkdir()
    (base / "dockerfile").write_text(DOCKERFILE)

    assert [str(image.dockerfile) for image in load(tmp_path)] == [
        "images/base/dockerfile",
        "images/web/dockerfile",
    ]


def test_image_toml_has_priority(tmp_path: Path) -> None:
    """A value that `image.toml` replaces gives a warning, an equal or single one does not."""
    project(
        tmp_path,
        'dockerfile = "docker/Prod"\nbuild-target = "b"\n[build.args]\nV = "1"\n',
        settings='dockerfile = "Dockerfile"\ntarget = "a"\nargs = { V = "1" }\n',
    )

    image = web(tmp_path)

    assert str(image.dockerfile) == "images/web/Dockerfile"
    assert (image.target, dict(image.args)) == ("a", {"V": "1"})
    assert [str(warning.location) for warning in image.warnings] == [
        "images/web/fly.toml:3:14",
        "images/web/fly.toml:4:16",
    ]
    assert "`build-target` is `b` here, and `a` at images/web/image.toml:2:10" in str(
        image.warnings[1]
    )


def test_an_undeclared_argument_is_a_warning(tmp_path: Path) -> None:
    """An undeclared argument gives a warning with the nearest name, as flyctl accepts it."""
    project(tmp_path, '[build.args]\nVV = "1"\n')

    (warning,) = web(tmp_path).warnings

    assert str(warning.location) == "images/web/fly.toml:4:6"
    assert "has no `ARG VV`" in warning.message
    assert warning.hint == "did you mean `V`?"


@pytest.mark.parametrize(
    ("build", "place", "said"),
    [
        ('builder = "paketo/b"\n', "3:11", "`builder`: only a Dockerfile can be built"),
        ('buildpacks = ["a"]\n', "3:14", "`buildpacks`: only a Dockerfile"),
        ('builtin = "node"\n', "3:11", "`builtin`: only a Dockerfile"),
        ('dockerfile = "https://x.test/D"\n', "3:14", "`dockerfile` is a URL"),
        ('dockerfile = "../../../D"\n', "3:14", "`dockerfile` lies outside the project"),
        ('dockerfile = "Prod"\n', "3:14", "there is no `images/web/Prod`"),
        ("dockerfile = 5\n", "3:14", "`build.dockerfile` must be a string"),
        ('build-target = "d"\n', "3:16", "there is no stage `d`, the target"),
        ("args = { V = 1 }\n", "3:14", "`build.args.V` must be a string"),
        ('args = "V=1"\n', "3:8", "`build.args` must be a table"),
        ('ignorefile = "../../../x"\n', "3:14", "`ignorefile` lies outside the project"),
    ],
)
def test_an_unsupported_value_is_an_error(
    tmp_path: Path, build: str, place: str, said: str
) -> None:
    """An unsupported value is an error with location and hint."""
    project(tmp_path, build)

    (problem,) = problems_of(tmp_path)

    assert str(problem.location) == f"images/web/fly.toml:{place}"
    assert said in problem.message
    assert problem.hint


def test_dockerfile_has_priority_over_builder(tmp_path: Path) -> None:
    """`dockerfile` has priority over `builder`, as the error suggests."""
    project(tmp_path, 'builder = "p"\n', settings='dockerfile = "Dockerfile"\n')

    (warning,) = web(tmp_path).warnings

    assert "`builder` is ignored" in warning.message


def test_image_has_priority_over_dockerfile(tmp_path: Path) -> None:
    """`image` is deployed without a build; a `target` beside it has no effect."""
    project(tmp_path, 'image = "nginx:1.27"\nbuild-target = "b"\n')

    image = web(tmp_path)

    assert str(image.public) == "docker.io/library/nginx:1.27"
    (warning,) = image.warnings
    assert "`images/web/Dockerfile` is not built" in warning.message
    assert str(warning.location) == "images/web/fly.toml:3:9"


def test_image_has_no_priority_over_image_toml(tmp_path: Path) -> None:
    """`image` does not have priority over `image.toml`."""
    project(tmp_path, 'image = "nginx:1.27"\n', settings='target = "b"\n')

    image = web(tmp_path)

    assert (image.public, image.target) == (None, "b")
    (warning,) = image.warnings
    assert "`nginx:1.27` is not deployed" in warning.message


@pytest.mark.parametrize(
    ("path", "beside", "said"),
    [
        ("my.ignore", "a", "BuildKit reads `images/web/.dockerignore`"),
        (".dockerignore", "a", ""),
        (
            ".dockerignore",
            "Dockerfile.dockerignore",
            "BuildKit reads `images/web/Dockerfile.dockerignore`",
        ),
        ("Dockerfile.dockerignore", "a", ""),
    ],
)
def test_an_unused_ignore_file_is_a_warning(
    tmp_path: Path, path: str, beside: str, said: str
) -> None:
    """An ignore file that only flyctl uses, for builds without BuildKit, gives a warning."""
    folder = project(tmp_path, f'ignorefile = "{path}"\n')
    (folder / path).write_text("a\n")
    (folder / beside).write_text("b\n")

    warnings = web(tmp_path).warnings

    assert [str(w.location) for w in warnings] == ["images/web/fly.toml:3:14"] * bool(said)
    assert said in "".join(w.message for w in warnings)


def test_apps_of_one_image_have_the_same_build(tmp_path: Path) -> None:
    """Apps of one image must have the same `[build]`; the error has both locations."""
    folder = project(
        tmp_path,
        'build-target = "b"\n[build.args]\nV = "1"\n',
        settings='[deploy]\napps = ["eu", { name = "us", config = "fly.us.toml" }]\n',
    )
    (folder / "fly.us.toml").write_text('[build]\nbuild-target = "c"\n')

    found = problems_of(tmp_path)

    assert [str(problem.location) for problem in found] == [
        "images/web/fly.us.toml",
        "images/web/fly.us.toml:2:16",
    ]
    assert "`args.V` is not set here, and `1` at images/web/fly.toml:5:5" in found[0].message
    assert "`c` here, and `b` at images/web/fly.toml:3:16" in found[1].message

    settings = (folder / "image.toml").read_text()
    (folder / "image.toml").write_text(settings.replace('"eu", ', ""))
    # Unless it is an app itself, the folder's default configuration is not used.
    assert web(tmp_path).target is None

    (folder / "image.toml").write_text(settings)
    (folder / "image.toml").write_text(
        'target = "a"\nargs = { V = "2" }\n' + (folder / "image.toml").read_text()
    )
    assert web(tmp_path).target == "a"


def test_the_project_folder_as_an_image(tmp_path: Path) -> None:
    """The project folder can be the image of a single app; its name must be set."""
    (tmp_path / "pipeline.toml").write_text('images = ["."]\n')
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(ConfigError, match="the project's own folder gives an image no name"):
        load(tmp_path)

    (tmp_path / "image.toml").write_text('name = "web"\n')

    (image,) = load(tmp_path).images
    assert (image.name, str(image.dockerfile)) == ("web", "Dockerfile")
