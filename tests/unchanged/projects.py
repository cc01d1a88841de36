"""Small projects that cover the inputs of a fingerprint one at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ALPINE = "docker.io/library/alpine:3.20"
_DIGEST = f"sha256:{'ab' * 32}"
_AMD64 = f"sha256:{'cd' * 32}"
_ARM64 = f"sha256:{'ef' * 32}"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link with its literal target."""

    target: str


@dataclass(frozen=True, slots=True)
class Program:
    """A file that its owner may execute."""

    text: str


@dataclass(frozen=True, slots=True)
class Folder:
    """An empty folder."""


Content = str | bytes | Link | Program | Folder


@dataclass(frozen=True, slots=True)
class Example:
    """A project: its files, and the arguments of each command."""

    name: str
    files: Mapping[str, Content]
    words: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> None:
        """Write the files below `root`, which is created."""
        root.mkdir()
        (root / "tasks.py").write_text("from pipeline.tasks import ns\n", encoding="utf-8")
        for name, content in self.files.items():
            _write(root / name, content)


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match content:
        case str():
            path.write_text(content, encoding="utf-8")
        case bytes():
            path.write_bytes(content)
        case Link():
            path.symlink_to(content.target)
        case Program():
            path.write_text(content.text, encoding="utf-8")
            path.chmod(0o755)
        case Folder():
            path.mkdir()


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


EXAMPLES = (
    Example(
        "two-levels",
        {
            "images/base/Dockerfile": _lines("FROM alpine:3.20", "COPY base.txt /"),
            "images/base/base.txt": "base\n",
            "images/web/Dockerfile": _lines("FROM base", "COPY . /srv"),
            "images/web/app.py": "print('web')\n",
            "images/web/fly.toml": _lines('app = "acme-web"'),
        },
    ),
    Example(
        "diamond",
        {
            "images/os/Dockerfile": _lines("FROM debian:bookworm-slim"),
            "images/left/Dockerfile": _lines("FROM os", "RUN left"),
            "images/right/Dockerfile": _lines("FROM os:latest", "RUN right"),
            "images/top/Dockerfile": _lines(
                "FROM left", "COPY --from=right /etc/os-release /right", "RUN top"
            ),
        },
    ),
    Example(
        "arguments",
        {
            "images/web/Dockerfile": _lines(
                "ARG VERSION=3.19",
                "ARG FLAVOUR",
                "FROM alpine:${VERSION}",
                "ARG VERSION",
                "ARG COLOUR=red",
                "ARG SHADE=dark-${COLOUR}",
                "ARG UNSET",
                "ARG TARGETARCH",
                "COPY ${COLOUR:-none}.txt ${SHADE#dark-}.txt /srv/",
                "RUN echo $COLOUR",
            ),
            "images/web/red.txt": "red\n",
            "images/web/blue.txt": "blue\n",
            "images/web/image.toml": _lines(
                "[args]", 'VERSION = "3.20"', 'COLOUR = "blue"', 'UNDECLARED = "x"'
            ),
        },
    ),
    Example(
        "arguments-of-buildkit",
        {
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "ARG HTTP_PROXY", "RUN true"),
            "images/web/image.toml": _lines(
                "[args]",
                'HTTP_PROXY = "http://proxy.example:3128"',
                'SOURCE_DATE_EPOCH = "0"',
                'BUILDKIT_SANDBOX_HOSTNAME = "here"',
            ),
        },
    ),
    Example(
        "target",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20 AS tools",
                "COPY tools.txt /",
                "FROM alpine:3.19 AS runtime",
                "COPY runtime.txt /",
                "COPY --from=tools /tools.txt /",
                "FROM runtime AS tests",
                "COPY tests.txt /",
            ),
            "images/web/tools.txt": "tools\n",
            "images/web/runtime.txt": "runtime\n",
            "images/web/tests.txt": "tests\n",
            "images/web/image.toml": _lines('target = "runtime"'),
        },
    ),
    Example(
        "platforms",
        {
            "pipeline.toml": _lines("[build]", 'platforms = ["linux/amd64", "linux/arm64"]'),
            "images/base/Dockerfile": _lines(
                "FROM --platform=$BUILDPLATFORM alpine:3.20 AS cross",
                "ARG TARGETARCH",
                "COPY ${TARGETARCH}.txt /",
                "FROM alpine:3.20",
                "ARG TARGETPLATFORM",
                "COPY --from=cross / /",
            ),
            "images/base/amd64.txt": "amd64\n",
            "images/base/arm64.txt": "arm64\n",
            "images/base/riscv64.txt": "riscv64\n",
            "images/small/Dockerfile": _lines("FROM alpine:3.20", "COPY small.txt /"),
            "images/small/small.txt": "small\n",
            "images/small/image.toml": _lines('platforms = ["linux/arm/v7"]'),
        },
    ),
    Example(
        "named-contexts",
        {
            "libs/one/.dockerignore": "*.tmp\n",
            "libs/one/a.txt": "a\n",
            "libs/one/b.tmp": "b\n",
            "libs/two/unread.txt": "unread\n",
            "libs/two/read/deep.txt": "deep\n",
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20",
                "COPY --from=one / /one",
                "RUN --mount=from=two,source=read,target=/two true",
            ),
            "images/web/image.toml": _lines(
                "[contexts]", 'one = "../../libs/one"', 'two = "../../libs/two"'
            ),
        },
    ),
    Example(
        "wide-context",
        {
            ".dockerignore": _lines("**/*.log", "!keep.log", "build"),
            "keep.log": "kept\n",
            "lost.log": "lost\n",
            "build/output": "output\n",
            "shared/one.txt": "one\n",
            "images/web/web.Dockerfile": _lines("FROM alpine:3.20", "COPY . /src"),
            "images/web/image.toml": _lines('context = "../.."', 'dockerfile = "web.Dockerfile"'),
        },
    ),
    Example(
        "ignore-file-of-a-dockerfile",
        {
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "COPY . /src"),
            "images/web/Dockerfile.dockerignore": _lines(
                "# a comment", "*", "!src", "src/**/[a-c]?.txt", "!src/deep/bb.txt"
            ),
            "images/web/.dockerignore": "src\n",
            "images/web/src/aa.txt": "aa\n",
            "images/web/src/ad.txt": "ad\n",
            "images/web/src/deep/bb.txt": "bb\n",
            "images/web/src/deep/cc.txt": "cc\n",
            "images/web/src/deep/dd.txt": "dd\n",
            "images/web/other.txt": "other\n",
        },
    ),
    Example(
        "secrets",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20",
                "RUN --mount=type=secret,id=token --mount=type=secret,id=file cat /run/secrets/*",
            ),
            "images/web/token.txt": "a secret that no fingerprint has seen\n",
            "images/web/image.toml": _lines(
                'secrets = ["id=token,env=TOKEN,required=false", "id=file,src=token.txt"]'
            ),
        },
    ),
    Example(
        "test-of-an-image",
        {
            "images/base/Dockerfile": _lines("FROM alpine:3.20"),
            "images/base/image.toml": _lines("[test]", 'command = ["true"]', "timeout = 7.5"),
            "images/web/Dockerfile": _lines("FROM base", "RUN true"),
            "images/web/image.toml": _lines(
                "[test]", 'command = ["python3", "-c", "import app", "é"]'
            ),
        },
    ),
    Example(
        "locked",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20",
                "COPY app.txt /",
                "FROM busybox",
                "COPY --from=0 / /",
            ),
            "images/web/app.txt": "app\n",
            "images/web/extra.txt": "extra\n",
            "pipeline.lock": _lines(
                "[[external]]",
                f'reference = "{_ALPINE}"',
                f'digest = "{_DIGEST}"',
                f'platforms = {{ "linux/amd64" = "{_AMD64}", "linux/arm64" = "{_ARM64}" }}',
                'triggers = { "linux/amd64" = [] }',
            ),
        },
    ),
    Example(
        "triggers-of-a-locked-image",
        {
            "images/web/Dockerfile": _lines(f"FROM {_ALPINE}", "RUN true"),
            "images/web/app.txt": "app\n",
            "images/web/src/code.py": "code = 1\n",
            "pipeline.lock": _lines(
                "[[external]]",
                f'reference = "{_ALPINE}"',
                f'digest = "{_DIGEST}"',
                f'platforms = {{ "linux/amd64" = "{_AMD64}" }}',
                'triggers = { "linux/amd64" = ["COPY src /src", "RUN make"] }',
            ),
        },
    ),
    Example(
        "triggers-of-a-base",
        {
            "images/base/Dockerfile": _lines("FROM alpine:3.20", "ONBUILD COPY app.txt /"),
            "images/web/Dockerfile": _lines("FROM base", "RUN true"),
            "images/web/app.txt": "app\n",
            "images/web/other.txt": "other\n",
        },
    ),
    Example(
        "heredocs",
        {
            "images/web/Dockerfile": _lines(
                "# syntax=docker/dockerfile:1",
                "FROM alpine:3.20",
                "ARG WHO=you",
                "COPY <<one <<-two three.txt /srv/",
                "hello $WHO",
                "one",
                "\tindented",
                "\ttwo",
                "RUN <<EOF",
                "COPY not-read.txt /",
                "EOF",
            ),
            "images/web/three.txt": "three\n",
            "images/web/not-read.txt": "not read\n",
        },
    ),
    Example(
        "copy-from-images",
        {
            "images/tools/Dockerfile": _lines("FROM alpine:3.20", "RUN tools"),
            "images/web/Dockerfile": _lines(
                "FROM scratch",
                "COPY --from=tools /bin/tool /",
                "COPY --from=golang:1.22 /usr/local/go /go",
                f"COPY --from=ghcr.io/acme/other@{_DIGEST} /a /a",
                "RUN --mount=type=bind,from=tools,target=/t /t/run",
            ),
        },
    ),
    Example(
        "parents",
        {
            "images/web/Dockerfile": _lines(
                "# syntax=docker/dockerfile:1-labs",
                "FROM alpine:3.20",
                "COPY --parents src/./**/*.py other/*.txt /srv/",
            ),
            "images/web/src/a.py": "a\n",
            "images/web/src/deep/b.py": "b\n",
            "images/web/src/deep/b.txt": "b\n",
            "images/web/other/c.txt": "c\n",
            "images/web/other/c.md": "c\n",
        },
    ),
    Example(
        "exclude",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20",
                "COPY --exclude=*.md --exclude=deep/*.tmp src /srv/",
            ),
            "images/web/src/a.py": "a\n",
            "images/web/src/a.md": "a\n",
            "images/web/src/deep/b.tmp": "b\n",
            "images/web/src/deep/b.md": "b\n",
        },
    ),
    Example(
        "added",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20",
                f"ADD --checksum={_DIGEST} https://example.com/file.tar.gz /",
                "ADD https://github.com/acme/repository.git#v1:docs /docs",
                "ADD git@github.com:acme/repository.git /repository",
                "ADD archive.tar /unpacked/",
            ),
            "images/web/archive.tar": b"\x00\x01not a real archive\xff",
        },
    ),
    Example(
        "profile",
        {
            "pipeline.toml": _lines(
                "[profiles.staging]", 'build = { platforms = ["linux/arm64"] }'
            ),
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "ARG MODE", "RUN echo $MODE"),
            "images/web/image.toml": _lines(
                'args = { MODE = "production" }', "[profiles.staging.args]", 'MODE = "staging"'
            ),
        },
        words=("--profile", "staging"),
    ),
    Example(
        "profile-of-the-environment",
        {
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "ARG MODE", "RUN echo $MODE"),
            "images/web/image.toml": _lines("[profiles.staging]", 'salt = "2"'),
            "pipeline.toml": _lines("[profiles.staging]", "strict = true"),
        },
        environ={"PIPELINE_PROFILE": "staging"},
    ),
    Example(
        "public-image",
        {
            "images/proxy/fly.toml": _lines(
                'app = "acme-proxy"', "[build]", 'image = "nginx:1.27"'
            ),
            "images/cache/image.toml": _lines(
                f'image = "valkey/valkey@{_DIGEST}"', "[deploy]", 'apps = ["acme-cache"]'
            ),
            "images/cache/fly.toml": _lines('app = "acme-cache"'),
            "images/web/Dockerfile": _lines("FROM alpine:3.20"),
        },
    ),
    Example(
        "one-repository-for-all",
        {
            "pipeline.toml": _lines(
                "[registry]", 'repository = "acme-images"', 'tag = "{name}-{fingerprint}"'
            ),
            "images/base/Dockerfile": _lines("FROM alpine:3.20"),
            "images/web/Dockerfile": _lines("FROM base", "RUN true"),
            "images/web/fly.toml": _lines('app = "acme-web"'),
        },
    ),
    Example(
        "base-by-its-repository",
        {
            "pipeline.toml": _lines("[registry]", 'repository = "acme-{name}"'),
            "images/base/Dockerfile": _lines("FROM alpine:3.20"),
            "images/web/Dockerfile": _lines(
                "ARG BASE=anything", "FROM registry.fly.io/acme-base:v1 AS one", "FROM $BASE"
            ),
            "images/web/image.toml": _lines('bases = { BASE = "base" }'),
            "images/api/Dockerfile": _lines("ARG REPO", "ARG TAG=1", "FROM $REPO:$TAG"),
            "images/api/image.toml": _lines('args = { REPO = "base" }'),
        },
    ),
    Example(
        "links",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20", "COPY data /data", "COPY direct /direct", "COPY to-*.txt /some/"
            ),
            "images/web/data/file.txt": "file\n",
            "images/web/data/inner": Link("file.txt"),
            "images/web/data/dangling": Link("../nowhere"),
            "images/web/data/absolute": Link("/etc/hostname"),
            "images/web/direct": Link("data/inner"),
            "images/web/to-file.txt": Link("data/file.txt"),
        },
    ),
    Example(
        "executable-bits",
        {
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "COPY bin /bin/", "COPY empty /e/"),
            "images/web/bin/run": Program("#!/bin/sh\n"),
            "images/web/bin/data": "#!/bin/sh\n",
            "images/web/empty/nothing": Folder(),
        },
    ),
    Example(
        "undecided-sources",
        {
            "images/web/Dockerfile": _lines(
                "FROM alpine:3.20", "COPY $FROM_THE_IMAGE.txt /srv/", "COPY known.txt /srv/"
            ),
            "images/web/known.txt": "known\n",
            "images/web/unknown.txt": "unknown\n",
        },
    ),
    Example(
        "options-and-salt",
        {
            "pipeline.toml": _lines("[build]", "sbom = true", 'provenance = "mode=max"'),
            "images/web/Dockerfile": _lines("FROM alpine:3.20"),
            "images/web/image.toml": _lines('salt = "2026"', 'aliases = ["latest", "stable"]'),
        },
    ),
    Example(
        "build-of-a-fly-toml",
        {
            "images/web/other.Dockerfile": _lines(
                "FROM alpine:3.20 AS runtime", "ARG A", "COPY . /srv", "FROM runtime"
            ),
            "images/web/.ignored": "*.md\n",
            "images/web/a.txt": "a\n",
            "images/web/a.md": "a\n",
            "images/web/fly.toml": _lines(
                'app = "acme-web"',
                "[build]",
                'dockerfile = "other.Dockerfile"',
                'ignorefile = ".ignored"',
                'build-target = "runtime"',
                "[build.args]",
                'A = "1"',
            ),
        },
    ),
    Example(
        "directives",
        {
            "images/web/Dockerfile": _lines(
                "# escape=`",
                "# check=skip=all",
                "FROM alpine:3.20",
                "WORKDIR /srv",
                "COPY [`",
                '"with space.txt", `',
                '"./"]',
                "ENV NAME=plain",
                "COPY $NAME.txt ${NAME}s/ ./",
            ),
            "images/web/with space.txt": "space\n",
            "images/web/plain.txt": "plain\n",
            "images/web/plains/one.txt": "one\n",
        },
    ),
    Example(
        "names-of-files",
        {
            "images/web/Dockerfile": _lines("FROM alpine:3.20", "COPY ?-* [x-z]*/ /srv/"),
            "images/web/é-accent.txt": "accent\n",
            "images/web/b-\U0001f40b": "whale\n",
            "images/web/bb-no": "no\n",
            "images/web/xs/one": "one\n",
            "images/web/ws/none": "none\n",
        },
    ),
    Example(
        "other-folders",
        {
            "pipeline.toml": _lines('images = ["services/**", "bases/*"]'),
            "bases/os/Dockerfile": _lines("FROM alpine:3.20"),
            "services/team/api/Dockerfile": _lines("FROM os", "COPY main.go /"),
            "services/team/api/main.go": "package main\n",
            "services/named/Dockerfile": _lines("FROM os"),
            "services/named/image.toml": _lines('name = "renamed"'),
            "services/.hidden/Dockerfile": _lines("FROM os"),
        },
    ),
    Example(
        "several-apps",
        {
            "images/worker/Dockerfile": _lines("FROM alpine:3.20"),
            "images/worker/fly.toml": _lines('app = "acme-worker"'),
            "images/web/Dockerfile": _lines("FROM alpine:3.20"),
            "images/web/fly.toml": _lines('app = "acme-web"'),
            "images/web/fly.eu.toml": _lines('app = "acme-web-eu"'),
            "images/web/image.toml": _lines(
                "[deploy]",
                'apps = ["acme-web", { name = "acme-web-eu", config = "fly.eu.toml" }]',
                'after = ["worker"]',
                'strategy = "immediate"',
            ),
        },
    ),
)
