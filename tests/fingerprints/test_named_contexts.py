"""`[contexts]`: named folders of the project; what is read of them is in the fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline import fingerprint, load
from pipeline.console.as_json import inputs_json
from pipeline.errors import ConfigError
from pipeline.reference import ImageName

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.inputs import Inputs

WEB = ImageName("web")
LIBS = '[contexts]\nlibs = "../../libs"\n'
DOCKERFILE = "FROM scratch\nCOPY --from=libs /src /src\n"


def project(root: Path, dockerfile: str = DOCKERFILE, settings: str = LIBS) -> Path:
    """Make an image `web` and the folder `libs`, whose ignore file excludes a secret."""
    folder = root / "images" / "web"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "image.toml").write_text(settings)
    libs = root / "libs"
    (libs / "src").mkdir(parents=True)
    for name in ("src/a", "src/secret", "other"):
        (libs / name).write_text(name)
    (libs / ".dockerignore").write_text("**/secret\n")
    return libs


def inputs(root: Path) -> Inputs:
    """Return the inputs of the image."""
    return fingerprint(load(root))[WEB]


def test_what_is_read_of_a_context_counts(tmp_path: Path) -> None:
    """According to its own ignore file."""
    libs = project(tmp_path)
    before = inputs(tmp_path)

    (libs / "other").write_text("else")
    (libs / "src" / "secret").write_text("else")
    assert inputs(tmp_path).fingerprint == before.fingerprint

    (libs / "src" / "a").write_text("else")
    assert inputs(tmp_path).fingerprint != before.fingerprint


def test_inputs_show_the_context(tmp_path: Path) -> None:
    """Its folder, its files, and its ignore file; it is no external."""
    project(tmp_path)

    document: Any = inputs_json(inputs(tmp_path))

    assert document["externals"] == {}
    (shown,) = document["contexts"].values()
    assert list(document["contexts"]) == ["libs"]
    assert shown["path"] == "libs"
    assert [entry["path"] for entry in shown["files"]] == ["src", "src/a"]
    assert shown["ignore_file"] == "libs/.dockerignore"


def test_another_name_or_context_is_another_fingerprint(tmp_path: Path) -> None:
    """The same files by another name, or from another context, are different inputs."""
    project(tmp_path, settings='context = "../../libs"\n' + LIBS)
    named = inputs(tmp_path)
    folder = tmp_path / "images" / "web"
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY /src /src\n")

    plain = inputs(tmp_path)

    assert plain.entries == named.contexts["libs"].entries
    assert plain.key != named.key


def test_a_context_has_priority_over_an_image(tmp_path: Path) -> None:
    """It makes no edge in the graph, as in BuildKit."""
    project(tmp_path)
    base = tmp_path / "images" / "libs"
    base.mkdir()
    (base / "Dockerfile").write_text("FROM scratch\n")

    assert load(tmp_path).image(WEB).bases == ()


def test_missing_sources_and_folders(tmp_path: Path) -> None:
    """A missing source in it, and the missing folder if it is needed."""
    project(tmp_path, "FROM scratch\nCOPY --from=libs srx /\n")
    with pytest.raises(ConfigError) as caught:
        inputs(tmp_path)
    (problem,) = caught.value.problems
    assert str(problem.location) == "images/web/Dockerfile:2:18"
    assert problem.hint == "did you mean `src`?"

    (tmp_path / "images" / "web" / "image.toml").write_text('[contexts]\nlibs = "none"\n')
    load(tmp_path)
    with pytest.raises(ConfigError, match=r"image.toml:2:8: .*`images/web/none`, is not a folder"):
        inputs(tmp_path)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('libs = "https://x.test/l.git"', "2:8", "what `https` leads to may change"),
        ('libs = "docker-image://alpine"', "2:8", "what `docker-image` leads to may change"),
        ('libs = "oci-layout://./x"', "2:8", "what `oci-layout` leads to"),
        ('libs = "target:web"', "2:8", "what `target` leads to"),
        ('libs = "git@x.test:l.git"', "2:8", "is not a folder of the project"),
        ('libs = "../../.."', "2:8", "`libs` lies outside the project"),
        ('libs = "/libs"', "2:8", "`libs` lies outside the project"),
        ("libs = 5", "2:8", "`contexts` must be a table of folders"),
        ('context = "../../libs"', "2:1", "BuildKit reserves the name `context`"),
        ('scratch = "../../libs"', "2:1", "BuildKit reserves the name `scratch`"),
        ('Libs = "../../libs"', "2:1", "`Libs` is not a name of a context"),
        ('"libs:latest" = "../../libs"', "2:1", "BuildKit looks for `libs:latest` as `libs`"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, text: str, place: str, said: str) -> None:
    """With reason and location."""
    project(tmp_path, settings=f"[contexts]\n{text}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem.location) == f"images/web/image.toml:{place}"
    assert said in problem.message


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    """The real path counts, not the link."""
    root = tmp_path / "project"
    project(root)
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "images" / "web" / "image.toml").write_text('[contexts]\nlibs = "../../link"\n')

    with pytest.raises(ConfigError, match="lies outside the project"):
        load(root)


def test_an_unused_context_is_a_warning(tmp_path: Path) -> None:
    """Usually a typing error: the name in the Dockerfile then means an image."""
    project(tmp_path, settings='[contexts]\nlib = "../../libs"\n')

    (warning,) = load(tmp_path).image(WEB).warnings

    assert str(warning) == (
        "images/web/image.toml:2:7: nothing in `images/web/Dockerfile` takes from `lib`"
    )
    assert warning.hint == "did you mean `libs`?"
