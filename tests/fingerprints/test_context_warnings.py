"""Warnings about files that are probably copied by mistake."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.image import AppSpec
from pipeline.project.load import load
from tests.support.small_projects import image_of, project_of, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    Files = dict[str, str | None]

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n".format("ab" * 32)
GITMODULES = (
    '[submodule "lib"]\n\tpath = web/lib\n\turl = ../lib\n[submodule "b"]\npath="web/b c"\n'
)
ALL, SOME = "COPY . /\n", "COPY a src /\n"
WARNED: list[tuple[str, Files, str, str]] = [
    (
        ALL,
        {"web/.git/config": "token"},
        "web/.dockerignore: `.git` is copied",
        "write `web/.dockerignore` with the line `.git`",
    ),
    (
        ALL,
        {"web/.git": "gitdir: /elsewhere", "web/.dockerignore": "x"},
        "web/.dockerignore: `.git` is copied",
        "add the line `.git`",
    ),
    (
        ALL,
        {"web/lib/.git/HEAD": "", "web/Dockerfile.dockerignore": "x"},
        "web/Dockerfile.dockerignore: `lib/.git` is copied",
        "add the line `**/.git`",
    ),
    (
        ALL,
        {"web/.git/config": "", "web/lib/.git/config": ""},
        "web/.dockerignore: `.git` is copied",
        "write `web/.dockerignore` with the line `**/.git`",
    ),
    (SOME, {"web/src/.hg/x": ""}, "web/.dockerignore: `src/.hg` is copied", "`**/.hg`"),
    ("COPY a .git /\n", {"web/.git/HEAD": ""}, "web/.dockerignore: `.git` is copied", "`.git`"),
    (
        "RUN --mount=type=bind,target=/src true\n",
        {"web/.git/HEAD": ""},
        "web/.dockerignore: `.git` is copied",
        "`.git`",
    ),
    (
        ALL,
        {"web/model.bin": POINTER},
        "web/model.bin: this file is a Git LFS pointer: ",
        "git lfs pull --include 'web/model.bin'",
    ),
    (
        SOME,
        {"web/src/a.bin": POINTER, "web/src/b.bin": POINTER, "web/c.bin": POINTER},
        "web/src/a.bin: this file is a Git LFS pointer, as 1 more are: ",
        "git lfs pull",
    ),
    ("COPY link /\n", {"web/link": "-> deep/x", "web/deep/x": POINTER}, "web/deep/x: ", "git lfs"),
    (ALL, {"web/key": "\0GITCRYPT\0abc"}, "web/key: this file is encrypted by git-crypt", "unlock"),
    (
        ALL,
        {"web/lib": None, ".gitmodules": GITMODULES, ".git/HEAD": ""},
        "web/lib: this submodule is not checked out",
        "`git submodule update --init 'web/lib'`",
    ),
    ("COPY a lib /\n", {"web/lib": None, ".gitmodules": GITMODULES}, "web/lib: ", "'web/lib'"),
    ("COPY a b* /\n", {"web/b c": None, ".gitmodules": GITMODULES}, "web/b c: ", "'web/b c'"),
    (
        ALL,
        {"../.gitmodules": "[submodule]\npath = project/web/lib\n", "../.git": "", "web/lib": None},
        "web/lib: ",
        "'web/lib'",
    ),
    (ALL, {"web/fly.toml": ""}, "web/.dockerignore: `fly.toml` is copied", "the line `fly.toml`"),
    (ALL, {"web/fly.eu.toml": ""}, "web/.dockerignore: `fly.eu.toml` is copied", "`fly.eu.toml`"),
]
QUIET: list[tuple[str, Files]] = [
    (ALL, {}),
    (ALL, {"web/.git/config": "token", "web/.dockerignore": ".git"}),
    (ALL, {"web/lib/.git/config": "token", "web/.dockerignore": "**/.git"}),
    (ALL, {"web/.gitignore": "x", "web/.github/ci.yml": "x", "web/x.git/config": "x"}),
    (SOME, {"web/.git/config": "token"}),
    (SOME, {"web/model.bin": POINTER}),
    (ALL, {"web/model.bin": POINTER, "web/.dockerignore": "*.bin"}),
    (ALL, {"web/readme.md": f"A pointer is:\n{POINTER}"}),
    (
        ALL,
        {"web/long": POINTER + "x" * 1000, "web/short": "version https://git-lfs.github.com/spec/"},
    ),
    (ALL, {"web/lib": None, ".gitmodules": GITMODULES.replace("web/lib", "lib")}),
    (ALL, {"web/lib/file": "", ".gitmodules": GITMODULES}),
    ("COPY up /\n", {"web/up": "-> .", "web/lib/file": "", ".gitmodules": GITMODULES}),
    (ALL, {"web/lib": None, "../.gitmodules": GITMODULES}),
    (SOME, {"web/lib": None, ".gitmodules": GITMODULES}),
    (SOME, {"web/fly.toml": ""}),
    (ALL, {"web/fly.toml": "", "web/.dockerignore": "fly.toml"}),
]


def warnings(root: Path, lines: str, files: Files) -> list[tuple[str, str]]:
    """Return warnings and hints for a project with the image `web`."""
    write_tree(root, {"web/Dockerfile": "", "web/a": "a", "web/src/b": "b", **files})
    spec = AppSpec(
        ("web",), PurePosixPath("web/fly.toml"), configs={"eu": PurePosixPath("web/fly.eu.toml")}
    )
    image = replace(image_of(f"FROM scratch\n{lines}", name="web", context="web"), deploy=spec)
    found = fingerprint(project_of(root, image))[image.name]
    return [(str(problem), problem.hint) for problem in found.warnings]


@pytest.mark.parametrize(("lines", "files", "message", "hint"), WARNED)
def test_probable_mistakes(
    tmp_path: Path, lines: str, files: Files, message: str, hint: str
) -> None:
    """One warning with file and hint."""
    ((said, advice),) = warnings(tmp_path / "project", lines, files)

    assert said.startswith(message)
    assert hint in advice


@pytest.mark.parametrize(("lines", "files"), QUIET)
def test_no_mistakes(tmp_path: Path, lines: str, files: Files) -> None:
    """What is not copied, and what only looks similar."""
    assert warnings(tmp_path / "project", lines, files) == []


def test_a_context_that_is_itself_a_submodule(tmp_path: Path) -> None:
    """A named context, for example: it is empty, so nothing is read."""
    files: Files = {
        ".gitmodules": "[submodule]\n path = libs\n",
        "libs": None,
        "images/web/Dockerfile": "FROM scratch\nCOPY --from=libs . /\n",
        "images/web/image.toml": '[contexts]\nlibs = "../../libs"\n',
    }
    write_tree(tmp_path, files)
    project = load(tmp_path, environ={})

    found = fingerprint(project)[project.names[0]].warnings

    assert [str(problem.location) for problem in found] == ["libs"]


def test_images_of_one_context_have_the_same_warning(tmp_path: Path) -> None:
    """A plan of a hundred such images has one warning."""
    write_tree(tmp_path, {".git/HEAD": "", "web/Dockerfile": "", "api/Dockerfile": ""})
    images = [image_of(f"FROM scratch\n{ALL}", name=name) for name in ("api", "web")]

    found = fingerprint(project_of(tmp_path, *images))

    assert len({problem for one in found.values() for problem in one.warnings}) == 1
