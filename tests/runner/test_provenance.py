"""Provenance with all arguments holds no password of a proxy, and no login goes out unasked."""

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
from tests.support.contexts import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.plan import Plan

DIGEST = Digest("sha256:" + "1" * 64)


def planned(root: Path, provenance: str, *, exists: bool = False) -> Plan:
    """The plan of one image that is built, or exists."""
    settings = f"[build]\nprovenance = {provenance}\n"
    write_tree(root, {"images/web/Dockerfile": "FROM scratch\n", "pipeline.toml": settings})
    project = load(root)
    found = Present(DIGEST) if exists else Absent()
    return plan(project, State(project, fingerprint(project), {project.names[0]: found}, {}))


def with_proxy(root: Path, **proxies: str) -> dict[str, str]:
    """An environment whose docker has these proxies for builds."""
    write_tree(root, {"docker/config.json": json.dumps({"proxies": {"default": proxies}})})
    return {"DOCKER_CONFIG": str(root / "docker")}


@pytest.mark.parametrize("provenance", ['"mode=max"', "'\"mode=max\"'", '"mode=min,mode=max"'])
def test_a_login_of_a_proxy_is_not_pushed(tmp_path: Path, provenance: str) -> None:
    """It is told before anything is built, at its place; the login itself is not."""
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


def test_who_tells_no_login_is_not_kept_from_it(tmp_path: Path) -> None:
    """A proxy without one, provenance without arguments, none, and nothing to build."""
    secret = with_proxy(tmp_path, httpProxy="http://me:hidden@p:1")

    for provenance in ('"mode=min"', "true", "false"):
        assert published_logins(planned(tmp_path, provenance), secret) == ()
    assert published_logins(planned(tmp_path, '"mode=max"', exists=True), secret) == ()
    plain = with_proxy(tmp_path, httpProxy="http://p:1", noProxy="example.com")
    assert published_logins(planned(tmp_path, '"mode=max"'), plain) == ()
