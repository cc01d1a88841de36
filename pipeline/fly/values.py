"""Machines and releases of Fly, as values (fly-go `machine_types.go`, `types.go`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from ..http.text import plain
from .errors import unexpected

JsonObject = Mapping[str, object]

_DIGITS, _DEEPEST = 18, 64
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Ids of machines are 14 hex digits; any other text could change a URL that it is put into."""
STAMP = "pipeline_stamp"
"""Our own key in a machine's metadata."""
_OURS_ALONE = frozenset({"fly_app_release_command", "fly_app_console"})
_GONE = frozenset({"destroying", "destroyed"})
_AT_REST = frozenset({"stopped", "suspended"})
_UNDER_WAY = "bg_deployments_compat"
"""The beginning of flyctl's own checks for a blue-green deploy, which say nothing about the app."""


class Machine(Struct, frozen=True):
    """A machine of an app, as the Machines API returns it."""

    data: JsonObject

    @property
    def id(self) -> str:
        """Its id, 14 hex digits."""
        return _text(self.data, "id")

    @property
    def state(self) -> str:
        """Its state: `started`, `stopped`, `created` and more."""
        return _text(self.data, "state")

    @property
    def region(self) -> str:
        """Its region, such as `fra`."""
        return _text(self.data, "region")

    @property
    def digest(self) -> str:
        """The digest of its image, empty where Fly gives none."""
        return _text(_table(self.data, "image_ref"), "digest")

    @property
    def image(self) -> str:
        """The image by the name in its configuration."""
        return _text(self.config, "image")

    @property
    def config(self) -> JsonObject:
        """Its whole configuration."""
        return _table(self.data, "config")

    @property
    def metadata(self) -> JsonObject:
        """Its metadata, which any client may write."""
        return _table(self.config, "metadata")

    @property
    def release(self) -> str:
        """The version of its release, empty where flyctl wrote none."""
        return _text(self.metadata, "fly_release_version")

    @property
    def stamp(self) -> str:
        """The stamp that our last deploy wrote (`model.stamp`), as text."""
        return _text(self.metadata, STAMP)

    def file(self, guest_path: str) -> str:
        """Return a file of its configuration, as base64; "" where there is none at that path."""
        files = _list(self.config, "files")
        return next((_text(f, "raw_value") for f in files if f.get("guest_path") == guest_path), "")

    @property
    def serves(self) -> bool:
        """Whether `fly deploy` manages it (flyctl `ListFlyAppsMachines`).

        False for a release command, a console, and a machine that keeps an image.
        """
        group = _text(self.metadata, "fly_process_group")
        made = _text(self.metadata, "fly_platform_version") == "v2"
        return made and group not in _OURS_ALONE and self.state not in _GONE

    @property
    def has_services(self) -> bool:
        """Whether Fly's proxy routes to it."""
        return bool(self.config.get("services"))

    @property
    def problem(self) -> str:
        """Why it is not healthy, in words; empty if it is.

        A stopped one is healthy unless it crashed: Fly starts it when it is needed. So is a standby
        that was never started: flyctl creates it with `skip_launch`, and does not wait for it.
        """
        if self.state == "created" and self.config.get("standbys"):
            return ""
        if self.state in _AT_REST:
            return self._crash()
        if self.state != "started":
            return f"machine {self.id} is {plain(self.state) or 'in no state that Fly names'}"
        for check in _list(self.data, "checks"):
            status, name = _text(check, "status"), _text(check, "name")
            if status != "passing" and not name.startswith(_UNDER_WAY):
                said = plain(status) or "not known"
                return f"check `{plain(name)}` of machine {self.id} is {said}"
        return ""

    @property
    def has_given_up(self) -> bool:
        """Whether it crashed, and Fly says that it does not restart it."""
        at_rest = self.state in _AT_REST
        return at_rest and bool(self._crash()) and self._exit_event.get("restarting") is False

    @property
    def _exit_event(self) -> JsonObject:
        """What Fly says of the end of its process, if that is the last thing that happened."""
        last = next(iter(_list(self.data, "events")), {})
        return _table(_table(last, "request"), "exit_event") if last.get("type") == "exit" else {}

    def _crash(self) -> str:
        ended = self._exit_event
        code = ended.get("exit_code")
        if ended.get("requested_stop") or not code:
            return ""
        return f"machine {self.id} ended with {plain(str(code))}"


class FlyRelease(Struct, frozen=True):
    """A release as GraphQL returns it. `config` is its `fly.toml` as JSON, if Fly stored it."""

    version: int
    status: str
    image: str
    created: str
    config: JsonObject

    @property
    def good(self) -> bool:
        """Whether its deploy succeeded."""
        return self.status in {"complete", "succeeded"}


def machine_of(data: JsonObject) -> Machine:
    """Read a machine. Raises `FlyError` for one without a valid id."""
    machine = Machine(data)
    if not _ID.fullmatch(machine.id):
        raise unexpected("a machine without an id")
    return machine


def newest_first(releases: Iterable[FlyRelease]) -> Sequence[FlyRelease]:
    """Sort releases by their version, whatever the order in which Fly returned them."""
    return sorted(releases, key=lambda one: one.version, reverse=True)


def version_of(number: object) -> int:
    """Read the version of a release: a number, or its digits. Raises `FlyError` for others."""
    found = number_of(str(number)) if isinstance(number, int | str) else None
    if found is None:
        raise unexpected("a release without a number")
    return found


def number_of(version: str) -> int | None:
    """Return the version of a release as a number; `None` for other text."""
    good = version.isascii() and version.isdigit() and len(version) <= _DIGITS
    return int(version) if good else None


def release_before(releases: Iterable[FlyRelease], restored: str = "") -> FlyRelease | None:
    """Choose the release that a rollback restores: the last successful one before the newest.

    `releases` begin with the newest. If that one failed, it is what ran before it. If it is itself
    a rollback to the release `restored`, it is the last successful one before that.
    """
    number = number_of(restored)
    earlier = (one for one in islice(releases, 1, None) if number is None or one.version < number)
    return next((one for one in earlier if one.good and one.image), None)


def release_called(releases: Iterable[FlyRelease], version: str) -> FlyRelease | None:
    """Return the successful release of that number, if it is not the newest one."""
    earlier = (one for one in islice(releases, 1, None) if one.good and one.image)
    return next((one for one in earlier if str(one.version) == version), None)


def release_of(node: JsonObject) -> FlyRelease:
    """Read a node of `releasesUnprocessed`. Raises `FlyError` for a malformed one."""
    _check_depth(node.get("configDefinition"))
    return FlyRelease(
        version=version_of(node.get("version")),
        status=_text(node, "status"),
        image=_text(node, "imageRef"),
        created=_text(node, "createdAt"),
        config=_table(node, "configDefinition"),
    )


def _check_depth(value: object) -> None:
    """Raise `FlyError` for a value that is nested too deeply to be a configuration."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [one for outer in level for one in _inside(outer)]
        if not level:
            return
    raise unexpected("a configuration that is nested too deeply")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _text(data: JsonObject, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _table(data: JsonObject, key: str) -> JsonObject:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(data: JsonObject, key: str) -> list[JsonObject]:
    value = data.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
