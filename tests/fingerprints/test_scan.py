"""What a Dockerfile reads of its context."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, WorkError
from pipeline.fingerprints.disk import Disk
from pipeline.fingerprints.scan import scan
from pipeline.model.inputs import ContextEntry, EntryKind
from tests.support.small_projects import image_of, write_tree

TREE = {
    "app.py": "app",
    "readme.md": "readme",
    "src/main.py": "main",
    "src/util.py": "util",
    "src/data/table.csv": "table",
    "src/empty": None,
    "to-src": "-> src",
    "to-main.py": "-> src/main.py",
    "src/up": "-> ../app.py",
    "absolute": "-> /src/data",
    "web/Dockerfile": "FROM scratch",
}


def paths(root: Path, *lines: str, ignore: str = "") -> list[str]:
    """Return the paths that these lines read; a folder ends with `/`, a link with `@`."""
    if ignore:
        (root / ".dockerignore").write_text(ignore, encoding="utf-8")
    image = image_of("\n".join(("FROM scratch", *lines)), name="web")
    marks = {EntryKind.FILE: "", EntryKind.DIRECTORY: "/", EntryKind.LINK: "@"}
    return [entry.path + marks[entry.kind] for entry in scan(root, image)]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    write_tree(tmp_path, TREE)
    return tmp_path


READS: list[tuple[str, list[str]]] = [
    ("COPY app.py /", ["app.py"]),
    ("COPY ./web/../app.py /", ["app.py"]),
    ("COPY /app.py /", ["app.py"]),
    ("COPY ../../app.py /", ["app.py"]),
    ("ADD app.py readme.md /", ["app.py", "readme.md"]),
    ('COPY ["app.py", "/"]', ["app.py"]),
    ("COPY *.py /", ["app.py", "to-main.py"]),
    ("COPY a*.txt /", []),
    ("COPY src/*.py /", ["src/main.py", "src/util.py"]),
    ("COPY s?c/*.py /", ["src/main.py", "src/util.py"]),
    ("COPY src/[mn]*.py /", ["src/main.py"]),
    ("COPY src/data /", ["src/data/", "src/data/table.csv"]),
    ("COPY src/data/ /", ["src/data/", "src/data/table.csv"]),
    ("COPY src/d* /", ["src/data/", "src/data/table.csv"]),
    (
        "COPY src /",
        ["src/", "src/data/", "src/data/table.csv", "src/empty/", "src/main.py", "src/up@",
         "src/util.py"],
    ),
    ("COPY to-main.py /", ["to-main.py"]),
    ("COPY to-src/main.py /", ["to-src/main.py"]),
    ("COPY to-src/*.py /", ["to-src/main.py", "to-src/util.py"]),
    ("COPY to-*/*.py /", []),
    ("COPY absolute /", ["absolute/", "absolute/table.csv"]),
    ("COPY src/up /", ["src/up"]),
    ("COPY src/u* /", ["src/up", "src/util.py"]),
    ("RUN --mount=type=bind,source=src/data,target=/d true", ["src/data/", "src/data/table.csv"]),
    ("RUN --mount=type=bind,source=to-main.py,target=/d true", ["to-main.py"]),
    ("RUN --mount=type=cache,target=/d true", []),
    ("RUN true", []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), READS, ids=[line for line, _ in READS])
def test_an_instruction_reads(root: Path, line: str, expected: list[str]) -> None:
    """The paths in the order of the Dockerfile."""
    assert paths(root, line) == expected


EVERYTHING = [
    "absolute@", "app.py", "readme.md", "src/", "src/data/", "src/data/table.csv", "src/empty/",
    "src/main.py", "src/up@", "src/util.py", "to-main.py@", "to-src@", "web/", "web/Dockerfile",
]  # fmt: skip


@pytest.mark.parametrize("line", ["COPY . /", "COPY / /", "RUN --mount=target=/src true"])
def test_the_whole_context_counts(root: Path, line: str) -> None:
    """Also the Dockerfile; links stay links."""
    assert paths(root, line) == EVERYTHING


def test_an_unknown_source_is_the_whole_context(root: Path) -> None:
    """A source with a variable of an unknown image."""
    image = image_of("FROM debian\nCOPY $UNSEEN/app.py /\n", name="web")

    assert image.reads.whole
    assert [entry.path for entry in scan(root, image)] == [p.rstrip("/@") for p in EVERYTHING]


EXCLUDES: list[tuple[str, list[str]]] = [
    ("COPY --exclude=*.py src /",
     ["src/", "src/data/", "src/data/table.csv", "src/empty/", "src/up@"]),
    ("COPY --exclude=** --exclude=!data/*.csv src /", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY --exclude=data src/d* /", ["src/data/", "src/data/table.csv"]),
    ("COPY --exclude=*.py app.py /", ["app.py"]),
    ("COPY --exclude=* to-src /",
     ["to-src/", "to-src/data/", "to-src/data/table.csv", "to-src/empty/", "to-src/main.py",
      "to-src/up@", "to-src/util.py"]),
    ("COPY --parents src/main.py /", ["src/", "src/main.py"]),
    ("COPY --parents **/*.csv /", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY --parents src/data /", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY --parents nothing/*.csv /", []),
    ("COPY --parents to-src/./main.py /", ["to-src/", "to-src/main.py"]),
    ("COPY --parents ./s*/./data/*.csv /", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY --parents src/*/./*.csv /",
     ["src/data/", "src/data/table.csv", "src/empty/", "src/main.py", "src/up", "src/util.py"]),
    ("COPY --parents to-*/./data /",
     ["to-main.py", "to-src/", "to-src/data/", "to-src/data/table.csv"]),
    ("COPY --parents src/em*/./x /", ["src/empty/"]),
    ("COPY --parents app.py/./x /", ["app.py"]),
    ("COPY --parents src/*/.././x /", ["src/"]),
    ("COPY --parents --exclude=**/util.py src/*.py /", ["src/", "src/main.py"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), EXCLUDES, ids=[line for line, _ in EXCLUDES])
def test_exclude_and_parents(root: Path, line: str, expected: list[str]) -> None:
    """Patterns apply below the source; neither a source nor a link's target is excluded."""
    assert paths(root, line) == expected


TARGETS: list[tuple[str, list[str]]] = [
    ("COPY --parents to-main.py /", ["to-main.py", "to-main.py@"]),
    ("COPY --parents to-main.p? /", ["to-main.py", "to-main.py@"]),
    ("COPY --parents /./to-main.py /", ["to-main.py", "to-main.py@"]),
    ("COPY --parents to-main.py src/main.py /", ["src/", "src/main.py", "to-main.py@"]),
    ("COPY --parents chain /", ["chain", "chain@"]),
    ("COPY --parents to-empty /", ["to-empty/", "to-empty@"]),
    ("COPY --parents to-empty src/empty /", ["src/", "src/empty/", "to-empty@"]),
    ("COPY --parents nowhere /", ["nowhere@"]),
    ("COPY --parents circle /", ["circle@"]),
    ("COPY --parents src/up /", ["src/", "src/up@"]),
    ("COPY --parents src/./up /", ["src/", "src/up@"]),
    ("COPY --exclude=** --exclude=!chain . /", ["chain", "chain@"]),
    ("COPY --exclude=** --exclude=!src/up / /", ["src/", "src/up@"]),
    ("COPY --exclude=** --exclude=!up src /", ["src/", "src/up@"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), TARGETS)
def test_links_at_the_top_of_a_filtered_context(root: Path, line: str, expected: list[str]) -> None:
    """What they lead to is read, too: BuildKit fails without it. Not if it is read anyway."""
    more = {"nowhere": "none", "circle": "circle", "chain": "to-main.py", "to-empty": "src/empty"}
    write_tree(root, {name: f"-> {target}" for name, target in more.items()})

    assert paths(root, line) == expected


def test_an_exclude_beyond_ascii_excludes_what_buildkit_makes_of_it(root: Path) -> None:
    """It treats each byte of a flag as a character."""
    write_tree(root, {"d/é.txt": "copied", "d/Ã©.txt": "excluded"})

    assert paths(root, "COPY --exclude=é.txt d /") == ["d/", "d/é.txt"]


IGNORES: list[tuple[str, str, list[str]]] = [
    ("COPY src /", "**/*.py", ["src/", "src/data/", "src/data/table.csv", "src/empty/", "src/up@"]),
    ("COPY src /", "src\n!src/data", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY . /", "*\n!src/data/table.csv", ["src/", "src/data/", "src/data/table.csv"]),
    ("COPY src/*.py /", "src/u*", ["src/main.py"]),
    ("COPY s* /", "src", []),
    ("COPY app.py /", "Dockerfile\n.dockerignore", ["app.py"]),
]


@pytest.mark.parametrize(("line", "ignore", "expected"), IGNORES)
def test_the_ignore_file_applies(root: Path, line: str, ignore: str, expected: list[str]) -> None:
    """Excluded files are absent; files included again bring their folders."""
    assert paths(root, line, ignore=ignore) == expected


def test_an_invalid_pattern_is_reported_if_it_is_used(root: Path) -> None:
    """In the ignore file at its line, in a flag at the instruction."""
    assert paths(root, "COPY app.py /", ignore="!*/*/[") == ["app.py"]
    with pytest.raises(ConfigError, match=r"^\.dockerignore:2: BuildKit refuses it: `\*/\*/\[`"):
        paths(root, "COPY src /", ignore="src/data\n!*/*/[")
    with pytest.raises(ConfigError, match=r"^web/Dockerfile:2:\d+: BuildKit refuses it: `\*/\*/\["):
        paths(root, "COPY --exclude=*/*/[ src /", ignore="x")


def test_the_dockerfiles_own_ignore_file_comes_first(root: Path) -> None:
    """The context's is then not read, even if it is invalid."""
    (root / "web/Dockerfile.dockerignore").write_text("*\n!*.md\n", encoding="utf-8")

    assert paths(root, "COPY . /", ignore="[") == ["readme.md"]


MISSING: list[tuple[str, str, str, str]] = [
    ("COPY ap.py /", "", "`ap.py` is not in the context", "did you mean `app.py`?"),
    ("COPY app.py /", "*.md\n*.py", "`app.py` is not in the context",
     "it is there, but `.dockerignore:2` excludes it"),
    ("COPY src/data /", "src\n!src/nothing", "`src/data` is not in the context",
     "it is there, but `.dockerignore:1` excludes it"),
    ("COPY to-main.py /", "src/main.py",
     "`to-main.py`, where it leads to `src/main.py`, is not in the context",
     "it is there, but `.dockerignore:1` excludes it"),
    ("COPY to-m* /", "src/main.py",
     "`to-main.py`, where it leads to `src/main.py`, is not in the context",
     "it is there, but `.dockerignore:1` excludes it"),
    ("COPY srv/*.py /", "", "`srv` is not in the context", "did you mean `src`?"),
    ("COPY --parents src/man.py /", "", "`src/man.py` is not in the context",
     "did you mean `src/main.py`?"),
    ("COPY --parents to-src/main.py /", "",
     "`to-src/main.py`, where it leads to `src/main.py`, is not in the context",
     "`--parents` follows no link: name `src/main.py`"),
    ("RUN --mount=source=srv,target=/s true", "", "`srv` is not in the context",
     "did you mean `src`?"),
    ("RUN --mount=source=é,target=/s true", "", "`Ã©` is not in the context",
     "BuildKit reads `é` in a flag byte by byte, as `Ã©`"),
    ("COPY app.py/x /", "", "`app.py/x` is not in the context",
     "paths are relative to the context, `.`"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "ignore", "message", "hint"), MISSING)
def test_a_missing_source(root: Path, line: str, ignore: str, message: str, hint: str) -> None:
    """With its line and a hint."""
    with pytest.raises(ConfigError) as caught:
        paths(root, line, ignore=ignore)

    (problem,) = caught.value.problems
    assert problem.location is not None
    assert (problem.location.file, problem.location.line) == ("web/Dockerfile", 2)
    assert problem.message == message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("tsconfig.base.json", "it is in `.`, above the context `apps/web`: make that the `conte"),
        ("shared/x", "it is in `apps`, above the context `apps/web`: make that the `context`"),
        ("apps/web", "it is in `.`, above the context `apps/web`: make that the `context`"),
        ("tsconfig.jso", "did you mean `tsconfig.json`?"),
    ],
)
def test_a_source_that_is_above_the_context(tmp_path: Path, source: str, hint: str) -> None:
    """As in a monorepo with one context for all images; not outside the project."""
    here = {"apps/web/tsconfig.json": "", "apps/shared/x": "", "tsconfig.base.json": ""}
    outside = {"tsconfig.jso": ""}
    write_tree(tmp_path, {**outside, **{f"project/{path}": text for path, text in here.items()}})
    image = image_of(f"FROM scratch\nCOPY {source} /", context="apps/web")

    with pytest.raises(ConfigError) as caught:
        scan(tmp_path / "project", image)

    assert [problem.hint[: len(hint)] for problem in caught.value.problems] == [hint]


def test_all_missing_sources_are_reported_at_once(root: Path) -> None:
    """Three lines, three problems."""
    with pytest.raises(ConfigError) as caught:
        paths(root, "COPY a /", "COPY b /", "COPY c /")

    assert [p.location.line for p in caught.value.problems if p.location] == [2, 3, 4]


def test_links_in_a_circle_are_an_error(root: Path) -> None:
    """BuildKit stops after 255 links, and so do we."""
    write_tree(root, {"one": "-> two", "two": "-> one"})

    with pytest.raises(ConfigError, match="`one` is a link that leads to itself"):
        paths(root, "COPY one /")


JSON_AND_MORE = [
    ('COPY ["app.py", "/x/"] # b', ["app.py"]),
    ('COPY ["app.py","/x/"] /y', ["app.py"]),
    ('COPY ["none.py","/x/"] /y', []),
    ('COPY ["app.py","/x/"] none.py /y', ["app.py"]),
    ('COPY ["app.py","/x/"] readme.md /y', ["app.py", "readme.md"]),
]


@pytest.mark.parametrize(("line", "expected"), JSON_AND_MORE)
def test_sources_of_only_some_versions_may_be_missing(
    root: Path, line: str, expected: list[str]
) -> None:
    """A JSON array followed by text: only the array before BuildKit 0.15, words since then."""
    assert paths(root, line) == expected


def test_a_link_cannot_leave_the_context(tmp_path: Path) -> None:
    """Neither by `..` nor by `/`: both end at the context's root."""
    write_tree(tmp_path, {"secret": "no", "c/up": "-> ../../secret", "c/secret": "yes"})
    (entry,) = scan(tmp_path, image_of("FROM scratch\nCOPY up /\n", name="web", context="c"))

    assert entry.sha256 == hashlib.sha256(b"yes").hexdigest()
    assert entry.real == "secret"


def test_an_absolute_link_starts_at_the_contexts_root(root: Path) -> None:
    """Also in a folder that contains a path of the same name."""
    write_tree(root, {"src/data/link": "-> /app.py", "src/data/app.py": "another"})
    (entry,) = scan(root, image_of("FROM scratch\nCOPY src/data/link /\n"))

    assert (entry.path, entry.real) == ("src/data/link", "app.py")


@pytest.mark.parametrize("target", ["/", "..", "../src/.."])
def test_a_link_to_the_context_itself(root: Path, target: str) -> None:
    """It is a folder, and its place is the context: not the place of the link."""
    write_tree(root, {"src/all": f"-> {target}"})
    folder, *inside = scan(root, image_of("FROM scratch\nCOPY src/all /\n"))
    (plain,) = scan(root, image_of("FROM scratch\nCOPY src/empty /\n"))

    assert plain.real is None
    assert (folder.path, folder.kind, folder.real) == ("src/all", EntryKind.DIRECTORY, "")
    assert ("src/all/app.py", "app.py") in [(entry.path, entry.real) for entry in inside]


def test_a_file_is_its_bytes_and_its_owners_executable_bit(root: Path) -> None:
    """Permissions of group and others do not count."""
    (root / "app.py").chmod(0o654)

    assert scan(root, image_of("FROM scratch\nCOPY app.py /\n")) == (
        ContextEntry("app.py", EntryKind.FILE, sha256=hashlib.sha256(b"app").hexdigest()),
    )
    (root / "app.py").chmod(0o744)
    assert scan(root, image_of("FROM scratch\nCOPY app.py /\n"))[0].executable


@pytest.mark.parametrize("age", [0, 3600])
@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3_000_000])
def test_files_of_any_size_and_age_are_hashed(tmp_path: Path, size: int, age: int) -> None:
    """In blocks of any boundaries."""
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    disk = Disk(tmp_path)
    disk._quiet += age * 10**9

    assert disk.file(str(tmp_path / "f"))[1] == hashlib.sha256(data).hexdigest()


def test_a_folder_is_listed_once(tmp_path: Path) -> None:
    """Whether or not its path ends with a slash."""
    write_tree(tmp_path, {"src/a": "x"})
    disk = Disk(tmp_path)

    assert disk.folder(f"{tmp_path}/src/") is disk.folder(f"{tmp_path}/src")


def test_entries_are_sorted_by_the_bytes_of_the_path(tmp_path: Path) -> None:
    """Not by folder, and not by locale."""
    names = ["a/b", "a-b", "a.b", "A", "é", "z", "\U0001f600", "\uffee"]
    write_tree(tmp_path, dict.fromkeys(names, "x"))
    found = [e.path for e in scan(tmp_path, image_of("FROM scratch\nCOPY . /\n", name="app"))]

    assert found == sorted([*names, "a"], key=str.encode)


def test_an_image_reads_only_what_its_target_needs(root: Path) -> None:
    """Other stages do not count."""
    source = "FROM scratch AS one\nCOPY missing /\nFROM scratch AS two\nCOPY app.py /\n"
    found = scan(root, image_of(source, name="web", target="two"))

    assert [entry.path for entry in found] == ["app.py"]


def test_a_name_that_is_no_utf8_is_refused_where_it_is_read(root: Path) -> None:
    """The error shows its bytes; if it is excluded or not read, it is no error."""
    (root / os.fsdecode(b"caf\xe9")).touch()

    assert paths(root, "COPY app.py /") == ["app.py"]
    with pytest.raises(ConfigError, match=r"caf\\xe9: has a name or a target that is not UTF-8"):
        paths(root, "COPY . /")
    assert "app.py" in paths(root, "COPY . /", ignore="caf*")


def test_a_link_target_that_is_no_utf8_is_refused(root: Path) -> None:
    """It would be in the record."""
    (root / "bad").symlink_to(os.fsdecode(b"caf\xe9"))

    with pytest.raises(ConfigError, match="bad: has a name or a target that is not UTF-8"):
        paths(root, "COPY . /")


def test_sockets_and_pipes_are_refused_where_they_are_read(root: Path) -> None:
    """Both at once; excluded ones are no error."""
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(root, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/sock")
        os.close(here)
        with pytest.raises(ConfigError) as caught:
            paths(root, "COPY . /")

        assert sorted(str(p.location) for p in caught.value.problems) == ["pipe", "sock"]
        assert "app.py" in paths(root, "COPY . /", ignore="pipe\nsock")


def test_a_file_that_changes_while_it_is_read_is_noticed() -> None:
    """A kernel file whose size is not its length stands for a growing file."""
    with pytest.raises(WorkError, match="`status` changed while it was read"):
        Disk(Path("/proc/self")).file("/proc/self/status")


def test_a_file_that_vanishes_is_noticed(root: Path) -> None:
    """Between listing and reading."""
    with pytest.raises(WorkError, match="`gone` changed while it was read"):
        Disk(root).file(str(root / "gone"))


def test_an_unreadable_file_is_reported_with_its_path(root: Path) -> None:
    """A name that is too long stands for a missing permission, as root may read everything."""
    with pytest.raises(ConfigError, match=r"a{300}: cannot be read: file name too long"):
        Disk(root).file(str(root / ("a" * 300)))


def test_a_link_in_the_place_of_a_file_is_not_followed(root: Path) -> None:
    """Reading a pipe would block."""
    os.mkfifo(root / "pipe")
    disk = Disk(root)

    for name in ("to-main.py", "pipe"):
        with pytest.raises(WorkError, match="changed while it was read"):
            disk.file(str(root / name))


def test_a_context_that_is_no_folder(tmp_path: Path) -> None:
    """It is wrong configuration."""
    with pytest.raises(ConfigError, match="its context `nowhere` is not a folder"):
        scan(tmp_path, image_of("FROM scratch\n", context="nowhere"))


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    """Deeper than Python's recursion limit."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    found = scan(tmp_path, image_of("FROM scratch\nCOPY . /\n"))
    # pytest would remove it recursively, and fail.
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)

    assert len(found) == 1200


def test_folders_of_any_depth_are_searched(tmp_path: Path) -> None:
    """A wildcard may match each of them."""
    depth = 1_000
    folders = [f"{tmp_path}{'/a' * count}" for count in range(1, depth + 1)]
    for folder in folders:
        os.mkdir(folder)  # noqa: PTH102 - `makedirs` calls itself
    try:
        assert paths(tmp_path, f"COPY {'*/' * depth} /") == ["a" + "/a" * (depth - 1) + "/"]
    finally:  # pytest removes folders recursively, too.
        for folder in reversed(folders):
            os.rmdir(folder)  # noqa: PTH106
