"""Why a text is no JSON or YAML that flyctl would read."""

from __future__ import annotations


class ConfigTextError(ValueError):
    """Why a text is no JSON or YAML that flyctl would read; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
