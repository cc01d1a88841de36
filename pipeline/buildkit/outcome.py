"""How each image of a solve ended, according to BuildKit's progress stream. Pure.

Whether the build or the push of an image failed is known by the step that failed: `exporting to …`
and `pushing …` are BuildKit's own (`steps.is_export`, `steps.is_push`), `[2/5] RUN make` is the
Dockerfile's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..model.report import Failure
from ..reference import Digest
from .definition import Output, target_name
from .dockerfile_line import Excerpt, find_excerpt, locate
from .steps import is_cancelled, is_export, is_import, is_push
from .triggers import unknown_triggers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reference import ImageName
    from .definition import Target
    from .progress import Progress
    from .steps import Step, VertexNames

_ERROR = re.compile(r"ERROR: (?:target ([A-Za-z0-9_-]+): )?(?:failed to solve: )?(.*)", re.DOTALL)
_NOISE = re.compile(r"^target [A-Za-z0-9_-]+: | of ref \S+::\S+")
_EXIT = re.compile(r"process \".*\" did not complete successfully: exit code: (\d+)", re.DOTALL)
_NO_REPOSITORY = re.compile(
    r"name unknown|app repository not found|POST request to \S+/blobs/uploads/\S*: 404",
    re.IGNORECASE,
)
_OTHER_BYTES = "unexpected commit digest"
"""containerd keeps what it was sent of a download for a day (`core/metadata/content.go`), also a
login page in place of a manifest, and takes the next download up behind it."""

_KEPT = (
    "the engine once got other bytes for this digest, and keeps them for up to a day; a base of "
    "this project gets another digest by `invoke build NAME --force`"
)
"""The hint for it."""
_NO_ROOM = "no space left on device"
_MAKE_ROOM = (
    "the builder's disk is full: `docker buildx du` shows what takes it, and `docker buildx prune` "
    "frees space"
)
_UNTRUSTED = re.compile(
    r"server gave HTTP response to HTTPS client|x509: certificate signed by unknown authority"
)
_TRUST = (
    "a builder has settings of its own for such registries: `http`, `insecure` or `ca` in its "
    "`buildkitd.toml`; the engine has `insecure-registries` in `daemon.json`, and `certs.d`"
)
_CREATE = (
    "there is no such repository; at Fly, it belongs to an app, and `invoke apps` creates the "
    "missing ones"
)


class Metadata(Struct, frozen=True):
    """What buildx wrote about an image: its digest, and the materials of its provenance.

    Provenance is there from buildx 0.14 on.
    """

    digest: Digest | None = None
    sources: tuple[str, ...] = ()


class Built(Struct, frozen=True):
    """Built and, unless it is only loaded, pushed; `digest` if BuildKit named it.

    `sources` are the materials of its provenance (`buildkit.provenance`).
    """

    digest: Digest | None
    sources: tuple[str, ...] = ()


class Broken(Struct, frozen=True):
    """One of the image's own steps failed."""

    failure: Failure


class Cancelled(Struct, frozen=True):
    """Not finished, because another image failed or the user stopped the build.

    `written`: its export had begun, so it may have been pushed all the same.
    """

    written: bool = False


Outcome = Built | Broken | Cancelled


def after_success(
    progress: Progress, metadata: Mapping[ImageName, Metadata]
) -> dict[ImageName, Outcome]:
    """Return all images as built, with what buildx wrote about them."""
    return {
        name: Built(
            metadata[name].digest,
            metadata[name].sources or tuple(progress.sources.get(name, ())),
        )
        for name in progress.targets
    }


def after_failure(progress: Progress) -> dict[ImageName, Outcome]:
    """Return how each image ended in a solve that failed.

    An image counts as built only if the stream says that it is complete. BuildKit describes one
    failure in words, with its place in the Dockerfile; others that failed at the same time only
    show as failed steps.
    """
    broken = _broken(progress)
    return {name: broken.get(name) or _unbroken(progress, name) for name in progress.targets}


def after_connection_loss(progress: Progress) -> dict[ImageName, Outcome]:
    """Return how each image ended if the solve's error is not about any of the images."""
    return {name: _unbroken(progress, name) for name in progress.targets}


def blame_unfinished(
    progress: Progress, outcomes: dict[ImageName, Outcome]
) -> dict[ImageName, Outcome]:
    """Mark images as broken if the solve failed and no step did: each one that may have caused it.

    That is each unfinished image whose bases are finished: buildx before 0.14 does not say which.
    """
    failure = Failure("", last_error(progress) or "BuildKit stopped without saying why")
    left = {name for name, outcome in outcomes.items() if isinstance(outcome, Cancelled)}
    return {
        name: Broken(failure)
        if name in left and left.isdisjoint(progress.names.ancestors[name])
        else outcome
        for name, outcome in outcomes.items()
    }


def last_error(progress: Progress) -> str:
    """Return buildx's last error, empty if there is none."""
    return _last_error(progress)[1]


def _last_error(progress: Progress) -> tuple[str, str]:
    """Return target (if named) and text of buildx's last error, of one or more lines."""
    starts = [i for i, line in enumerate(progress.text) if line.startswith("ERROR: ")]
    if not starts:
        return "", ""
    found = _ERROR.fullmatch("\n".join(progress.text[starts[-1] :]).strip())
    return (found[1] or "", found[2]) if found else ("", "")


def _broken(progress: Progress) -> dict[ImageName, Outcome]:
    excerpt = find_excerpt(progress.text)
    target, message = _last_error(progress)
    found: dict[ImageName, Outcome] = {}
    for step in progress.failures:
        for name in progress.names.owners(step):
            mine = excerpt if step.error in message else None
            failure = _failure(progress.targets[name], step, mine)
            found.setdefault(name, Broken(failure))
    if not found and (at_fault := _spoken_of(progress, target, message, excerpt)):
        location, text = locate(progress.targets[at_fault].image, "", excerpt)
        failure = Failure("", message, location, text, hint=_hint(message))
        found[at_fault] = Broken(failure)
    return found


def _failure(target: Target, step: Step, excerpt: Excerpt | None) -> Failure:
    name = step.claims[target.image.name]
    location, text = locate(target.image, name, excerpt)
    exit_code = _EXIT.fullmatch(step.error)
    message = f"exit code {exit_code[1]}" if exit_code else _NOISE.sub("", step.error)
    return Failure(name, message, location, text, tuple(step.tail), _hint(message))


def _hint(message: str) -> str:
    """Return what to do about a failure that has one remedy."""
    if _OTHER_BYTES in message:
        return _KEPT
    if _NO_ROOM in message.lower():
        return _MAKE_ROOM
    if _UNTRUSTED.search(message):
        return _TRUST
    return _CREATE if _NO_REPOSITORY.search(message) else ""


def _spoken_of(
    progress: Progress, target: str, message: str, excerpt: Excerpt | None
) -> ImageName | None:
    """Return the image that an error without a step is about, if it is clear."""
    if not message or progress.stopping or is_cancelled(message):
        return None
    images = {target_name(name): name for name in progress.targets}
    if target in images:
        return images[target]
    if len(images) == 1:
        return next(iter(images.values()))
    fitting = [n for n, t in progress.targets.items() if excerpt and excerpt.fits(t.image)]
    return fitting[0] if len(fitting) == 1 else None


def _unbroken(progress: Progress, name: ImageName) -> Outcome:
    whole, digest = _whole(progress, name)
    sources = tuple(progress.sources.get(name, ()))
    if whole:
        return Built(digest, sources)
    return Cancelled(name in exported(progress))


def exported(progress: Progress) -> frozenset[ImageName]:
    """Return the images whose export has begun; the stream shows it before BuildKit starts it."""
    return frozenset(
        name
        for step in progress.steps.values()
        for name, text in step.claims.items()
        if is_export(text) or is_push(text)
    )


def _whole(progress: Progress, name: ImageName) -> tuple[bool, Digest | None]:
    """Return whether an image is where it should be, and the digest if BuildKit pushed it."""
    steps = [(step.claims[name], step) for step in progress.steps.values() if name in step.claims]
    exports = [step for text, step in steps if is_export(text)]
    if progress.targets[name].output is Output.LOAD:
        last = [step for text, step in steps if is_import(text)]
        return bool(exports) and all(step.done for step in [*exports, *last]), None
    pushes = [step for text, step in steps if is_push(text)]
    if pushes:
        return all(step.done for step in pushes), None
    digest = progress.pushed.get(name)
    whole = digest is not None and all(step.done for step in exports)
    return whole, Digest(digest) if whole and digest else None


class Attempts(Struct):
    """What the attempts at one solve have in common: what one of them pushed stays pushed.

    `unknown_triggers` has images in which a step of an unknown trigger ran, `exported` those of
    which an attempt may have pushed something.
    """

    unknown_triggers: dict[ImageName, Failure] = field(default_factory=dict)
    exported: set[ImageName] = field(default_factory=set)

    def take(self, progress: Progress) -> None:
        """Add what an attempt that ended has shown."""
        self.unknown_triggers |= unknown_triggers(progress)
        self.exported |= exported(progress)

    def judge(
        self, outcomes: Mapping[ImageName, Outcome], names: VertexNames
    ) -> dict[ImageName, Outcome]:
        """Correct the outcomes by what all attempts have shown.

        Images with unknown triggers are broken, and their dependents do not count as built.
        """
        return {name: self._judge(name, outcome, names) for name, outcome in outcomes.items()}

    def _judge(self, name: ImageName, outcome: Outcome, names: VertexNames) -> Outcome:
        # First, since an unknown trigger may also be why another step failed.
        if name in self.unknown_triggers:
            return Broken(self.unknown_triggers[name])
        if isinstance(outcome, Broken):
            return outcome
        if not names.ancestors[name].isdisjoint(self.unknown_triggers):
            return Cancelled()
        return Cancelled(name in self.exported) if isinstance(outcome, Cancelled) else outcome
