"""`requires` in `pipeline.toml`: which versions of the pipeline may be used."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import ConfigError
from pipeline.project.load import load
from pipeline.project.required_version import allows

PYPROJECT = Path(pipeline.__file__).parents[1] / "pyproject.toml"


@pytest.mark.parametrize(
    ("wanted", "this", "allowed"),
    [
        (">=0.2", "0.2.0", True),
        (">=0.2", "0.1.9", False),
        (">=0.2", "0.10.0", True),
        (">=0.2,<0.3", "0.3.0", False),
        ("~=0.2.1", "0.2.0", False),
        ("==0.2.*", "0.2.7", True),
        ("!=0.2.3", "0.2.3", False),
        (">=0.2", "0.3.0.dev4", True),
        (">=0.3", "0.3.0.dev4", False),
        (">=0.2", "0.2.0+acme.1", True),
    ],
)
def test_allowed_versions(wanted: str, this: str, *, allowed: bool) -> None:
    """PEP 440 rules; development versions count like others."""
    assert allows(wanted, this) is allowed


def problems(root: Path, text: str, profile: str | None = None) -> list[str]:
    """Return the problems of a `pipeline.toml`."""
    (root / "pipeline.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(root, profile=profile, environ={})
    return [f"{problem} | {problem.hint}" for problem in caught.value.problems]


def test_a_wrong_version_is_reported_first(tmp_path: Path) -> None:
    """A wrong version is reported first, with what to install, and without unknown keys."""
    (tmp_path / "images" / "web").mkdir(parents=True)
    (tmp_path / "images" / "web" / "image.toml").write_text("unheard = 1\n", encoding="utf-8")
    text = 'invented = true\nrequires = ">=9"\n[registry]\nhots = "x"\n[new]\na = 1\n'

    (said,) = problems(tmp_path, text, profile="nosuch")

    this = pipeline.__version__
    assert said.startswith(
        f"pipeline.toml:2:12: this project requires Fly Image Pipeline >=9, and this is {this}"
    )
    assert 'install "fly-image-pipeline>=9"' in said


@pytest.mark.parametrize(
    "wrong", ['"0.2"', '">=0.2 <1"', '""', '"latest"', "0.2", "true", '[">=0.2"]']
)
def test_an_invalid_specifier(tmp_path: Path, wrong: str) -> None:
    """An invalid specifier is reported with its location among other problems."""
    said = problems(tmp_path, f"requires = {wrong}\nhots = 1\n")

    assert [line.partition(": ")[0] for line in said] == ["pipeline.toml:1:12", "pipeline.toml:2:1"]
    assert '">=0.' in said[0]


def test_this_version(tmp_path: Path) -> None:
    """The current version is allowed with any profile, and kept for `doctor`."""
    text = f'requires = ">={pipeline.__version__}"\n[profiles.local.deploy]\ndriver = "docker"\n'
    (tmp_path / "pipeline.toml").write_text(text, encoding="utf-8")
    (tmp_path / "images" / "web").mkdir(parents=True)
    (tmp_path / "images" / "web" / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")

    project = load(tmp_path, profile="local", environ={})

    assert project.settings.requires == f">={pipeline.__version__}"


def test_the_version_is_defined_once() -> None:
    """The version is defined once, in the package."""
    told = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))

    assert told["project"]["dynamic"] == ["version"]
    assert told["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "pipeline.__version__"}
    assert version("fly-image-pipeline")
