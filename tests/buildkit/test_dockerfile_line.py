"""The place of a failed step, and the lines of its instruction."""

from __future__ import annotations

import pytest

from pipeline.buildkit.dockerfile_line import locate
from tests.support.small_projects import image_of

DOCKERFILE = """\
FROM debian
RUN one && \\
    # a comment
    two && \\
    three
RUN <<EOF
a
b
EOF
COPY x /
"""


@pytest.mark.parametrize(
    ("step", "line", "text"),
    [
        (
            "[2/4] RUN one &&     two &&     three",
            2,
            "RUN one && \\\n    # a comment\n    two && \\\n    three",
        ),
        ("[4/4] COPY x /", 10, "COPY x /"),
        ("[3/4] RUN <<EOF", 6, "RUN <<EOF\na\nb\nEOF"),
    ],
)
def test_all_lines_of_an_instruction(step: str, line: int, text: str) -> None:
    """As they are written, with comments and here-documents between them."""
    assert locate(image_of(DOCKERFILE), step, None) == (f"app/Dockerfile:{line}", text)


def test_a_long_instruction_is_cut() -> None:
    """Nobody reads a here-document of a thousand lines in an error."""
    body = "\n".join(f"line {number}" for number in range(1000))
    image = image_of(f"FROM debian\nRUN <<EOF\n{body}\nEOF\n")

    _, text = locate(image, "[2/2] RUN <<EOF", None)

    assert text.splitlines()[0] == "RUN <<EOF"
    assert len(text.splitlines()) == 21
    assert text.endswith("line 18\n…")


def test_a_step_that_is_not_found() -> None:
    """It has no place."""
    assert locate(image_of(DOCKERFILE), "[2/4] RUN other", None) == ("", "")
