"""The commands of the documentation that install the pipeline, and more ways that it must."""

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
"""The source package, which the page does not mention: nobody needs it beside the clone."""


def install_commands() -> list[str]:
    """Return the lines of `docs/how-to/install.md` that install, as they stand there, in order.

    >>> install_commands()[0]
    'uv tool install ../fly-image-pipeline'
    """
    text = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    indented = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    return [line for line in indented if line.startswith(PROGRAMS)]
