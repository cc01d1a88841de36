"""The stamp that a deploy leaves beside an app: what was deployed, and from which commit.

At Fly it is in the metadata of each machine, on an engine in a label of each container. A later
deploy by somebody else copies it along, so it names the image and release that it was written for.
Its commit counts while the same image runs, its configuration only while the same release does.
"""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import replace

from ..reference import Digest, ReferenceSyntaxError, parse_digest

PARENTS, NEAREST, SHORT = 30, 15, 12
"""How many first parents a stamp has, how many of the nearest ancestors, and how many hex digits of
each."""


class Revision(Struct, frozen=True):
    """A commit of the project: its id, and the short ids of ancestors."""

    id: str
    parents: tuple[str, ...] = ()


class Stamp(Struct, frozen=True):
    """What an app was deployed with.

    `configuration` is the digest of its configuration, 64 hex digits, or empty if it is not known;
    `image` and `release` are those that the stamp was written for. `revision` is `None` if the
    project is not in a Git repository. With `back`, somebody rolled back on purpose from that
    commit to an earlier release, which runs.
    """

    configuration: str
    image: Digest
    release: str
    revision: Revision | None = None
    back: bool = False

    @property
    def text(self) -> str:
        """The stamp in one line of JSON, some 800 bytes at most, without secrets."""
        revision = self.revision or Revision("")
        document = {
            "configuration": self.configuration,
            "image": self.image,
            "release": self.release,
            "revision": revision.id,
            "parents": " ".join(revision.parents),
            **({"back": "yes"} if self.back else {}),
        }
        return json.dumps(document, separators=(",", ":"))


def read_stamp(text: object, image: Digest, release: str) -> Stamp | None:
    """Parse a stamp, if it was written for the `image` that runs; else return `None`.

    If another `release` than its own runs that image, as after `fly secrets set`, its commit still
    counts, but not its configuration. Text of another version, or of another program, is `None`.
    """
    stamp = _parsed(text)
    if stamp is None or stamp.image != image:
        return None
    return stamp if release and stamp.release == release else replace(stamp, configuration="")


def carried_stamp(text: object, release: str) -> Stamp | None:
    """Parse the stamp of an earlier `release`, which flyctl copied to the machines of the next."""
    stamp = _parsed(text)
    return stamp if stamp and release and stamp.release == release else None


def _parsed(text: object) -> Stamp | None:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    keys = ("configuration", "image", "release", "revision", "parents")
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in keys):
        return None
    try:
        image = parse_digest(found["image"])
    except ReferenceSyntaxError:
        return None
    revision = Revision(found["revision"], tuple(found["parents"].split()))
    known, back = revision if revision.id else None, found.get("back") == "yes"
    return Stamp(found["configuration"], image, found["release"], known, back=back)
