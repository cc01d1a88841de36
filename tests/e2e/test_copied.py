"""What stands elsewhere under the same fingerprint is copied, and not built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.registry import Settings, free_port, serve
from tests.support.hollow import delete, is_whole, manifests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Registry
    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine

STAGING = 'repository = "staging/{name}"\n'
PRODUCTION = 'also = ["staging/{name}"]\n'


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Registry]:
    """Another registry."""
    with serve(tmp_path / "elsewhere", Settings(access_log=True)) as running:
        yield running


@pytest.fixture
def shop(project: Project, registry: Registry) -> Project:
    """An image on a base, built and pushed to `staging/`."""
    settle(project, registry, STAGING)
    project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
    project.image("web", "FROM os\nCOPY web.txt /\n", web_txt="web" * 10_000)
    assert project.invoke("build-all").code == 0
    project.environ["PIPELINE_ALLOW"] = f"repository={registry.address}/staging/{{name}}"
    return project


def settle(project: Project, registry: Registry, *settings: str) -> None:
    """Write `[registry]`."""
    project.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n{"".join(settings)}')


def actions(ran: Ran) -> dict[str, str]:
    """What a plan does about each image."""
    assert ran.code == 0, ran.err
    return {image["name"]: image["action"] for image in ran.json["images"]}


def digests(ran: Ran) -> dict[str, str]:
    """What a plan or a report says of each image."""
    return {image["name"]: image["digest"] for image in ran.json["images"]}


def test_from_another_repository(shop: Project, registry: Registry) -> None:
    """Plan and report say from where; blobs are mounted, and the digest is kept.

    Only where the user, and not the project alone, says that what stands there can be trusted.
    """
    before = digests(shop.invoke("plan", "--json"))
    settle(shop, registry, PRODUCTION)
    asked = len(shop.requests())
    word, nobody = shop.environ.pop("PIPELINE_ALLOW"), {"PIPELINE_ALLOW": ""}

    plan = shop.invoke("plan", "--json")
    refused = shop.invoke("build-all", environ=nobody)
    untouched = {method for method, _ in shop.requests()[asked:]}
    ran = shop.invoke("build-all", "--json", "--allow", word, environ=nobody)
    again = shop.invoke("build-all", "--json")

    web = next(image for image in plan.json["images"] if image["name"] == "web")
    fingerprint = web["fingerprint"][:20]
    assert actions(plan) == {"os": "copy", "web": "copy"}
    assert refused.code == 2
    assert untouched == {"HEAD"}
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
    assert not [p for m, p in shop.requests()[asked:] if m == "GET" and "/blobs/" in p]
    assert is_whole(f"{registry.address}/web:{fingerprint}")
    assert "2 to copy" in ran.err


def test_from_another_registry(shop: Project, registry: Registry, elsewhere: Registry) -> None:
    """As after a move: what the former registry holds is streamed; a profile may say so."""
    before = digests(shop.invoke("plan", "--json"))
    settings = (shop.root / "pipeline.toml").read_text()
    moved = f'registry = {{ host = "{elsewhere.address}", also = ["{registry.address}/staging/'
    shop.write("pipeline.toml", f'{settings}[profiles.new]\n{moved}{{name}}"] }}\n')

    ran = shop.invoke("build-all", "--json", "--profile", "new")

    assert ran.statuses() == {"os": "copied", "web": "copied"}
    assert digests(ran) == before
    assert all(is_whole(image["reference"]) for image in ran.json["images"])


def test_of_another_image_of_the_project(shop: Project) -> None:
    """A folder with the same inputs, as after a rename, is the same image under another name."""
    shop.image("www", "FROM os\nCOPY web.txt /\n", web_txt="web" * 10_000)

    ran = shop.invoke("build-all", "--json")

    assert ran.statuses() == {"os": "exists", "web": "exists", "www": "copied"}
    assert digests(ran)["www"] == digests(ran)["web"]
    assert is_whole(next(i["reference"] for i in ran.json["images"] if i["name"] == "www"))


def test_a_test_is_not_got_round(shop: Project) -> None:
    """An image with another test is built, and tested."""
    shop.image(
        "www",
        "FROM os\nCOPY web.txt /\n",
        web_txt="web" * 10_000,
        image_toml='[test]\ncommand = ["/none"]\n',
    )

    ran = shop.invoke("build-all", "--json")

    assert ran.code == 1
    assert ran.statuses() == {"os": "exists", "web": "exists", "www": "failed"}


def test_bases_of_what_is_copied_are_not_needed(shop: Project, registry: Registry) -> None:
    """Neither asked for nor copied; what is built on a copy stands on its digest."""
    settle(shop, registry, PRODUCTION)

    ran = shop.invoke("build", "web", "--json")
    shop.image("top", "FROM web\nCOPY top.txt /\n", top_txt="top")
    above = shop.invoke("build", "top", "--json")

    assert ran.statuses() == {"web": "copied"}
    assert above.statuses() == {"web": "exists", "top": "built"}
    below, top = (manifests(image["reference"])[0]["layers"] for image in above.json["images"])
    assert top[: len(below)] == below


def test_dependents_are_built_on_what_was_copied(shop: Project, registry: Registry) -> None:
    """In one run."""
    settle(shop, registry, PRODUCTION)
    shop.image("top", "FROM web\nCOPY top.txt /\n", top_txt="top")

    ran = shop.invoke("build-all", "--json")

    assert ran.statuses() == {"os": "copied", "web": "copied", "top": "built"}
    found = {i["name"]: manifests(i["reference"])[0]["layers"] for i in ran.json["images"]}
    assert found["top"][: len(found["web"])] == found["web"]


def test_where_nobody_answers(shop: Project, registry: Registry) -> None:
    """A place that cannot be asked is told, and the next has it, or the image is built."""
    gone = f"127.0.0.1:{free_port()}"
    settle(shop, registry, f'also = ["{gone}/{{name}}", "staging/{{name}}"]\n')
    second = shop.invoke("plan", "--json")
    settle(shop, registry, f'also = ["{gone}/{{name}}"]\n')
    ran = shop.invoke("build-all", "--json", "--allow", f"repository={gone}/{{name}}")

    assert actions(second) == {"os": "copy", "web": "copy"}
    assert ran.code == 0
    assert ran.statuses() == {"os": "built", "web": "built"}
    for told in (second.err, ran.err):
        assert f"note: `{gone}/" in told
        assert "connection refused" in told


def test_what_cannot_be_copied_is_built(shop: Project, registry: Registry) -> None:
    """A hollow source is told, and the bases that a build needs after all are looked after."""
    source = shop.invoke("plan", "--json").json["images"][1]["reference"]
    layer = manifests(source)[0]["layers"][-1]["digest"]
    settle(shop, registry, PRODUCTION)
    delete(source.rpartition(":")[0], f"blobs/{layer}")

    ran = shop.invoke("build", "web", "--json")

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"os": "built", "web": "built"}
    assert "`web` could not be copied, and is built" in ran.err
    assert all(is_whole(image["reference"]) for image in ran.json["images"])
