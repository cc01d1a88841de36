"""A plan lists content that can change without changing the tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_a_plan_lists_floating_content_once(project: Project) -> None:
    """It lists an unpinned external, a package without a version, and a file of mode 600, once."""
    project.image(
        "web",
        "FROM debian:bookworm-slim\nRUN true || apt-get install curl\nCOPY web.txt /\n",
        web_txt="w",
    )
    (project.root / "images/web/web.txt").chmod(0o600)

    planned = project.invoke("plan", "--json")
    text = project.invoke("plan")
    shown = project.invoke("inputs", "web", "--json")

    floating = planned.json["images"][0]["floating"]
    assert len(floating) == 3
    assert "debian:bookworm-slim" in floating[0]
    assert "apt-get install" in floating[1]
    assert "web.txt" in floating[2]
    assert shown.json["floating"] == floating
    assert text.out.count("apt-get install") == 1
