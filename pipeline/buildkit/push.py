"""Push an image from the local engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import UnknownError
from ..model.events import Notice
from ..model.masking import masker
from ..process.retry import retry
from ..reference import Digest
from .transient import is_transient

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from docker import DockerClient

    from ..model.events import Reporter
    from ..reference import Reference
    from ..registry.auth.credential import Credential

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def push(
    client: DockerClient,
    image: Reference,
    credential: Credential | None,
    report: Reporter,
    stop: threading.Event,
) -> Digest | None:
    """Push a loaded image; return its digest if the engine names it.

    A transient failure is retried, unless `stop` is set.
    Raises `UnknownError` if the registry refuses or cannot be reached.
    """

    def transient(pushed: tuple[Digest | None, str]) -> str:
        return f"`{image}`: {pushed[1]}" if is_transient(pushed[1]) else ""

    digest, fault = retry(
        lambda: _pushed(client, image, credential, report), transient, report, stop
    )
    if fault:
        raise UnknownError(
            f"the engine could not push `{image}`: {fault}",
            hint="check the registry and the credential for it with `invoke doctor`",
        )
    return digest


def _pushed(
    client: DockerClient, image: Reference, credential: Credential | None, report: Reporter
) -> tuple[Digest | None, str]:
    """Push once; return the digest, and the error or nothing.

    The docker package does not raise for a push that fails, so every line of its stream is read.
    """
    auth = credential.for_engine if credential else None
    mask = masker(credential.forms if credential else ())
    found: Digest | None = None
    stream = client.api.push(
        str(image.repository), tag=image.tag, stream=True, decode=True, auth_config=auth
    )
    for line in stream:
        if fault := stream_error(line):
            return None, mask(fault)
        if match := _PUSHED.search(str(line.get("status", ""))):
            found = Digest(match[1])
        if "aux" in line and "ManifestPushedInsteadOfIndex" in line["aux"]:
            report(Notice(f"one platform of `{image}` was pushed"))
    return found, ""


def stream_error(line: Mapping[str, object]) -> str:
    """Return the error in a line of a push or pull, or nothing: the docker package raises none."""
    detail = line.get("errorDetail")
    if isinstance(detail, dict) and detail.get("message"):
        return str(detail["message"])
    return str(line.get("error") or "")
