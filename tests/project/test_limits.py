"""Configuration that would take a reader very long, or produce endless messages.

No test measures time: with code that is too slow, a row does not end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError
from pipeline.model.settings import RegistrySettings
from pipeline.project.edges import project_names
from pipeline.reference import ImageName

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem

MANY = 400
WEB = "images/web"


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _problems(root: Path, files: dict[str, str]) -> tuple[Problem, ...]:
    _write(root, {f"{WEB}/Dockerfile": "FROM scratch\n", **files})
    with pytest.raises(ConfigError) as caught:
        load(root, environ={})
    return caught.value.problems


def _lines(count: int, line: str) -> str:
    return "".join(line.format(n=n) + "\n" for n in range(count))


INLINE = ",".join(f"k{n}=1" for n in range(MANY))
JSON = ",".join(f'"k{n}": 1' for n in range(MANY))
NAMES = [f"a{n}" for n in range(MANY)]
FAULTS = {
    "keys": {"pipeline.toml": _lines(MANY, "k{n} = 1")},
    "tables": {"pipeline.toml": _lines(MANY, "[k{n}]")},
    "keys of one line": {"pipeline.toml": f"registry = {{{INLINE}}}\n"},
    "keys of an image": {f"{WEB}/image.toml": _lines(MANY, "k{n} = 1")},
    "tags": {f"{WEB}/image.toml": f"aliases = {[f'a {n}' for n in range(MANY)]}\n"},
    "arguments": {f"{WEB}/image.toml": "[args]\n" + _lines(MANY, 'A{n} = "x"')},
    "bound arguments": {f"{WEB}/image.toml": "[bases]\n" + _lines(MANY, 'A{n} = "nope"')},
    "images": {f"{WEB}/image.toml": f"[deploy]\napps = ['a']\nafter = {NAMES}\n"},
}


@pytest.mark.parametrize("files", FAULTS.values(), ids=FAULTS)
def test_the_first_of_many_problems_are_reported(tmp_path: Path, files: dict[str, str]) -> None:
    """The first problems are reported, and the number of the others."""
    found = _problems(tmp_path, files)

    assert len(found) == 101
    assert f"and {MANY - 100:,} more problems" in "".join(p.message for p in found)


DEEP = {
    "a key": (".".join(["a"] * 900) + " = 1\n", "nested deeper than 100"),
    "a table": (f"[{'.'.join(['a'] * 900)}]\n", "nested deeper than 100"),
    "lists": (f"a = {'[' * 200}{']' * 200}\n", "nested deeper than 100"),
    "deep lists": (f"a = {'[' * 50_000}{']' * 50_000}\n", "nested too deeply"),
    "deep tables": (f"a = {'{a=' * 50_000}1{'}' * 50_000}\n", "nested too deeply"),
    "profiles": (_lines(1_000, '[profiles.p{n}]\nregistry = {{ host = "a.b" }}'), "too many"),
    "globs": (f"images = {[f'images/{n}*' for n in range(501)]}\n", "`images` has 501 globs"),
    "a long name": (f"images = ['{'[' * 300}']\n", "longer than any path"),
    "versions": (f"requires = '>={'9' * 5_000}'\n", "longer than 255 characters"),
    "platforms": (
        f"build.platforms = {[f'linux/a{n}' for n in range(51)]}\n",
        "51 platforms are more than there are",
    ),
    "many parts": (f"images = ['{'/'.join(['**'] * 101)}']\n", "longer than any path"),
}


@pytest.mark.parametrize(("text", "said"), DEEP.values(), ids=DEEP)
def test_extreme_values_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """Refused with one sentence."""
    (problem,) = _problems(tmp_path, {"pipeline.toml": text})

    assert said in problem.message


OF_AN_APP = {
    "JSON in one line": ("fly.json", f'{{"app": "a", "build": {{"args": {{{JSON}}}}}}}', "string"),
    "YAML of brackets": ("fly.yaml", f"app: a\nx: {'[' * 20_000}\n", "nested too deeply"),
    "YAML of lines": ("fly.yaml", "app: a\n" + "# a: b\n" * 30_000, "more nodes than can be read"),
}


@pytest.mark.parametrize(("name", "text", "said"), OF_AN_APP.values(), ids=OF_AN_APP)
def test_app_configurations_have_limits(tmp_path: Path, name: str, text: str, said: str) -> None:
    """JSON and YAML have limits, too."""
    found = _problems(tmp_path, {f"{WEB}/{name}": text})

    assert said in found[0].message


@pytest.mark.parametrize("stars", ["/**" * 40, "/*/**" * 7, "/**/**/*" * 7])
def test_each_folder_is_visited_once(tmp_path: Path, stars: str) -> None:
    """Each folder is visited once, however many paths lead to it."""
    deep = "/".join(["images", *["a"] * 25, "q"])
    _write(tmp_path, {f"{deep}/Dockerfile": "FROM scratch\n"})
    _write(tmp_path, {"pipeline.toml": f'images = ["images{stars}/q"]\n'})

    assert load(tmp_path, environ={}).names == ("q",)


def test_links_in_circles(tmp_path: Path) -> None:
    """Two links to their own folder make a billion paths of thirty names."""
    for name in ("x", "y"):
        (tmp_path / name).symlink_to(".")
    glob = "/".join(["*"] * 30)

    (problem,) = _problems(tmp_path, {"pipeline.toml": f'images = ["{glob}"]\n'})

    assert "leads through links to more than 10,000 folders" in problem.message
    assert str(problem.location) == "pipeline.toml:1:11"


def test_names_are_found_among_many() -> None:
    """The nearest name is found among many, also among those of one repository."""
    settings = RegistrySettings("127.0.0.1:5000", "all", "{name}-{fingerprint}")
    names = project_names(settings, [ImageName(f"image{n}") for n in range(MANY)])
    tags = [f"127.0.0.1:5000/all:image{n}-{'0' * 20}" for n in range(MANY)]

    assert [names.meant(f"imag{n}") for n in range(MANY)] == [f"image{n}" for n in range(MANY)]
    assert [names.find(tag) for tag in tags] == [f"image{n}" for n in range(MANY)]
