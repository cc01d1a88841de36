"""Machines that never start, and hold an image: as long as there is one, Fly keeps the image.

superfly/docs, "Using base images for faster deployments": "as long as an image is associated with a
Machine -- even if the Machine is stopped -- it won't be deleted." With `skip_launch` it does not
even start once. `fly deploy` looks after machines of `fly_platform_version` v2 alone (fly-go
`IsAppsV2`). A blue-green one refuses machines without it in a process group of the app's, and takes
a machine of no group for the default one's (flyctl `validateNoDetachedBluegreenMachines`): so
these have a group that no `fly.toml` has.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from ..http.text import plain
from ..model.keep import Role, Slot
from ..reference import ImageName, ReferenceSyntaxError, parse_reference
from .api import as_object
from .queries import path_of
from .values import machine_of

if TYPE_CHECKING:
    from ..reference import Reference
    from .api import FlyApi, Json
    from .values import Machine

ROLE, IMAGE, REFERENCE = "pipeline_keep", "pipeline_keep_image", "pipeline_keep_reference"
GROUP = "pipeline_keep"
_SMALLEST: Json = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
_NO_NAME = re.compile(r"[^a-z0-9-]+")


def slot_of(app: str, machine: Machine) -> Slot | None:
    """What a machine keeps an image for; `None` for one that is not ours."""
    role, image = machine.metadata.get(ROLE), machine.metadata.get(IMAGE)
    known = isinstance(role, str) and role in set(Role) and isinstance(image, str)
    return Slot(app, Role(str(role)), ImageName(str(image))) if known else None


def reference_of(machine: Machine) -> Reference | None:
    """The image that a machine keeps, with its tag where it was kept by one."""
    try:
        return parse_reference(str(machine.metadata.get(REFERENCE) or machine.image))
    except ReferenceSyntaxError:
        return None


def since(machine: Machine) -> str:
    """When it was given its image."""
    return plain(str(machine.data.get("updated_at") or machine.data.get("created_at") or ""))


def add_keeper(api: FlyApi, slot: Slot, image: Reference) -> Machine:
    """A machine for an image that is pinned. Raises `FlyError`: 409 where there is one already."""
    body: Json = {"name": _machine_name(slot), "config": _config(slot, image), "skip_launch": True}
    path = f"{path_of(slot.app)}/machines"
    made = api.machines_api("POST", path, slot.app, "create machine", body=body)
    return machine_of(as_object(made))


def move_keeper(api: FlyApi, slot: Slot, machine: Machine, image: Reference) -> Machine:
    """The same machine for another image; all of its configuration anew. Raises `FlyError`."""
    body: Json = {"config": _config(slot, image), "skip_launch": True}
    if version := machine.data.get("instance_id"):
        body["current_version"] = version
    path = f"{path_of(slot.app)}/machines/{machine.id}"
    made = api.machines_api("POST", path, machine.id, "update machine", body=body)
    return machine_of(as_object(made))


def remove_keeper(api: FlyApi, slot: Slot, machine: str) -> None:
    """Let go of an image, by the machine's id: Fly may prune it. Raises `FlyError`."""
    path = f"{path_of(slot.app)}/machines/{machine}?force=true"
    api.machines_api("DELETE", path, machine, "delete machine")


def _config(slot: Slot, image: Reference) -> Json:
    return {
        "image": f"{image.repository}@{image.digest}",
        "guest": _SMALLEST,
        "restart": {"policy": "no"},
        "metadata": {
            ROLE: slot.role.value,
            IMAGE: slot.image,
            REFERENCE: str(image),
            "fly_process_group": GROUP,
        },
    }


def _machine_name(slot: Slot) -> str:
    """One name for one slot: of two runs at the same time, only one adds the machine."""
    if slot.role is Role.ROLLBACK:
        return "keep-rollback"
    plain = _NO_NAME.sub("-", slot.image)[:40]
    mark = "" if plain == slot.image else f"-{zlib.crc32(slot.image.encode()):08x}"
    return f"keep-base-{plain}{mark}"
