"""ONBUILD triggers in `pipeline.lock`: looked up once, kept as they are, and applied."""

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
from tests.support.contexts import write_tree
from tests.support.scripted import Reply, scripted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.model.image import Image
    from tests.support.scripted import Asked

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
CORP = parse_reference("r.io/corp:1")
DIGEST = Digest("sha256:" + "ab" * 32)
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


@given(st.lists(_TEXTS, max_size=3), st.lists(_TEXTS, max_size=1))
def test_triggers_are_kept_as_they_are(one: list[str], other: list[str]) -> None:
    """Whatever characters a text has; no entry is a platform with no triggers, which is known."""
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
def test_triggers_that_are_none(wrong: str, tmp_path: Path) -> None:
    """Told like any mistake in a file."""
    entry = f'[[external]]\nreference = "{CORP}"\ndigest = "{DIGEST}"\ntriggers = {wrong}\n'
    (tmp_path / LOCK_FILE).write_text(entry)

    (problem,) = load_lock(tmp_path).problems

    assert str(problem.location).startswith("pipeline.lock:1")


def project(root: Path, triggers: Mapping[str, list[str]] | None, **files: str) -> Image:
    """The image `web` of a project whose lock knows these triggers of `r.io/corp:1`."""
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
def test_what_known_triggers_read_counts(
    tmp_path: Path,
    triggers: dict[str, list[str]] | None,
    dockerfile: str,
    reads: list[str],
    told: bool,  # noqa: FBT001
) -> None:
    """In the stage that begins with the image, for the platform that it is asked for."""
    image = project(tmp_path, triggers, Dockerfile=dockerfile)

    assert [read.pattern for read in image.reads.reads] == reads
    assert all(stage.triggers_known is told for stage in image.steps)
    assert ("V" in image.declared) is bool("b" in reads)


def test_what_triggers_copy_is_in_the_key(tmp_path: Path) -> None:
    """And the triggers themselves; what they leave alone is not."""
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


def test_what_the_dockerfile_pins_itself_has_triggers_too(tmp_path: Path) -> None:
    """The lock pins it no other way."""
    pinned = parse_reference(f"{CORP}@{DIGEST}")
    known = Pin(DIGEST, triggers={AMD64: ("COPY b /",)})
    (tmp_path / LOCK_FILE).write_text(lock_text({pinned: known}))
    write_tree(tmp_path, {"images/web/Dockerfile": f"FROM {pinned}\n", "images/web/b": "1"})

    image = load(tmp_path, environ={}).image(ImageName("web"))

    assert [read.pattern for read in image.reads.reads] == ["b"]
    assert image.externals[0].locked is None


def test_an_image_that_is_deployed_as_it_is_may_have_triggers(tmp_path: Path) -> None:
    """Another begins with it under its folder's name."""
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


def test_a_trigger_that_is_no_instruction_is_told_where_it_would_run(tmp_path: Path) -> None:
    """As BuildKit would."""
    with pytest.raises(ConfigError) as caught:
        project(tmp_path, {"linux/amd64": ["COPPY a /"]}, Dockerfile="FROM r.io/corp:1\n")

    assert str(caught.value.problems[0].location) == "images/web/Dockerfile:1:1"


class Outside:
    """A registry with one image for two platforms, of which each has a trigger of its own."""

    def __init__(self, *, index: bool, more: str = "") -> None:
        self.more = more
        self.asked: list[str] = []
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
        """Hold a document, by its digest."""
        body = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blobs[digest] = (kind, body)
        return digest

    def answer(self, asked: Asked) -> Reply:
        """What it says."""
        name = asked.path.rpartition("/")[2]
        self.asked.append(name)
        kind, body = self.blobs[self.top if name == "1" else name]
        headers = {"Content-Type": kind, "Docker-Content-Digest": name if ":" in name else self.top}
        return Reply(200, headers, body)


@pytest.mark.parametrize("index", [True, False])
def test_triggers_are_looked_up_once(index: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """For the platforms that begin a stage alone; a lock that is written again asks for none."""
    outside = Outside(index=index)
    with scripted(outside.answer) as server:
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

        first, asked = lock(), len(outside.asked)
        again = lock()

    assert first.triggers == again.triggers == {AMD64: ("COPY amd64 /",)}
    assert outside.asked[asked:] == ["1"]


def test_a_trigger_that_no_lock_can_hold(tmp_path: Path) -> None:
    """Told of the image: the lock would be written, and never read again."""
    outside = Outside(index=False, more="\0")
    with scripted(outside.answer) as server:
        files = {
            "pipeline.toml": f'registry = {{ host = "{server.address}" }}\n',
            "images/web/Dockerfile": f"FROM {server.address}/corp:1\n",
        }
        write_tree(tmp_path, files)
        found, environ = load(tmp_path, environ={}), {"HOME": str(tmp_path)}

        with pytest.raises(UnknownError, match=r"corp:1@sha256:.*` cannot be read"):
            look_inside(found, look_up(found, environ), environ)
