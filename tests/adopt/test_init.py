"""`invoke init`: what it writes, what it leaves as it is, and what it asks."""

from __future__ import annotations

import json
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline.adopt import propose
from pipeline.adopt.candidate import Candidate
from pipeline.adopt.references import meant_by_words
from pipeline.adopt.registry import choose_registry
from pipeline.errors import ConfigError, UnknownError
from tests.support.invoker import invoke
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.adopt import Proposal

EMPTY = "FROM scratch\n"
NS = "from pipeline.tasks import ns  # for `invoke`; `fip` needs no tasks.py\n"


def proposed(
    root: Path, files: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> Proposal:
    """Write files, and propose settings for them."""
    folder = root / "shop"
    folder.mkdir(exist_ok=True)
    write_tree(folder, files)
    return propose(folder, environ or {})


def texts(proposal: Proposal) -> dict[str, str]:
    """Return the proposed files but `tasks.py`."""
    return {str(path): text for path, text in proposal.files.items() if path.name != "tasks.py"}


def asked(proposal: Proposal) -> str:
    """Return all questions as one text."""
    return "\n".join(f"{q.where}: {q.what}; {q.chosen}; {q.other}" for q in proposal.questions)


def test_it_shows_and_then_writes(tmp_path: Path) -> None:
    """`--check` writes nothing; the files make the graph that it shows; the second run refuses."""
    write_tree(
        tmp_path,
        {
            "tasks.py": NS,
            "services/base/Dockerfile": EMPTY,
            "services/web/Dockerfile": "FROM base\n",
            "services/web/fly.toml": 'app = "acme-web"\n',
        },
    )
    before = sorted(tmp_path.rglob("*"))

    shown = invoke(["init", "--check"], tmp_path, os.environ)
    assert (shown.returncode, sorted(tmp_path.rglob("*"))) == (5, before)
    refused = invoke(["--dry", "init"], tmp_path, os.environ)
    assert (refused.returncode, sorted(tmp_path.rglob("*"))) == (2, before)
    written = invoke(["init"], tmp_path, os.environ)
    assert (written.returncode, written.stdout) == (0, shown.stdout)
    assert shown.stdout == (
        "pipeline.toml\n"
        '    images = ["services/*"]\n'
        "    [registry]  # registry.fly.io/acme-web:FINGERPRINT\n"
        '    repository = "acme-{name}"\n'
        "\n"
        "base\n"
        "└── web (app acme-web)\n"
        "\n"
        "There is nothing to decide.\n"
    )
    graph = invoke(["graph"], tmp_path, os.environ)
    assert graph.stdout == "base\n└── web (app acme-web)\n"
    again = invoke(["init"], tmp_path, os.environ)
    assert again.returncode == 2
    assert "`pipeline.toml` is there already: nothing was written" in again.stderr


def test_nothing_to_adopt(tmp_path: Path) -> None:
    """The error says what is there."""
    with pytest.raises(ConfigError, match="there is no Dockerfile in"):
        proposed(tmp_path, {"README.md": ""})


def test_nothing_that_can_be_loaded(tmp_path: Path) -> None:
    """The errors are those of the Dockerfiles."""
    with pytest.raises(ConfigError, match=r"web/Dockerfile:1:6: `FROM \$\{BASE\}` expands"):
        proposed(tmp_path, {"web/Dockerfile": "FROM ${BASE}\n"})


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    """The lines that they lack are asked for; `tasks.py` beside a package of its name is none."""
    files = {
        "web/Dockerfile": "ARG REPO=ghcr.io/acme/base\nFROM $REPO:3\n",
        "api/Dockerfile": "ARG REPO=ghcr.io/acme/base\nFROM $REPO:3\n",
        "web/image.toml": 'salt = "1"\n',
        "base/Dockerfile": EMPTY,
        "tasks.py": "import invoke\n",
        "app/Dockerfile": "ARG X\nFROM scratch\n",
        "app/fly-prod.toml": 'app = "app"\nbuild = { args = { X = "1" } }\n',
    }
    found = proposed(tmp_path, files)
    assert "tasks.py" not in {str(path) for path in found.files}
    assert "tasks.py: it is there already" in asked(found)
    assert f"add to it: {NS.strip()}" in asked(found)
    assert texts(found)["app/image.prod.toml"] == '[deploy]\nconfig = "fly-prod.toml"\n'


@pytest.mark.parametrize(
    ("theirs", "line"),
    [
        ("pipeline/__init__.py", NS.replace("pipeline.", "fly_image_pipeline.", 1)),
        ("other/__init__.py", NS),
        ("tasks/__init__.py", None),
    ],
)
def test_tasks_do_not_clash_with_packages(tmp_path: Path, theirs: str, line: str | None) -> None:
    """The repository may have a `pipeline` or `tasks` itself."""
    found = proposed(tmp_path, {"web/Dockerfile": EMPTY, theirs: ""})
    assert {str(p): t for p, t in found.files.items()}.get("tasks.py") == line
    assert ("`fip` runs the tasks" in asked(found)) is (line is None)


CASES: dict[str, tuple[Mapping[str, str], str, str]] = {
    "an image that begins with its namesake": (
        {"nginx/Dockerfile": "FROM nginx\n", "redis/Dockerfile": "FROM redis:7\n"},
        '{ path = "nginx", name = "shop-nginx" }',
        "",
    ),
    "an argument without a value": (
        {"web/Dockerfile": EMPTY, "jobs/Dockerfile": "FROM ${BASE}\n"},
        'images = ["web"]',
        (
            "jobs/Dockerfile:1:6: `FROM ${BASE}` expands to nothing; left out; "
            'write `bases = { BASE = "NAME" }` for an image of this project, or `args` for another'
        ),
    ),
    "an image that is left out of a folder of others": (
        {f"src/{n}/Dockerfile": EMPTY for n in "ab"} | {"src/c/Dockerfile": "FROM $X\n"},
        'images = ["src/a", "src/b"]',
        "src/c/Dockerfile:1:6: `FROM $X` expands to nothing",
    ),
    "a fly.toml with a mistake": (
        {"web/Dockerfile": EMPTY, "api/Dockerfile": EMPTY, "api/fly.toml": "app = \n"},
        'images = ["web"]',
        "api/fly.toml:1:7: not TOML: invalid value; left out",
    ),
    "a Dockerfile of a configuration with a mistake": (
        {"Dockerfile": EMPTY, "api/Dockerfile": EMPTY, "Dockerfile.web": ""}
        | {"fly.web.toml": 'app = "web"\n'},
        'images = ["api"]',
        "Dockerfile.web: the Dockerfile is empty; left out",
    ),
    "a template": (
        {"web/Dockerfile": EMPTY, "t/Dockerfile": "FROM {{base}}\n{{if}}\n"},
        'images = ["web"]',
        "t/Dockerfile: it is no Dockerfile",
    ),
    "a Dockerfile for developers": (
        {"web/Dockerfile": EMPTY, "web/Dockerfile.dev": EMPTY},
        'images = ["web"]',
        'web/Dockerfile.dev: its name says that it is for developers or tests; left out; add "web',
    ),
    "a buildpack": (
        {"web/Dockerfile": EMPTY, "go/fly.toml": 'app = "go"\nbuild = { builder = "heroku/x" }\n'},
        'images = ["web"]',
        "go/fly.toml:2:21: `builder` builds it, and not a Dockerfile; left out",
    ),
    "a base that may be meant": (
        {"web/Dockerfile": "FROM ghcr.io/acme/base:2\n", "base/Dockerfile": EMPTY},
        'images = ["base", "web"]',
        "web/Dockerfile:1:6: `ghcr.io/acme/base:2` may be the image `base` of `base`; it is",
    ),
    "a base from elsewhere": (
        {"web/Dockerfile": "FROM registry.fly.io/acme-base:x\n"},
        'images = ["web"]',
        "`registry.fly.io/acme-base` is named by one Dockerfile, and no Dockerfile here makes it",
    ),
    "other people's code": (
        {"web/Dockerfile": EMPTY, "node_modules/a/Dockerfile": EMPTY, ".ci/Dockerfile": EMPTY},
        'images = ["web"]',
        "",
    ),
    "an app of the root with a Dockerfile elsewhere": (
        {
            "fly.toml": 'app = "helux-api"\nbuild = { dockerfile = "apps/api/Dockerfile" }\n',
            "apps/api/Dockerfile": "FROM scratch\nCOPY package.json .\n",
            "package.json": "{}",
        },
        'images = [{ path = ".", name = "helux-api" }]',
        "",
    ),
    "a workspace that is pruned": (
        {"apps/a/Dockerfile": "FROM scratch\nCOPY . .\nRUN turbo prune a --docker\nCOPY x .\n"},
        'images = [{ path = "apps/a", context = "." }]',
        "",
    ),
    "nested folders": (
        {"torch/Dockerfile": EMPTY, "torch/cuda/Dockerfile": EMPTY},
        'images = ["torch", { path = "torch/cuda", name = "{parent}-{folder}" }]',
        "",
    ),
    "files at different depths": (
        {
            "b/cpu/Dockerfile.x": EMPTY,
            "b/cuda/12/Dockerfile.x": EMPTY,
            "b/cuda/13/Dockerfile.x": EMPTY,
        },
        '{ path = "b/**/Dockerfile.x", name = "{path}-{stem}" }',
        "",
    ),
    "an exception in a folder of others": (
        {f"src/{n}/Dockerfile": "FROM scratch\nCOPY root.txt .\n" for n in "abc"}
        | {
            "src/d/Dockerfile": "FROM scratch\nCOPY own.txt .\n",
            "src/d/own.txt": "",
            "root.txt": "",
        },
        'images = ["src/d", { path = "src/*", context = "." }]',
        "",
    ),
    "a Dockerfile beside that of fly.toml": (
        {
            "Dockerfile": EMPTY,
            "Dockerfile.prod": EMPTY,
            "fly.toml": 'app = "acme"\nbuild = { dockerfile = "Dockerfile.prod" }\n',
        },
        'images = [{ path = ".", name = "acme" }]',
        "Dockerfile: its folder is the image of another Dockerfile; left out; write `dockerfile",
    ),
    "the prefix of the apps": (
        {"Dockerfile": EMPTY, "fly.toml": 'app = "acme-site"\n', "jobs/Dockerfile": EMPTY}
        | {"jobs/fly.toml": 'app = "acme-jobs"\n'},
        ']\n\n[registry]  # registry.fly.io/acme-site:FINGERPRINT\nrepository = "acme-{name}"',
        "",
    ),
    "folders with characters of globs": (
        {"apps/[id]/Dockerfile": EMPTY, "apps/{a}/Dockerfile": EMPTY, "lib/Dockerfile": EMPTY},
        '{ path = "apps/*", name = "{folder}" }',
        "",
    ),
    "one app of two images": (
        {"a/Dockerfile": EMPTY, "a/fly.toml": 'app = "one"\n', "b/Dockerfile": EMPTY}
        | {"b/fly.toml": 'app = "one"\n', "c/Dockerfile": EMPTY},
        'images = ["a", "c"]',
        "b/fly.toml:1:7: the app `one` is deployed from `a` already; left out; an app runs one",
    ),
    "many files of one kind": (
        {"web/Dockerfile": EMPTY} | {f"t/{n}/Dockerfile": "{{x}}\n" for n in range(6)},
        'images = ["web"]',
        "so are 5 more, such as `t/1/Dockerfile` and `t/2/Dockerfile`",
    ),
    "several regions": (
        {
            "web/Dockerfile": EMPTY,
            "web/fly.toml": 'app = "web"\n',
            "web/fly.eu.json": '{"app": "web-eu"}',
        },
        'images = ["web"]',
        "",
    ),
    "apps of other names": (
        {"a/Dockerfile": EMPTY, "a/fly.toml": 'app = "one"\n', "b/Dockerfile": EMPTY},
        'images = ["a", "b"]',
        "pipeline.toml: the app `one` is not named like its image `a`",
    ),
}


@pytest.mark.parametrize(("files", "line", "question"), CASES.values(), ids=CASES)
def test_what_it_makes_of(
    tmp_path: Path, files: Mapping[str, str], line: str, question: str
) -> None:
    """A line of `pipeline.toml`, and what is asked; the rest is where it was."""
    found = proposed(tmp_path, files)
    assert line in texts(found)["pipeline.toml"]
    assert question in asked(found)


def test_the_app_of_another_region_is_in_the_list(tmp_path: Path) -> None:
    """And that of staging in a profile of its own."""
    found = proposed(
        tmp_path,
        {
            "web/Dockerfile": EMPTY,
            "web/fly.toml": 'app = "web"\n',
            "web/fly.eu.toml": 'app = "web-eu"\n',
            "web/fly.staging.toml": 'app = "web-staging"\n',
        },
    )
    assert texts(found)["web/image.toml"] == (
        '[deploy]\napps = ["web", { name = "web-eu", config = "fly.eu.toml" }]\n\n'
        '[profiles.staging.deploy]\napps = ["web-staging"]\nconfig = "fly.staging.toml"\n'
    )
    assert found.project.apps == ("web", "web-eu")


@pytest.mark.parametrize(
    ("docker", "why"),
    [
        ("", "there is no `docker` on PATH"),
        (
            "#!/bin/sh\necho 'docker: unknown command: docker buildx' >&2\nexit 1\n",
            "docker has no buildx plugin",
        ),
    ],
)
def test_without_buildx_nobody_knows_the_graph(tmp_path: Path, docker: str, why: str) -> None:
    """Not what a bake or compose file connects: nothing is proposed. Without such a file, it is."""
    bin_ = tmp_path / "bin"
    write_tree(bin_, {"docker": docker} if docker else {})
    environ = {"PATH": f"{bin_}:/bin"}
    files = {"web/Dockerfile": EMPTY}
    (bin_ / "docker").chmod(0o755) if docker else None
    assert proposed(tmp_path, files, environ).project.names == ("web",)
    files |= {"docker-bake.hcl": 'target "web" {}\n'}

    with pytest.raises(UnknownError, match=f"docker-bake.hcl` cannot be read, .*: {why}") as caught:
        proposed(tmp_path, files, environ)
    assert caught.value.hint.startswith("install ")


def test_notes_of_what_was_decided(tmp_path: Path) -> None:
    """References that mean images; how many more there are."""
    files = {"docker/base/Dockerfile": EMPTY}
    for name in "abcd":
        files[f"apps/{name}/Dockerfile"] = f"FROM registry.fly.io/acme-base:{name}\n"
        files[f"apps/{name}/fly.toml"] = f'app = "acme-{name}"\n'
    found = proposed(tmp_path, files)

    meant = "`registry.fly.io/acme-base:a` means the image `base` (`apps/a/Dockerfile:1:6`)"
    assert (found.notes[0], found.notes[3:]) == (meant, ("and 1 more such",))


def test_files_that_nobody_means_to_copy(tmp_path: Path) -> None:
    """They are asked about with the lines for the ignore file, and `--json` has them, too."""
    write_tree(
        tmp_path,
        {
            ".git/HEAD": "ref: refs/heads/main\n",
            "Dockerfile": "FROM scratch\nCOPY . .\n",
            "fly.toml": 'app = "acme-site"\n',
            "tasks.py": NS,
        },
    )
    shown = invoke(["init", "--check", "--json"], tmp_path, os.environ)
    questions = json.loads(shown.stdout)["questions"]
    written = invoke(["init"], tmp_path, os.environ)

    lines = "write it with the lines `.git`, `fly.toml`, `pipeline.toml` and `tasks.py`"
    assert [(one["where"], one["other"]) for one in questions] == [(".dockerignore", lines)]
    assert f"    now:  they are copied\n    else: {lines}\n" in written.stdout


def test_one_file_that_nobody_means_to_copy(tmp_path: Path) -> None:
    """The question says why; an ignore file that is there is extended."""
    write_tree(
        tmp_path,
        {
            ".dockerignore": "*.toml\ntasks.py\n",
            ".git/HEAD": "ref: refs/heads/main\n",
            "Dockerfile": "FROM scratch\nCOPY . .\n",
            "tasks.py": NS,
        },
    )
    shown = invoke(["init", "--check"], tmp_path, os.environ)

    assert "- .dockerignore: `.git` is copied: two clones of one commit" in shown.stdout
    assert "    else: add to it the line `.git`\n" in shown.stdout


def test_what_must_be_decided_comes_first(tmp_path: Path) -> None:
    """An image that is left out as a value is missing; then what is a guess."""
    files = {"web/Dockerfile": EMPTY, "web/Dockerfile.dev": EMPTY, "b/Dockerfile": "FROM $B\n"}
    write_tree(tmp_path, {**files, "tasks.py": NS})
    shown = invoke(["init", "--check"], tmp_path, os.environ).stdout

    parts = ("You must decide:\n- b/Dockerfile:1:6", "Please check.", "- web/Dockerfile.dev")
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)


def candidate(place: str, app: str = "", *tags: str) -> Candidate:
    """Return a candidate of a folder, named after it."""
    path = PurePosixPath(place)
    return Candidate(path, path / "Dockerfile", path, name=path.name, app=app, tags=tags)


REGISTRIES = {
    "apps": ([("web", "acme-web"), ("api", "acme-api")], [], {"repository": "acme-{name}"}),
    "apps with an ending": ([("web", "web-prod")], [], {"repository": "{name}-prod"}),
    "the apps' own names": ([("web", "web")], [], {}),
    "references": (
        [("web", ""), ("base", "")],
        ["quay.io/acme/web:1", "quay.io/acme/base"],
        {"host": "quay.io", "repository": "acme/{name}"},
    ),
    "official images are nobody's": ([("node", ""), ("python", "")], ["node:22", "python:3"], {}),
}


@pytest.mark.parametrize(("images", "written", "keys"), REGISTRIES.values(), ids=REGISTRIES)
def test_registries(
    images: list[tuple[str, str]], written: list[str], keys: dict[str, str]
) -> None:
    """The names in Dockerfiles, and the names of apps, decide."""
    assert choose_registry([candidate(*image) for image in images], written)[0] == keys


def test_tags_of_one_repository() -> None:
    """As opentelemetry-demo has them."""
    found = [candidate(n, "", f"ghcr.io/acme/demo:2-{n}") for n in ("ad", "cart")]
    assert choose_registry(found, ())[0] == {
        "host": "ghcr.io",
        "repository": "acme/demo",
        "tag": "{name}-{fingerprint}",
    }


WORDS = {
    "mcr.microsoft.com/dotnet/runtime:8.0.1-jammy-amd64": "src/runtime/8.0/jammy/amd64",
    "mcr.microsoft.com/dotnet/runtime:8.0.1-jammy": "src/runtime/8.0/jammy/amd64",
    "mcr.microsoft.com/dotnet/runtime:8.0.1-preview.2-jammy-amd64": "src/runtime/8.0/jammy/amd64",
    "mcr.microsoft.com/dotnet/runtime:8.0.1-jammy-chiseled-amd64": None,
    "mcr.microsoft.com/dotnet/runtime:9.0.1-jammy-amd64": None,
    "mcr.microsoft.com/dotnet/sdk:8.0.1-jammy-amd64": None,
    "runtime:8.0.1-jammy-amd64": None,
}


@pytest.mark.parametrize(("written", "place"), WORDS.items(), ids=WORDS)
def test_words_of_a_tag(written: str, place: str | None) -> None:
    """All of them must be the folders of one image."""
    images = [candidate("src/runtime/8.0/jammy/amd64"), candidate("src/runtime/8.0/alpine/amd64")]
    found = meant_by_words(written, images)
    assert (str(found.place) if found else None) == place
