"""Find lines that a CI runner or a terminal would execute, by the rules of their own parsers."""

from __future__ import annotations

import re
import unicodedata

STYLES = re.compile(r"\x1b\[(?:0|1|2|3[1-6])m")
"""Escape sequences that the pipeline writes itself."""


def find_log_commands(text: str) -> list[str]:
    """Return the lines with a CI runner's command or a terminal's escape sequence."""
    # .NET's `ReadLine`, which reads the logs of GitHub and Azure, also ends lines at `\r`.
    return [line for line in re.split(r"\r\n|\r|\n", text) if _is_order(line) or _acts(line)]


def _is_order(line: str) -> bool:
    """Match the formats of actions/runner `ActionCommand.cs`, Azure `Command.cs` and TeamCity."""
    bare = line.lstrip()
    second = bare.startswith("::") and "::" in bare[2:]
    return second or any(mark in line for mark in ("##[", "##vso[", "##teamcity["))


def _acts(line: str) -> bool:
    rest = STYLES.sub("", line).replace("\t", "")
    return any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in rest)
