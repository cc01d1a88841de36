"""Keep images at Fly: create, update and remove the machines that pin them (`invoke keep`).

Fly prunes images that no machine has. superfly/docs, "Using base images for faster deployments":
"as long as an image is associated with a Machine -- even if the Machine is stopped -- it won't be
deleted." With `skip_launch` a machine does not even start once. `fly deploy` manages only machines
of `fly_platform_version` v2 (fly-go `IsAppsV2`). A blue-green deploy refuses other machines in a
process group of the app, and treats one without a group as of the default one (flyctl
`validateNoDetachedBluegreenMachines`): so these have a group that no `fly.toml` has.
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
    from .api import FlyApi, JsonObject
    from .values import Machine

ROLE, IMAGE, REFERENCE = "pipeline_keep", "pipeline_keep_image", "pipeline_keep_reference"
GROUP = "pipeline_keep"
_SMALLEST: JsonObject = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
_NO_NAME = re.compile(r"[^a-z0-9-]+")


def slot_of(app: str, machine: Machine) -> Slot | None:
    """Read what a machine keeps an image for; `None` for one that is not ours."""
    role, image = machine.metadata.get(ROLE), machine.metadata.get(IMAGE)
    known = isinstance(role, str) and role in set(Role) and isinstance(image, str)
    return Slot(app, Role(str(role)), ImageName(str(image))) if known else None


def reference_of(machine: Machine) -> Reference | None:
    """Return the image that a machine keeps, with its tag if it has one."""
    try:
        return parse_reference(str(machine.metadata.get(REFERENCE) or machine.image))
    except ReferenceSyntaxError:
        return None


def since(machine: Machine) -> str:
    """Return when a machine got its image."""
    return plain(str(machine.data.get("updated_at") or machine.data.get("created_at") or ""))


def add_keeper(api: FlyApi, slot: Slot, image: Reference) -> Machine:
    """Create the stopped machine that pins an image.

    Raises `FlyError`, with status 409 where there is one already.
    """
    body: JsonObject = {
        "name": _machine_name(slot),
        "config": _config(slot, image),
        "skip_launch": True,
    }
    path = f"{path_of(slot.app)}/machines"
    made = api.machines_api("POST", path, slot.app, "create machine", body=body)
    return machine_of(as_object(made))


def move_keeper(api: FlyApi, slot: Slot, machine: Machine, image: Reference) -> Machine:
    """Update a machine to pin another image; its whole configuration is set. Raises `FlyError`."""
    body: JsonObject = {"config": _config(slot, image), "skip_launch": True}
    if version := machine.data.get("instance_id"):
        body["current_version"] = version
    path = f"{path_of(slot.app)}/machines/{machine.id}"
    made = api.machines_api("POST", path, machine.id, "update machine", body=body)
    return machine_of(as_object(made))


def remove_keeper(api: FlyApi, slot: Slot, machine: str) -> None:
    """Destroy the machine of that id: Fly may prune its image. Raises `FlyError`."""
    path = f"{path_of(slot.app)}/machines/{machine}?force=true"
    api.machines_api("DELETE", path, machine, "delete machine")


def _config(slot: Slot, image: Reference) -> JsonObject:
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
    """Return the machine's name for a slot: of two runs at once, only one can create it."""
    if slot.role is Role.ROLLBACK:
        return "keep-rollback"
    plain = _NO_NAME.sub("-", slot.image)[:40]
    mark = "" if plain == slot.image else f"-{zlib.crc32(slot.image.encode()):08x}"
    return f"keep-base-{plain}{mark}"
