"""Named build contexts: BuildKit gets the same files that the fingerprint covers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.registry_documents import last_layer

if TYPE_CHECKING:
    from tests.support.project import Project

pytestmark = pytest.mark.engine

LONG_AGO = 10**18
LIBS = '[contexts]\nlibs = "../../libs"\n'
REPLACED = "FROM debian:bookworm-slim AS libs\nRUN false\nFROM scratch\nCOPY --from=libs . /all/\n"


def test_buildkit_gets_the_fingerprinted_files(project: Project) -> None:
    """A context replaces a stage, ignore files apply, changed files with an old time are sent."""
    project.image("web", REPLACED, image_toml=LIBS)
    project.image("top", "FROM libs\nCOPY --from=libs d/a /b\n", image_toml=LIBS)
    project.write("libs/d/secret", "hidden")
    project.write("libs/.dockerignore", "d/secret\n.dockerignore\n")
    for text in ("111", "222"):
        project.write("libs/d/a", text)
        os.utime(project.root / "libs/d/a", ns=(LONG_AGO, LONG_AGO))

        ran = project.invoke("build-all", "--json")

        assert set(ran.statuses().values()) == {"built"}, ran.err
        references = {image["name"]: image["reference"] for image in ran.json["images"]}
        assert last_layer(references["web"]) == {"all/d/a": text.encode()}
        assert last_layer(references["top"]) == {"b": text.encode()}
