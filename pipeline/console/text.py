"""Text that is safe to show, and its width in a terminal.

Steps and log lines come from builds, which may be anybody's: escape sequences in them could move
the cursor, set the title or hide text. `clean` removes them, and nothing is read as markup.
"""

from __future__ import annotations

import re
import sys
from pathlib import PurePath

from ..model.sanitize import visible, without_escapes

ELLIPSIS = "…"

_DIGEST_RE = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]{52}")
_LINE_LIMIT = 4000
_INVOKE = "invoke"
"""The program that the library names in a hint: it does not know which one was started."""
_OTHERS = ("fip", "inv")


def program() -> str:
    """Return the program that runs our tasks, as a person types it: `fip`, `inv` or `invoke`."""
    name = PurePath(sys.argv[0]).name
    return name if name in _OTHERS else _INVOKE


def hint_text(hint: str) -> str:
    """Return a hint that names the program that was started: `fip plan` in place of `invoke plan`.

    >>> hint_text("`invoke doctor` checks more")
    '`invoke doctor` checks more'
    """
    return hint.replace(f"`{_INVOKE} ", f"`{program()} ")


def clean(text: str) -> str:
    r"""Return one line without escape sequences and control characters, cut after 4000 characters.

    Of a line that was overwritten after `\r`, as progress bars do, the last text remains.

    >>> clean("10 %\r\x1b[32m100 %\x1b[0m\n")
    '100 %'
    """
    if len(text) > _LINE_LIMIT:
        text = text[:_LINE_LIMIT] + ELLIPSIS
    if text.isprintable():
        return text
    text = without_escapes(text).replace("\r\n", "\n").strip("\r\n").rpartition("\r")[2]
    return visible(text.expandtabs()).rstrip()


def step_text(step: str) -> str:
    r"""Return the name of a step of BuildKit, made safe, with single spaces and short digests.

    BuildKit joins the lines of an instruction including their indentation.

    >>> step_text("[2/4] RUN apt-get update     && apt-get install tini")
    '[2/4] RUN apt-get update && apt-get install tini'
    """
    return _DIGEST_RE.sub(rf"\1{ELLIPSIS}", " ".join(clean(step).split()))


def clean_lines(text: str) -> list[str]:
    """Return the lines of a text, each made safe."""
    return [clean(line) for line in text.split("\n")]


def width(text: str) -> int:
    """Return how many cells of a terminal a safe text takes: two for a wide character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most texts need no table of widths

    return cell_len(text)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Fill a text with spaces up to a width; a longer one stays as it is."""
    blank = " " * (cells - width(text))
    return blank + text if right else text + blank


def crop(text: str, cells: int) -> str:
    """Cut a text to a width; a cut text ends in an ellipsis.

    >>> crop("RUN apt-get update", 9)
    'RUN apt-…'
    """
    if width(text) <= cells:
        return text
    if cells < 1:
        return ""
    from rich.cells import set_cell_size  # noqa: PLC0415 - as above

    return set_cell_size(text, cells - 1).rstrip() + ELLIPSIS


def fold(text: str, cells: int) -> list[str]:
    """Break a text into lines at its spaces; a longer word is a line of its own, whole.

    >>> fold("its image example/web:1 was built anew", 15)
    ['its image', 'example/web:1', 'was built anew']
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer) <= cells:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def duration(seconds: float) -> str:
    """Return seconds as people write them.

    >>> duration(12.34), duration(185), duration(3720)
    ('12.3 s', '3 min 05 s', '1 h 02 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def size(count: int) -> str:
    """Return a number of bytes as docker shows it, with powers of 1000.

    >>> size(999), size(12_345_678)
    ('999 B', '12.3 MB')
    """
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"


def amount(count: int, one: str, many: str) -> str:
    """Return a number with its noun or verb in singular or plural.

    >>> amount(1, "request", "requests"), amount(5, "exists", "exist")
    ('1 request', '5 exist')
    """
    return f"{count} {one if count == 1 else many}"
