"""flyctl as a process: its arguments and environment, its errors, and what it does not get."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import UnknownError
from pipeline.fly.flyctl import FlyctlResult, find_flyctl
from tests.support.fake_programs import write_program
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "fm2_planted,fo1_discharge"
VERSION = "flyctl v0.4.87 linux/amd64 Commit: ad0172fac BuildDate: 2026-08-21T00:00:00Z"


def path_with_flyctl(tmp_path: Path, script: str) -> dict[str, str]:
    """Return an environment whose flyctl is a shell script."""
    says = f"if [ $1 = version ]; then echo '{VERSION}'; exit; fi"
    path = write_program(tmp_path / "bin" / "flyctl", f"{says}\n{script}")
    return {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}", "FLY_APP": "another"}


def test_arguments_and_environment(tmp_path: Path) -> None:
    """The token is in a variable, not in an argument; other variables of flyctl are removed."""
    environ = path_with_flyctl(tmp_path, f'echo "$@" > {tmp_path}/argv; env > {tmp_path}/env')
    flyctl = find_flyctl(environ, TOKEN, threading.Event())
    ended = flyctl.deploy("acme-web", "host/web@sha256:1", tmp_path, "fly.toml", "canary")

    assert ended.code == 0
    assert (tmp_path / "argv").read_text().split() == [
        *("deploy", "--app", "acme-web", "--image", "host/web@sha256:1", "--remote-only", "--yes"),
        *("--config", "fly.toml", "--strategy", "canary"),
    ]
    given = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert given["FLY_ACCESS_TOKEN"] == TOKEN
    assert given["FLY_NO_UPDATE_CHECK"] == "1"
    assert "FLY_APP" not in given


def test_an_error_is_one_line_without_secrets(tmp_path: Path) -> None:
    """The last line that begins with `Error:`, without the request id."""
    script = "echo 'Error: denied to fm2_planted (Request ID: 01AB)' >&2; echo more >&2; exit 1"
    ended = find_flyctl(path_with_flyctl(tmp_path, script), TOKEN, threading.Event()).deploy(
        "acme-web", "image", tmp_path
    )

    assert (ended.code, ended.message) == (1, "denied to ***")
    assert not ended.image_is_missing
    assert "planted" not in "".join(ended.lines)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("app not found (Request ID: 01AB-iad) (Trace ID: 75508d8a)", "app not found"),
        ("timeout (Trace ID: 75508d8a)", "timeout"),
        (
            "failed to fetch an image: failed to run query { app { id } }: Could not find image",
            "failed to fetch an image: Could not find image",
        ),
    ],
)
def test_what_an_error_of_flyctl_is_without_its_queries_and_ids(said: str, message: str) -> None:
    """fly-go puts the whole query before Fly's words."""
    assert FlyctlResult(1, (f"Error: {said}",)).message == message


@pytest.mark.parametrize(
    "variable", ["FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL", "FLY_UIEX_BASE_URL"]
)
@pytest.mark.parametrize(
    "base",
    [
        *("http://api.fly.io", "HTTP://api.fly.io", "http://10.0.0.9:4280", "http://127.1:4280"),
        *("http://metadata.google.internal", "http://x._api.internal", "http://localhost.", "a"),
    ],
)
def test_no_token_for_an_http_address(tmp_path: Path, variable: str, base: str) -> None:
    """It is not run, as it would send the token there."""
    environ = {**path_with_flyctl(tmp_path, f"touch {tmp_path}/ran"), variable: base}

    with pytest.raises(UnknownError, match="over plain HTTP"):
        find_flyctl(environ, TOKEN, threading.Event())
    assert not (tmp_path / "ran").exists()


def test_no_token_for_an_http_proxy(tmp_path: Path) -> None:
    """`NO_PROXY` can exclude Fly's own network."""
    inside = {"FLY_FLAPS_BASE_URL": "http://_api.internal:4280", "HTTP_PROXY": "proxy.test:3128"}
    environ = {**path_with_flyctl(tmp_path, "exit 0"), **inside}

    with pytest.raises(UnknownError, match=r"the proxy proxy\.test:3128"):
        find_flyctl(environ, TOKEN, threading.Event())
    find_flyctl({**environ, "NO_PROXY": ".internal"}, TOKEN, threading.Event())


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ('Could not find image "a@sha256:1"', (True, False, False)),
        ("failed to get manifest: MANIFEST_UNKNOWN: unknown tag", (True, False, False)),
        ("failed to acquire lease: lease currently held by x@tokens.fly.io", (False, True, False)),
        ("failed to list active VMs: rate limit exceeded (Request ID: 7)", (False, False, True)),
        ("timeout reached waiting for health checks to pass", (False, False, False)),
    ],
)
def test_temporary_failures_of_flyctl(
    tmp_path: Path,
    said: str,
    kinds: tuple[bool, bool, bool],
) -> None:
    """Three errors are temporary, no others."""
    script = f"echo 'Error: {said}' >&2; exit 1"
    ended = find_flyctl(path_with_flyctl(tmp_path, script), "", threading.Event()).deploy(
        "acme-web", "image", tmp_path
    )

    assert (ended.image_is_missing, ended.is_held, ended.is_limited) == kinds


def test_the_created_release(tmp_path: Path) -> None:
    """From a line of JSON among other lines."""
    script = """echo 'Watch it'; echo '{"id":"r1","version":7,"image_ref":"a"}'; echo 'Visit it'"""
    ended = find_flyctl(path_with_flyctl(tmp_path, script), "", threading.Event()).deploy(
        "acme-web", "image", tmp_path
    )

    assert ended.release == "7"


def test_listed_releases(tmp_path: Path) -> None:
    """Used if Fly's REST API does not answer: the field names of fly-go."""
    listed = (
        '[{"ID":"x","Version":2,"Status":"complete","ImageRef":"a@b","CreatedAt":"2026-01-01"}]'
    )
    flyctl = find_flyctl(path_with_flyctl(tmp_path, f"echo '{listed}'"), "", threading.Event())
    (found,) = flyctl.releases("acme-web")

    assert (found.version, found.status, found.image, found.good) == (2, "complete", "a@b", True)


def test_releases_that_cannot_be_listed(tmp_path: Path) -> None:
    """An error, not an empty list."""
    flyctl = find_flyctl(
        path_with_flyctl(tmp_path, "echo 'Error: no' >&2; exit 1"), "", threading.Event()
    )
    with pytest.raises(UnknownError, match="cannot list the releases of `acme-web`: no"):
        flyctl.releases("acme-web")


@pytest.mark.parametrize("told", ["id", "version", "deep", "list"])
def test_an_incomplete_release(tmp_path: Path, told: str) -> None:
    """The deploy succeeded, but its release is unknown."""
    lines = {
        "id": '{"id":"r1","vers',
        "version": '{"id":"r1","version":{"a":1}}',
        "deep": f'{{"id":{"[" * 5000}',
        "list": '["id"]',
    }
    ended = find_flyctl(
        path_with_flyctl(tmp_path, f"echo '{lines[told]}'"), "", threading.Event()
    ).deploy("acme-web", "image", tmp_path)

    assert (ended.code, ended.release) == (0, "")


@pytest.mark.parametrize(
    "printed", ["", "Visit it", '[{"Version"', "{}", "[1]", '[{"Version":"v2"}]', "[" * 5000]
)
def test_invalid_releases(tmp_path: Path, printed: str) -> None:
    """An error, also with exit code 0."""
    flyctl = find_flyctl(path_with_flyctl(tmp_path, f"echo '{printed}'"), "", threading.Event())
    with pytest.raises(UnknownError, match=r"cannot list the releases|Fly answers"):
        flyctl.releases("acme-web")


def test_endless_output(tmp_path: Path) -> None:
    """Its end is kept, which has the release."""
    endless = "head -c 20000000 /dev/zero"
    script = f"""{endless}; {endless} >&2; echo; echo '{{"id":"r1","version":7}}'"""
    ended = find_flyctl(path_with_flyctl(tmp_path, script), "", threading.Event()).deploy(
        "acme-web", "image", tmp_path
    )

    assert ended.release == "7"
    assert sum(map(len, ended.lines)) < 100_000


def test_a_timeout(tmp_path: Path) -> None:
    """It is interrupted, and the timeout is the error.

    After half a second: a process that has not begun loses SIGINT, and gets SIGTERM 10 s later.
    """
    flyctl = find_flyctl(path_with_flyctl(tmp_path, "sleep 600"), "", threading.Event())
    ended = replace(flyctl, longest=0.5).deploy("acme-web", "image", tmp_path)

    assert ended.code != 0
    assert ended.message == "flyctl took longer than 0 minutes"


def test_an_interruption(tmp_path: Path) -> None:
    """SIGINT, so that it can mark its release as interrupted."""
    stop = threading.Event()
    # `sleep` outlives it, and would keep its output open.
    script = (
        f"trap 'echo told > {tmp_path}/told; exit 127' INT; touch {tmp_path}/begun;"
        " sleep 30 >/dev/null 2>&1 & wait"
    )
    flyctl = find_flyctl(path_with_flyctl(tmp_path, script), "", stop)
    with ThreadPoolExecutor() as pool:
        deploy = pool.submit(flyctl.deploy, "acme-web", "image", tmp_path)
        wait_until((tmp_path / "begun").exists)
        stop.set()
        ended = deploy.result()

    assert ended.code == 127
    assert (tmp_path / "told").exists()


def test_flyctl_is_missing(tmp_path: Path) -> None:
    """The error says how to install it."""
    with pytest.raises(UnknownError, match="not on PATH") as caught:
        find_flyctl({"PATH": str(tmp_path)}, "", threading.Event())
    assert "fly.io/docs" in caught.value.hint
