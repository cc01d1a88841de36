"""Random Dockerfiles that build in most cases."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.random_builds import trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proof.tree import Node
    from tests.random_builds.trees import Variety

_PLAIN = re.compile(r"[\w./*?\[\]^:$\u00e4~-]+")
DIRECTIVES = (
    "# check=skip=all",
    "# check=skip=all;error=true",
    "# a remark",
)


@dataclass
class Written:
    """A Dockerfile in the making.

    `nodes` are the files of its context, `libs` those of a named context, `base` is whether it may
    begin from the image `base`.
    """

    chance: Random
    variety: Variety
    nodes: Mapping[str, Node]
    libs: Mapping[str, Node]
    base: bool
    lines: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)
    outputs: int = 0

    def likely(self, share: float) -> bool:
        """Return whether something happens that happens in this share of cases."""
        return self.chance.random() < share


def dockerfile(written: Written) -> str:
    """Return the text of a Dockerfile."""
    chance = written.chance
    if written.likely(0.1):
        written.lines.append(chance.choice(DIRECTIVES))
    if written.likely(0.2):
        _argument(written)
    for _ in range(chance.choices((1, 2, 3), (5, 4, 2))[0]):
        _stage(written)
    _add_git(written)
    return "\n".join(written.lines) + chance.choice(("\n", "\n", "", "\n\n# the end\n"))


def _add_git(written: Written) -> None:
    """Add a repository to the last stage of some Dockerfiles.

    By other dice, so that the rest of a case is the same without a repository.
    """
    dice = Random(zlib.crc32("\n".join(written.lines).encode()))  # noqa: S311 - it is to come again
    if not written.variety.git or dice.random() > 0.1:
        return
    address, _, commit = written.variety.git.partition("#")
    forms = (
        f"{address}#{commit}",
        f"--keep-git-dir=true {address}#{commit}",
        f"--keep-git-dir=false {address}#{commit}",
        f"--checksum={commit} {address}#main",
        f"--keep-git-dir=true --checksum={commit} {address}#main",
        f"{address}?branch=main&checksum={commit}",
    )
    written.lines.append(f"ADD {dice.choice(forms)} /g/")


def _stage(written: Written) -> None:
    chance, called = written.chance, f"s{len(written.stages)}"
    below = ["scratch"] * 5 + written.stages * 2 + ["base"] * 4 * written.base
    image = chance.choice(below)
    runs = bool(written.variety.shell) and written.likely(0.06)
    word = chance.choice(("FROM", "FROM", "from", "FROM --platform=$TARGETPLATFORM"))
    written.lines.append(f"{word} {written.variety.shell if runs else image} AS {called}")
    if written.likely(0.3):
        written.lines += [f"ARG {known}" for known in written.variables]
    else:
        written.variables = {}
    if runs:
        _run(written)
    for _ in range(chance.randint(1, 4)):
        chance.choices(*zip(*_INSTRUCTIONS, strict=True))[0](written)
    written.stages.append(called)
    if runs:
        # The files of the shell's image are not worth a comparison.
        written.filled |= {len(written.stages) - 1, len(written.stages)}
        written.stages.append(f"s{len(written.stages)}")
        written.lines += [f"FROM scratch AS {written.stages[-1]}", f"COPY --from={called} /o* /o/"]


def _run(written: Written) -> None:
    source = written.chance.choice([*written.nodes, *trees.folders(written.nodes), "."])
    mount = f"--mount=type=bind,source={source},target=/m" if _PLAIN.fullmatch(source) else ""
    written.lines.append(
        f"RUN {mount} mkdir -p /out && (cd /m 2>/dev/null && find . -type f | sort "
        "| xargs -d '\\n' -r cat; ls -A /m || true) > /out/run"
    )


def _destination(written: Written) -> str:
    written.outputs += 1
    known = [*written.variables]
    forms = ["/o{}/", "/o{}/", "/o{}/p/q/", "o{}/", "./o{}/", "/", "/o/"]
    if known:
        forms.append("/o{}${" + written.chance.choice(known) + ":+w}/")
    return written.chance.choice(forms).replace("{}", str(written.outputs))


def _copy(written: Written) -> None:
    written.filled.add(len(written.stages))
    written.lines.append(_copying(written, written.nodes, ""))


def _onbuild(written: Written) -> None:
    written.lines.append(f"ONBUILD {_copying(written, written.nodes, '')}")


def _from_libs(written: Written) -> None:
    if written.libs:
        written.lines.append(_copying(written, written.libs, "--from=libs "))
    else:
        _copy(written)


def _copying(written: Written, nodes: Mapping[str, Node], origin: str) -> str:
    chance = written.chance
    word = "COPY" if origin or written.likely(0.75) else "ADD"
    sources = [trees.source(chance, nodes) for _ in range(chance.choices((1, 2, 3), (7, 2, 1))[0])]
    if word == "ADD" and "t.tar" in nodes and written.likely(0.7):
        sources[0] = "t.tar"
    sources = [_by_variable(written, one) for one in sources]
    if chance.random() < 0.1 and not origin:
        text = chance.choice(("<<E", "<<'E'", "<<-E", '<<"E"'))
        return f"{word} {_flags(written, word)}{text} {_written(written, sources)}\n$V in\nE"
    return f"{word} {origin}{_flags(written, word)}{_written(written, sources)}"


def _by_variable(written: Written, source: str) -> str:
    """Write a part of a source as a variable."""
    chance = written.chance
    fitting = [(n, v) for n, v in written.variables.items() if v and v in source]
    if fitting and chance.random() < 0.8:
        known, value = chance.choice(fitting)
        forms = (f"${{{known}}}", f"${{{known}:-b}}", f"${{{known}-b}}", f"${{NO:-{value}}}")
        return source.replace(value, chance.choice(forms), 1)
    return source


def _written(written: Written, sources: list[str]) -> str:
    chance = written.chance
    words = [*sources, _destination(written)]
    plain = all(_PLAIN.fullmatch(re.sub(r"\$\{[^}]*\}", "", word)) for word in words)
    if not plain or chance.random() < 0.12:
        if chance.random() < 0.7 or "\\" in "".join(words):
            return json.dumps(words, ensure_ascii=False)
        return " ".join(f'"{word}"' if chance.random() < 0.7 else _escaped(word) for word in words)
    between = " \\\n  " if chance.random() < 0.1 else " "
    return between.join(words)


def _escaped(word: str) -> str:
    return re.sub(r"([ '])", r"\\\1", word)


def _flags(written: Written, word: str) -> str:
    chance, flags = written.chance, []
    if chance.random() < 0.15:
        flags.append("--chmod=" + chance.choice(("755", "644", "0600")))
    if chance.random() < 0.1:
        flags.append("--chown=" + chance.choice(("1:1", "1000", "0:5")))
    if chance.random() < 0.12:
        flags.append("--link")
    if written.variety.newer:
        if chance.random() < 0.2 and word == "COPY":
            flags.append("--parents")
        if chance.random() < 0.25:
            flags += [f"--exclude={_excluded(written)}" for _ in range(chance.randint(1, 2))]
        if chance.random() < 0.3 and word == "ADD":
            flags.append(chance.choice(("--unpack=true", "--unpack=false", "--unpack")))
    chance.shuffle(flags)
    return "".join(f"{flag} " for flag in flags)


def _excluded(written: Written) -> str:
    chance = written.chance
    path = chance.choice([*written.nodes, *trees.folders(written.nodes)] or ["a"])
    tail = path.rpartition("/")[2]
    forms = (path, tail, f"**/{tail}", trees.wildcard(chance, tail), "*.md", "**/*.md", f"*/{tail}")
    found = chance.choice((*forms, f"!{tail}", "**", "*"))
    return found if _PLAIN.fullmatch(found.removeprefix("!")) else "*.md"


def _parents(written: Written) -> None:
    """Write a COPY with `--parents` and a pivot."""
    if not written.variety.newer:
        _copy(written)
        return
    chance = written.chance
    path = chance.choice([*written.nodes] or ["a"])
    parts = path.split("/")
    at = chance.randrange(len(parts))
    forms = (
        "/".join([*parts[:at], ".", *parts[at:]]),
        "/".join([*parts[:at], "**", parts[-1]]),
        "/".join([*parts[:at], ".", "**", trees.wildcard(chance, parts[-1])]),
        "**/*.txt",
    )
    words = [chance.choice(forms), _destination(written)]
    more = f"--exclude={_excluded(written)} " if written.likely(0.3) else ""
    written.lines.append(f"COPY --parents {more}{json.dumps(words, ensure_ascii=False)}")


def _of_a_stage(written: Written) -> None:
    above = [number for number in sorted(written.filled) if number < len(written.stages)]
    if not above:
        _copy(written)
        return
    chance = written.chance
    number = chance.choice(above)
    which = chance.choice([written.stages[number], str(number)])
    what = chance.choice(("/", "/", "/o*", "/."))
    written.lines.append(f"COPY --from={which} {what} {_destination(written)}")


def _argument(written: Written) -> None:
    chance = written.chance
    known, value = chance.choice("VWU"), chance.choice((*trees.USUAL, "txt", "*", ""))
    written.variables[known] = value
    written.lines.append(f"ARG {known}={value}" if written.likely(0.85) else f"ARG {known}")


def _environment(written: Written) -> None:
    chance = written.chance
    known, value = chance.choice("VWU"), chance.choice((*trees.USUAL, "${V:-a}", "$W"))
    written.variables[known] = "" if "$" in value else value
    written.lines.append(f"ENV {known}={value}")


def _label(written: Written) -> None:
    forms = (
        "LABEL l=$V",
        "WORKDIR /o/w",
        "WORKDIR w",
        "EXPOSE 80",
        'CMD ["a"]',
        "USER 1",
        "LABEL m=1",
    )
    written.lines.append(written.chance.choice(forms))


_INSTRUCTIONS = (
    (_copy, 8),
    (_parents, 2),
    (_of_a_stage, 2),
    (_from_libs, 2),
    (_onbuild, 1),
    (_argument, 1),
    (_environment, 1),
    (_label, 1),
)
