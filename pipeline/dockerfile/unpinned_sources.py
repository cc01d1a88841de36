"""Describe what can change while the Dockerfile and its context stay the same.

Only what the user can pin is described. Unpinned images are described in `project.link`, which
knows the lock file.
"""

from __future__ import annotations

import re

from msgspec import Struct

_STEP = r"&&|\|\||[;|\n()]|\bthen\b|\bdo\b|\belse\b"
_WORD = r"\S+"
_PREFIX = r"^(?:(?:sudo|exec|env|command|time|set -\w+|[A-Za-z_]\w*=\S*)\s+)+"
_QUOTES = "'\""
_ARCHIVE = "whatever the archive has"
_INDEX = "whatever the index has"


class _Tool(Struct, frozen=True):
    """A command that installs packages; `pinned` matches a word that names a version or a file.

    The patterns are compiled when the first RUN is read, as many projects have none to describe.
    """

    command: str
    takes: str
    pinned: str
    pinned_flag: str = "(?!)"


_LOCAL = r"\.{0,2}/\S*|\S+\.(?:deb|rpm|apk|whl|gem|tgz|tar\.gz)"
_TOOLS = (
    _Tool(r"(?:apt-get|apt|aptitude)\b(?:\s+-\S+)*\s+install\b", _ARCHIVE, rf"\S+=\S+|{_LOCAL}"),
    _Tool(
        r"(?:apt-get|apt|aptitude)\b(?:\s+-\S+)*\s+(?:(?:dist-|full-)?upgrade)\b", _ARCHIVE, "(?!)"
    ),
    _Tool(r"apk\b(?:\s+-\S+)*\s+add\b", _ARCHIVE, rf"[^<>]+[=~]+\S+|{_LOCAL}|\.\S+"),
    _Tool(r"apk\b(?:\s+-\S+)*\s+upgrade\b", _ARCHIVE, "(?!)"),
    _Tool(
        r"(?:yum|dnf|microdnf|tdnf|zypper)\b(?:\s+-\S+)*\s+(?:install|in)\b",
        _ARCHIVE,
        rf"\S+-\d\S*|\S+=\S+|{_LOCAL}",
    ),
    _Tool(
        r"(?:python[\d.]*\s+-m\s+)?(?:uv\s+)?pip[\d.]*\s+install\b",
        _INDEX,
        rf"\S+(?:===?|@)\S+|{_LOCAL}|\.\S*",
        r"-r|-c|-e|--require-hashes|--requirement\S*|--constraint\S*|--editable\S*",
    ),
    _Tool(
        r"(?:npm\s+(?:install|i|add)|yarn\s+(?:global\s+)?add|pnpm\s+add)\b",
        _INDEX,
        rf"@?[^@\s]+@\d\S*|{_LOCAL}",
    ),
    _Tool(r"gem\s+install\b", _INDEX, rf"\S+:\d\S*|{_LOCAL}", r"-v|--version\S*"),
    _Tool(r"cargo\s+install\b", _INDEX, r"\S+@\d\S*", r"--version\S*|--vers\S*|--path\S*|--rev\S*"),
    _Tool(r"go\s+install\b", _INDEX, r"\S+@v\d\S*|\./\S*"),
)
_CHECKED = (
    r"\b(?:sha\d+sum|shasum|gpgv?|cosign|minisign|[0-9a-f]{40}|git\s+(?:checkout|reset|switch))\b"
)
_FETCH = r"(?:curl|wget|git\s+clone)\b"
_WEB = r"https?://\S+"


def of_script(script: str, line: int) -> tuple[str, ...]:
    """Describe the steps of a RUN that install or download whatever is current.

    >>> of_script("apt-get update && apt-get install -y curl", 7)
    ('`apt-get install` takes whatever the archive has, at line 7',)
    """
    found: dict[str, None] = {}
    checked = re.search(_CHECKED, script) is not None
    for step in re.split(_STEP, re.sub(r"\\\n", " ", script)):
        sentence = _of_step(re.sub(_PREFIX, "", step.strip()), line, checked=checked)
        if sentence:
            found[sentence] = None
    return tuple(found)


def of_url(source: str, *, pinned: bool, line: int) -> tuple[str, ...]:
    """Describe a file from the web without a checksum."""
    if pinned:
        return ()
    return (f"`ADD {source}` takes whatever is there: it has no `--checksum`, at line {line}",)


def of_git(source: str, *, pinned: bool, line: int) -> tuple[str, ...]:
    """Describe a repository that is not pinned to a commit."""
    if pinned:
        return ()
    return (f"`ADD {source}` takes whatever is there: it names no commit, at line {line}",)


def of_frontend(syntax: str) -> tuple[str, ...]:
    """Describe a frontend that is not pinned by a digest."""
    if not syntax or "@" in syntax:
        return ()
    return (f"the frontend `{syntax}` has no digest",)


def _of_step(step: str, line: int, *, checked: bool) -> str:
    for tool in _TOOLS:
        found = re.match(tool.command, step)
        if found:
            name = _name(found[0])
            words = re.findall(_WORD, step[found.end() :])
            return "" if _is_pinned(tool, words) else f"`{name}` takes {tool.takes}, at line {line}"
    fetched = None if checked else re.match(_FETCH, step)
    if not fetched:
        return ""
    is_git = step.startswith("git")
    source = (_repository if is_git else _file)(step[fetched.end() :])
    if not source:
        return ""
    name = "git clone" if is_git else re.findall(_WORD, step)[0]
    return f"`{name} {source.strip(_QUOTES)}` takes whatever is there, at line {line}"


def _file(words: str) -> str:
    found = re.search(_WEB, words)
    return found[0] if found else ""


def _repository(words: str) -> str:
    """Return the first word that is a URL, or `user@host:path`."""
    return next((word for word in re.findall(_WORD, words) if _is_remote(word)), "")


def _is_remote(word: str) -> bool:
    scheme, at = word.find("://", 1), word.find("@", 1)
    return 0 < scheme < len(word) - 3 or 0 < at < word.rfind(":", 0, -1) - 1


def _name(command: str) -> str:
    """Return the command without its options, and without `python -m` before it."""
    words = re.findall(_WORD, command)
    if "-m" in words:
        words = words[words.index("-m") + 1 :]
    return " ".join(word for word in words if not word.startswith("-"))


def _is_pinned(tool: _Tool, words: list[str]) -> bool:
    if any(re.fullmatch(tool.pinned_flag, word) for word in words):
        return True
    named = [word.strip("'\"") for word in words if not word.startswith("-")]
    if not named:
        # `npm install` and its like install what a lock file names; an upgrade has no lock file.
        return tool.takes is _INDEX
    return all(re.fullmatch(tool.pinned, word) for word in named)
