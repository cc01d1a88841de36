"""`sbom = true`: BuildKit runs its scanner and attaches the result to the image."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox import engine as engines
from tests.support.docker import docker_home
from tests.support.registry_documents import attestations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine

SCANNER = "docker/buildkit-syft-scanner:stable-1"
"""BuildKit's default scanner (moby/buildkit `util/attestation`)."""

SCAN = """\
#!/bin/sh
# BuildKit's docs/attestations/sbom-protocol.md: what to scan, and where to put what was found.
cat > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<END
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
 "predicate": {"files": "$(ls "$BUILDKIT_SCAN_SOURCE")"}}
END
"""


@pytest.fixture
def scanning(
    project: Project, registry: Registry, tmp_path: Path, tool_cache: None
) -> Iterator[dict[str, str]]:
    """Start an engine whose Docker Hub is a registry with our own scanner."""
    del tool_cache, project  # It needs the first engine, which builds the scanner.
    folder = tmp_path / "scanner"
    folder.mkdir()
    (folder / "scan").write_text(SCAN)
    (folder / "scan").chmod(0o755)
    (folder / "Dockerfile").write_text(
        'FROM debian:bookworm-slim\nCOPY scan /\nENTRYPOINT ["/scan"]\n'
    )
    tag = f"{registry.address}/{SCANNER}"
    build = ["docker", "buildx", "build", "--push", "--provenance=false", "--tag", tag, str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    engine = engines.start("scan", snapshotter=True, mirrors=[registry.url])
    try:
        made = docker_home(tmp_path / "docker", {})
        there = ["docker", "--config", made["DOCKER_CONFIG"], "context", "create", "scanning"]
        subprocess.run([*there, "--docker", f"host={engine.host}"], check=True, capture_output=True)
        yield made
    finally:
        engine.stop()


def test_the_sbom_is_attached(project: Project, scanning: dict[str, str]) -> None:
    """The scanner saw the image's files, and there is no other attestation."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "scanning"\nsbom = true\n')
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="scanned")

    ran = project.invoke("build-all", "--json", environ=scanning)

    assert ran.code == 0, ran.err
    found = attestations(ran.json["images"][0]["reference"])
    assert found == {"https://spdx.dev/Document": {"files": "web.txt"}}
