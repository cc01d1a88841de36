"""Read what the names of an image's files say, and make the image's name of them. Pure.

One folder can have several images. What their files' names have beside `Dockerfile` distinguishes
them, and is called the stem: `web` in `web.Dockerfile`, `Dockerfile.web`, `image.web.toml` and
`fly.web.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

WORDS = ("folder", "parent", "path", "stem")
"""The words that a `name` under `images` may have in braces."""

_WORD = "dockerfile|containerfile"
_DOCKERFILE = rf"(?:(.+)[._-])?(?:{_WORD})(?:[._-](.+))?"
_SETTINGS = r"(?:image(?:\.(.+))?\.toml|fly(?:\.(.+))?\.(?:toml|json|yaml))"
_IGNORE_FILE = ".dockerignore"
_SEPARATORS = r"[._-]+"
_ALLOWED = r"\.|__?|-+"
_WILD = re.compile(r"[*?\[]")


def dockerfile_stem(name: str) -> str | None:
    """Return the stem of a Dockerfile's name, which may be empty; `None` for another file.

    >>> dockerfile_stem("web.Dockerfile"), dockerfile_stem("Dockerfile.web")
    ('web', 'web')
    >>> dockerfile_stem("dockerfile"), dockerfile_stem("Dockerfile.dockerignore")
    ('', None)
    """
    found = re.fullmatch(_DOCKERFILE, name, re.IGNORECASE)
    if not found or name.lower().endswith(_IGNORE_FILE):
        return None
    return ".".join(part for part in found.groups() if part)


def settings_stem(name: str) -> str | None:
    """Return the stem of the name of an `image.toml` or `fly.toml`; `None` for another file.

    >>> settings_stem("fly.web.toml"), settings_stem("image.toml"), settings_stem("Cargo.toml")
    ('web', '', None)
    """
    found = re.fullmatch(_SETTINGS, name)
    return (found[1] or found[2] or "") if found else None


def fixed_part(glob: str) -> PurePosixPath:
    """Return the folders that a glob begins with, before its first wildcard.

    >>> fixed_part("src/web/*/Dockerfile"), fixed_part("**")
    (PurePosixPath('src/web'), PurePosixPath('.'))
    """
    parts: list[str] = []
    for part in PurePosixPath(glob).parts:
        if _WILD.search(part):
            break
        parts.append(part)
    return PurePosixPath(*parts)


def filled_name(template: str, folder: PurePosixPath, fixed: PurePosixPath, stem: str) -> str:
    """Fill in the `name` of `images` for one image; what a name may not have is replaced.

    `fixed` is the part of the glob before its wildcards: `{path}` is what is below it. The result
    is empty if nothing is left.

    >>> from pathlib import PurePosixPath as Path
    >>> filled_name("{folder}-{stem}", Path("src/.Web App"), Path("src"), "Prod")
    'web-app-prod'
    >>> filled_name("{path}", Path("src/8.3/alpine/cli"), Path("src"), "")
    '8.3-alpine-cli'
    """
    below = folder.relative_to(fixed) if folder.is_relative_to(fixed) else folder
    return fitted_name(
        template.format(
            folder=folder.name,
            parent=folder.parent.name,
            path="-".join(below.parts) or folder.name,
            stem=stem,
        )
    )


def fitted_name(text: str) -> str:
    """Make a text a name of an image: lower case, and `-` for what a name may not have.

    >>> fitted_name(".NET Sdk"), fitted_name("Größe--2"), fitted_name("日本")
    ('net-sdk', 'gro-e--2', '')
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    plain = re.sub(r"[^a-z0-9._-]", "-", plain).strip("._-")
    return re.sub(_SEPARATORS, lambda m: m[0] if re.fullmatch(_ALLOWED, m[0]) else "-", plain)
