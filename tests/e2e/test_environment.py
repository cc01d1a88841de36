"""The environment of the machine reaches no image, because it is not in the fingerprint."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.project import Project

pytestmark = pytest.mark.engine

DOCKERFILE = """\
FROM debian:bookworm-slim
ARG SOURCE_DATE_EPOCH
ARG HTTP_PROXY
ENV SEEN="$SOURCE_DATE_EPOCH|$HTTP_PROXY"
RUN test "$HTTP_PROXY" = http://proxy.example.com:3128
"""
TEST = '[test]\ncommand = ["/bin/sh", "-c", "test \\"$SEEN\\" = \\"|\\""]\n'


def test_variables_and_proxies_of_the_machine_reach_no_image(
    project: Project, tmp_path: Path
) -> None:
    """Proxy variables are no build arguments, even if declared; steps still use the proxy."""
    theirs = tmp_path / "docker"
    users = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"))
    shutil.copytree(users, theirs, symlinks=True)
    config = theirs / "config.json"
    known = json.loads(config.read_text()) if config.exists() else {}
    proxies = {"default": {"httpProxy": "http://proxy.example.com:3128"}}
    config.write_text(json.dumps({**known, "proxies": proxies}))
    project.image("web", DOCKERFILE)
    project.write("images/web/image.toml", TEST)
    environ = {"SOURCE_DATE_EPOCH": "1", "BUILDX_GIT_LABELS": "1", "DOCKER_CONFIG": str(theirs)}

    ran = project.invoke("build-all", "--json", environ=environ)

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"web": "built"}
