"""Renovate's custom manager in the documentation, on a `pipeline.lock` as `lock` writes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from typing import TYPE_CHECKING, Any

from pipeline.model.image import Pin
from pipeline.project.lock_file import load_lock, lock_text
from pipeline.reference import Digest, Platform, parse_reference
from tests.docs_check.page import DOCS
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCS / "how-to/update-externals.md"
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64", "v8")
OLD, NEW = (Digest(f"sha256:{digit * 64}") for digit in "ab")
PLATFORMS = {AMD64: OLD, ARM64: OLD}
PINS = {
    parse_reference("debian:bookworm-slim"): Pin(OLD, PLATFORMS),
    parse_reference("registry.example.com:5000/team/java:21"): Pin(OLD),
    parse_reference("ruby:2-onbuild"): Pin(OLD, PLATFORMS, {AMD64: ('COPY "." /app', "RUN x")}),
    parse_reference("busybox"): Pin(OLD, triggers={AMD64: ()}),
    # The Dockerfile itself pins it; it is in the lock for its triggers.
    parse_reference(f"node:22@{OLD}"): Pin(OLD, triggers={AMD64: ("RUN y",)}),
}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def manager() -> dict[str, Any]:
    """Return the custom manager of the page."""
    (found,) = json.loads(blocks("json")[0])["customManagers"]
    return dict(found)


def expression() -> re.Pattern[str]:
    """Return its expression; JavaScript writes named groups without the P."""
    (text,) = manager()["matchStrings"]
    return re.compile(text.replace("(?<", "(?P<"))


def test_it_finds_each_external_that_a_lock_pins() -> None:
    """With tag and digest, also on a host with a port; not those that a Dockerfile pins."""
    found = [match.groupdict() for match in expression().finditer(lock_text(PINS))]

    assert {(one["depName"], one["currentValue"]) for one in found} == {
        ("docker.io/library/debian", "bookworm-slim"),
        ("registry.example.com:5000/team/java", "21"),
        ("docker.io/library/ruby", "2-onbuild"),
        ("docker.io/library/busybox", "latest"),
    }
    assert {one["currentDigest"] for one in found} == {OLD}


def test_its_replacement_is_a_lock(tmp_path: Path) -> None:
    """With the new digests, and without what belongs to the old ones."""
    template = str(manager()["autoReplaceStringTemplate"])

    def replaced(match: re.Match[str]) -> str:
        values = {**match.groupdict(), "newDigest": NEW}
        return re.sub(r"\{\{\{(\w+)\}\}\}", lambda name: values[name[1]], template)

    text = expression().sub(replaced, lock_text(PINS))
    (tmp_path / "pipeline.lock").write_text(text)
    found = load_lock(tmp_path)

    assert not found.problems
    assert found.value == {
        reference: pin if reference.digest else Pin(NEW) for reference, pin in PINS.items()
    }


def test_it_is_for_the_lock_alone() -> None:
    """In any folder, and by the name that `lock` writes."""
    (pattern,) = manager()["managerFilePatterns"]
    file = re.compile(pattern.strip("/"))

    assert file.search("pipeline.lock")
    assert file.search("apps/shop/pipeline.lock")
    assert not file.search("pipeline.lock.bak")
    assert not file.search("my-pipeline_lock")


def test_the_workflow_opens_a_pull_request_if_the_lock_changed(tmp_path: Path) -> None:
    """Or updates the one that is open, as here; without a change it does nothing."""
    script = textwrap.dedent(blocks("yaml")[0].partition("        run: |\n")[2])
    log, work = tmp_path / "gh.log", tmp_path / "work"
    write_program(tmp_path / "bin/gh", f'echo "$@" >> {log}; test "$2" = edit')

    def run(command: str) -> None:
        environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        subprocess.run(["bash", "-ec", command], cwd=work, env=environ, check=True)

    work.mkdir()
    run("git init --quiet --bare ../origin && git init --quiet . && echo 1 > pipeline.lock")
    run("git remote add origin ../origin && git add . && git config user.name a")
    run("git -c user.email=a@example.com commit --quiet --message One")
    run(script)
    assert not log.exists()
    run("echo 2 > pipeline.lock")
    run(script)
    create, edit = log.read_text().splitlines()
    assert create.startswith(
        "pr create --head update-lock --title Update pipeline.lock --body-file"
    )
    assert edit == "pr edit update-lock --body-file moved.txt"
    run("test $(git -C ../origin show update-lock:pipeline.lock) = 2")
