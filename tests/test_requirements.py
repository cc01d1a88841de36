"""Installed are the tested versions: bounds in pyproject.toml, and lists with hashes."""

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
    """Return the requirements of an `.in` file, a line each."""
    lines = (LISTS / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def locked(file: str) -> dict[str, Version]:
    """Return the version of each package in a list; check that each has a hash and nothing else."""
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
    """Return the next version that may break: a major one, or a minor one of 0.x."""
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
def test_a_list_has_the_requirements(file: str, direct: list[str]) -> None:
    """Each direct dependency is in the list, within bounds that end before a breaking version."""
    versions = locked(file)
    for requirement in map(Requirement, direct):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name}: run `make requirements`"
        assert version in requirement.specifier, requirement
        assert breaking(version) not in requirement.specifier, requirement


@pytest.mark.parametrize("file", ["run.txt", "tools.txt"])
def test_the_lists_agree(file: str) -> None:
    """All lists can be installed together, and the demo has the tested versions."""
    tested = locked("dev.txt")
    both = {name: version for name, version in locked(file).items() if name in tested}
    assert both == {name: tested[name] for name in both}


@pytest.mark.parametrize("file", sorted(LISTS.iterdir()), ids=lambda path: path.name)
def test_no_list_names_an_index(file: Path) -> None:
    """The index is a setting of the machine."""
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"--(index|extra|find|trusted)\S*(url|links|host)", text)


def test_the_build_backend_is_locked() -> None:
    """The build backend is installed with a hash, not fetched by the build."""
    assert wanted("build.in") == BUILD
