"""Check single values. Each check returns the value or raises `WrongValueError`."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from string import Formatter
from typing import TYPE_CHECKING

from ..dockerfile import RESERVED_NAMES, context_key
from ..errors import quoted_list
from ..model.cache import parse_cache
from ..model.fingerprint_tag import WHY, cache_tags, may_be_fingerprint
from ..model.secret import INTO_IMAGES, is_credential, parse_secret
from ..model.waves import WaveError, reach
from ..process.paths import inside
from ..reference import (
    parse_host,
    parse_reference,
    parse_repository,
    parse_repository_on,
    parse_tag,
)
from ..spelling import did_you_mean
from .image_names import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..model.settings import Wave


class WrongValueError(ValueError):
    """A wrong value, and what to write instead; it becomes a `Problem` at the value's location."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_ARG = r"[A-Za-z_][A-Za-z0-9_]*"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*:"
_BUILDER = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
"""The names that buildx (`store/util.go`) and docker's contexts (`cli/context/store`) accept."""
_APP = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SAMPLE_NAME, _SAMPLE_FINGERPRINT = "web", "0123456789abcdef0123"
_LONGEST_NAME, _MOST_FOLDERS = 255, 100
SOURCES = ("file", "match", "command")
_SECRET_KEYS = {"id", "type", "env", "src", "source", "required"}
_SECRET_VALUES = {"type": ("env", "file"), "required": ("true", "false")}


def host(text: str) -> str:
    """Check a registry's host, which Docker, too, must read as a host.

    A bare word is a path on Docker Hub to Docker (distribution/reference, `normalize.go`).
    """
    parse_host(text)
    if not ("." in text or ":" in text or text == "localhost"):
        raise WrongValueError(
            f"`{text}` would be read as a path on Docker Hub, not as a registry",
            hint=f'give its port, as in "{text}:443"',
        )
    return text


def repository_template(text: str) -> str:
    """Check a template of a repository, which may have `{name}`."""
    _check_fields(text, {"name"})
    path = text.format(name=_SAMPLE_NAME)
    try:
        # Under a host with a port nothing is filled in, so this checks the path alone.
        parse_repository(f"localhost:1/{path}")
    except ValueError:
        raise WrongValueError(
            f'`{text}` gives `{path}` for the image "{_SAMPLE_NAME}", which is not a repository',
            hint="lower-case letters and digits, with `.`, `_`, `-` or `/` between them",
        ) from None
    return text


def source_template(text: str) -> str:
    """Check a template of a repository, with or without a host before it; may have `{name}`."""
    _check_fields(text, {"name"})
    filled = text.format(name=_SAMPLE_NAME)
    try:
        # Under a host with a port nothing is filled in, so this checks the path alone.
        parse_repository_on(filled, "localhost:1")
    except ValueError:
        raise WrongValueError(
            f'`{text}` gives `{filled}` for the image "{_SAMPLE_NAME}", which is not a repository',
            hint='as in "acme-{name}-staging", or with a host: "ghcr.io/acme/{name}"',
        ) from None
    return text


def tag_template(text: str) -> str:
    """Check a template of a tag, which must have `{fingerprint}` and may have `{name}`."""
    fields = _check_fields(text, {"name", "fingerprint"})
    if "fingerprint" not in fields:
        raise WrongValueError(
            f"`{text}` must contain {{fingerprint}}: it distinguishes one build from the next",
            hint='write "{fingerprint}", and put moving tags under `aliases` in image.toml',
        )
    tag = text.format(name=_SAMPLE_NAME, fingerprint=_SAMPLE_FINGERPRINT)
    try:
        parse_tag(tag)
    except ValueError:
        raise WrongValueError(
            f'`{text}` gives `{tag}` for the image "{_SAMPLE_NAME}", which is not a tag',
            hint="letters, digits, `_`, `.` and `-`, not `.` or `-` first",
        ) from None
    return text


def refresh(text: str) -> str:
    """Check how often an image is built anew."""
    from ..model.refresh import length  # noqa: PLC0415 - rare in settings

    try:
        length(text)
    except ValueError as error:
        hint = 'such as "12h", "7d" or "2w", and "never" for an image without it'
        raise WrongValueError(str(error), hint=hint) from None
    return text


def alias(text: str) -> str:
    """Check a moving tag; it must not look like a fingerprint tag, which never moves."""
    tag = parse_tag(text)
    if may_be_fingerprint(tag):
        raise WrongValueError(
            f"`{text}` has 20 or more hex digits in a row: it {WHY}",
            hint="an alias moves; give it a name such as `latest`, or write fewer digits together",
        )
    return tag


def name_template(text: str) -> str:
    """Check a text in which `{name}`, and no other field, stands for the image's name."""
    _check_fields(text, {"name"})
    return filled(text)


def cache(text: str) -> str:
    """Check where BuildKit imports cache from, in its own syntax; may have `{name}`."""
    try:
        for entry in parse_cache(name_template(text)):
            if entry.type == "registry":
                parse_reference(entry.get("ref").replace("{name}", _SAMPLE_NAME))
    except WrongValueError:
        raise
    except ValueError as error:
        hint = 'write "type=registry,ref=ghcr.io/acme/cache:{name}", or BuildKit\'s other types'
        raise WrongValueError(f"`{text}` is not a cache: {error}", hint=hint) from None
    return text


def cache_destination(text: str) -> str:
    """Check where BuildKit exports cache to; not to a tag that looks like a fingerprint."""
    for tag in cache_tags(cache(text)):
        if may_be_fingerprint(tag):
            raise WrongValueError(
                f"`{text}` exports cache to a tag with 20 or more hex digits in a row: it {WHY}",
                hint='use a repository for cache only, as in "ghcr.io/acme/cache:{name}"',
            )
    return text


def glob(text: str) -> str:
    """Check a glob of folders, relative to the project's root."""
    parts = filled(text).split("/")
    if text.startswith("/") or ".." in parts:
        raise WrongValueError(
            f"`{text}` leaves the project", hint='globs are relative to its root: "images/*"'
        )
    if "\\" in text:
        raise WrongValueError(f"`{text}` has a backslash", hint="write `/` between folders")
    if max(map(len, parts)) > _LONGEST_NAME or len(parts) > _MOST_FOLDERS:
        raise WrongValueError(
            f"`{text[:_LONGEST_NAME]}…` is longer than any path",
            hint=f"{_LONGEST_NAME} characters between slashes, {_MOST_FOLDERS} folders at most",
        )
    return text


def images_name(text: str) -> str:
    """Check a template of the names of images; what is filled in is made to fit later."""
    _check_fields(filled(text), WORDS)
    return text


def folder_of_project(text: str) -> str:
    """Check a folder that is named relative to the project's root."""
    if inside(PurePosixPath(filled(text))) is None:
        raise WrongValueError(
            f"`{text}` leaves the project", hint='it is relative to its root, which is "."'
        )
    return text


def builder(text: str) -> str:
    """Check the name of a builder or of a docker context, which no program takes for an option."""
    if not re.fullmatch(_BUILDER, filled(text)):
        raise WrongValueError(
            f"`{text}` is not a name of a builder or of a docker context",
            hint="`docker buildx ls` lists them: letters and digits, with `.`, `_`, `+` or `-`",
        )
    return text


def arg_name(text: str) -> str:
    """Check the name of a build argument."""
    if not re.fullmatch(_ARG, text):
        raise WrongValueError(
            f"`{text}` is not a name of a build argument", hint="letters, digits and `_`"
        )
    return text


def argument_variable(text: str) -> str:
    """Check the name of a variable whose value becomes a build argument."""
    arg_name(text)
    if is_credential(text):
        raise WrongValueError(
            f"`{text}` is for logging in, and an argument is in the image's history for all to see",
            hint="use `secrets` and `RUN --mount=type=secret`",
        )
    return text


def app_name(text: str) -> str:
    """Check the name of an app; it is a DNS label, as in `NAME.fly.dev`."""
    if not re.fullmatch(_APP, text):
        raise WrongValueError(
            f"`{text}` is not an app name",
            hint="up to 63 lower-case letters and digits, with `-` between",
        )
    return text


def app_source(text: str) -> str:
    """Check a source of app names: `file:PATH`, `match:PATTERN` or `command:WORDS`."""
    kind, colon, rest = text.partition(":")
    hint = 'a list, "file:apps.txt", "match:acme-*" or "command:./tenants.sh"'
    if not colon or kind not in SOURCES:
        raise WrongValueError(f"`{text}` does not say where the apps' names are", hint=hint)
    if not filled(text) or not rest.strip():
        raise WrongValueError(f"`{text}` names nothing", hint=hint)
    if kind == "command":
        _check_words(rest)
    elif kind == "match" and len(rest) > _LONGEST_NAME:
        raise WrongValueError(
            f"`{text[:_LONGEST_NAME]}…` is longer than any app's name",
            hint="such as `match:acme-*`",
        )
    return text


def _check_words(command: str) -> None:
    try:
        shlex.split(command)
    except ValueError as error:
        why = str(error).lower()
        raise WrongValueError(f"`{command}` is not a command: {why}", hint="close it") from None


def context_name(text: str) -> str:
    """Check the name of a named context, as BuildKit looks it up."""
    try:
        key = context_key(text)
    except ValueError as error:
        hint = "a name such as `libs`, in lower case"
        raise WrongValueError(f"`{text}` is not a name of a context: {error}", hint=hint) from None
    if key in RESERVED_NAMES:
        message = f"BuildKit reserves the name `{key}`, and looks for no context of that name"
        raise WrongValueError(message, hint="choose another")
    if key != text:
        raise WrongValueError(f"BuildKit looks for `{text}` as `{key}`", hint=f"write `{key}`")
    return text


def context_folder(text: str) -> str:
    """Check the folder of a named context: a URL, image or layout would be in no fingerprint."""
    if re.match(_SCHEME, text) or text.startswith("git@"):
        what = text.partition(":")[0]
        raise WrongValueError(
            f"`{text}` is not a folder of the project: what `{what}` leads to may change, and the "
            "tag stay the same",
            hint="name a folder, relative to this file; images are named in the Dockerfile itself, "
            "where `invoke lock` pins them",
        )
    return filled(text)


def secret(text: str) -> str:
    """Check a secret in BuildKit's own syntax: `id=token,env=TOKEN` or `id=token,src=FILE`.

    `required=false` is ours: an image may be built without it.
    """
    keys = [part.partition("=")[0].strip().lower() for part in filled(text).split(",")]
    if "id" not in keys:
        raise WrongValueError(f"`{text}` has no `id`", hint='write "id=token,env=TOKEN"')
    for part, key in zip(text.split(","), keys, strict=True):
        if key not in _SECRET_KEYS or not part.partition("=")[2]:
            raise WrongValueError(
                f"`{part}` is not valid in a secret",
                hint=did_you_mean(key, _SECRET_KEYS)
                or 'write "id=token,env=TOKEN" or "id=token,src=FILE"',
            )
        value, values = part.partition("=")[2], _SECRET_VALUES.get(key, ())
        if values and value not in values:
            hint = did_you_mean(value, values) or f"it is {' or '.join(f'`{v}`' for v in values)}"
            raise WrongValueError(f"`{part}` is not valid in a secret", hint=hint)
    if (variable := parse_secret(text).variable) in INTO_IMAGES:
        raise WrongValueError(
            f"`{variable}` cannot hold a secret: buildx would let it change the image",
            hint="put the secret into a variable of another name",
        )
    return text


def provenance(text: str) -> str:
    """Check a provenance setting: `true`, `false`, or `mode=min|max` and more."""
    if text in {"true", "false"}:
        return "true" if text == "true" else ""
    fields = dict(part.partition("=")[::2] for part in filled(text).split(","))
    others = {key.strip().strip('"').lower() for key in fields} & {"type", "disabled"}
    if others or fields.get("mode", "min") not in {"min", "max"} or not all(fields.values()):
        raise WrongValueError(
            f"`{text}` is not a provenance", hint='true, false, "mode=min" or "mode=max"'
        )
    return text


def filled(text: str) -> str:
    """Check that a text has a visible character, and no NUL."""
    if not text.strip():
        raise WrongValueError(
            "an empty text has no meaning here", hint="leave it out, or fill it in"
        )
    if "\0" in text:
        raise WrongValueError("a name, path or command cannot have a NUL in it", hint="remove it")
    return text


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """Return a check for one of a few words."""

    def check(text: str) -> str:
        if text in choices:
            return text
        raise WrongValueError(
            f"`{text}` is not one of {quoted_list(choices)}", hint=did_you_mean(text, choices)
        )

    return check


def wave(value: object) -> Wave:
    """Check a wave of `[deploy] waves`: a number of apps, or a share of them."""
    if not isinstance(value, int | str):
        raise WrongValueError(f'`{value}` is not a wave: write a number or a share such as "10%"')
    try:
        reach(value, 1)
    except WaveError as error:
        raise WrongValueError(str(error)) from None
    return value


def once(values: Collection[str], what: str) -> None:
    """Raise `WrongValueError` if a value is written twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise WrongValueError(
                f"{what} `{value}` is written twice", hint="remove one of the two"
            )
        seen.add(value)


def _check_fields(template: str, allowed: Collection[str]) -> set[str]:
    can = f"{quoted_list('{' + name + '}' for name in sorted(allowed))} can be filled in"
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise WrongValueError(f"`{template}` has a single brace", hint=can) from None
    fields = {field for _, field, _, _ in parts if field is not None}
    if odd := next((field for field in sorted(fields) if field not in allowed), None):
        hint = did_you_mean(odd, allowed) or can
        raise WrongValueError(f"`{template}` asks for {{{odd}}}, which nothing fills in", hint=hint)
    if "" in fields or any(spec or conversion for _, _, spec, conversion in parts):
        raise WrongValueError(f"`{template}` has more than a name in its braces", hint=can)
    return fields
