"""Parse a build secret of `image.toml`: BuildKit's own syntax, and `required`."""

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
"""Variables that change images if buildx sees them: it gets none, so no secret can be one."""

_CREDENTIALS = (
    # Fly's own.
    r"FLY_(?:\w+_)?TOKENS?(?:_\w+)?"
    # Docker's, and those that logins usually use.
    r"|DOCKER_AUTH_CONFIG|DOCKER(?:_?HUB)?_(?:PASSWORD|TOKEN)"
    # Those that GitLab, GitHub and others set for each job or step. The token of a GitLab job is
    # in the URL of its repository, too.
    r"|CI_(?:(?:JOB|BUILD)_TOKEN|JOB_JWT\w*|(?:REGISTRY|DEPLOY|DEPENDENCY_PROXY)_PASSWORD)"
    r"|CI_REPOSITORY_URL|ACTIONS_(?:RUNTIME_TOKEN|ID_TOKEN_REQUEST_TOKEN)"
    r"|BUILDKITE_AGENT_ACCESS_TOKEN|CIRCLE_OIDC_TOKEN\w*|BITBUCKET_STEP_OIDC_TOKEN"
    # Those that credential helpers of clouds log in with.
    r"|AWS_(?:SECRET_ACCESS_KEY|SESSION_TOKEN|CONTAINER_AUTHORIZATION_TOKEN)|AZURE_CLIENT_SECRET"
    r"|CLOUDSDK_AUTH_ACCESS_TOKEN"
)
"""Variables with credentials of Fly and registries, which no build needs."""


class Secret(Struct, frozen=True):
    """Where the value of a secret is: in a variable `env`, or in a `file`.

    With neither, it is in the variable of the name `id`, or else in the file of that name.
    """

    id: str
    env: str = ""
    file: str = ""
    required: bool = True

    @property
    def variable(self) -> str:
        """The variable that it may be in; empty for a secret in a file."""
        return self.env or ("" if self.file else self.id)


def parse_secret(text: str) -> Secret:
    """Parse an entry of `secrets` that `project.value_checks` has found well-formed.

    As in buildx (`util/buildflags/secrets.go`), keys are case-insensitive, and with `type=env` the
    source is a variable. A named variable takes precedence over a file.

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
    """Return the variable or else the file of a secret, given the `variables` that are set."""
    if secret.env or (not secret.file and secret.id in variables):
        return secret.env or secret.id, ""
    return "", secret.file or secret.id


def is_credential(variable: str) -> bool:
    """Return whether a variable has a credential of Fly or a registry.

    >>> [is_credential(name) for name in ("FLY_API_TOKEN", "DOCKER_AUTH_CONFIG", "NPM_TOKEN")]
    [True, True, False]
    """
    return re.fullmatch(_CREDENTIALS, variable) is not None
