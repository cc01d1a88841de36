"""Check values that every frontend checks: ports, signals, modes, checksums, durations.

Facts from buildkit `frontend/dockerfile/dockerfile2llb` (`convert.go`, `convert_expose.go`,
`convert_copy.go`), go-connections' `nat` (before BuildKit 0.26), moby/sys `signal`, go-digest and
dchapes-mode. Where versions differ, the most permissive is followed; only a wrong `--chmod` is
refused although BuildKit before 0.16 ignores it.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from ..spelling import did_you_mean
from .errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SIGNALS = frozenset(
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT "
    f"STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX "
    f"{' '.join(f'RTMIN+{n}' for n in range(1, 16))} "
    f"{' '.join(f'RTMAX-{n}' for n in range(1, 15))}".split(" ")
)
_NUMBER = r"[+-]?[0-9]{1,98}"
_OCTAL = r"0*[0-7]{1,4}"
_CLAUSE = r"[augo]*(?:[-+=][rstwXxugo]*)+"
_SYMBOLIC = rf"{_CLAUSE}(?:,{_CLAUSE})*"
_DIGEST = r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = rf"[+-]?(?:0|(?:{_PART})+)"
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LEAST, _MOST = 1_000_000, 2**63 - 1
_LONGEST = 99
"""Characters of a number: Python converts at most 4,300 digits, and no real number has as many."""


def check_ports(words: Iterable[str]) -> None:
    """Check each word of EXPOSE."""
    for word in words:
        check_port(word)


def check_port(written: str) -> None:
    """Raise `RefusedError` unless EXPOSE accepts it: `80`, `80/udp`, `8000-8010`.

    A host port, and an address before it, are accepted and have no effect.
    """
    *before, port = written.split(":")
    port, _, protocol = port.partition("/")
    if protocol.partition("/")[0].lower() not in {"", "tcp", "udp", "sctp"}:
        raise RefusedError(f"`{written}`: the protocol is tcp, udp or sctp", blame=written)
    count = _count_ports(port, written)
    if before and before[-1]:
        of_host = _count_ports(before[-1], written)
        if count not in {1, of_host}:
            raise RefusedError(f"`{written}` has two ranges of different lengths", blame=written)
    if before[:-1] and not _is_address(":".join(before[:-1])):
        raise RefusedError(f"`{written}` has no IP address before its ports", blame=written)


def check_signal(written: str) -> None:
    """Raise `RefusedError` unless STOPSIGNAL accepts it: a number, or a name in any case."""
    if re.fullmatch(_NUMBER, written) and int(written):
        return
    name = written.upper().removeprefix("SIG")
    if name not in _SIGNALS:
        hint = did_you_mean(name, _SIGNALS) or "such as `SIGTERM` or `15`"
        raise RefusedError(f"`{written}` is not a signal", hint=hint, blame=written)


def check_mode(written: str) -> None:
    """Raise `RefusedError` unless `--chmod` accepts it: octal digits, or symbols as in chmod(1)."""
    if not re.fullmatch(_OCTAL, written) and not re.fullmatch(_SYMBOLIC, written):
        hint = "octal digits up to 7777, or letters as in `u=rwX,go=rX`"
        raise RefusedError(f"`--chmod={written}` is not a mode", hint=hint, blame="--chmod")


def check_digest(written: str) -> None:
    """Raise `RefusedError` unless `--checksum` accepts it for a file on the web."""
    if not re.fullmatch(_DIGEST, written):
        hint = "`sha256:` and 64 hex digits in lower case"
        raise RefusedError(f"`--checksum={written}` is not a digest", hint=hint, blame="--checksum")


def check_duration(name: str, written: str) -> None:
    """Raise `RefusedError` unless HEALTHCHECK accepts it; empty and zero mean the default."""
    if not written:
        return
    if len(written) > _LONGEST or not re.fullmatch(_DURATION, written):
        raise RefusedError(f"`--{name}={written}` is not a duration such as `30s`", blame=written)
    parts = re.findall(_PART, written)
    length = sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts)
    if length > _MOST:
        raise RefusedError(f"`--{name}={written}` is too long", blame=written)
    if int(length) and (written.startswith("-") or length < _LEAST):
        raise RefusedError(f"`--{name}={written}` is less than a millisecond", blame=written)


def check_retries(written: str) -> None:
    """Raise `RefusedError` unless HEALTHCHECK accepts it as a number of retries."""
    if written and not (re.fullmatch(_NUMBER, written) and 0 <= int(written) < 2**31):
        raise RefusedError(f"`--retries={written}` is not a number of retries", blame=written)


def check_target(written: str, workdir: str | None) -> None:
    """Raise `RefusedError` if a mount would be at `/`; `workdir` is `None` if it is not known."""
    target = written
    if not written.startswith("/"):
        if workdir is None:
            return
        target = posixpath.normpath(posixpath.join(workdir, written))
    if target == "/":
        hint = "" if written else "say where with `target=`"
        blame = "target" if written else "--mount"
        raise RefusedError("a mount cannot be at `/`", hint=hint, blame=blame)


def check_filled(written: str) -> None:
    """Raise `RefusedError` if a path of VOLUME expands to nothing."""
    if not written:
        raise RefusedError("a path of `VOLUME` is empty")


def _count_ports(written: str, whole: str) -> int:
    """Count the ports of a port or a range."""
    first, _, last = written.partition("-")
    numbers = (first, last) if "-" in written else (first,)
    if not all(re.fullmatch(_NUMBER, text) and 0 <= int(text) <= 65535 for text in numbers):
        hint = "a port is 0 to 65535: `EXPOSE 8080`, `EXPOSE 8000-8010/udp`"
        raise RefusedError(f"`{whole}` is not a port", hint=hint, blame=whole)
    start, end = int(numbers[0]), int(numbers[-1])
    if end < start:
        raise RefusedError(f"`{whole}`: the range ends before it begins", blame=whole)
    return end - start + 1


def _is_address(written: str) -> bool:
    try:
        ipaddress.ip_address(written.removeprefix("[").removesuffix("]") if written else "::")
    except ValueError:
        return False
    return True


TEXT_CHECKS: dict[str, Callable[[str], None]] = {"STOPSIGNAL": check_signal, "VOLUME": check_filled}
"""The check of each text of an instruction, after its variables are expanded."""
