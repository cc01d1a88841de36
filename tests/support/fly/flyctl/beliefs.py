"""Everything that we believe of flyctl's exit codes, streams, JSON and words, with its source.

`tests/fake_fly/test_beliefs.py` checks each row on our own program; `make contract-fly` on a real
flyctl. Sources are files of superfly/flyctl at ad0172fac, below `internal/` where nothing
else is said, or of superfly/fly-go. `{web}` and `{secret}` are repositories, the latter of another
organization; the folder has a `fly.toml` of the app `web`, which has never been deployed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN = "no access token available. Please login with 'flyctl auth login'"
GRAPHQL = r"failed to run query.*\}: "
"""What fly-go puts before an error of GraphQL: the whole query, in one line."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What one command does: its exit code, and what its streams match, as regular expressions.

    `keys` are in the object that is printed to stdout as JSON. With `started` the app `web` has a
    machine and a release.
    """

    line: str
    source: str
    code: int = 0
    out: str = ""
    err: str = ""
    keys: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=dict)
    started: bool = False


def _refused(line: str, err: str, source: str, **environ: str) -> Belief:
    return Belief(line, source, 1, err=f"(?m)^Error: {err}", environ=environ)


def _prints(line: str, keys: str, source: str, *, started: bool = False) -> Belief:
    return Belief(line, source, keys=frozenset(keys.split()), started=started)


PARSING = "superfly/flyctl cli/cli.go, with spf13/cobra and spf13/pflag"
DEPLOY = "command/deploy/deploy.go"
CREATE = "command/apps/create.go"

BELIEFS = [
    # The line by which pipeline/registry/auth/fly_program.py knows flyctl from Concourse's `fly`.
    Belief("version", "buildinfo/buildinfo.go", out=r"(?m)^\S+ v\S+ \S+/\S+ Commit: "),
    _prints("version --json", "Version Commit OS Architecture", "buildinfo/buildinfo.go"),
    # pipeline/registry/auth/fly_login.py
    _prints("auth token --json", "token", "command/auth/token.go"),
    Belief("auth token --json", "config/config.go; fly-go tokens.go", out=r'"token": "fm2_'),
    _prints("auth whoami --json", "email", "command/auth/whoami.go"),
    _prints("tokens create deploy -a web --json", "token", "command/tokens/create.go"),
    _prints("tokens create org --org acme --json", "token", "command/tokens/create.go"),
    _prints("tokens create readonly --org acme --json", "token", "command/tokens/create.go"),
    Belief("tokens create deploy -a web", "command/tokens/create.go", out="^FlyV1 fm2_"),
    # What pipeline/fly/flyctl.py reads: PascalCase, as fly-go's `Release` has no JSON tags.
    _prints(
        "releases --app web --image --json",
        "Version Status ImageRef CreatedAt ID User",
        "command/apps/releases.go; fly-go types.go (Release)",
        started=True,
    ),
    _prints("apps list --json", "ID Name Status Deployed Organization", "command/apps/list.go"),
    _prints(
        "machine list -a web --json",
        "id state region image_ref config",
        "command/machine/list.go; fly-go machine_types.go (Machine)",
        started=True,
    ),
    _prints(
        "image show -a web --json",
        "MachineID Registry Repository Tag Version Digest Labels",
        "command/image/show.go",
        started=True,
    ),
    Belief("image show -a web --json", "command/image/show.go", out=r"^null\n$"),
    _prints("status -a web --json", "ID Name Status Machines Deployed", "command/status/status.go"),
    _prints("config show -a web", "app http_service", "command/config/show.go", started=True),
    _prints("apps create made --org acme --json", "ID Name Status Organization", CREATE),
    Belief("apps create told --org acme", CREATE, out="^New app created: told\n$"),
    # Flags and arguments: exit code 1, the error on stderr.
    _refused("deploy --foo", "unknown flag: --foo", PARSING),
    _refused("deploy --json --image web", "unknown flag: --json", PARSING),
    _refused("deploy -z", "unknown shorthand flag: 'z' in -z", PARSING),
    _refused("deploy --image", "flag needs an argument: --image", PARSING),
    _refused("deploy --ha=perhaps", 'invalid argument "perhaps" for "--ha" flag', PARSING),
    _refused("deploy one two", r"accepts at most 1 arg\(s\), received 2", PARSING),
    _refused("frobnicate", 'unknown command "frobnicate" for "fly(?:ctl)?"', PARSING),
    _refused("releases web", 'unknown command "web" for "fly(?:ctl)? releases"', PARSING),
    # The configuration.
    _refused("deploy --config no.toml", "config file not found at specified path: ", "command/"),
    _refused("config validate -c no.toml", "config file not found at specified path: ", "command/"),
    Belief(
        "deploy -i {web}:v1 --strategy slow",
        "appconfig/validation.go",
        1,
        err=r"(?s)unsupported deployment strategy 'slow'.*Error: App configuration is not valid",
    ),
    _refused("deploy -i {web}:v1 --wait-timeout soon", "invalid duration value soon used", DEPLOY),
    # `FlyctlResult.image_is_missing`: the words, in any line.
    _refused(
        "deploy -i {web}:none",
        f'failed to fetch an image or build from source: {GRAPHQL}Could not find image "{{web}}',
        "build/imgsrc/remote_image_resolver.go; fly-go resource_apps.go (ResolveImageForApp)",
    ),
    _refused(
        "deploy -i {secret}:v1",
        f'failed to fetch an image or build from source: {GRAPHQL}Could not find image "{{secret}}',
        "build/imgsrc/remote_image_resolver.go",
    ),
    # Apps and organizations; the ids after an error of the Machines API are cut off.
    _refused("deploy -a nobody -i {web}:v1", r"app not found \(Request ID: ", DEPLOY),
    _refused("deploy -a secret -i {web}:v1", "you are not authorized to access this app", DEPLOY),
    _refused(
        "releases -a nobody",
        f"failed retrieving app releases nobody: {GRAPHQL}Could not find App",
        "command/apps/releases.go",
    ),
    _refused("apps create more", "org slug must be specified when not running inter", CREATE),
    _refused("apps create secret --org acme", ".*Name has already been taken", CREATE),
    _refused("apps create more --org rival", "organization rival not found", CREATE),
    _refused(
        "tokens create deploy -a nobody",
        f"failed retrieving app nobody: {GRAPHQL}Could not find App",
        "command/tokens/create.go",
    ),
    # Tokens, and the addresses of the environment.
    _refused("deploy -i {web}:v1", LOGIN, "command/command.go (RequireSession)", FLY_API_TOKEN=""),
    Belief(
        "deploy -i {web}:v1",
        "config/config.go (FLY_ACCESS_TOKEN wins)",
        1,
        err="Error: ",
        environ={"FLY_ACCESS_TOKEN": "FlyV1 fm2_unknown"},
    ),
    Belief(
        "deploy -i {web}:v1",
        "config/config.go (FLY_FLAPS_BASE_URL)",
        1,
        err=r"Error: .*127\.0\.0\.1:9",
        environ={"FLY_FLAPS_BASE_URL": "http://127.0.0.1:9"},
    ),
    Belief(
        "releases -a web",
        "config/config.go (FLY_API_BASE_URL)",
        1,
        err=r"Error: .*127\.0\.0\.1:9",
        environ={"FLY_API_BASE_URL": "http://127.0.0.1:9"},
    ),
    Belief(
        "deploy -i {web}:v1",
        "uiex/client.go (FLY_UIEX_BASE_URL, not FLY_API_BASE_URL)",
        1,
        err=r"Error: .*127\.0\.0\.1:9",
        environ={"FLY_UIEX_BASE_URL": "http://127.0.0.1:9"},
    ),
]
