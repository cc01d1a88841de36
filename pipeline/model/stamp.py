"""What a deploy leaves beside an app, so that the next run knows what runs without asking further.

At Fly it stands in the metadata of each machine, on an engine in a label of each container. A
later deploy by somebody else carries it along: so it names what it was written with. Its commit
counts while the same image runs, its configuration only while the same release does.
"""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import replace

from ..reference import Digest, ReferenceSyntaxError, parse_digest

PARENTS, NEAREST, SHORT = 30, 15, 12
"""So many first parents are left beside an app, and so many of the nearest commits of all that it
was made on; each as its first hex digits."""


class Revision(Struct, frozen=True):
    """A commit of the project's: its id, and the short ids of commits that it was made on."""

    id: str
    parents: tuple[str, ...] = ()


class Stamp(Struct, frozen=True):
    """What an app was deployed with.

    `configuration` is the digest of its configuration, 64 hex digits, or empty where it is not
    known; `image` and `release` are what it was written with. `revision` is `None` where the
    project is in no Git repository. With `back`, somebody went back from that commit on purpose to
    an earlier release, which runs.
    """

    configuration: str
    image: Digest
    release: str
    revision: Revision | None = None
    back: bool = False

    @property
    def text(self) -> str:
        """The stamp in one line of JSON, some 800 bytes at most. It holds no secret."""
        revision = self.revision or Revision("")
        told = {
            "configuration": self.configuration,
            "image": self.image,
            "release": self.release,
            "revision": revision.id,
            "parents": " ".join(revision.parents),
            **({"back": "yes"} if self.back else {}),
        }
        return json.dumps(told, separators=(",", ":"))


def read_stamp(text: object, image: Digest, release: str) -> Stamp | None:
    """The stamp that was written as `text`, if it was with the `image` that runs.

    Where another `release` than its own runs that image, as after `fly secrets set`, it still says
    which commit that is of, but no configuration. `None` for anything else: text of another
    version, or of nobody's, is not believed.
    """
    stamp = _parsed(text)
    if stamp is None or stamp.image != image:
        return None
    return stamp if release and stamp.release == release else replace(stamp, configuration="")


def carried_stamp(text: object, release: str) -> Stamp | None:
    """The stamp of an earlier `release`, which flyctl carried along to the machines of the next."""
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
