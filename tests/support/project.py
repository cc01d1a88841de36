"""A user's project in a folder, and Invoke run in it as a user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.console.schemas import validate
from tests.support.invoker import invoke

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.registries import Registry

_REQUEST = re.compile(r"\b(GET|HEAD|PUT|POST|PATCH|DELETE) (/v2/\S*)")


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Parse stdout as JSON, which must be as its published schema says."""
        document = json.loads(self.out)
        validate(document)
        return document

    def statuses(self) -> dict[str, str]:
        """Return the status of each image in a report."""
        return {image["name"]: image["status"] for image in self.json["images"]}


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `root` is its folder, `log` the access log of its registry."""

    root: Path
    log: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        """Write a file of the project and make its folders."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def image(self, name: str, dockerfile: str, **files: str) -> None:
        """Add an image to `images/`; a keyword `app_py="…"` writes its file `app.py`."""
        self.write(f"images/{name}/Dockerfile", dockerfile)
        for file, text in files.items():
            self.write(f"images/{name}/{file.replace('_', '.', 1)}", text)

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `invoke WORDS` in a new process group."""
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.root,
            env=self._environ(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def invoke(self, *words: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run `invoke WORDS` to its end."""
        ended = invoke(words, self.root, self._environ(environ))
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def _environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **self.environ, **(more or {})}

    def requests(self) -> list[tuple[str, str]]:
        """Return the requests to the registry so far: method and path."""
        return requests_in(self.log)


def project_at(registry: Registry, folder: Path) -> Project:
    """Make a project in `folder` without images, whose images are in a registry."""
    made = Project(folder / "project", folder / "registry" / "registry.log")
    made.root.mkdir()
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n')
    return made


def requests_in(log: Path) -> list[tuple[str, str]]:
    """Return the requests in a registry's access log: method and path."""
    return _REQUEST.findall(log.read_text(encoding="utf-8", errors="replace"))


def three_levels(project: Project) -> None:
    """Add two bases, one on the other, and two apps on the second, all small."""
    project.image("os", "FROM debian:bookworm-slim\nCOPY os.txt /os.txt\n", os_txt="os\n")
    project.image("lang", "FROM os\nCOPY lang.txt /lang.txt\n", lang_txt="lang\n")
    project.image("web", "FROM lang\nCOPY web.txt /web.txt\n", web_txt="web\n", notes_md="unread\n")
    project.image("api", "FROM lang\nCOPY api.txt /api.txt\nRUN cat /os.txt\n", api_txt="api\n")
