"""A secret of a build as `image.toml` writes it: BuildKit's own words, and `required` of ours."""

from __future__ import annotations

from dataclasses import dataclass

INTO_IMAGES = frozenset(
    {
        "BUILDX_BAKE_FILE_RELATIVE_PATHS",
        "BUILDX_GIT_LABELS",
        "DOCKER_DEFAULT_PLATFORM",
        "SOURCE_DATE_EPOCH",
    }
)
"""Variables that buildx makes something of in an image: it sees none of them, nor can a secret."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where the value of a secret is: in a variable `env`, or in a `file`.

    With neither, it is in the variable that is called as its `id`, else in such a file.
    """

    id: str
    env: str = ""
    file: str = ""
    required: bool = True

    @property
    def variable(self) -> str:
        """The variable that it may be in; nothing for one that is in a file."""
        return self.env or ("" if self.file else self.id)


def parse_secret(text: str) -> Secret:
    """Read an entry of `secrets` that was found well-formed (`pipeline.shell.config.checks`).

    As in buildx (`util/buildflags/secrets.go`): keys in any case, and with `type=env` the source
    is a variable; a variable that is named goes before a file.

    >>> parse_secret("id=token,src=~/token,required=false")
    Secret(id='token', env='', file='~/token', required=False)
    """
    pairs = [part.partition("=")[::2] for part in text.split(",")]
    fields = {key.strip().lower(): value for key, value in pairs}
    name, kind, env = fields["id"], fields.get("type", ""), fields.get("env", "")
    file = fields.get("src") or fields.get("source", "")
    if kind == "env":
        env, file = env or file or name, ""
    elif kind == "file" and not env:
        file = file or name
    return Secret(name, env, "" if env else file, fields.get("required") != "false")


def secret_entry(name: str, key: str, value: str) -> str:
    """An entry for buildx, which reads a line of CSV.

    >>> secret_entry("token", "src", "/home/me/a,b")
    'id=token,"src=/home/me/a,b"'
    """
    return ",".join(_field(f"{k}={v}") for k, v in (("id", name), (key, value)))


def _field(text: str) -> str:
    if not any(mark in text for mark in ',"\n'):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
