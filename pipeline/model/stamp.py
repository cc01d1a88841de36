"""The stamp that a deploy leaves beside an app: what was deployed, and from which commit.

At Fly it is in the metadata of each machine, on an engine in a label of each container. A later
deploy by somebody else copies it along, so it names the image and release that it was written for.
Its commit counts while the same image runs, its configuration only while the same release does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..reference import Digest, ReferenceSyntaxError, parse_digest
from .fingerprint_tag import may_be_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

PARENTS, NEAREST, SHORT = 30, 15, 12
"""How many first parents a stamp has, how many of the nearest ancestors, and how many hex digits of
each."""
_LEFT, _DIGITS = 3, 20
"""How many releases that somebody rolled back from a stamp has, and how many hex digits of each."""


class Revision(Struct, frozen=True):
    """A commit of the project: its id, and the short ids of ancestors."""

    id: str
    parents: tuple[str, ...] = ()


class Left(Struct, frozen=True):
    """A release that somebody rolled back from.

    `image` and `configuration` are the first hex digits of their digests, `tag` is the tag that the
    image was deployed by if its inputs gave it; the last two are empty if they are not known.
    """

    image: str
    configuration: str = ""
    tag: str = ""

    def is_wanted(self, wanted: Wanted) -> bool:
        """Return whether this is what the project's files want, as far as that is known.

        The tag counts too: an image that the registry lost and that is built again has another
        digest.
        """
        same_image = bool(wanted.image) and self.image == _short(str(wanted.image))
        same_image |= bool(self.tag) and self.tag == wanted.tag
        mine, theirs = self.configuration, wanted.configuration[:_DIGITS]
        return same_image and (not mine or not theirs or mine == theirs)


class Wanted(Struct, frozen=True):
    """The image and the configuration that the project's files want; empty where not known."""

    tag: str = ""
    image: Digest | None = None
    configuration: str = ""


class Stamp(Struct, frozen=True):
    """What an app was deployed with.

    `configuration` is the digest of its configuration, 64 hex digits, or empty if it is not known;
    `image` and `release` are those that the stamp was written for. `revision` is `None` if the
    project is not in a Git repository. With `back`, somebody rolled back on purpose from that
    commit to an earlier release, which runs; `left` are the releases that were left by this and
    the rollbacks just before it, the last one first. `restored` is the number of the release that
    a rollback deployed again. `tag` is the tag that the image's inputs gave it.
    """

    configuration: str
    image: Digest
    release: str
    revision: Revision | None = None
    back: bool = False
    tag: str = ""
    left: tuple[Left, ...] = ()
    restored: str = ""

    @property
    def text(self) -> str:
        """The stamp in one line of JSON, some 1,100 bytes at most, without secrets."""
        revision = self.revision or Revision("")
        document = {
            "configuration": self.configuration,
            "image": self.image,
            "release": self.release,
            "revision": revision.id,
            "parents": " ".join(revision.parents),
            **({"back": "yes"} if self.back else {}),
            **({"tag": self.tag} if self.tag else {}),
            **({"left": " ".join(map(_written, self.left))} if self.left else {}),
            **({"restored": self.restored} if self.restored else {}),
        }
        return json.dumps(document, separators=(",", ":"))


def left_behind(stamp: Stamp | None, image: Digest | None) -> tuple[Left, ...]:
    """Return what a rollback leaves that runs `image` with this stamp, and what was left before.

    The releases of several rollbacks in a row are all left: none of them is deployed again.
    """
    before = stamp.left if stamp and stamp.back else ()
    if image is None:
        return before
    configuration = stamp.configuration[:_DIGITS] if stamp else ""
    now = Left(_short(image), configuration, stamp.tag if stamp else "")
    return tuple(dict.fromkeys((now, *before)))[:_LEFT]


def tag_of_inputs(tag: str | None) -> str:
    """Return a tag that may be made of a fingerprint; empty for any other, which can move."""
    return tag if tag and may_be_fingerprint(tag) else ""


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
    known = revision if revision.id else None
    return Stamp(
        found["configuration"],
        image,
        found["release"],
        known,
        back=found.get("back") == "yes",
        tag=_text(found, "tag"),
        left=tuple(_left(text) for text in _text(found, "left").split()[:_LEFT]),
        restored=_text(found, "restored"),
    )


def _written(left: Left) -> str:
    return f"{left.image},{left.configuration},{left.tag}"


def _left(text: str) -> Left:
    image, _, rest = text.partition(",")
    configuration, _, tag = rest.partition(",")
    return Left(image, configuration, tag)


def _short(digest: str) -> str:
    return digest.partition(":")[2][:_DIGITS]


def _text(found: Mapping[str, object], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""
