"""How `invoke lock` reads the responses of a registry: a manifest, an index, or an error."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UnknownError, WorkError
from pipeline.http.errors import HttpError
from pipeline.model.image import Pin
from pipeline.model.project import Project
from pipeline.model.settings import Settings
from pipeline.project.load import load
from pipeline.project.lock_file import load_lock, lock_text
from pipeline.reference import Digest, Platform, ReferenceSyntaxError, parse_reference
from pipeline.registry.manifest import Manifest, contents_of
from pipeline.runner import lock
from tests.support.scripted_server import Reply, scripted_server
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.runner.lock import Pins

INDEX = "application/vnd.oci.image.index.v1+json"
HEX = "ab" * 32
WHERE = parse_reference("registry.example.com/outside/os:1")
GOOD = {
    "digest": f"sha256:{HEX}",
    "size": 7,
    "platform": {"os": "linux", "architecture": "amd64"},
}
WHOLE = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [GOOD]}


def locked(folder: Path, body: bytes) -> tuple[Pins, str]:
    """Return what `lock` writes for an external with that response, and its address."""
    with scripted_server(lambda _: Reply(200, {"Content-Type": INDEX}, body)) as server:
        (folder / "images/web").mkdir(parents=True)
        (folder / "pipeline.toml").write_text(f'registry = {{ host = "{server.address}" }}\n')
        (folder / "images/web/Dockerfile").write_text(f"FROM {server.address}/outside/os:1\n")
        environ = {"HOME": str(folder)}
        return lock.look_up(load(folder), environ), server.address


@pytest.mark.parametrize(
    "wrong",
    [
        {"manifests": None},
        {"manifests": {"0": GOOD}},
        {"manifests": ["x", 1]},
        {"manifests": [GOOD, None]},
        {"manifests": [{**GOOD, "digest": None}]},
        {"manifests": [{key: GOOD[key] for key in ("size", "platform")}]},
    ],
    ids=str,
)
def test_an_invalid_index(wrong: dict[str, object], tmp_path: Path) -> None:
    """An invalid index gives exit code 4 and a sentence with its name."""
    with pytest.raises(
        UnknownError, match=r"the manifest of `127.0.0.1:\d+/outside/os:1`"
    ) as error:
        locked(tmp_path, json.dumps({**WHOLE, **wrong}).encode())

    assert error.value.exit_code == 4


def test_children_without_a_platform(tmp_path: Path) -> None:
    """Children without a platform are ignored; none can inject a line into the lock."""
    evil = 'linux" = "sha256:00" }\n\n[[external]]\nreference = "docker.io/library/debian:1'
    children = [
        {"digest": GOOD["digest"], "platform": {"os": evil, "architecture": "amd64"}},
        {"digest": GOOD["digest"], "platform": None},
        {"digest": GOOD["digest"]},
        GOOD,
    ]

    pins, address = locked(tmp_path, json.dumps({**WHOLE, "manifests": children}).encode())

    (reference,) = pins
    assert lock_text(pins).splitlines()[1:] == [
        "",
        "[[external]]",
        f'reference = "{address}/outside/os:1"',
        f'digest = "{pins[reference].digest}"',
        f'platforms = {{ "linux/amd64" = "sha256:{HEX}" }}',
    ]


EVIL = 'x" }\n\n[[external]]\nreference = "docker.io/library/debian:1'


@pytest.mark.parametrize(
    "pin",
    [
        Pin(Digest(EVIL)),
        Pin(Digest(f"sha256:{HEX}"), {Platform("linux", EVIL): Digest(f"sha256:{HEX}")}),
        Pin(Digest(f"sha256:{HEX}"), {Platform("linux", "amd64"): Digest(EVIL)}),
        Pin(Digest(f"sha256:{HEX}"), triggers={Platform(EVIL, "amd64"): ()}),
    ],
)
def test_the_writer_parses_again(pin: Pin) -> None:
    """The writer parses every digest and platform again."""
    with pytest.raises(ReferenceSyntaxError):
        lock_text({WHERE: pin})


def test_a_reference_that_is_locked_twice(tmp_path: Path) -> None:
    """A reference is locked once, however it is spelled."""
    old = f'platforms = {{ "linux/amd64" = "sha256:{HEX}" }}'
    for name in ("debian", "docker.io/library/debian:latest", "other"):
        with (tmp_path / "pipeline.lock").open("a") as lock_file:
            lock_file.write(f'[[external]]\nreference = "{name}"\ndigest = "sha256:{HEX}"\n{old}\n')

    value, (problem,) = load_lock(tmp_path)

    assert value is None
    assert str(problem).startswith("pipeline.lock:6:13: `docker.io/library/debian:latest` is locke")


def test_a_lock_that_cannot_be_written(tmp_path: Path) -> None:
    """A lock that is a link out of the project is refused, and its target is unchanged."""
    write_tree(tmp_path, {"victim": "v", "project/images/web/Dockerfile": "FROM scratch\n"})
    for name in ("pipeline.lock", ".pipeline.lock.new"):
        (tmp_path / "project" / name).symlink_to("../victim")
    project = Project(tmp_path / "project", Settings(), ())

    with pytest.raises(WorkError, match=r"`pipeline\.lock` leads out of the project"):
        lock.write(project, {})
    (tmp_path / "project/pipeline.lock").unlink()
    lock.write(project, {})

    assert (tmp_path / "victim").read_text() == "v"
    assert not (tmp_path / "project/pipeline.lock").is_symlink()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(st.data())
def test_mutated_indexes(data: st.DataObject) -> None:
    """A mutated index is read, or refused with a sentence."""
    where = data.draw(st.sampled_from(["", "manifests", "child", *GOOD, "os", "architecture"]))
    value = data.draw(_VALUES)
    platform = {"os": "linux", "architecture": "amd64"}
    child: object = {
        **GOOD,
        "platform": {**platform, where: value} if where in platform else platform,
    }
    if where in GOOD and isinstance(child, dict):
        child[where] = value
    children = value if where == "manifests" else [value if where == "child" else child]
    document = value if not where else {**WHOLE, "manifests": children}
    body = json.dumps(document).encode()
    with suppress(HttpError):
        found = contents_of(Manifest(body, INDEX, Digest(f"sha256:{HEX}")), WHERE)
        assert all(part.size >= 0 for part in found.children)


@given(st.binary(max_size=64))
def test_any_bytes(body: bytes) -> None:
    """Bytes that are no JSON are no manifest."""
    with pytest.raises(HttpError, match="cannot be read"):
        contents_of(Manifest(body, INDEX, Digest(f"sha256:{HEX}")), WHERE)


def test_an_image_has_few_triggers(tmp_path: Path) -> None:
    """The number of triggers is limited: each build on the image reads them all."""
    triggers = ", ".join(['"RUN a"'] * 101)
    entry = f'reference = "a.test/a"\ndigest = "sha256:{HEX}"\n'
    text = f'[[external]]\n{entry}triggers = {{ "linux/amd64" = [{triggers}] }}\n'
    write_tree(tmp_path, {"pipeline.lock": text})

    (problem,) = load_lock(tmp_path).problems

    assert "100 `triggers` at most" in problem.message
