"""What a solve is trusted with: logins at registries, and secrets that its steps may read."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.core.model import Image
    from pipeline.core.plan import ImageAction
    from pipeline.edge.registry import Credential, CredentialSource

_LONGEST = 1 << 16
_LINE = 8
"""Characters that a line of a secret file must have to be a secret by itself."""


def logins(actions: Sequence[ImageAction], credentials: CredentialSource) -> dict[str, Credential]:
    """Who we are at each host that these builds push to or read from.

    Raises `CredentialError` for where they push to. Elsewhere a broken helper matters only if the
    host asks, and then docker itself says so.
    """
    from pipeline.edge.registry import CredentialError, common  # noqa: PLC0415 - the edge is opened late

    places: defaultdict[str, list[str]] = defaultdict(list)
    for action in actions:
        places[action.reference.repository.host].append(str(action.reference.repository))
    pushed = frozenset(places)
    for repository in (e.reference.repository for a in actions for e in a.image.externals):
        if repository.host not in pushed:
            places[repository.host].append(str(repository))
    found: dict[str, Credential] = {}
    for host, asked in places.items():
        try:
            credential = credentials(common(asked))
        except CredentialError:
            if host in pushed:
                raise
            continue
        if credential:
            found[host] = credential
    return found


def build_secrets(
    images: Sequence[Image], root: Path, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """The values of the secrets that the images' steps may read, each in all of its forms.

    A step that prints one prints it into a log that others read.
    """
    from pipeline.core.masking import forms  # noqa: PLC0415 - only where there is a build

    specs = dict.fromkeys(spec for image in images for spec in image.secrets)
    values = (value for spec in specs for value in _values(spec, root, environ))
    return tuple(form for value in values for form in (value, *forms(value)))


def _values(spec: str, root: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """As buildx reads `id=token,env=TOKEN`: a variable, or a file, by default named as the id."""
    fields = {key.strip(): value for key, _, value in (p.partition("=") for p in spec.split(","))}
    name, path = fields.get("env", ""), fields.get("src") or fields.get("source", "")
    if not path and (name or fields.get("id", "") in environ or fields.get("type") == "env"):
        yield from _lines(environ.get(name or fields.get("id", ""), ""))
    elif path := path or fields.get("id", ""):
        yield from _lines(_content((root / path).expanduser()))


def _lines(text: str) -> Iterator[str]:
    """The whole, and each line that is long enough to be a secret by itself."""
    yield text.strip()
    yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= _LINE)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode(errors="replace")
    except OSError:
        return ""
