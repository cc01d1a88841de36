"""Provenance with `mode=max` publishes build arguments, so it must not contain a proxy login."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.plan import plan
from pipeline.model.presence import Absent, Present
from pipeline.model.state import State
from pipeline.project.load import load
from pipeline.reference import Digest
from pipeline.runner.preflight import published_logins
from pipeline.runner.run import run
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.plan import Plan

DIGEST = Digest("sha256:" + "1" * 64)


def planned(root: Path, provenance: str, *, exists: bool = False) -> Plan:
    """Return the plan of one image that is built, or exists."""
    settings = f"[build]\nprovenance = {provenance}\n"
    write_tree(root, {"images/web/Dockerfile": "FROM scratch\n", "pipeline.toml": settings})
    project = load(root)
    found = Present(DIGEST) if exists else Absent()
    return plan(project, State(project, fingerprint(project), {project.names[0]: found}, {}))


def with_proxy(root: Path, **proxies: str) -> dict[str, str]:
    """Return an environment whose Docker configuration has these proxies for builds."""
    write_tree(root, {"docker/config.json": json.dumps({"proxies": {"default": proxies}})})
    return {"DOCKER_CONFIG": str(root / "docker")}


@pytest.mark.parametrize("provenance", ['"mode=max"', "'\"mode=max\"'", '"mode=min,mode=max"'])
def test_a_proxy_login_is_refused(tmp_path: Path, provenance: str) -> None:
    """Refused before a build with its location; the message does not contain the login."""
    environ = with_proxy(tmp_path, httpProxy="http://me:hidden@p:1", httpsProxy="me:hidden@p:1")

    with pytest.raises(ConfigError) as caught:
        run(planned(tmp_path, provenance), environ=environ)

    (problem,) = caught.value.problems
    assert str(problem) == (
        "pipeline.toml:2:14: it would be pushed with the login of docker's own proxy in it "
        "(`HTTP_PROXY`, `HTTPS_PROXY`)"
    )
    assert "mode=min" in problem.hint
    assert "hidden" not in f"{problem} {problem.hint}"


def test_builds_that_publish_no_proxy_login(tmp_path: Path) -> None:
    """Allowed: a proxy without a login, `mode=min`, no provenance, and nothing to build."""
    secret = with_proxy(tmp_path, httpProxy="http://me:hidden@p:1")

    for provenance in ('"mode=min"', "true", "false"):
        assert published_logins(planned(tmp_path, provenance), secret) == ()
    assert published_logins(planned(tmp_path, '"mode=max"', exists=True), secret) == ()
    plain = with_proxy(tmp_path, httpProxy="http://p:1", noProxy="example.com")
    assert published_logins(planned(tmp_path, '"mode=max"'), plain) == ()
