"""What Fly says of machines and releases, as values (fly-go `machine_types.go`, `types.go`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

Json = Mapping[str, object]

STAMP = "pipeline_stamp"
"""Our own key in a machine's metadata."""
_OURS_ALONE = frozenset({"fly_app_release_command", "fly_app_console"})
_GONE = frozenset({"destroying", "destroyed"})
_AT_REST = frozenset({"stopped", "suspended"})
_UNDER_WAY = "bg_deployments_compat"
"""flyctl's own checks for a blue-green deploy, which say nothing of the app."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of an app, as the Machines API has it."""

    data: Json

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
        """Where it is."""
        return _text(self.data, "region")

    @property
    def digest(self) -> str:
        """The digest of the image that it runs; empty where Fly names none."""
        return _text(_table(self.data, "image_ref"), "digest")

    @property
    def image(self) -> str:
        """The image as its configuration names it."""
        return _text(self.config, "image")

    @property
    def config(self) -> Json:
        """Its configuration, whole."""
        return _table(self.data, "config")

    @property
    def metadata(self) -> Json:
        """What its maker wrote beside it."""
        return _table(self.config, "metadata")

    @property
    def release(self) -> str:
        """The version of the release that it runs, empty where flyctl wrote none."""
        return _text(self.metadata, "fly_release_version")

    @property
    def stamp(self) -> str:
        """What the last deploy of ours left beside it (`pipeline.core.stamp`), as it is written."""
        return _text(self.metadata, STAMP)

    def file(self, guest_path: str) -> str:
        """A file of its configuration, as base64; empty where it has none of that path."""
        files = _list(self.config, "files")
        return next((_text(f, "raw_value") for f in files if f.get("guest_path") == guest_path), "")

    @property
    def serves(self) -> bool:
        """Whether it is one that `fly deploy` looks after (flyctl `ListFlyAppsMachines`).

        A release command's or console's is not, nor one that keeps an image.
        """
        group = _text(self.metadata, "fly_process_group")
        made = _text(self.metadata, "fly_platform_version") == "v2"
        return made and group not in _OURS_ALONE and self.state not in _GONE

    @property
    def has_services(self) -> bool:
        """Whether Fly's proxy leads to it."""
        return bool(self.config.get("services"))

    @property
    def trouble(self) -> str:
        """Why it is not well, in words; empty where it is.

        One at rest is well: Fly starts it when it is needed, unless it ended in a crash.
        """
        if self.state in _AT_REST:
            return self._crash()
        if self.state != "started":
            return f"machine {self.id} is {self.state}"
        for check in _list(self.data, "checks"):
            status, name = _text(check, "status"), _text(check, "name")
            if status != "passing" and not name.startswith(_UNDER_WAY):
                return f"check `{name}` of machine {self.id} is {status or 'not known'}"
        return ""

    def _crash(self) -> str:
        last = next(iter(_list(self.data, "events")), {})
        ended = _table(_table(last, "request"), "exit_event")
        code = ended.get("exit_code")
        if last.get("type") != "exit" or ended.get("requested_stop") or not code:
            return ""
        return f"machine {self.id} ended with {code}"


@dataclass(frozen=True, slots=True)
class FlyRelease:
    """A release as GraphQL has it. `config` is its `fly.toml` as JSON, where Fly kept it."""

    version: int
    status: str
    image: str
    created: str
    config: Json

    @property
    def good(self) -> bool:
        """Whether it went through."""
        return self.status in {"complete", "succeeded"}


def release_before(releases: Iterable[FlyRelease]) -> FlyRelease | None:
    """Of releases, the newest first, what a rollback puts back: the last good one before the first.

    Where the newest failed half-way, that is what ran before it.
    """
    earlier = islice(releases, 1, None)
    return next((one for one in earlier if one.good and one.image), None)


def release_of(node: Json) -> FlyRelease:
    """A node of `releasesUnprocessed`."""
    return FlyRelease(
        version=int(str(node.get("version") or 0)),
        status=_text(node, "status"),
        image=_text(node, "imageRef"),
        created=_text(node, "createdAt"),
        config=_table(node, "configDefinition"),
    )


def _text(data: Json, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _table(data: Json, key: str) -> Json:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(data: Json, key: str) -> list[Json]:
    value = data.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
