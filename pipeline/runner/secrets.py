"""The logins and secrets that a solve gets: those of registries, and build secrets."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Location, Problem, WorkError, reason_of
from ..model.csv_fields import join_fields
from ..model.masking import forms
from ..model.secret import parse_secret, source_of
from ..process.paths import is_file, is_there
from ..project.image_file import read_image_document
from ..registry.auth.namespace import common, namespace_of
from ..registry.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..model.actions import ImageAction
    from ..model.image import Image
    from ..model.plan import Plan
    from ..model.project import Project
    from ..registry.auth.credential import Credential, CredentialSource
    from ..registry.auth.namespace import Namespace

_HINT = "set it, or write `required=false` into the entry of an image that may be built without it"
_LONGEST = 1 << 16
_DOCKERS = re.compile(
    r"(?:ACTIONS|AWS|AZURE|BUILDKIT|BUILDX|DOCKER|GOOGLE|SSH|XDG)_|HOME$|PATH$|(?:ALL|HTTPS?|NO)_PROXY$",
    re.IGNORECASE,
)
"""Variables of docker itself, of credential helpers, and of caches (`gha`, `s3`, `azblob`)."""
_LINE = 8
"""Characters that a line of a secret file must have to be masked by itself."""


def logins(actions: Sequence[ImageAction], credentials: CredentialSource) -> dict[str, Credential]:
    """Return the credentials for each host that these builds push to or pull from.

    Raises `CredentialError` for hosts that they push to. For others, a broken helper matters only
    if the host asks for a login, and then docker itself reports it.
    """
    namespaces: defaultdict[str, list[Namespace]] = defaultdict(list)
    for action in actions:
        namespaces[action.reference.repository.host].append(
            namespace_of(action.reference.repository)
        )
    pushed = frozenset(namespaces)
    for repository in (e.reference.repository for a in actions for e in a.image.externals):
        if repository.host not in pushed:
            namespaces[repository.host].append(namespace_of(repository))
    found: dict[str, Credential] = {}
    for host, asked in namespaces.items():
        try:
            credential = credentials(common(asked))
        except CredentialError:
            if host in pushed:
                raise
            continue
        if credential:
            found[host] = credential
    return found


def missing_secrets(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return a problem for each missing secret of the images that are to be built."""
    root, profile = plan.project.root, plan.project.settings.profile
    found = (
        _missing(root, profile, action.image, number, why)
        for action in plan.to_build
        for number, text in enumerate(action.image.secrets)
        if (why := _found(text, action.image, root, environ).why)
    )
    return tuple(dict.fromkeys(found))


def given_secrets(image: Image, root: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return an image's secrets as buildx is given them, with absolute paths of files.

    Raises `WorkError` for one that is missing by now.
    """
    found = [_found(text, image, root, environ) for text in image.secrets]
    if lost := next((one.why for one in found if one.why), ""):
        raise WorkError(lost, hint=_HINT)
    return tuple(one.entry for one in found if one.entry)


def without_others(
    environ: Mapping[str, str], project: Project, images: Sequence[Image]
) -> dict[str, str]:
    """Return the environment for a build of `images`, without secrets that only others declare.

    Variables that Docker and its plugins read stay: `[build] cache_to` may need them.
    """
    names = {image.name for image in images}
    theirs = {s for image in images for s in map(_variable, image.secrets)}
    others = {s for i in project if i.name not in names for s in map(_variable, i.secrets)}
    withheld = {n for n in others - theirs if not _DOCKERS.match(n)}
    return {name: value for name, value in environ.items() if name not in withheld}


def _variable(text: str) -> str:
    return parse_secret(text).variable


def build_secrets(
    images: Sequence[Image], root: Path, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the values of the secrets that the images' steps may read, each in all its forms.

    They are masked, as a step may print one into a log that others read.
    """
    found = (_found(text, image, root, environ) for image in images for text in image.secrets)
    values = (value for text in dict.fromkeys(one.value for one in found) for value in _lines(text))
    return tuple(form for value in values for form in (value, *forms(value)))


class _Found(NamedTuple):
    """A secret as buildx is given it, and its value; or `why` there is none.

    Without an entry, buildx is not given it: it is missing, and not required.
    """

    entry: str = ""
    value: str = ""
    why: str = ""


def _found(text: str, image: Image, root: Path, environ: Mapping[str, str]) -> _Found:
    secret = parse_secret(text)
    env, file = source_of(secret, environ)
    if env:
        value = environ.get(env, "")
        entry = join_fields((("id", secret.id), ("env", env)))
        why = f"the variable `{env}` is {'empty' if env in environ else 'not set'}"
    else:
        path = written_path(file, root / image.folder, environ)
        value, why = _content(path, root)
        entry = join_fields((("id", secret.id), ("src", str(path)))) if is_there(path) else ""
        if why and not secret.file:
            why = f"there is no variable `{secret.id}`, and {why}"
    if value or not secret.required:
        return _Found(entry, value)
    return _Found(why=f"`{image.name}` lacks its secret `{secret.id}`: {why}")


def _missing(root: Path, profile: str, image: Image, number: int, why: str) -> Problem:
    document = read_image_document(root, image.settings_file, profile).value
    location = document.locate("secrets", number) if document else Location(str(image.folder))
    return Problem(location, why, _HINT)


def written_path(written: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the path of a file that is named relative to `folder`, or to the home (`~`)."""
    home = environ.get("HOME", "")
    if home and (written == "~" or written.startswith("~/")):
        written = home + written[1:]
    return Path(os.path.normpath(folder / written))


def _lines(text: str) -> Iterator[str]:
    """Yield the whole text, and each line that is long enough to be masked by itself."""
    yield text.strip()
    yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= _LINE)


def _content(path: Path, root: Path) -> tuple[str, str]:
    """Return the text of a file, and why it is empty if it is."""
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    try:
        if not is_file(path):
            wrong = f"`{shown}` is not a file" if is_there(path) else ""
            return "", wrong or f"there is no file `{shown}`"
        with path.open("rb") as file:
            return file.read(_LONGEST).decode(errors="replace"), f"the file `{shown}` is empty"
    except OSError as error:
        return "", f"the file `{shown}` cannot be read: {reason_of(error)}"
