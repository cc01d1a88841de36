"""flyctl, run as its users run it: only this deploys to Fly.

Flags, variables and exit codes: superfly/flyctl `internal/command/deploy/deploy.go`,
`internal/config/config.go`, `internal/cli/cli.go`. Its texts are for people and change; two of its
failures are known by their words, as it has no other way to tell them.
"""

from __future__ import annotations

import json
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
"""Bytes of its output that count: a list of 25 releases has some ten thousand."""
_NOT_THERE = ("could not find image", "manifest_unknown", "manifest unknown")
_HELD = ("failed to acquire lease", "lease currently held", "failed to obtain lease")
_QUIET = {
    "FLY_EMIT_RELEASE_JSON": "1",
    "FLY_NO_UPDATE_CHECK": "1",
    "FLY_NO_INCIDENTS_CHECK": "1",
    "FLY_SEND_METRICS": "0",
    "FLY_SYNTHETICS_AGENT": "0",
    "NO_COLOR": "1",
}
_OVERRIDES = ("FLY_APP", "FLY_REGION", "FLY_JSON", "FLY_VERBOSE", "FLY_LOCAL_ONLY")
"""Variables that would make another command of the one that we write."""


class Ended(Struct, frozen=True):
    """How a run of flyctl ended. `lines` are the last that it wrote, without secrets.

    `release` is the version of the release that it made, where it says so.
    """

    code: int
    lines: tuple[str, ...]
    release: str = ""

    @property
    def message(self) -> str:
        """Its own words for what went wrong, in one line."""
        errors = [line for line in self.lines if line.startswith("Error: ")]
        if errors:
            return errors[-1].removeprefix("Error: ").partition(" (Request ID:")[0]
        return next((line for line in reversed(self.lines) if line), f"it ended with {self.code}")

    @property
    def image_is_missing(self) -> bool:
        """Whether Fly does not find the image: never, or not yet."""
        return self.code != 0 and self._says(_NOT_THERE)

    @property
    def is_held(self) -> bool:
        """Whether somebody else deploys to the app: a lease ends with its deploy, or by itself."""
        return self.code != 0 and self._says(_HELD)

    def _says(self, words: Sequence[str]) -> bool:
        text = "\n".join(self.lines).lower()
        return any(word in text for word in words)


class _Over(threading.Event):
    """Set when the user stops or the time is up, whichever comes first; then `late` says which."""

    def __init__(self, stop: threading.Event, seconds: float) -> None:
        super().__init__()
        self._stop = stop
        self._end = time.monotonic() + seconds
        self.late = False

    def is_set(self) -> bool:
        """Whether it is over."""
        self.late = self.late or time.monotonic() >= self._end
        return self.late or self._stop.is_set()


class Flyctl(Struct, frozen=True):
    """The program at `path`. The token is in `environ`, and never in its words.

    A deploy may take `longest` seconds, as long as a job of most CI services; a question `quick`.
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
    ) -> Ended:
        """`fly deploy` of an image that exists; `config` is a file as seen from `cwd`.

        When `stop` is set it is interrupted, and ends in order.
        """
        words = ["deploy", "--app", app, "--image", image, "--remote-only", "--yes"]
        words += ["--config", config] if config else []
        words += ["--strategy", strategy] if strategy else []
        ended, out = self._run(words, cwd, self.longest)
        return replace(ended, release=_release(out))

    def releases(self, app: str) -> Sequence[FlyRelease]:
        """The 25 newest releases, without their configuration. Raises `UnknownError`."""
        # Not the working directory, which may be gone, or have a `fly.toml` of something else.
        ended, out = self._run(
            ["releases", "--app", app, "--image", "--json"], Path("/"), self.quick
        )
        try:
            found = json.loads(out) if ended.code == 0 else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            why = ended.message if ended.code else "what it prints is no list"
            raise UnknownError(f"flyctl cannot list the releases of `{app}`: {why}")
        return newest_first(map(_listed, found))

    def _run(self, words: Sequence[str], cwd: Path, seconds: float) -> tuple[Ended, str]:
        """How it ended, and the last megabytes of what it wrote to its standard output."""
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
            lines.append(f"Error: flyctl did not end in {seconds / 60:.0f} minutes")
        return Ended(code, tuple(lines)), out.kept.decode(errors="replace")


def find_flyctl(environ: Mapping[str, str], token: str, stop: threading.Event) -> Flyctl:
    """Flyctl of this PATH, with a token. Raises `UnknownError` where there is none.

    It would send the token wherever the environment says, in clear too: then it is not given one.
    """
    check_for_flyctl(environ)
    program = fly_program(environ)
    kept = {name: value for name, value in environ.items() if name not in _OVERRIDES}
    known = for_flyctl({**kept, **_QUIET}, token)
    return Flyctl(program.path, known, masker(forms(token, "x")), stop)


def _release(out: str) -> str:
    """The version in the line that FLY_EMIT_RELEASE_JSON makes it print; older ones print none."""
    for line in reversed(out.splitlines()):
        if line.startswith('{"id"'):
            with suppress(ValueError, RecursionError, FlyError):
                return str(version_of(json.loads(line).get("version")))
    return ""


def _listed(one: object) -> FlyRelease:
    """A release as flyctl prints it: fly-go's names of fields, as they are. Raises `FlyError`."""
    if not isinstance(one, dict):
        raise unexpected("a release that is none, through flyctl")
    return FlyRelease(
        version=version_of(one.get("Version")),
        status=str(one.get("Status") or ""),
        image=str(one.get("ImageRef") or ""),
        created=str(one.get("CreatedAt") or ""),
        config={},
    )
