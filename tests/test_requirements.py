"""What is installed is what was tested: bounds in pyproject.toml, and lists with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LISTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PROJECT["project"]["dependencies"]
DEVELOPMENT = PROJECT["project"]["optional-dependencies"]["dev"]
BUILD = PROJECT["build-system"]["requires"]


def wanted(file: str) -> list[str]:
    """The requirements of an `.in` file, a line each."""
    lines = (LISTS / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def locked(file: str) -> dict[str, Version]:
    """The version of each package in a list; every one has a hash, and nothing else is said."""
    text = (LISTS / file).read_text(encoding="utf-8")
    versions: dict[str, Version] = {}
    for entry in re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", text).rstrip()):
        pin, *hashes = (part.strip() for part in entry.split("\\\n"))
        requirement = Requirement(pin)
        (version,) = requirement.specifier
        assert version.operator == "==", f"{file}: {pin}"
        assert hashes, f"{file}: {pin}"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), f"{file}: {pin}"
        versions[canonicalize_name(requirement.name)] = Version(version.version)
    return versions


def breaking(version: Version) -> Version:
    """The next version whose number says that it may break: a major, of 0.x a minor."""
    if version.major:
        return Version(f"{version.major + 1}")
    return Version(f"0.{version.minor + 1}")


@pytest.mark.parametrize(
    ("file", "direct"),
    [
        ("run.txt", RUNTIME + BUILD),
        ("dev.txt", RUNTIME + DEVELOPMENT + BUILD),
        ("tools.txt", wanted("tools.in")),
    ],
)
def test_a_list_has_what_is_asked_for(file: str, direct: list[str]) -> None:
    """Each direct dependency is there, within bounds that end before what may break."""
    versions = locked(file)
    for requirement in map(Requirement, direct):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name}: run `make requirements`"
        assert version in requirement.specifier, requirement
        assert breaking(version) not in requirement.specifier, requirement


@pytest.mark.parametrize("file", ["run.txt", "tools.txt"])
def test_the_lists_agree(file: str) -> None:
    """So that one environment can have them all, and the demo has what was tested."""
    tested = locked("dev.txt")
    both = {name: version for name, version in locked(file).items() if name in tested}
    assert both == {name: tested[name] for name in both}


@pytest.mark.parametrize("file", sorted(LISTS.iterdir()), ids=lambda path: path.name)
def test_no_list_names_an_index(file: Path) -> None:
    """Where packages come from is for the machine to say."""
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"--(index|extra|find|trusted)\S*(url|links|host)", text)


def test_what_builds_the_package_is_the_same() -> None:
    """It is installed with a hash, and the build is not left to fetch its own."""
    assert wanted("build.in") == BUILD
