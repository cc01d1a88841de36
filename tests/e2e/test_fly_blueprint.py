"""Fly's blueprint for base images, without its manual steps: one app holds all images.

superfly/docs `blueprints/using-base-images-for-faster-deployments.html.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly_project import FlyProject, open_fly_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

ALL_IN_ONE = """\
[registry]
host = "{host}"
repository = "acme-images"
tag = "{{name}}-{{fingerprint}}"
[fly]
org = "acme"
"""


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make two bases and two apps in one repository; no app exists yet."""
    del engine
    with open_fly_project(tmp_path) as opened:
        opened.project.write("pipeline.toml", ALL_IN_ONE.format(host=opened.fly.registry))
        opened.project.image("os", "FROM scratch\nCOPY os.txt /\n", os_txt="os")
        opened.project.image("lang", "FROM os\nCOPY lang.txt /\n", lang_txt="lang")
        for app in ("web", "api"):
            opened.app(app)
            opened.project.write(f"images/{app}/Dockerfile", "FROM lang\nCOPY answer /answer\n")
        yield opened


def test_base_images_without_manual_steps(fly_project: FlyProject) -> None:
    """The apps are created, deployed from a third app's repository, and bases are kept there."""
    created = fly_project.invoke("apps", "--json")
    deployed = fly_project.invoke("deploy-all", "--json")
    images = fly_project.fly.apps["acme-images"]
    booted = list(images.machines)
    kept = fly_project.invoke("keep", "--json")
    again = fly_project.invoke("keep", "--json")

    assert created.code == 0, created.err
    assert set(fly_project.fly.apps) == {"acme-images", "acme-web", "acme-api"}
    assert deployed.code == 0, deployed.err
    assert booted == []
    for app in ("web", "api"):
        (image,) = [one for one in deployed.json["images"] if one["name"] == app]
        assert image["reference"].startswith(f"{fly_project.fly.registry}/acme-images:{app}-")
        assert fly_project.digests(f"acme-{app}") == {image["digest"]}
        assert fly_project.fly.apps[f"acme-{app}"].alive[0].image.repository == "acme-images"
    assert kept.code == 0, kept.err
    bases = {row["image"]: row for row in kept.json["images"] if row["role"] == "base"}
    assert {name: row["status"] for name, row in bases.items()} == {"os": "added", "lang": "added"}
    assert {machine.id for machine in images.machines} == {r["machine"] for r in bases.values()}
    assert {machine.digest for machine in images.machines} == {r["digest"] for r in bases.values()}
    assert all(machine.started is None for machine in images.machines)
    assert {row["status"] for row in again.json["images"]} == {"kept", "none"}
    # The user's files are unchanged: no tag was written into a `FROM`.
    assert (
        (fly_project.project.root / "images/web/Dockerfile").read_text().startswith("FROM lang\n")
    )
