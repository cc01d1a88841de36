"""Fuzz targets that read output of buildx and flyctl, and responses of Fly."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.buildkit import definition
from pipeline.buildkit.builder import _fields
from pipeline.buildkit.metadata import read_metadata
from pipeline.buildkit.outcome import (
    Attempts,
    after_failure,
    after_success,
    blame_unfinished,
    last_error,
)
from pipeline.buildkit.progress import progress
from pipeline.buildkit.stream import Decoder, masked
from pipeline.buildkit.transient import needs_no_cache, transient_failure
from pipeline.deploy.fly.running import running_of
from pipeline.deploy.fly.stamp import stamp_before_rollback, stamp_of_rollback
from pipeline.dockerfile import Reads, parse
from pipeline.errors import Location, PipelineError
from pipeline.fly.api import FlyApi
from pipeline.fly.errors import FlyError
from pipeline.fly.flyctl import _listed, _release
from pipeline.fly.queries import app_of, apps_of_org, machines_of, releases_of
from pipeline.fly.retention import reference_of, since, slot_of
from pipeline.fly.values import release_before
from pipeline.http.response import Response
from pipeline.http.text import read_json
from pipeline.model.image import Base, Image
from pipeline.model.masking import masker
from pipeline.model.stamp import carried_stamp, read_stamp
from pipeline.reference import Digest, ImageName, Reference, Repository, Tag
from tests.fuzz.target import MEMORY, Target
from tests.support.fake_clock import FakeClock

if TYPE_CHECKING:
    from pipeline.buildkit.progress import Progress

_DIGEST = Digest(f"sha256:{'a' * 64}")
_MASK = masker(["hunter2"])
_RECORDED = Path(__file__).parents[1] / "buildkit" / "data"
"""Streams of real solves, which are used as seeds."""


def _image(name: str, dockerfile: str, *bases: str) -> definition.Target:
    path = PurePosixPath("images", name, "Dockerfile")
    edges = tuple(Base(base, ImageName(base), Location(str(path), 1)) for base in bases)
    source = parse(dockerfile.encode(), file=str(path))
    made = Image(ImageName(name), path.parent, path, path.parent, source, Reads(()), bases=edges)
    reference = Reference(Repository("127.0.0.1:5000", name), Tag("1"))
    return definition.Target(
        made, reference, definition.Output.PUSH, dict.fromkeys(made.base_names)
    )


_TARGETS = (
    _image("base", "FROM debian:bookworm-slim\nRUN echo hello\n"),
    _image("web", "FROM base\nRUN echo web\nCOPY page /page\n", "base"),
)


def _stream(data: bytes) -> None:
    """Read the progress stream of buildx, up to the result of each image."""
    decoder, seen = Decoder(), progress(_TARGETS)
    lines = data.split(b"\n")
    records = [one for line in lines for one in decoder.feed(line)] + decoder.end()
    for record in records:
        seen.take(masked(record, _MASK))
    seen.end()
    _judged(seen)


def _judged(seen: Progress) -> None:
    attempts = Attempts()
    attempts.take(seen)
    outcomes = after_failure(seen)
    attempts.judge(blame_unfinished(seen, outcomes), seen.names)
    _ = needs_no_cache(seen), transient_failure(seen), last_error(seen)


def _metadata(data: bytes) -> None:
    """Read the metadata file of buildx."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        file = Path(folder, "metadata.json")
        file.write_bytes(data)
        seen = progress(_TARGETS)
        after_success(seen, read_metadata(file, seen.targets))


def _builder(data: bytes) -> None:
    """Read the output of `docker buildx inspect`."""
    _fields(data.decode(errors="replace"))


def _flyctl(data: bytes) -> None:
    """Read the output of `fly deploy` and `fly releases --json`."""
    text = data.decode(errors="replace")
    _release(text)
    found = read_json(data)
    for one in found if isinstance(found, list) else []:
        with suppress(FlyError):
            _listed(one)


class _Answering(FlyApi):
    """A Fly API with one response to every request: first line status, then the body."""

    def __init__(self, data: bytes) -> None:
        super().__init__({"FLY_API_TOKEN": "fm2_hunter2"}, clock=FakeClock())
        self._data = data

    def _ask(self, _request: object) -> Response:
        status, _, body = self._data.partition(b"\n")
        number = int(status) if status.isdigit() and len(status) == 3 else 200
        return Response(number, "https://api.machines.dev/v1", {}, body)


def _fly(data: bytes) -> None:
    """Read the responses of both APIs, for each kind of request."""
    api = _Answering(data)
    for ask in (
        lambda: app_of(api, "acme-web"),
        lambda: apps_of_org(api, "acme"),
        lambda: release_before(releases_of(api, "acme-web")),
    ):
        with suppress(PipelineError):
            ask()
    machines = machines_of(api, "acme-web")
    running_of("acme-web", machines)
    with suppress(PipelineError):
        releases = list(releases_of(api, "acme-web"))
        if releases:
            ran, newest = stamp_before_rollback(machines, releases), releases[0]
            stamp_of_rollback(ran, newest, newest, _DIGEST, "2")
    for machine in machines:
        _ = slot_of("acme-web", machine), reference_of(machine), since(machine)
        machine.file("/config.json")


def _stamp(data: bytes) -> None:
    """Read the stamp of an app."""
    text = data.decode(errors="replace")
    stamp = read_stamp(text, _DIGEST, "7")
    carried_stamp(text, "7")
    if stamp:
        assert read_stamp(stamp.text, _DIGEST, "7") == stamp


TARGETS = (
    Target("buildx", _stream, "buildx"),
    Target("metadata", _metadata, "metadata", form="json"),
    Target("builder", _builder, "builder"),
    Target("flyctl", _flyctl, "fly", form="json"),
    Target("fly", _fly, "fly", form="json"),
    Target("stamp", _stamp, "stamp", form="json"),
)
