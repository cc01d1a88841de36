"""Run flyctl, which deploys to Fly.

Flags, variables and exit codes: superfly/flyctl `internal/command/deploy/deploy.go`,
`internal/config/config.go`, `internal/cli/cli.go`. Its texts are for people and change; three of
its failures can only be recognized by them.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError
from ..model.masking import forms, masker
from ..process.capture import drain
from ..process.environ import for_flyctl
from ..process.supervise import run
from ..registry.auth.fly_program import fly_program
from .endpoints import check_for_flyctl
from .errors import FlyError, unexpected
from .values import FlyRelease, newest_first, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.masking import Mask
    from ..process.environ import ChildEnviron

_LAST_LINES, _LONGEST = 20, 4096
_MOST = 4 << 20
"""Bytes of its output that are kept: a list of 25 releases has some ten thousand."""
_NOT_THERE = ("could not find image", "manifest_unknown", "manifest unknown")
_HELD = ("failed to acquire lease", "lease currently held", "failed to obtain lease")
_LIMITED = ("rate limit exceeded",)
"""Fly's answer 429 to one of its requests, which fly-go does not send again."""
_NOISE = re.compile(r"failed to run (?:query|mutation)\b.*\}: | \((?:Request|Trace) ID: .*")
"""A query of GraphQL before Fly's words (fly-go), and ids after them (`internal/cli/cli.go`)."""
_QUIET = {
    "FLY_EMIT_RELEASE_JSON": "1",
    "FLY_NO_UPDATE_CHECK": "1",
    "FLY_NO_INCIDENTS_CHECK": "1",
    "FLY_SEND_METRICS": "0",
    "FLY_SYNTHETICS_AGENT": "0",
    "NO_COLOR": "1",
}
_OVERRIDES = ("FLY_APP", "FLY_REGION", "FLY_JSON", "FLY_VERBOSE", "FLY_LOCAL_ONLY")
"""Variables that would change the meaning of our commands."""


class FlyctlResult(Struct, frozen=True):
    """How a run of flyctl ended. `lines` are its last ones, without secrets.

    `release` is the version of the release that it made, if it printed that.
    """

    code: int
    lines: tuple[str, ...]
    release: str = ""

    @property
    def message(self) -> str:
        """Its own error message, in one line."""
        errors = [line for line in self.lines if line.startswith("Error: ")]
        if errors:
            return _NOISE.sub("", errors[-1].removeprefix("Error: "))
        return next((line for line in reversed(self.lines) if line), f"it ended with {self.code}")

    @property
    def image_is_missing(self) -> bool:
        """Whether Fly does not find the image, or does not find it yet."""
        return self.code != 0 and self._says(_NOT_THERE)

    @property
    def is_held(self) -> bool:
        """Whether another deploy of the app is running: its lease ends with it, or by itself."""
        return self.code != 0 and self._says(_HELD)

    @property
    def is_limited(self) -> bool:
        """Whether it sent more requests than Fly permits in a moment: it passes in a second."""
        return self.code != 0 and self._says(_LIMITED)

    def _says(self, words: Sequence[str]) -> bool:
        text = "\n".join(self.lines).lower()
        return any(word in text for word in words)


class _Over(threading.Event):
    """Set when the user stops or the time is up, whichever comes first; `late` says which."""

    def __init__(self, stop: threading.Event, seconds: float) -> None:
        super().__init__()
        self._stop = stop
        self._end = time.monotonic() + seconds
        self.late = False

    def is_set(self) -> bool:
        """Return whether it is over."""
        self.late = self.late or time.monotonic() >= self._end
        return self.late or self._stop.is_set()


class Flyctl(Struct, frozen=True):
    """The program at `path`. The token is in `environ`, and never in the arguments.

    A deploy may take `longest` seconds, as long as a job of most CI services; a query `quick`.
    """

    path: str
    environ: ChildEnviron
    mask: Mask
    stop: threading.Event
    longest: float = 6 * 3600.0
    quick: float = 60.0

    def __repr__(self) -> str:
        """Leave out the environment, which holds the token."""
        return f"{type(self).__name__}({self.path!r})"

    def deploy(
        self, app: str, image: str, cwd: Path, config: str = "", strategy: str = ""
    ) -> FlyctlResult:
        """Run `fly deploy` with an existing image; `config` is relative to `cwd`.

        When `stop` is set, it is interrupted and ends in order.
        """
        words = ["deploy", "--app", app, "--image", image, "--remote-only", "--yes"]
        words += ["--config", config] if config else []
        words += ["--strategy", strategy] if strategy else []
        ended, out = self._run(words, cwd, self.longest)
        return replace(ended, release=_release(out))

    def releases(self, app: str) -> Sequence[FlyRelease]:
        """List the 25 newest releases, without their configuration. Raises `UnknownError`."""
        # Not the working directory, which may be gone, or have a `fly.toml` of another app.
        ended, out = self._run(
            ["releases", "--app", app, "--image", "--json"], Path("/"), self.quick
        )
        try:
            found = json.loads(out) if ended.code == 0 else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            why = ended.message if ended.code else "its output is not a list"
            raise UnknownError(f"flyctl cannot list the releases of `{app}`: {why}")
        return newest_first(map(_listed, found))

    def _run(self, words: Sequence[str], cwd: Path, seconds: float) -> tuple[FlyctlResult, str]:
        """Run flyctl; return how it ended, and the last megabytes of its standard output."""
        lines: list[str] = []

        def take(line: bytes) -> None:
            lines.append(self.mask(line.decode(errors="replace").rstrip())[:_LONGEST])
            del lines[:-_LAST_LINES]

        over = _Over(self.stop, seconds)
        with drain(_MOST) as out:
            code = run(
                [self.path, *words],
                cwd=cwd,
                environ=self.environ,
                stdin=b"",
                take=take,
                stop=over,
                out=out.pipe,
            )
        if over.late:
            lines.append(f"Error: flyctl took longer than {seconds / 60:.0f} minutes")
        return FlyctlResult(code, tuple(lines)), out.kept.decode(errors="replace")


def find_flyctl(environ: Mapping[str, str], token: str, stop: threading.Event) -> Flyctl:
    """Find flyctl on PATH, and give it a token. Raises `UnknownError` where there is none.

    Raises `FlyError` where the environment would make it send the token over plain HTTP.
    """
    check_for_flyctl(environ)
    program = fly_program(environ)
    kept = {name: value for name, value in environ.items() if name not in _OVERRIDES}
    known = for_flyctl({**kept, **_QUIET}, token)
    return Flyctl(program.path, known, masker(forms(token, "x")), stop)


def _release(out: str) -> str:
    """Read the version in the line that FLY_EMIT_RELEASE_JSON adds; older versions print none."""
    for line in reversed(out.splitlines()):
        if line.startswith('{"id"'):
            with suppress(ValueError, RecursionError, FlyError):
                return str(version_of(json.loads(line).get("version")))
    return ""


def _listed(one: object) -> FlyRelease:
    """Read a release as flyctl prints it, by fly-go's names of fields. Raises `FlyError`."""
    if not isinstance(one, dict):
        raise unexpected("a malformed release, through flyctl")
    return FlyRelease(
        version=version_of(one.get("Version")),
        status=str(one.get("Status") or ""),
        image=str(one.get("ImageRef") or ""),
        created=str(one.get("CreatedAt") or ""),
        config={},
    )
