"""Parse each instruction of a Dockerfile into a value with its location.

Facts from buildkit `frontend/dockerfile/instructions/parse.go`. Nothing is expanded here: the value
of a variable depends on arguments and the stage.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from ..spelling import did_you_mean
from .errors import RefusedError
from .flags import Flags, parse_flags
from .heredocs import Heredoc, heredoc_word
from .instruction_syntax import (
    SPACES,
    Pair,
    blank_separated,
    json_form,
    json_with_more,
    pairs,
    quoted_words,
    split_instruction,
)
from .mounts import check_from
from .value_checks import check_duration, check_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import Location
    from .instruction_syntax import InstructionText
    from .lexer import Line

_STAGE_NAME = r"[a-z][a-z0-9_.-]*"
_ONBUILD = rf"(?i)[{SPACES}]*onbuild[\t\n\f\r ]*"


class Instruction(Struct, frozen=True, kw_only=True):
    """Any instruction; `texts` are its parts in which variables are expanded."""

    keyword: str
    line: Line
    texts: tuple[str, ...] = ()

    @property
    def location(self) -> Location:
        """Where the instruction begins."""
        return self.line.location


class From(Instruction, frozen=True, kw_only=True):
    """`FROM [--platform=platform] base [AS name]`; the name in lower case."""

    base: str
    name: str = ""
    platform: str = ""


class Define(Instruction, frozen=True, kw_only=True):
    """`ARG` or `ENV`."""

    pairs: tuple[Pair, ...]


class Copy(Instruction, frozen=True, kw_only=True):
    """`COPY` or `ADD`. `sources` excludes the here-documents; `origin` is the value of `--from`.

    `before` are the sources as BuildKit before 0.15 reads them, if it reads the instruction
    differently.
    """

    sources: tuple[str, ...]
    heredocs: tuple[Heredoc, ...] = ()
    origin: str = ""
    exclude: tuple[str, ...] = ()
    parents: bool = False
    checksum: str = ""
    chmod: str = ""
    before: tuple[str, ...] = ()


class Run(Instruction, frozen=True, kw_only=True):
    """`RUN`: its mounts and devices as written, and the script that the shell is given.

    `network` is `host` for the builder's own network.
    """

    mounts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    network: str = ""
    script: str = ""


class Onbuild(Instruction, frozen=True, kw_only=True):
    """`ONBUILD`: an instruction for the images built on this one, as text."""

    expression: str


def parse_instruction(line: Line, escape: str) -> Instruction:
    """Parse one instruction. Raises `RefusedError` if BuildKit refuses its form."""
    command = split_instruction(line.text, escape)
    keyword = command.keyword.upper()
    parser = _PARSERS.get(keyword)
    if parser is None:
        raise RefusedError(
            f"`{command.keyword}` is not an instruction", hint=did_you_mean(keyword, _PARSERS)
        )
    return parser(line, command, escape)


def _from(line: Line, command: InstructionText, _escape: str) -> Instruction:
    words = blank_separated(command.rest)
    if len(words) not in {1, 3} or (len(words) == 3 and words[1].lower() != "as"):
        raise RefusedError("`FROM` takes an image, or an image `AS` a name")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not re.fullmatch(_STAGE_NAME, name):
        raise RefusedError(
            f"`{words[2]}` is not a valid stage name",
            hint="begin with a letter; then letters, digits, `-`, `_`, `.`",
            blame=words[2],
        )
    platform = parse_flags("FROM", command.flags).text("platform")
    return From(keyword="FROM", line=line, base=words[0], name=name, platform=platform)


def _arg(line: Line, command: InstructionText, escape: str) -> Instruction:
    words = quoted_words(command.rest, escape)
    if not words:
        raise RefusedError("`ARG` needs at least one name")
    found: list[Pair] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise RefusedError("a name of `ARG` is empty", blame=word)
        found.append(Pair(name, value if equals else None))
    return Define(keyword="ARG", line=line, pairs=tuple(found))


def _env(line: Line, command: InstructionText, escape: str) -> Instruction:
    found = pairs("ENV", command.rest, escape)
    parse_flags("ENV", command.flags)
    return Define(keyword="ENV", line=line, pairs=found)


def _label(line: Line, command: InstructionText, escape: str) -> Instruction:
    found = pairs("LABEL", command.rest, escape)
    parse_flags("LABEL", command.flags)
    texts = tuple(text for pair in found for text in (pair.name, pair.value or ""))
    return Instruction(keyword="LABEL", line=line, texts=texts)


def _copy(line: Line, command: InstructionText, _escape: str) -> Instruction:
    keyword = command.keyword.upper()
    words = _words(command)
    if len(words) < 2:
        raise RefusedError(f"`{keyword}` needs at least one source and a destination")
    flags = parse_flags(keyword, command.flags)
    *sources, destination = words
    if heredoc_word(destination):
        raise RefusedError(f"the destination of `{keyword}` cannot be a here-document")
    documents = {document.name: document for document in line.heredocs}
    found = [heredoc_word(source) for source in sources]
    return Copy(
        keyword=keyword,
        line=line,
        texts=(destination, *map(flags.text, ("chown", "chmod", "checksum"))),
        sources=tuple(s for s, doc in zip(sources, found, strict=True) if doc is None),
        heredocs=tuple(documents.get(doc.name, doc) for doc in found if doc),
        origin=flags.text("from"),
        exclude=flags.many("exclude"),
        parents=flags.is_true("parents"),
        checksum=flags.text("checksum"),
        chmod=flags.text("chmod"),
        before=json_with_more(command.rest)[:-1],
    )


def _run(line: Line, command: InstructionText, _escape: str) -> Instruction:
    arguments = json_form(command.rest)
    flags = parse_flags("RUN", command.flags)
    _one_of(flags, "network", ("default", "none", "host"))
    _one_of(flags, "security", ("sandbox", "insecure"))
    for mount in flags.many("mount"):
        check_from(mount)
    script = command.rest if arguments is None else " ".join(arguments)
    bodies = [document.text for document in line.heredocs]
    return Run(
        keyword="RUN",
        line=line,
        mounts=flags.many("mount"),
        devices=flags.many("device"),
        network=flags.text("network"),
        script="\n".join([script, *bodies]),
    )


def _onbuild(line: Line, command: InstructionText, escape: str) -> Instruction:
    if not command.rest:
        raise RefusedError("`ONBUILD` needs an instruction")
    parse_flags("ONBUILD", command.flags)
    inner = split_instruction(command.rest, escape).keyword.upper()
    if inner in {"ONBUILD", "FROM", "MAINTAINER"}:
        raise RefusedError(f"`{inner}` cannot follow `ONBUILD`", blame=inner)
    parts = [re.sub(_ONBUILD, "", line.text, count=1)]
    parts += [f"{document.content}{document.name}" for document in line.heredocs]
    return Onbuild(keyword="ONBUILD", line=line, expression="\n".join(parts))


def _healthcheck(line: Line, command: InstructionText, _escape: str) -> Instruction:
    kind, *more = re.split(rf"[{SPACES}]+", command.rest, maxsplit=1)
    rest = more[0] if more else ""
    words = json_form(rest)
    if kind.upper() == "NONE":
        if rest:
            raise RefusedError("`HEALTHCHECK NONE` takes no arguments")
        return Instruction(keyword="HEALTHCHECK", line=line)
    flags = parse_flags("HEALTHCHECK", command.flags)
    if kind.upper() != "CMD":
        raise RefusedError("`HEALTHCHECK` takes `CMD` and a command, or `NONE`", blame=kind)
    if not rest or words == ():
        raise RefusedError("`HEALTHCHECK CMD` has no command")
    _check_health_flags(flags)
    return Instruction(keyword="HEALTHCHECK", line=line)


def _check_health_flags(flags: Flags) -> None:
    for name in ("interval", "timeout", "start-period", "start-interval"):
        check_duration(name, flags.text(name))
    check_retries(flags.text("retries"))


def _one_of(flags: Flags, name: str, allowed: tuple[str, ...]) -> None:
    value = flags.text(name, allowed[0])
    if value not in allowed:
        hint = did_you_mean(value, allowed)
        raise RefusedError(f"`--{name}={value}` is not one of {', '.join(allowed)}", hint=hint)


def _shell_form(line: Line, command: InstructionText, _escape: str) -> Instruction:
    json_form(command.rest)
    keyword = command.keyword.upper()
    parse_flags(keyword, command.flags)
    return Instruction(keyword=keyword, line=line)


def _shell(line: Line, command: InstructionText, _escape: str) -> Instruction:
    parse_flags("SHELL", command.flags)
    if not (json_form(command.rest) or json_with_more(command.rest)):
        raise RefusedError("`SHELL` takes a JSON array", hint='such as `SHELL ["/bin/bash", "-c"]`')
    return Instruction(keyword="SHELL", line=line)


def _one_text(line: Line, command: InstructionText, _escape: str) -> Instruction:
    keyword = command.keyword.upper()
    if not command.rest:
        raise RefusedError(f"`{keyword}` needs exactly one argument")
    if keyword != "STOPSIGNAL":
        parse_flags(keyword, command.flags)
    texts = () if keyword == "MAINTAINER" else (command.rest,)
    return Instruction(keyword=keyword, line=line, texts=texts)


def _many_texts(line: Line, command: InstructionText, _escape: str) -> Instruction:
    keyword = command.keyword.upper()
    words = _words(command) if keyword == "VOLUME" else blank_separated(command.rest)
    if not words:
        raise RefusedError(f"`{keyword}` needs at least one argument")
    parse_flags(keyword, command.flags)
    if keyword == "VOLUME" and not all(word.strip(SPACES) for word in words):
        raise RefusedError("a path of `VOLUME` is empty")
    return Instruction(keyword=keyword, line=line, texts=words)


def _words(command: InstructionText) -> tuple[str, ...]:
    found = json_form(command.rest)
    return blank_separated(command.rest) if found is None else found


_PARSERS: dict[str, Callable[[Line, InstructionText, str], Instruction]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _shell_form,
    "COPY": _copy,
    "ENTRYPOINT": _shell_form,
    "ENV": _env,
    "EXPOSE": _many_texts,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _one_text,
    "ONBUILD": _onbuild,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _one_text,
    "USER": _one_text,
    "VOLUME": _many_texts,
    "WORKDIR": _one_text,
}
