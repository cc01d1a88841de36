"""`why` compares with the image that an app's machines run: by its record, or by Git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.model.record import record_reference
from pipeline.reference import parse_reference
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.client import Registry
from tests.console import schemas
from tests.support.fly_project import FlyProject, open_fly_project
from tests.support.git_commits import commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.project import Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make a project with an app that exists at Fly, in Git."""
    del engine
    with open_fly_project(tmp_path, "web") as opened:
        commit(opened.project.root)
        yield opened


def explained(ran: Ran) -> Any:
    """Return the only explanation."""
    assert ran.code == 0, ran.err
    schemas.validate(ran.json)
    (one,) = ran.json["images"]
    return one


def test_compared_with_what_the_machines_run(fly_project: FlyProject) -> None:
    """Not with a newer image that was built and never deployed."""
    web = fly_project.project
    first = fly_project.invoke("deploy-all", "--json")
    assert first.code == 0, first.err
    deployed = first.json["images"][0]["reference"]
    web.write("images/web/answer", "2")
    commit(web.root)
    assert fly_project.invoke("build-all").code == 0

    exists = explained(fly_project.invoke("why", "--json"))
    assert (exists["verdict"], exists["against"], exists["apps"], exists["recorded"]) == (
        *("exists", deployed, ["acme-web"]),
        True,
    )
    web.write("images/web/answer", "3")
    by_record = explained(fly_project.invoke("why", "--json"))
    text = fly_project.invoke("why").out
    plan = fly_project.invoke("plan", "--json").json["images"][0]["reason"]
    replace_record(deployed, fly_project.fly.environ)
    by_git = explained(fly_project.invoke("why", "--json"))

    assert "runs on 1 app)" in text
    assert plan.startswith("images/web/answer changed; the registry has no `")
    assert {one["against"] for one in (by_record, by_git)} == {deployed}
    assert (by_record["recorded"], by_git["recorded"]) == (True, False)
    assert by_record["differences"] == by_git["differences"]
    assert by_record["commit"] == by_git["commit"]

    fly_project.fly.knobs.down["machines"] = "503"
    fly_project.fly.knobs.down["graphql"] = "503"
    newest = explained(fly_project.invoke("why", "--json"))
    assert newest["against"] not in {None, deployed}
    assert newest["apps"] == []
    assert "what `acme-web` runs is not known: " in newest["notes"][0]


def test_a_configuration_that_differs(fly_project: FlyProject) -> None:
    """An app that would be deployed for it alone is shown, too, with the keys.

    `impact` counts its machines, and says what its image took.
    """
    assert fly_project.invoke("deploy-all").code == 0
    assert fly_project.invoke("why").out == "nothing would be built or deployed\n"
    fly_project.app("web", colour="red")
    found = explained(fly_project.invoke("why", "--json"))

    assert found["verdict"] == "exists"
    assert found["differences"] == []
    impact = fly_project.invoke("impact", "--base", "web", "--json").json
    schemas.validate(impact)
    assert impact["total"]["machines"] == len(fly_project.fly.apps["acme-web"].alive)
    assert impact["total"]["seconds"] > 0
    assert "machine" in fly_project.invoke("impact", "--base", "web").out
    assert found["notes"] == ["the configuration of `acme-web` differs: `[env] COLOUR`"]

    # The same app, by a pattern that Fly is asked for, and by a command that is not run here.
    fly_project.project.write("images/web/image.toml", '[deploy]\napps = "match:acme-w*"\n')
    assert explained(fly_project.invoke("why", "--json"))["notes"] == found["notes"]
    fly_project.project.write("images/web/image.toml", '[deploy]\napps = "command:./apps"\n')
    assert fly_project.invoke("why").out == "nothing would be built or deployed\n"
    listed = explained(fly_project.invoke("why", "--only", "web", "--json"))
    assert listed["notes"] == [
        "what its apps run is not known: listed by a command that was not run"
    ]


def replace_record(text: str, environ: Mapping[str, str]) -> None:
    """Put the image itself in the place of its record."""
    reference = parse_reference(text)
    at = record_reference(reference)
    assert at is not None
    with Registry(credentials=credentials(environ)) as client:
        client.put(at, client.manifest(reference))
