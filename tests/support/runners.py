"""What CI runners and terminals would obey in a log, after their own readers of it."""

from __future__ import annotations

import re
import unicodedata

STYLES = re.compile(r"\x1b\[(?:0|1|2|3[1-6])m")
"""What we write on a terminal ourselves."""


def obeyed(text: str) -> list[str]:
    """The lines that a runner would take for an order, or that a terminal would act on."""
    # .NET's `ReadLine`, by which GitHub's and Azure's read a log, ends lines at `\r` too.
    return [line for line in re.split(r"\r\n|\r|\n", text) if _is_order(line) or _acts(line)]


def _is_order(line: str) -> bool:
    """actions/runner `ActionCommand.cs`, azure-pipelines-agent `Command.cs`, TeamCity's docs."""
    bare = line.lstrip()
    second = bare.startswith("::") and "::" in bare[2:]
    return second or any(mark in line for mark in ("##[", "##vso[", "##teamcity["))


def _acts(line: str) -> bool:
    rest = STYLES.sub("", line).replace("\t", "")
    return any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in rest)
