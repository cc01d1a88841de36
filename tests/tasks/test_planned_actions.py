"""A table: the arguments of a command, the content of a registry, and the resulting plan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.project import Project, three_levels
from tests.support.registry_documents import EMPTY_MANIFEST, EMPTY_MANIFEST_HEADERS
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scripted_server import ScriptedServer

# As the distribution server responds, so that a HEAD is enough.
LOST = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
ALL = "os lang web api"


class RegistryContent:
    """The content of a registry: whole repositories, or single references without the host."""

    def __init__(self) -> None:
        self.has: set[str] = set()

    def __call__(self, request: Request) -> Reply:
        """Answer a request for a manifest."""
        found = re.fullmatch(r"/v2/(.+)/manifests/(.+)", request.path)
        if not found:
            return Reply(200, LOST)
        if {found[1], f"{found[1]}:{found[2]}"} & self.has:
            return Reply(200, EMPTY_MANIFEST_HEADERS, EMPTY_MANIFEST)
        return Reply(404, LOST, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


@pytest.fixture
def registry_content() -> RegistryContent:
    """Return an empty registry."""
    return RegistryContent()


@pytest.fixture
def server(registry_content: RegistryContent) -> Iterator[ScriptedServer]:
    """Serve a registry with that content."""
    with scripted_server(registry_content) as running:
        yield running


@pytest.fixture
def project_in_levels(tmp_path: Path, server: ScriptedServer) -> Project:
    """Make two bases, one on the other, and two images on the second: os, lang, web and api."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nhost = "{server.address}"\nalso = ["old/{{name}}"]\n')
    three_levels(made)
    return made


def planned(project: Project, words: str) -> tuple[str, list[str]]:
    """Return the plan of a command, such as `os=build web=exists`, and the images' references."""
    allowed = {"PIPELINE_ALLOW": f"repository={_host(project)}/old/{{name}}"}
    ran = project.invoke("--dry", *words.split(), "--json", environ=allowed)
    assert ran.code == 0, ran.err
    images = ran.json["images"]
    said = " ".join(f"{image['name']}={image['action']}" for image in images)
    return said, [image["reference"].partition("/")[2] for image in images]


def _host(project: Project) -> str:
    text = (project.root / "pipeline.toml").read_text()
    return text.partition('host = "')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("words", "has", "expected"),
    [
        ("build-all", "", "os=build lang=build api=build web=build"),
        ("build-all", ALL, "os=exists lang=exists api=exists web=exists"),
        ("build-all", "os lang api", "os=exists lang=exists api=exists web=build"),
        ("build-all", "lang web api", "os=build lang=exists api=exists web=exists"),
        ("build web", "", "os=build lang=build web=build"),
        ("build web", "lang", "lang=exists web=build"),
        ("build web", "web", "web=exists"),
        ("build web,api", "lang", "lang=exists api=build web=build"),
        ("build-all --only lang", "", "os=build lang=build"),
        ("build-all --only w*,os", "os lang", "os=exists lang=exists web=build"),
        ("build lang --dependents", "", "os=build lang=build api=build web=build"),
        ("build lang --dependents", ALL, "lang=exists api=exists web=exists"),
        ("build web --force", ALL, "lang=exists web=build"),
        ("build web --force", "os", "os=exists lang=build web=build"),
        ("build-all --force", ALL, "os=build lang=build api=build web=build"),
        ("build web", "old/web", "web=copy"),
        ("build web", "old/lang", "lang=copy web=build"),
        ("build-all", "os old/lang old/web api", "os=exists lang=copy api=exists web=copy"),
        ("build web --force", "old/lang old/web", "lang=copy web=build"),
        ("build-all --force", f"{ALL} old/web", "os=build lang=build api=build web=build"),
    ],
)
def test_arguments_of_a_command(
    project_in_levels: Project,
    registry_content: RegistryContent,
    words: str,
    has: str,
    expected: str,
) -> None:
    """Which images, whether they are forced, and which bases they need."""
    registry_content.has = set(has.split())
    assert planned(project_in_levels, words)[0] == expected


@pytest.mark.parametrize(
    ("words", "has", "requests"),
    [
        ("build-all", ALL, 4),
        ("build web", "web", 1),
        ("build web,api", "web api", 2),
        ("build web --force", "lang", 1),
    ],
)
def test_each_image_that_may_exist_costs_one_head(
    project_in_levels: Project,
    registry_content: RegistryContent,
    server: ScriptedServer,
    words: str,
    has: str,
    requests: int,
) -> None:
    """Bases of existing images, forced images and other repositories are not queried."""
    registry_content.has = set(has.split())
    planned(project_in_levels, words)
    assert [one.method for one in server.requests] == ["HEAD"] * requests
    assert len({one.path for one in server.requests}) == requests


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("images/web/web.txt", "os=exists lang=exists api=exists web=build"),
        ("images/lang/lang.txt", "os=exists lang=build api=build web=build"),
        ("images/os/os.txt", "os=build lang=build api=build web=build"),
        ("images/web/notes.md", "os=exists lang=exists api=exists web=exists"),
    ],
)
def test_a_change_builds_its_image_and_its_dependents(
    project_in_levels: Project, registry_content: RegistryContent, file: str, expected: str
) -> None:
    """A changed byte of a file that the Dockerfile reads; other files change nothing."""
    registry_content.has = set(planned(project_in_levels, "build-all")[1])
    with (project_in_levels.root / file).open("a", encoding="utf-8") as handle:
        handle.write("x")
    assert planned(project_in_levels, "build-all")[0] == expected
