"""No encoding of stdout and stderr, and no character in a project, breaks a task."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pipeline.tasks import ns
from pipeline.tasks._program import TaskProgram
from tests.support.project import Project
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scripted_server import Request

ENCODINGS = ("cp1252", "latin-1", "ascii")
TASKS = (
    "graph",
    "graph --format dot",
    "graph --format mermaid",
    "graph --format json",
    "inputs web",
    "inputs web --json",
    "plan",
    "plan --json",
    "--dry build-all",
    "exists web",
    "status",
    "build wéb",
    "build 日本 --json",
    "promote web :ü",
    "releases web",
    "lock --check",
    "deploy-all --json",
    "doctor",
    "login",
    "down",
    "keep --list",
    "apps --check",
    "rollback web",
    "--list",
    "--help plan",
)
"""Tasks, most of which fail here, without an engine, a token or a network."""


class Ended(NamedTuple):
    """How a task ended, and what it wrote, read in its encoding."""

    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Make an image that no registry has, with characters from everywhere in its inputs."""
    made = Project(tmp_path, tmp_path / "none.log")
    made.image("base", "FROM scratch\nCOPY b.txt /\n", b_txt="b")
    made.image(
        "web",
        "ARG GREETING\nFROM base\n# ünïcödé 日本 🚀\nCOPY . /\nLABEL a=日本\n",
        fly_toml='app = "wéb"\n'.replace("é", "e"),
        image_toml='args = { GREETING = "grüß Gott, 日本 🚀" }\n',
    )
    made.write("images/web/ünïcödé 日本 🚀.txt", "x")
    with scripted_server(has_nothing) as server:
        made.write("pipeline.toml", f'[registry]\nhost = "{server.address}"\n')
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
        monkeypatch.setenv("PATH", "/nowhere")
        yield made


def has_nothing(request: Request) -> Reply:
    """Have no image."""
    if "/manifests/" not in request.path:
        return Reply(200)
    return Reply(404, {"Content-Type": "application/json"}, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')


def run(words: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Run a task in this process, with streams of an encoding, which raise what they lack."""
    out, err = io.BytesIO(), io.BytesIO()
    streams = [io.TextIOWrapper(raw, encoding=encoding, errors="strict") for raw in (out, err)]
    with monkeypatch.context() as patched:
        for name in ns.task_names:  # Invoke takes the help out of a task when it reads it.
            patched.setattr(ns[name], "help", dict(ns[name].help))
        patched.setattr(sys, "stdout", streams[0])
        patched.setattr(sys, "stderr", streams[1])
        code = 0
        try:
            TaskProgram(version="1", namespace=ns, name="fip").run(["fip", *words.split()])
        except SystemExit as ended:
            code = int(ended.code or 0)
        for stream in streams:
            stream.flush()
    return Ended(code, out.getvalue().decode(encoding), err.getvalue().decode(encoding))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("words", TASKS)
def test_a_task_in_every_encoding(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is that of UTF-8, and no traceback is shown."""
    expected = run(words, "utf-8", monkeypatch)
    for encoding in ENCODINGS:
        ended = run(words, encoding, monkeypatch)

        assert ended.code == expected.code, (encoding, ended)
        assert bool(ended.out) == bool(expected.out), (encoding, ended)
        assert "Traceback" not in ended.out + ended.err, (encoding, ended)
        assert ended.out + ended.err, encoding


def test_help_is_ascii() -> None:
    """Invoke prints it, which knows no encodings."""
    for name in ns.task_names:
        texts = [ns[name].__doc__ or "", *(ns[name].help or {}).values()]
        assert all(text.isascii() for text in texts), name
