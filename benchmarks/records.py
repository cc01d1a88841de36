"""Measure records: how long they take to write, put and read, and how large they are.

The registry is the sandbox's, on this machine. Best of three, as other load can only make a run
slower.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import fingerprint, load
from pipeline.model.facts import facts_of
from pipeline.model.record import Spent, compress, decompress, read_record, record_text
from pipeline.reference import ImageName, parse_reference
from pipeline.registry.artifact import put_artifact, read_artifact
from pipeline.registry.client import Registry
from pipeline.registry.manifest import Manifest, digest_of
from pipeline.runner.record import KIND

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = (100, 10_000, 100_000)
PER_FOLDER = 100
SUBJECT = Manifest(b"{}", "application/vnd.oci.image.manifest.v1+json", digest_of(b"{}"))


def main() -> None:
    """Measure records of some numbers of files."""
    print("   files       JSON    record     write       put      read  requests to read")
    with Registry() as registry:
        for number in NUMBERS:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                print(_measure(Path(folder), number, registry))


def _measure(root: Path, number: int, registry: Registry) -> str:
    name = ImageName("big")
    _write_files(root / "images/big", number)
    project = load(root, environ={})
    image, inputs = project.image(name), fingerprint(project)[name]
    host = os.environ["PIPELINE_REGISTRY_HOST"]
    at = parse_reference(f"{host}/benchmark/records:{number}.inputs")
    text = record_text(image, inputs, Spent(1.0))
    content = compress(text)
    write = _best(lambda: compress(record_text(image, inputs, Spent(1.0))))
    put = _best(lambda: put_artifact(registry, at, KIND, content, SUBJECT))
    before = registry.requests
    found = read_artifact(registry, at, KIND)
    asked = registry.requests - before
    if found is None or read_record(decompress(found)).facts != facts_of(image, inputs):
        sys.exit(f"the record of {number:,} files is not read as it was written")
    read = _best(lambda: read_record(decompress(read_artifact(registry, at, KIND) or b"")))
    times = "".join(f"{seconds * 1000:>7,.0f} ms" for seconds in (write, put, read))
    return f"{number:>8,} {len(text):>10,} {len(content):>9,}{times} {asked:>6}"


def _write_files(context: Path, number: int) -> None:
    for start in range(0, number, PER_FOLDER):
        folder = context / f"src/package{start}"
        folder.mkdir(parents=True)
        for one in range(start, min(start + PER_FOLDER, number)):
            (folder / f"module{one}.py").write_bytes(one.to_bytes(8, "big"))
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    main()
