"""Fuzz targets that read files of a project."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline import load
from pipeline.deploy.docker.service import service
from pipeline.dockerfile import parse, resolve
from pipeline.dockerignore.ignore_file import parse_ignore
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.configuration import Configuration, differences
from pipeline.model.permission import parse_allowed
from pipeline.project.app_files import read_configuration
from pipeline.reference import (
    Platform,
    ReferenceSyntaxError,
    parse_digest,
    parse_host,
    parse_image_name,
    parse_platform,
    parse_reference,
    parse_repository,
    parse_repository_on,
    parse_tag,
)
from tests.fuzz.target import MEMORY, Target

_OTHER = Configuration({"env": {"A": "1"}})
_AMD64 = Platform("linux", "amd64")
_ARGUMENTS = {"A": "v", "VERSION": "1.2", "EMPTY": ""}
_PATHS = ("a", "a" * 200, "src/main.py", "node_modules/x/y.js", ".git/HEAD", "a/b/c/d/e/f", "é.txt")
_LONGEST_PATH = 4095
"""The longest path that Linux can open, in bytes (`PATH_MAX`)."""
_PROJECT = {
    "pipeline.toml": '[registry]\nhost = "127.0.0.1:5000"\n',
    "images/base/Dockerfile": "FROM scratch\nCOPY a /a\n",
    "images/base/a": "a\n",
    "images/web/Dockerfile": "FROM base\nARG VERSION=1\nCOPY src /src\nCOPY --from=tool:1 /t /t\n",
    "images/web/src/main.py": "print()\n",
    "images/web/apps.txt": "acme-web\n",
    "images/web/fly.toml": 'app = "acme-web"\n',
    "images/web/image.toml": '[deploy]\napps = "file:apps.txt"\n',
}


def _dockerfile(data: bytes) -> None:
    found = parse(data, file="Dockerfile")
    resolve(found, target=None, args=_ARGUMENTS, platform=_AMD64)


def _ignore(data: bytes) -> None:
    ignore = parse_ignore(data, file=".dockerignore")
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for path in (*_PATHS, *(line for line in lines[:20] if 0 < len(line) <= _LONGEST_PATH)):
        ignore.excludes(path)
        ignore.reason(path)
        ignore.may_include_below(path)


def _load(root: Path) -> None:
    project = load(root, environ={})
    fingerprint(project)
    for image in project:
        if image.deploy and image.deploy.config:
            found = read_configuration(root, root / image.deploy.config)
            differences(found, _OTHER)
            _ = found.digest, service(found.data)


class _Folder:
    """A project in a temporary folder, in which one file is replaced."""

    def __init__(self, file: str, without: tuple[str, ...] = ()) -> None:
        self._file = file
        self._without = without
        self._root: Path | None = None
        self._held: tempfile.TemporaryDirectory[str] | None = None

    def __call__(self, data: bytes) -> None:
        root = self._root or self._make()
        (root / self._file).write_bytes(data)
        _load(root)

    def _make(self) -> Path:
        self._held = tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY)
        self._root = Path(self._held.name)
        for name, text in _PROJECT.items():
            if name not in self._without:
                path = self._root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        return self._root


def _references(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse_one in (
        parse_reference,
        parse_repository,
        parse_tag,
        parse_digest,
        parse_image_name,
        parse_platform,
        parse_host,
        lambda text: parse_repository_on(text, "registry.fly.io"),
    ):
        try:
            found = parse_one(text)
        except ReferenceSyntaxError as error:
            assert str(error)  # noqa: PT017 - every one says why
        else:
            assert str(found)


def _allowed(data: bytes) -> None:
    found = parse_allowed(data.decode("utf-8", "surrogateescape"))
    _ = found.commands, found.mirrors, found.token_servers


TARGETS = (
    Target("dockerfile", _dockerfile, "dockerfile"),
    Target("ignore", _ignore, "ignore"),
    Target("pipeline-toml", _Folder("pipeline.toml"), "toml", form="toml"),
    Target("image-toml", _Folder("images/web/image.toml"), "toml", form="toml"),
    Target("lock", _Folder("pipeline.lock"), "toml", form="toml"),
    Target("fly-toml", _Folder("images/web/fly.toml"), "toml", form="toml"),
    Target("fly-json", _Folder("images/web/fly.json", ("images/web/fly.toml",)), form="json"),
    Target("fly-yaml", _Folder("images/web/fly.yaml", ("images/web/fly.toml",)), "yaml"),
    Target("app-list", _Folder("images/web/apps.txt")),
    Target("reference", _references, "reference"),
    Target("allow", _allowed, "allow"),
)
