"""An image that exists elsewhere with the same fingerprint is copied instead of built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.registry import Settings, free_port
from tests.support.incomplete_images import delete, is_complete, manifests
from tests.support.registries import is_distribution, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project, Ran
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine

STAGING = 'repository = "staging/{name}"\n'
PRODUCTION = 'also = ["staging/{name}"]\n'


@pytest.fixture
def other_registry(tmp_path: Path) -> Iterator[Registry]:
    """Start a second registry."""
    with serve(tmp_path / "elsewhere", Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def sample_project(project: Project, registry: Registry) -> Project:
    """Make an image on a base, built and pushed to `staging/`."""
    write_registry_settings(project, registry, STAGING)
    project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
    project.image("web", "FROM os\nCOPY web.txt /\n", web_txt="web" * 10_000)
    assert project.invoke("build-all").code == 0
    project.environ["PIPELINE_ALLOW"] = f"repository={registry.address}/staging/{{name}}"
    return project


def write_registry_settings(project: Project, registry: Registry, *settings: str) -> None:
    """Write the table `[registry]`."""
    project.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n{"".join(settings)}')


def actions(ran: Ran) -> dict[str, str]:
    """Return the action of each image in a plan."""
    assert ran.code == 0, ran.err
    return {image["name"]: image["action"] for image in ran.json["images"]}


def digests(ran: Ran) -> dict[str, str]:
    """Return the digest of each image in a plan or report."""
    return {image["name"]: image["digest"] for image in ran.json["images"]}


def test_copy_from_another_repository(sample_project: Project, registry: Registry) -> None:
    """Plan and report name the source; blobs are mounted; the digest stays the same.

    The user, not only the project, must allow copies from that repository.
    """
    before = digests(sample_project.invoke("plan", "--json"))
    write_registry_settings(sample_project, registry, PRODUCTION)
    asked = len(sample_project.requests())
    word, nobody = sample_project.environ.pop("PIPELINE_ALLOW"), {"PIPELINE_ALLOW": ""}

    plan = sample_project.invoke("plan", "--json")
    refused = sample_project.invoke("build-all", environ=nobody)
    untouched = {method for method, _ in sample_project.requests()[asked:]}
    ran = sample_project.invoke("build-all", "--json", "--allow", word, environ=nobody)
    again = sample_project.invoke("build-all", "--json")

    web = next(image for image in plan.json["images"] if image["name"] == "web")
    fingerprint = web["fingerprint"][:20]
    assert actions(plan) == {"os": "copy", "web": "copy"}
    assert refused.code == 2
    assert "HEAD" in untouched
    # Where headers do not show that a registry gives a 404, a GET follows.
    assert untouched <= ({"HEAD"} if is_distribution() else {"HEAD", "GET"})
    for told in (plan.err, refused.err):
        assert f"pipeline.toml:3:9: `{word.partition('=')[2]}` is not a repository of" in told
        assert f"allow it with `--allow '{word}'`" in told
    assert web["reason"] == (
        f"`{registry.address}/staging/web:{fingerprint}` has the same fingerprint"
    )
    assert web["source"].startswith(f"{registry.address}/staging/web:{fingerprint}@sha256:")
    assert ran.statuses() == {"os": "copied", "web": "copied"}
    assert digests(ran) == digests(plan) == before
    assert again.statuses() == {"os": "exists", "web": "exists"}
    assert not [p for m, p in sample_project.requests()[asked:] if m == "GET" and "/blobs/" in p]
    assert is_complete(f"{registry.address}/web:{fingerprint}")
    assert "2 to copy" in ran.err


def test_copy_from_another_registry(
    sample_project: Project, registry: Registry, other_registry: Registry
) -> None:
    """An image is streamed from another registry, also if a profile names it."""
    before = digests(sample_project.invoke("plan", "--json"))
    settings = (sample_project.root / "pipeline.toml").read_text()
    moved = f'registry = {{ host = "{other_registry.address}", also = ["{registry.address}/staging/'
    sample_project.write("pipeline.toml", f'{settings}[profiles.new]\n{moved}{{name}}"] }}\n')

    ran = sample_project.invoke("build-all", "--json", "--profile", "new")

    assert ran.statuses() == {"os": "copied", "web": "copied"}
    assert digests(ran) == before
    assert all(is_complete(image["reference"]) for image in ran.json["images"])


def test_copy_from_another_image_of_the_project(sample_project: Project) -> None:
    """A folder with the same inputs, as after a rename, is copied under the new name."""
    sample_project.image("www", "FROM os\nCOPY web.txt /\n", web_txt="web" * 10_000)

    ran = sample_project.invoke("build-all", "--json")

    assert ran.statuses() == {"os": "exists", "web": "exists", "www": "copied"}
    assert digests(ran)["www"] == digests(ran)["web"]
    assert is_complete(next(i["reference"] for i in ran.json["images"] if i["name"] == "www"))


def test_another_test_prevents_a_copy(sample_project: Project) -> None:
    """An image with another test is built and tested, not copied."""
    sample_project.image(
        "www",
        "FROM os\nCOPY web.txt /\n",
        web_txt="web" * 10_000,
        image_toml='[test]\ncommand = ["/none"]\n',
    )

    ran = sample_project.invoke("build-all", "--json")

    assert ran.code == 1
    assert ran.statuses() == {"os": "exists", "web": "exists", "www": "failed"}


def test_bases_of_a_copied_image_are_not_needed(
    sample_project: Project, registry: Registry
) -> None:
    """The bases of a copied image are not needed; dependents are built on its digest."""
    write_registry_settings(sample_project, registry, PRODUCTION)

    ran = sample_project.invoke("build", "web", "--json")
    sample_project.image("top", "FROM web\nCOPY top.txt /\n", top_txt="top")
    above = sample_project.invoke("build", "top", "--json")

    assert ran.statuses() == {"web": "copied"}
    assert above.statuses() == {"web": "exists", "top": "built"}
    below, top = (manifests(image["reference"])[0]["layers"] for image in above.json["images"])
    assert top[: len(below)] == below


def test_dependents_are_built_on_a_copied_base(sample_project: Project, registry: Registry) -> None:
    """A dependent is built on a copied base in the same run."""
    write_registry_settings(sample_project, registry, PRODUCTION)
    sample_project.image("top", "FROM web\nCOPY top.txt /\n", top_txt="top")

    ran = sample_project.invoke("build-all", "--json")

    assert ran.statuses() == {"os": "copied", "web": "copied", "top": "built"}
    found = {i["name"]: manifests(i["reference"])[0]["layers"] for i in ran.json["images"]}
    assert found["top"][: len(found["web"])] == found["web"]


def test_a_source_that_does_not_answer(sample_project: Project, registry: Registry) -> None:
    """A source that does not answer is reported; the next one is used, or the image is built."""
    gone = f"127.0.0.1:{free_port()}"
    write_registry_settings(
        sample_project, registry, f'also = ["{gone}/{{name}}", "staging/{{name}}"]\n'
    )
    second = sample_project.invoke("plan", "--json")
    write_registry_settings(sample_project, registry, f'also = ["{gone}/{{name}}"]\n')
    ran = sample_project.invoke("build-all", "--json", "--allow", f"repository={gone}/{{name}}")

    assert actions(second) == {"os": "copy", "web": "copy"}
    assert ran.code == 0
    assert ran.statuses() == {"os": "built", "web": "built"}
    for told in (second.err, ran.err):
        assert f"note: `{gone}/" in told
        assert "connection refused" in told


def test_an_incomplete_source_is_built(sample_project: Project, registry: Registry) -> None:
    """An incomplete source is reported; the image and the bases that it needs are built."""
    source = sample_project.invoke("plan", "--json").json["images"][1]["reference"]
    layer = manifests(source)[0]["layers"][-1]["digest"]
    write_registry_settings(sample_project, registry, PRODUCTION)
    delete(source.rpartition(":")[0], f"blobs/{layer}")

    ran = sample_project.invoke("build", "web", "--json")

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"os": "built", "web": "built"}
    assert "`web` could not be copied, and is built" in ran.err
    assert all(is_complete(image["reference"]) for image in ran.json["images"])
