"""A run that ends with a bug still reports what it published or deployed.

It copies images inside a real registry, so that it needs no engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

import pipeline
from pipeline.errors import FaultError
from pipeline.model.events import ImageChanged
from pipeline.model.report import ImageStatus
from pipeline.tasks._run import finish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model.events import Event
    from pipeline.model.plan import Plan
    from pipeline.model.report import Report
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine  # It needs only the registry.

WEB = httpx.Client(trust_env=False)
TYPE = "application/vnd.oci.image.manifest.v1+json"


class Faulty(threading.Event):
    """A stop event that raises at its call number `turn`; `asked` counts the calls."""

    def __init__(self, turn: int) -> None:
        super().__init__()
        self.turn, self.requests = turn, 0

    def is_set(self) -> bool:
        """Return whether it is set."""
        self.requests += 1
        if self.requests == self.turn:
            raise ZeroDivisionError("a secret may be in here")
        return super().is_set()


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    """Close the connections of `WEB` after the tests."""
    yield
    WEB.close()


@pytest.fixture
def project_root(tmp_path: Path, registry: Registry) -> Path:
    """Make two images, one on the other, which exist only in `staging/`."""
    root = tmp_path / "project"
    for name, base in (("os", "scratch"), ("web", "os")):
        folder = root / "images" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY own.txt /{name}\n")
        (folder / "own.txt").write_text(name)
    write_settings(root, registry, "staging")
    project = pipeline.load(root)
    for name, found in pipeline.fingerprint(project).items():
        push(f"http://{registry.address}/v2/staging/{name}", found.fingerprint.short)
    return root


def write_settings(root: Path, registry: Registry, where: str) -> None:
    """Write settings in which images belong into the repositories `WHERE/NAME`."""
    repositories = f'repository = "{where}/{{name}}"\nalso = ["staging/{{name}}"]\n'
    (root / "pipeline.toml").write_text(f'[registry]\nhost = "{registry.address}"\n{repositories}')


def push(repository: str, tag: str) -> None:
    """Push an image without layers."""
    blob = json.dumps({"os": "linux", "architecture": "amd64"}).encode()
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    begun = WEB.post(f"{repository}/blobs/uploads/")
    WEB.put(f"{begun.headers['Location']}&digest={digest}", content=blob).raise_for_status()
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest}
    document = {"schemaVersion": 2, "mediaType": TYPE, "layers": []}
    text = json.dumps({**document, "config": {**config, "size": len(blob)}})
    put = WEB.put(f"{repository}/manifests/{tag}", content=text, headers={"Content-Type": TYPE})
    put.raise_for_status()


def trusting_environ(registry: Registry) -> dict[str, str]:
    """Return the environment that permits copies from `staging/`."""
    return {**os.environ, "PIPELINE_ALLOW": f"repository={registry.address}/staging/{{name}}"}


def planned(root: Path, registry: Registry, where: str) -> Plan:
    """Return the plan for `WHERE/`."""
    write_settings(root, registry, where)
    project = pipeline.load(root, environ=trusting_environ(registry))
    made = pipeline.plan(project, pipeline.inspect(project))
    assert [action.name for action in made.to_copy] == ["os", "web"]
    return made


def published_images(registry: Registry, plan: Plan) -> set[str]:
    """Return the images of a plan that the registry has."""
    found = set()
    for action in plan.images:
        path = f"{action.reference.repository.path}/manifests/{action.reference.tag}"
        answer = WEB.head(f"http://{registry.address}/v2/{path}", headers={"Accept": TYPE})
        found |= {str(action.name)} if answer.status_code == 200 else set()
    return found


def copied_images(report: Report) -> set[str]:
    """Return the images that this run copied, by its report."""
    return {str(one.name) for one in report.images if one.status is ImageStatus.COPIED}


def test_a_bug_anywhere(project_root: Path, registry: Registry) -> None:
    """Whenever a bug occurs, what was published is in a true report."""
    whole = Faulty(0)
    assert copied_images(pipeline.run(planned(project_root, registry, "whole"), stop=whole)) == {
        "os",
        "web",
    }
    raised, told = 0, 0
    for turn in range(1, whole.requests):  # The last call is for the report itself.
        plan = planned(project_root, registry, f"fault-{turn}")
        try:
            report = pipeline.run(plan, stop=Faulty(turn))
        except ZeroDivisionError:
            assert not published_images(registry, plan)
            raised += 1
            continue
        told += 1
        assert copied_images(report) == published_images(registry, plan) == {"os", "web"}
        assert report.exit_code == 3
        assert isinstance(report.error, FaultError)
        assert isinstance(report.error.cause, ZeroDivisionError)
        assert "ZeroDivisionError" in report.trouble
        assert "secret" not in report.trouble + report.hint

    assert raised
    assert told


def test_what_a_failed_copy_needs_is_in_the_report(project_root: Path, registry: Registry) -> None:
    """The report has the base that only a build needs, also without an engine."""
    write_settings(project_root, registry, "lost")
    project = pipeline.load(project_root, environ=trusting_environ(registry))
    plan = pipeline.plan(project, pipeline.inspect(project, only=[project.names[1]]))
    source = plan.images[0].source
    assert source
    path = f"{source.repository.path}/manifests/{source.digest}"
    WEB.delete(f"http://{registry.address}/v2/{path}").raise_for_status()

    report = pipeline.run(plan, environ={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"})

    assert [action.name for action in plan.images] == ["web"]
    assert {one.name: one.status.value for one in report.images} == {
        "os": "blocked",
        "web": "blocked",
    }
    assert report.exit_code == 4


def test_a_reporter_that_raises(project_root: Path, registry: Registry) -> None:
    """A reporter that raises stops nothing; its exception is in the report."""
    plan = planned(project_root, registry, "reporter")

    def report(event: Event, /) -> None:
        if isinstance(event, ImageChanged):
            raise LookupError(event.image)  # noqa: TRY004 - any will do

    ended = pipeline.run(plan, report=report, environ=os.environ)

    assert copied_images(ended) == published_images(registry, plan) == {"os", "web"}
    assert isinstance(ended.error, FaultError)
    assert isinstance(ended.error.cause, LookupError)
    assert ended.exit_code == 3


def test_the_report_is_printed_before_the_bug(
    project_root: Path,
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stdout has the report, stderr the masked traceback; exit code 3."""
    monkeypatch.setenv("FLY_API_TOKEN", "fo1_planted")

    def report(event: Event, /) -> None:
        if isinstance(event, ImageChanged):
            raise LookupError("fo1_planted")  # noqa: TRY004 - any will do

    ended = pipeline.run(planned(project_root, registry, "task"), report=report)

    assert finish(ended, json=True) == 3
    out, err = capsys.readouterr()
    assert {i["name"]: i["status"] for i in json.loads(out)["images"]} == {
        "os": "copied",
        "web": "copied",
    }
    assert "LookupError: ***" in err
    assert "fo1_planted" not in out + err
