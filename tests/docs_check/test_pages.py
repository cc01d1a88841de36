"""The pages can be read as steps, are made from the code where they should be, and lead somewhere.

`make docs-check` runs all commands; those that need neither an engine nor Fly run here.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from pipeline.tasks import ns
from tests.docs_check import reference
from tests.docs_check.__main__ import differences
from tests.docs_check.commands import Call, calls
from tests.docs_check.links import broken_links
from tests.docs_check.page import DOCS, ROOT, Command, File, Page, PageError, pages, read_page
from tests.docs_check.readme import readme_page
from tests.support.task_options import task_parser

if TYPE_CHECKING:
    from pathlib import Path

PAGES = pages()
CHEAP = [page for page in map(read_page, PAGES) if page.steps and not page.needs]
HISTORY = [ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
OTHERS = {"HOME", "PATH"}
"""Variables of every program, which the page on variables need not explain."""


def ids(path: Path) -> str:
    """Return a page's path in the repository."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_a_page_can_be_read(path: Path) -> None:
    """What it needs is known, and its commands are not empty."""
    page = read_page(path)
    assert page.needs in {"", "engine", "fly"}
    assert all(step.text.strip() for step in page.steps if isinstance(step, Command))


def test_how_to_pages_are_run() -> None:
    """The tutorial and most of the how-to pages have commands."""
    run = {
        page.name for page in PAGES if any(isinstance(s, Command) for s in read_page(page).steps)
    }
    assert run >= {"tutorial.md", "builder.md", "many-apps.md", "rollback.md", "staging.md"}


@pytest.mark.parametrize("page", CHEAP, ids=lambda page: ids(page.path))
def test_a_page_without_an_engine(page: Page) -> None:
    """Its commands print what it shows."""
    assert differences(page) == []


@pytest.mark.parametrize("path", [*PAGES, *HISTORY], ids=ids)
def test_its_commands_name_tasks_and_options(path: Path) -> None:
    """Wherever a page has `fip …` or `invoke …`: Invoke can parse it."""
    parser = task_parser()
    for call in calls(path):
        if len(call.words) == 1:  # It names a task, which may need more than that.
            assert call.words[0] in ns.task_names, f"{path}:{call.line}"
        else:
            assert parser.parse_argv(list(call.words)), f"{path}:{call.line}"


def test_commands_of_a_page(tmp_path: Path) -> None:
    """In blocks and between backticks; comments, pipes and options of Invoke are left out."""
    path = tmp_path / "page.md"
    path.write_text(
        "Run `fip plan --json`, `fip TASK` or fip graph.\n\n    fip build api    # one\n\n"
        "```yaml\n- run: invoke deploy-all --json > report.json\n```\n`invoke --dry lock`\n"
        "`source <(fip --print-completion-script bash)`\n"
    )
    assert list(calls(path)) == [
        Call(1, ("plan", "--json")),
        Call(3, ("build", "api")),
        Call(6, ("deploy-all", "--json")),
        Call(8, ("lock",)),
    ]


def test_the_readme_is_run() -> None:
    """In a project of its own layout: all of its commands, and no other names than its images."""
    steps = readme_page().steps
    paths = [step.path for step in steps if isinstance(step, File)]
    texts = [step.text for step in steps if isinstance(step, Command)]

    assert paths == [
        "images/python-base/Dockerfile",
        "images/api/Dockerfile",
        "images/api/fly.toml",
        "pipeline.toml",
    ]
    assert {"fip plan", "fip build-all", "fip deploy-all", "fip init"} <= set(texts)


@pytest.mark.parametrize("name", reference.pages())
def test_a_reference_page_is_made_from_the_code(name: str) -> None:
    """`make docs-reference` writes it."""
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == reference.pages()[name]


def test_links_lead_somewhere() -> None:
    """To a file, and to a heading of it."""
    assert broken_links() == []


def test_the_navigation_has_every_page() -> None:
    """Each page below `docs/` once."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    listed = re.findall(r'= "([\w/-]+\.md)"', text)

    assert tomllib.loads(text)["project"]["docs_dir"] == "docs"
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_page_on_variables_has_those_that_are_read() -> None:
    """Each variable that the code looks up by its name."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipeline").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)\s*"([A-Z_]+)\"""", code))
    explained = set(
        re.findall(r"`([A-Z_]+)(?:=\w+)?`", (DOCS / "reference/environment.md").read_text())
    )

    assert len(read) > 15
    assert read - explained - OTHERS == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```console\nfip plan\n```\n", "a block of commands begins with `\\$ `"),
        ("```console\n$ fip plan\n", "the block has no end"),
    ],
)
def test_a_page_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    """The message names the page and the line."""
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(PageError, match=rf"page\.md:1: {message}"):
        read_page(path)


def test_what_differs_is_told(tmp_path: Path) -> None:
    """An output that is not shown, and an exit code."""
    path = tmp_path / "page.md"
    path.write_text("```console\n$ echo one\ntwo\n$ false\n$ echo never\n```\n")
    first, second = differences(read_page(path))

    assert first.endswith("page.md:2: `echo one` printed\n    one")
    assert second.endswith("page.md:4: `false` exited with 1, not 0: []")


def test_variables_and_the_folder_stay(tmp_path: Path) -> None:
    """As in one shell; files are written into the project."""
    path = tmp_path / "page.md"
    path.write_text(
        '```text title="a/b.txt"\nhello\n```\n'
        "```console\n$ export GREETING=hi\n$ cd a\n```\n"
        '```console\n$ echo "$GREETING" && cat \\\n    b.txt\nhi\nh…o\n```\n'
    )
    assert differences(read_page(path)) == []
