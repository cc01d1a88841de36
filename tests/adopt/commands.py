"""The commands of the README that install the pipeline, and more ways that it must install."""

from __future__ import annotations

import re

from tests.adopt.wheel import ROOT

PROGRAMS = ("uv ", "uvx ", "pipx ", "pip ", "python3 -m build ")
SOURCE_PACKAGE = (
    "python3 -m build --sdist --outdir dist ../fly-image-pipeline",
    "pip install dist/*.tar.gz",
    "uv tool install dist/*.tar.gz",
    "pipx install dist/*.tar.gz",
)
"""The source package, which the README does not mention: nobody needs it beside the clone."""


def readme_commands() -> list[str]:
    """Return the lines of the README that install, as they stand there and in their order.

    >>> readme_commands()[0]
    'uv tool install ../fly-image-pipeline'
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, section = text.partition("\n## Use it in your repository\n")
    section, _, _ = section.partition("\n## ")
    indented = re.findall(r"^ {4}(\S.*)$", section, re.MULTILINE)
    return [line for line in indented if line.startswith(PROGRAMS)]
