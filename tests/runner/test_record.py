"""Records are put beside images in a real registry, before their tags; a refusal costs a notice."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load, plan
from pipeline.buildkit.outcome import Built
from pipeline.buildkit.staging import staged
from pipeline.http.retry import Policy
from pipeline.model.events import ImageChanged, Notice, Phase
from pipeline.model.facts import facts_of
from pipeline.model.record import ARTIFACT, LAYER
from pipeline.model.report import ImageStatus
from pipeline.reference import ImageName, parse_digest, parse_reference
from pipeline.registry.artifact import put_artifact, read_artifact
from pipeline.registry.auth.credential import nobody
from pipeline.registry.client import Registry
from pipeline.registry.manifest import Manifest, digest_of
from pipeline.runner.publish import Pushed, publish_batch
from pipeline.runner.record import KIND, read_records, write_records, write_records_again
from pipeline.runner.tools import Tools
from sandbox.registry import Settings
from tests.support.git_commits import commit
from tests.support.incomplete_images import delete
from tests.support.intercept import intercept
from tests.support.registries import serve
from tests.support.registry_documents import manifest
from tests.support.scripted_server import Reply
from tests.support.small_images import push_image
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.buildkit.outcome import Outcome
    from pipeline.model.events import Event
    from pipeline.model.plan import Plan
    from pipeline.model.record import Record
    from pipeline.reference import Reference
    from tests.support import registries
    from tests.support.intercept import Hook
    from tests.support.scripted_server import Request

WEB = ImageName("web")
OS = ImageName("os")
USER_AGENT = "fly-image-pipeline"
MARK = "0a1b2c3d"
QUICK = Policy(attempts=2, pause=0.01)


@dataclass(frozen=True)
class Run:
    """A run up to where BuildKit has pushed all images to their staging tags."""

    plan: Plan
    tools: Tools
    events: list[Event]

    def reference(self, name: ImageName = WEB) -> Reference:
        """Return the reference that an image gets."""
        return next(action.reference for action in self.plan.images if action.name == name)

    def publish(self) -> None:
        """Publish all images."""
        outcomes: dict[ImageName, Outcome] = {}
        for action in self.plan.images:
            at = staged(action.reference, MARK)
            pushed = push_image(str(at.repository), str(at.tag), content=action.name.encode())
            outcomes[action.name] = Built(parse_digest(pushed.digest))
        publish_batch(
            self.plan.images,
            outcomes,
            self.tools,
            before_tags=lambda pushed: write_records(self.plan, pushed, self.tools),
        )

    def record(self, name: ImageName = WEB) -> Record | None:
        """Read the record of an image."""
        (found,) = read_records(self.tools.registry, [self.reference(name)]).values()
        assert not isinstance(found, Exception), found
        return found

    def notices(self) -> list[str]:
        """Return what the user was told."""
        return [event.text for event in self.events if isinstance(event, Notice)]


@contextmanager
def begun(root: Path, host: str, settings: str = "") -> Iterator[Run]:
    """Load a project of a base and an app, commit it, and plan its build."""
    write_tree(
        root,
        {
            "pipeline.toml": f'[registry]\nhost = "{host}"\n{settings}',
            "images/os/Dockerfile": "FROM scratch\nCOPY os.txt /\n",
            "images/os/os.txt": "os\n",
            "images/web/Dockerfile": "FROM os\nARG TOKEN=1\nCOPY src /srv/\n",
            "images/web/src/app.py": "app\n",
            "images/web/image.toml": 'args = { TOKEN = "hunter2" }\n',
        },
    )
    commit(root)
    project = load(root, environ={})
    events: list[Event] = []
    with Registry(policy=QUICK, report=events.append) as registry:
        made = plan(project, inspect(project, registry=registry, environ={}))
        tools = Tools(
            registry,
            nobody,
            {"PATH": os.environ["PATH"]},
            events.append,
            threading.Event(),
            mark=MARK,
        )
        yield Run(made, tools, events)


@pytest.mark.parametrize("deletes", [True, False])
def test_records_beside_images(tmp_path: Path, *, deletes: bool) -> None:
    """They say what the images were built from, and are there before the tags are."""
    with (
        serve(tmp_path / "registry", Settings(deletes=deletes)) as real,
        intercept(real.address) as server,
        begun(tmp_path / "project", server.address) as run,
    ):
        run.publish()
        record = run.record()
        tags = [
            request.path.rpartition("/")[2]
            for request in server.requests
            if request.method == "PUT" and "/manifests/" in request.path
            if not request.path.endswith(MARK)
        ]
        stored = manifest(f"{run.reference()}.inputs")

    assert record is not None
    made = run.plan
    assert record.facts == facts_of(made.project.image(WEB), made.inputs[WEB])
    assert record.bases == {OS: str(run.reference(OS))}
    assert len(record.revision) == 40
    assert record.spent.bytes > 0
    assert stored["artifactType"] == ARTIFACT
    assert stored["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert [layer["mediaType"] for layer in stored["layers"]] == [LAYER]
    result = run.tools.results.images[WEB]
    assert (result.status, result.digest) == (ImageStatus.BUILT, stored["subject"]["digest"])
    assert run.notices() == []
    of_records = {tag for tag in tags if tag.endswith(".inputs")}
    assert len(of_records) == 3
    assert sum(tag.endswith(".own.inputs") for tag in of_records) == 1  # `web` has a base
    assert set(tags[:3]) == of_records


@pytest.mark.parametrize(
    ("file", "text", "known"),
    [
        ("images/os/Dockerfile", "# why\nFROM scratch\nCOPY os.txt /\n", True),
        ("images/web/src/app.py", "another\n", False),
    ],
)
def test_the_record_of_an_image_that_is_reused(
    tmp_path: Path, registry: registries.Registry, file: str, text: str, *, known: bool
) -> None:
    """It says what the build took, and not the copy: 0 if the build of these inputs is unknown."""
    with begun(tmp_path / "project", registry.address) as run:
        run.tools.stopwatch.take(ImageChanged(WEB, Phase.BUILDING))
        run.publish()
        built = run.record()
        write_tree(tmp_path / "project", {file: text})
        project = load(tmp_path / "project", environ={})
        later = plan(project, inspect(project, registry=run.tools.registry, environ={}))
        image = run.tools.registry.manifest(run.reference())
        action = next(one for one in later.images if one.name == WEB)
        write_records_again(later, [Pushed(action, image)], run.tools)
        reused = replace(run, plan=later).record()

    assert built is not None
    assert reused is not None
    assert built.facts != reused.facts
    assert built.spent.layers == reused.spent.layers
    assert built.spent.seconds > 0
    assert reused.spent.seconds == (built.spent.seconds if known else 0)


def test_one_request_reads_a_small_record(tmp_path: Path, registry: registries.Registry) -> None:
    """Its layer is in the manifest, too."""
    with begun(tmp_path / "project", registry.address) as run:
        run.publish()
        before = run.tools.registry.requests
        assert run.record() is not None
        assert run.tools.registry.requests == before + 1


def test_a_large_record(registry: registries.Registry) -> None:
    """One whose layer is larger than other responses may be is read in two requests."""
    content = os.urandom(5_000_000)
    with Registry() as client:
        reference = parse_reference(f"{registry.address}/web:large.inputs")
        subject = Manifest(b"{}", "application/vnd.oci.image.manifest.v1+json", digest_of(b"{}"))
        put_artifact(client, reference, KIND, content, subject)
        before = client.requests
        assert read_artifact(client, reference, KIND) == content
        assert client.requests == before + 2


def test_what_is_no_record(tmp_path: Path, registry: registries.Registry) -> None:
    """An image under the tag of a record is none, nor is nothing at all."""
    with begun(tmp_path / "project", registry.address) as run:
        assert run.record() is None
        at = run.reference()
        push_image(str(at.repository), f"{at.tag}.inputs")
        assert run.record() is None


def test_the_image_was_deleted(tmp_path: Path, registry: registries.Registry) -> None:
    """Its record stays, and is replaced when the image is built again."""
    with begun(tmp_path / "project", registry.address) as run:
        run.publish()
        at = run.reference()
        digest = manifest(str(at))["config"]["digest"]
        found = run.tools.results.images[WEB].digest
        delete(str(at.repository), f"manifests/{found}")
        assert run.record() is not None
        run.publish()
        assert manifest(str(at))["config"]["digest"] == digest
        assert run.record() is not None


def is_upload(request: Request) -> bool:
    """Return whether we begin an upload, and not the test."""
    return request.method == "POST" and request.headers["user-agent"] == USER_AGENT


def refuse(status: int, body: bytes = b"") -> Hook:
    """Answer each put of a record's manifest with a status; 0 closes the connection."""

    def before(request: Request) -> Reply | None:
        is_record = request.method == "PUT" and request.path.endswith(".inputs")
        return Reply(status, {"Content-Type": "application/json"}, body) if is_record else None

    return before


UNSUPPORTED = b'{"errors": [{"code": "UNSUPPORTED", "message": "unknown media type"}]}'
KEPT = b'{"errors": [{"code": "TAG_INVALID", "message": "the tag is immutable"}]}'


@pytest.mark.parametrize(
    ("status", "body", "notices"),
    [
        (400, b'{"errors": [{"code": "MANIFEST_INVALID"}]}', 1),
        (403, b'{"errors": [{"code": "DENIED"}]}', 1),
        (404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', 1),
        (405, UNSUPPORTED, 1),
        (415, UNSUPPORTED, 1),
        (415, b"", 1),
        (500, b"", 1),
        (0, b"", 1),
        (409, KEPT, 0),
    ],
)
def test_a_registry_that_refuses(
    tmp_path: Path, registry: registries.Registry, status: int, body: bytes, notices: int
) -> None:
    """Each image is built all the same; one notice says why there is no record."""
    with (
        intercept(registry.address, refuse(status, body)) as server,
        begun(tmp_path / "project", server.address) as run,
    ):
        run.publish()
        said = [text for text in run.notices() if "no record" in text]

    assert {one.status for one in run.tools.results.images.values()} == {ImageStatus.BUILT}
    assert len(said) == notices, run.notices()
    assert all("and 1 more" in text for text in said)


def test_no_blob_is_taken(tmp_path: Path, registry: registries.Registry) -> None:
    """A registry that refuses uploads of ours does not stop the build either."""

    def before(request: Request) -> Reply | None:
        return Reply(403) if is_upload(request) else None

    with (
        intercept(registry.address, before) as server,
        begun(tmp_path / "project", server.address) as run,
    ):
        run.publish()
    assert {one.status for one in run.tools.results.images.values()} == {ImageStatus.BUILT}
    assert "no record" in run.notices()[-1]


def test_records_are_left_out(tmp_path: Path, registry: registries.Registry) -> None:
    """With `records = false`, nothing of them is sent."""
    with (
        intercept(registry.address) as server,
        begun(tmp_path / "project", server.address, "records = false\n") as run,
    ):
        run.publish()
        assert run.record() is None
    assert not any(map(is_upload, server.requests))
