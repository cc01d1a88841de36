"""`docker-credential-fly` as docker calls it: a verb, stdin, an exit code, a response."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(sysconfig.get_path("scripts")) / "docker-credential-fly"
NOT_FOUND = "credentials not found in native keychain\n"
TOKEN = {"FLY_API_TOKEN": "FlyV1 fm2_one,fm2_two,fo1_three"}
LOGIN = json.dumps({"ServerURL": "registry.fly.io", "Username": "x", "Secret": "fm2_given"})
OTHER = json.dumps({"ServerURL": "ghcr.io", "Username": "me", "Secret": "given"})


def call_helper(
    verb: str, said: str = "", environ: Mapping[str, str] = TOKEN
) -> subprocess.CompletedProcess[str]:
    """Call it once, without flyctl on PATH and without a login in the home."""
    return subprocess.run(
        [PROGRAM, *([verb] if verb else [])],
        input=said,
        env={"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "server", ["registry.fly.io", "https://registry.fly.io", "registry.fly.io\n"]
)
def test_get(server: str) -> None:
    """User `x`, and the token without its prefix."""
    done = call_helper("get", server)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ServerURL": server.strip(),
        "Username": "x",
        "Secret": "fm2_one,fm2_two",
    }


def test_get_for_another_registry_of_flys() -> None:
    """`FLY_REGISTRY_HOST` replaces the default host."""
    environ = {**TOKEN, "FLY_REGISTRY_HOST": "127.0.0.1:5000"}

    assert call_helper("get", "127.0.0.1:5000", environ).returncode == 0
    assert call_helper("get", "registry.fly.io", environ).stdout == NOT_FOUND


@pytest.mark.parametrize(
    ("server", "environ"),
    [
        ("ghcr.io", TOKEN),
        ("registry.fly.io.evil.com", TOKEN),
        ("evil.com/registry.fly.io", TOKEN),
        ("http://registry.fly.io", TOKEN),
        ("registry.fly.io", {}),
    ],
)
def test_get_for_an_unknown_registry(server: str, environ: Mapping[str, str]) -> None:
    """The message that makes docker continue without a credential."""
    done = call_helper("get", server, environ)

    assert (done.returncode, done.stdout, done.stderr) == (1, NOT_FOUND, "")


@pytest.mark.parametrize("verb", ["get", "store", "erase"])
def test_get_without_a_server(verb: str) -> None:
    """The message of docker's own helpers."""
    assert call_helper(verb).stdout == "no credentials server URL\n"
    assert call_helper(verb).returncode == 1


def test_store_and_erase() -> None:
    """`fly auth docker` and `docker login` succeed; later calls get a current token."""
    stored, erased = call_helper("store", LOGIN), call_helper("erase", "registry.fly.io")

    assert (stored.returncode, stored.stdout) == (0, "")
    assert (erased.returncode, erased.stdout) == (0, "")


@pytest.mark.parametrize(("login", "environ"), [(OTHER, TOKEN), (LOGIN, {})])
def test_store_of_another_login(login: str, environ: Mapping[str, str]) -> None:
    """It is refused with a hint, and not quoted."""
    done = call_helper("store", login, environ)

    assert done.returncode == 1
    assert "stores no logins" in done.stdout
    assert "given" not in done.stdout + done.stderr


def test_list_and_version() -> None:
    """Fly's registry, if there is a token."""
    assert json.loads(call_helper("list").stdout) == {"registry.fly.io": "x"}
    assert json.loads(call_helper("list", environ={}).stdout) == {}
    assert call_helper("version").stdout.startswith("docker-credential-fly ")


@pytest.mark.parametrize("verb", ["", "nonsense"])
def test_another_verb(verb: str) -> None:
    """A sentence for people who try it."""
    done = call_helper(verb)

    assert done.returncode == 1
    assert "get, list, store" in done.stdout


def test_it_starts_fast() -> None:
    """Docker calls it several times per pull and push, so it does not import the client."""
    script = "import sys, pipeline.registry.auth.credential_helper; print('h11' in sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert loaded.stdout == "False\n"
