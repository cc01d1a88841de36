"""A secret of a build as `image.toml` writes it: BuildKit's own words, and `required` of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Container

INTO_IMAGES = frozenset(
    {
        "BUILDX_BAKE_FILE_RELATIVE_PATHS",
        "BUILDX_GIT_LABELS",
        "DOCKER_DEFAULT_PLATFORM",
        "SOURCE_DATE_EPOCH",
    }
)
"""Variables that buildx makes something of in an image: it sees none of them, nor can a secret."""

_CREDENTIALS = re.compile(
    # Fly's own, however many there are of them.
    r"FLY_(?:\w+_)?TOKENS?(?:_\w+)?"
    # Docker's, and what logins are usually made from.
    r"|DOCKER_AUTH_CONFIG|DOCKER(?:_?HUB)?_(?:PASSWORD|TOKEN)"
    # What GitLab and GitHub put into each job, or their runners into each step. The token of
    # GitLab's job is in the address of its repository, too.
    r"|CI_(?:(?:JOB|BUILD)_TOKEN|JOB_JWT\w*|(?:REGISTRY|DEPLOY|DEPENDENCY_PROXY)_PASSWORD)"
    r"|CI_REPOSITORY_URL|ACTIONS_(?:RUNTIME_TOKEN|ID_TOKEN_REQUEST_TOKEN)"
    r"|BUILDKITE_AGENT_ACCESS_TOKEN|CIRCLE_OIDC_TOKEN\w*|BITBUCKET_STEP_OIDC_TOKEN"
    # What the credential helpers of clouds log in with.
    r"|AWS_(?:SECRET_ACCESS_KEY|SESSION_TOKEN|CONTAINER_AUTHORIZATION_TOKEN)|AZURE_CLIENT_SECRET"
    r"|CLOUDSDK_AUTH_ACCESS_TOKEN"
)
"""Variables that are there to log in with, to Fly and to registries, and not for any build."""


class Secret(Struct, frozen=True):
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
    """Read an entry of `secrets` that was found well-formed (`project.value_checks`).

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


def source_of(secret: Secret, variables: Container[str]) -> tuple[str, str]:
    """The variable that a secret is in, or else the file; `variables` are those that are set."""
    if secret.env or (not secret.file and secret.id in variables):
        return secret.env or secret.id, ""
    return "", secret.file or secret.id


def is_credential(variable: str) -> bool:
    """Whether a variable has what we, or docker, are known by at Fly or a registry.

    >>> [is_credential(name) for name in ("FLY_API_TOKEN", "DOCKER_AUTH_CONFIG", "NPM_TOKEN")]
    [True, True, False]
    """
    return _CREDENTIALS.fullmatch(variable) is not None
