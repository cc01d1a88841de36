"""The flags of each command, parsed as cobra does.

Names, shorthands, aliases and kinds: superfly/flyctl `internal/command/*/`, `internal/flag/flag.go`
and `internal/flag/machines.go`; the texts are those of spf13/pflag and spf13/cobra.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.fly.flyctl.session import FailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SWITCH, VALUE, LIST, OPTIONAL = "switch", "value", "list", "optional"
APP = {"app/a": VALUE, "config/c": VALUE}
JSON = {"json/j": SWITCH}
YES = {"yes/y": SWITCH, "auto-confirm": SWITCH}
ORG = {"org/o": VALUE}
EVERYWHERE = {
    "access-token/t": VALUE,
    "debug": SWITCH,
    "verbose": SWITCH,
    "help/h": SWITCH,
}
SWITCHES = """
    now remote-only local-only push wg https-failover http-failover detach no-cache nixpacks
    buildkit build-only recreate-builder force-machines ha smoke-checks dns-checks no-public-
    ips flycast update-only skip-release-command
"""
VALUES = """
    image/i strategy dockerfile ignorefile image-label build-target build-context-warn-size
    depot-scope buildkit-addr buildkit-image buildpacks-docker-host wait-timeout release-
    command-timeout lease-timeout max-unavailable primary-region max-concurrent immediate-max-
    concurrent volume-initial-size signal/s deploy-retries compression compression-level
    export-manifest from-manifest vm-size vm-cpus vm-cpu-kind vm-memory vm-max-memory vm-gpus
    vm-gpu-kind host-dedication-id
"""
LISTS = """
    build-arg build-secret buildpacks-volume env/e file-local file-literal file-secret regions
    only-regions exclude-regions only-machines exclude-machines process-groups label
"""
DEPLOY = {
    **APP,
    **YES,
    **dict.fromkeys(SWITCHES.split(), SWITCH),
    **dict.fromkeys(VALUES.split(), VALUE),
    **dict.fromkeys(LISTS.split(), LIST),
    "depot": OPTIONAL,
    "builder-pool": OPTIONAL,
}
COMMANDS: dict[str, dict[str, str]] = {
    "version": {**JSON, "saveinstall/s": VALUE},
    "deploy": DEPLOY,
    "releases": {**APP, **JSON, "image": SWITCH},
    "status": {
        **APP,
        **JSON,
        "all": SWITCH,
        "deployment": SWITCH,
        "watch": SWITCH,
        "rate": VALUE,
    },
    "apps create": {
        **JSON,
        **YES,
        **ORG,
        "name": VALUE,
        "generate-name": SWITCH,
        "network": VALUE,
        "machines": SWITCH,
        "save": SWITCH,
    },
    "apps list": {**JSON, **ORG, "quiet/q": SWITCH},
    "apps destroy": YES,
    "machine list": {**APP, **JSON, "quiet/q": SWITCH},
    "image show": {**APP, **JSON},
    "auth token": {**JSON, "quiet/q": SWITCH},
    "auth whoami": JSON,
    "auth docker": {},
    "tokens create deploy": {**APP, **JSON, "name/n": VALUE, "expiry/x": VALUE},
    "tokens create org": {**JSON, **ORG, "name/n": VALUE, "expiry/x": VALUE},
    "tokens create readonly": {**JSON, **ORG, "name/n": VALUE, "expiry/x": VALUE},
    "config show": {**APP, "local": SWITCH, "yaml": SWITCH, "toml": SWITCH},
    "config validate": {**APP, "strict/s": SWITCH},
}
ALIASES = {
    (): {"machines": "machine", "m": "machine", "app": "apps", "token": "tokens"},
    ("apps",): {"ls": "list"},
    ("machine",): {"ls": "list"},
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A parsed command line: `values` has the values of each flag by its name."""

    command: str
    words: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def value(self, name: str, otherwise: str = "") -> str:
        """Return the last value of a flag, or `otherwise`."""
        return self.values.get(name, (otherwise,))[-1]

    def all(self, name: str) -> list[str]:
        """Return all values of a flag that may be repeated or have commas."""
        return [one for text in self.values.get(name, ()) for one in text.split(",")]

    def on(self, name: str, *, otherwise: bool = False) -> bool:
        """Return whether a boolean flag is set."""
        text = self.value(name, "true" if otherwise else "false")
        return text.lower() in ("1", "t", "true")


def command_of(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Split a command line into the command (`apps create`) and the rest.

    Raises:
        FailedError: the fake flyctl has no such command.

    """
    named: list[str] = []
    rest = list(argv)
    while rest and not rest[0].startswith("-"):
        longer = [*named, ALIASES.get(tuple(named), {}).get(rest[0], rest[0])]
        if not any(one.split()[: len(longer)] == longer for one in COMMANDS):
            break
        named = longer
        rest.pop(0)
    command = " ".join(named)
    if command not in COMMANDS:
        wrong = rest[0] if rest else command
        raise FailedError(f'unknown command "{wrong}" for "{" ".join(["flyctl", *named])}"')
    return command, tuple(rest)


def parse_arguments(command: str, words: Iterable[str]) -> CommandLine:
    """Parse the flags and positional arguments of a command.

    Raises:
        FailedError: an unknown flag, or a flag without its value.

    """
    known = {**EVERYWHERE, **COMMANDS[command]}
    kinds = {name.partition("/")[0]: kind for name, kind in known.items()}
    short = {name.partition("/")[2]: name.partition("/")[0] for name in known if "/" in name}
    values: dict[str, list[str]] = {}
    others: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            others += left
        elif word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            _long(kinds, name, value if equals else None, left, values)
        elif word.startswith("-") and len(word) > 1:
            _short(kinds, short, word, left, values)
        else:
            others.append(word)
    return CommandLine(
        command, tuple(others), {name: tuple(found) for name, found in values.items()}
    )


def _long(
    kinds: Mapping[str, str],
    name: str,
    value: str | None,
    left: Iterator[str],
    values: dict[str, list[str]],
) -> None:
    if name not in kinds:
        raise FailedError(f"unknown flag: --{name}")
    if value is None and kinds[name] in (SWITCH, OPTIONAL):
        value = "true"
    if value is None:
        value = next(left, None)
    if value is None:
        raise FailedError(f"flag needs an argument: --{name}")
    if kinds[name] == SWITCH and value.lower() not in ("0", "1", "t", "f", "true", "false"):
        text = f'strconv.ParseBool: parsing "{value}": invalid syntax'
        raise FailedError(f'invalid argument "{value}" for "--{name}" flag: {text}')
    values.setdefault(name, []).append(value)


def _short(
    kinds: Mapping[str, str],
    short: Mapping[str, str],
    word: str,
    left: Iterator[str],
    values: dict[str, list[str]],
) -> None:
    letter, rest = word[1], word[2:]
    if letter not in short:
        raise FailedError(f"unknown shorthand flag: '{letter}' in {word}")
    name = short[letter]
    if kinds[name] == SWITCH:
        values.setdefault(name, []).append("true")
        if rest:
            _short(kinds, short, f"-{rest}", left, values)
        return
    value = rest.removeprefix("=") if rest else next(left, None)
    if value is None:
        raise FailedError(f"flag needs an argument: '{letter}' in {word}")
    values.setdefault(name, []).append(value)
