"""ONBUILD triggers in `pipeline.lock`: looked up once, stored exactly, and applied."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError, UnknownError
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.image import Pin
from pipeline.project.load import load
from pipeline.project.lock_file import LOCK_FILE, load_lock, lock_text
from pipeline.reference import Digest, ImageName, Platform, parse_platform, parse_reference
from pipeline.runner.lock import look_inside, look_up, write
from tests.support.scripted_server import Reply, scripted_server
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.image import Image
    from tests.support.scripted_server import Request

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
CORP = parse_reference("r.io/corp:1")
DIGEST = Digest("sha256:" + "ab" * 32)
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


@given(st.lists(_TEXTS, max_size=3), st.lists(_TEXTS, max_size=1))
def test_triggers_are_stored_exactly(one: list[str], other: list[str]) -> None:
    """Any text is stored; no entry means a platform that is known to have no triggers."""
    pin = Pin(DIGEST, triggers={AMD64: tuple(one), ARM64: tuple(other)})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LOCK_FILE).write_text(lock_text({CORP: pin}), encoding="utf-8")

        assert load_lock(Path(folder)).value == {CORP: pin}


@pytest.mark.parametrize(
    "wrong",
    [
        '"x"',
        '["COPY . /"]',
        '{ "linux/amd64" = "COPY . /" }',
        '{ "linux/amd64" = [1] }',
        '{ "a b" = [] }',
    ],
)
def test_invalid_triggers(wrong: str, tmp_path: Path) -> None:
    """Invalid triggers are reported as any mistake in a file."""
    entry = f'[[external]]\nreference = "{CORP}"\ndigest = "{DIGEST}"\ntriggers = {wrong}\n'
    (tmp_path / LOCK_FILE).write_text(entry)

    (problem,) = load_lock(tmp_path).problems

    assert str(problem.location).startswith("pipeline.lock:1")


def project(root: Path, triggers: Mapping[str, list[str]] | None, **files: str) -> Image:
    """Return the image `web` of a project whose lock has these triggers of `r.io/corp:1`."""
    known = {parse_platform(p): tuple(texts) for p, texts in (triggers or {}).items()}
    (root / LOCK_FILE).write_text(lock_text({CORP: Pin(DIGEST, triggers=known)}))
    for name, text in {"a": "1", "b": "1", **files}.items():
        write_tree(root, {f"images/web/{name}": text})
    return load(root, environ={}).image(ImageName("web"))


FOR_AMD64 = {"linux/amd64": ["ARG V=b", "COPY $V /app"]}
READ: dict[str, tuple[dict[str, list[str]] | None, str, list[str], bool]] = {
    "not known": (None, "FROM r.io/corp:1\n", [], False),
    "none": ({"linux/amd64": []}, "FROM r.io/corp:1\n", [], True),
    "known": (FOR_AMD64, "FROM r.io/corp:1\n", ["b"], True),
    "in a stage": (FOR_AMD64, "FROM r.io/corp:1 AS x\nFROM x\nCOPY a /\n", ["b", "a"], True),
    "copied from": (FOR_AMD64, "FROM scratch\nCOPY --from=r.io/corp:1 /x /\n", [], True),
    "for another platform": (FOR_AMD64, "FROM --platform=linux/arm64 r.io/corp:1\n", [], False),
}


@pytest.mark.parametrize(("triggers", "dockerfile", "reads", "told"), READ.values(), ids=READ)
def test_files_that_triggers_read(
    tmp_path: Path,
    triggers: dict[str, list[str]] | None,
    dockerfile: str,
    reads: list[str],
    told: bool,  # noqa: FBT001
) -> None:
    """Files that triggers copy are inputs of the stage on that image, for its platform."""
    image = project(tmp_path, triggers, Dockerfile=dockerfile)

    assert [read.pattern for read in image.reads.reads] == reads
    assert all(stage.triggers_known is told for stage in image.steps)
    assert ("V" in image.declared) is bool("b" in reads)


def test_triggers_are_in_the_key(tmp_path: Path) -> None:
    """Triggers, and the files that they copy, are in the key; other files are not."""
    keys = []
    for triggers, files in (
        (FOR_AMD64, {}),
        (FOR_AMD64, {"a": "2"}),
        (FOR_AMD64, {"b": "2"}),
        ({"linux/amd64": [*FOR_AMD64["linux/amd64"], "ENV X=1"]}, {"b": "2"}),
        ({"linux/amd64": []}, {"b": "2"}),
        (None, {"b": "2"}),
    ):
        project(tmp_path, triggers, Dockerfile="FROM r.io/corp:1\n", **files)
        keys.append(fingerprint(load(tmp_path, environ={}))[ImageName("web")].key.hex)

    first, beside, copied, more, none, unknown = keys
    assert first == beside
    assert len({first, copied, more, none}) == 4
    assert none == unknown


def test_triggers_of_an_image_pinned_in_the_dockerfile(tmp_path: Path) -> None:
    """An image pinned in the Dockerfile has triggers in the lock, too."""
    pinned = parse_reference(f"{CORP}@{DIGEST}")
    known = Pin(DIGEST, triggers={AMD64: ("COPY b /",)})
    (tmp_path / LOCK_FILE).write_text(lock_text({pinned: known}))
    write_tree(tmp_path, {"images/web/Dockerfile": f"FROM {pinned}\n", "images/web/b": "1"})

    image = load(tmp_path, environ={}).image(ImageName("web"))

    assert [read.pattern for read in image.reads.reads] == ["b"]
    assert image.externals[0].locked is None


def test_triggers_of_a_public_image(tmp_path: Path) -> None:
    """A public image may have triggers, for images that name it."""
    (tmp_path / LOCK_FILE).write_text(
        lock_text({CORP: Pin(DIGEST, triggers={AMD64: ("COPY b /",)})})
    )
    files = {
        "images/corp/image.toml": f'image = "{CORP}"\ndeploy = {{ apps = ["corp"] }}\n',
        "images/web/Dockerfile": "FROM corp\n",
        "images/web/b": "1",
    }
    write_tree(tmp_path, files)

    image = load(tmp_path, environ={}).image(ImageName("web"))

    assert [read.pattern for read in image.reads.reads] == ["b"]


def test_an_invalid_trigger_is_reported_where_it_would_run(tmp_path: Path) -> None:
    """An invalid trigger is reported where it would run, as by BuildKit."""
    with pytest.raises(ConfigError) as caught:
        project(tmp_path, {"linux/amd64": ["COPPY a /"]}, Dockerfile="FROM r.io/corp:1\n")

    assert str(caught.value.problems[0].location) == "images/web/Dockerfile:1:1"


class ExternalRegistry:
    """A registry with an image for two platforms, each with a different trigger."""

    def __init__(self, *, index: bool, more: str = "") -> None:
        self.more = more
        self.requests: list[str] = []
        self.blobs: dict[str, tuple[str, bytes]] = {}
        manifests = [self._image(architecture) for architecture in ("amd64", "arm64")]
        top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        self.top = self.keep(INDEX, top) if index else str(manifests[0]["digest"])

    def _image(self, architecture: str) -> dict[str, object]:
        platform = {"os": "linux", "architecture": architecture}
        config = self.keep(
            "config", {**platform, "config": {"OnBuild": [f"COPY {architecture} /{self.more}"]}}
        )
        part = {"digest": config, "size": len(self.blobs[config][1])}
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": part, "layers": []}
        return {"digest": self.keep(MANIFEST, body), "size": 1, "platform": platform}

    def keep(self, kind: str, document: object) -> str:
        """Store a document and return its digest."""
        body = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blobs[digest] = (kind, body)
        return digest

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        name = request.path.rpartition("/")[2]
        self.requests.append(name)
        kind, body = self.blobs[self.top if name == "1" else name]
        headers = {"Content-Type": kind, "Docker-Content-Digest": name if ":" in name else self.top}
        return Reply(200, headers, body)


@pytest.mark.parametrize("index", [True, False])
def test_triggers_are_looked_up_once(index: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Triggers are looked up once, for the needed platforms only; unchanged entries are kept."""
    outside = ExternalRegistry(index=index)
    with scripted_server(outside.answer) as server:
        files = {
            "pipeline.toml": f'registry = {{ host = "{server.address}" }}\n',
            "images/web/Dockerfile": f"FROM {server.address}/corp:1\nCOPY --from=x a /\n",
            "images/x/Dockerfile": f"FROM scratch\nCOPY --from={server.address}/corp:1 b /\n",
        }
        write_tree(tmp_path, files)
        environ = {"HOME": str(tmp_path)}

        def lock() -> Pin:
            found = load(tmp_path, environ={})
            pins = look_inside(found, look_up(found, environ), environ)
            write(found, pins)
            return pins[parse_reference(f"{server.address}/corp:1")]

        first, count = lock(), len(outside.requests)
        again = lock()

    assert first.triggers == again.triggers == {AMD64: ("COPY amd64 /",)}
    assert outside.requests[count:] == ["1"]


def test_a_trigger_that_the_lock_cannot_store(tmp_path: Path) -> None:
    """A trigger that the lock cannot store is reported, so that the lock stays readable."""
    outside = ExternalRegistry(index=False, more="\0")
    with scripted_server(outside.answer) as server:
        files = {
            "pipeline.toml": f'registry = {{ host = "{server.address}" }}\n',
            "images/web/Dockerfile": f"FROM {server.address}/corp:1\n",
        }
        write_tree(tmp_path, files)
        found, environ = load(tmp_path, environ={}), {"HOME": str(tmp_path)}

        with pytest.raises(UnknownError, match=r"corp:1@sha256:.*` cannot be read"):
            look_inside(found, look_up(found, environ), environ)
