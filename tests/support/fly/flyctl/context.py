"""What every flyctl command needs: token, app name, app configuration, and an API.

superfly/flyctl `internal/command/command.go` (`RequireSession`, `RequireAppName`) and
`internal/config/config.go` (`applyEnv`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fly.flyctl import fly_toml
from tests.support.fly.flyctl.session import FailedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fly.flyctl.flags import CommandLine
    from tests.support.fly.flyctl.session import Session
    from tests.support.fly.images import Images
    from tests.support.fly.state import App, World
    from tests.support.fly.tokens import Token, Tokens

NO_TOKEN = "no access token available. Please login with 'flyctl auth login'"
NO_APP = (
    "the config for your app is missing an app name, add an app field to the fly.toml file"
    " or specify with the -a flag"
)
ORG_REQUIRED = "org slug must be specified when not running interactively"
BASES = {
    "machines": "FLY_FLAPS_BASE_URL",
    "graphql": "FLY_API_BASE_URL",
    "rest": "FLY_UIEX_BASE_URL",
}
"""The variable with the address of each API (flyctl `internal/config`, `internal/uiex`)."""
COMPACT = "failed to run query ($appName: String!) { app(name: $appName) { id name } }: "
"""What fly-go puts before an error of GraphQL: the query in one line, here a short one."""
TOKENS = ("FLY_ACCESS_TOKEN", "FLY_API_TOKEN")


@dataclass(frozen=True, slots=True)
class Context:
    """One run of a command."""

    world: World
    tokens: Tokens
    images: Images
    api: str
    session: Session
    line: CommandLine

    def token_text(self) -> str:
        """Return the token of `--access-token` or of the environment.

        Raises:
            FailedError: there is no token.

        """
        given = (self.session.environ.get(name, "") for name in TOKENS)
        text = self.line.value("access-token") or next((one for one in given if one), "")
        if not text:
            raise FailedError(NO_TOKEN)
        return text

    def token(self) -> Token | None:
        """Return the token, if Fly knows it."""
        return self.tokens.find(self.token_text())

    def reach(self, surface: str) -> None:
        """Check that the environment points to this fake Fly, and that the API is not switched off.

        Raises:
            FailedError: with the text of Go's HTTP client or of fly-go.

        """
        self.session.check()
        name = BASES[surface]
        url = self.session.environ.get(name, "https://api.fly.io")
        if url.rstrip("/") != self.api:
            host = url.partition("://")[2].partition("/")[0]
            raise FailedError(f'Post "{url}": dial tcp {host}: connect: connection refused')
        down = self.world.knobs.down.get(surface)
        if down == "drop":
            raise FailedError(f'Post "{url}": EOF')
        if down:
            raise FailedError("server returned a non-200 status code: 503")

    def flaps_app(self, name: str) -> App:
        """Return an app, read from the Machines API as flyctl does.

        Raises:
            FailedError: 401, 403 and 404, with the API's text.

        """
        self.token_text()
        self.reach("machines")
        token = self.token()
        if token is None:
            raise FailedError("unauthorized", request_id=self._request_id())
        app = self.world.apps.get(name)
        if app is None:
            raise FailedError("app not found", request_id=self._request_id())
        if not token.sees(app):
            text = "you are not authorized to access this app"
            raise FailedError(text, request_id=self._request_id())
        return app

    def graphql_app(self, name: str) -> App:
        """Return an app, read by GraphQL as flyctl does.

        Raises:
            FailedError: this token does not see such an app.

        """
        token = self.graphql_token()
        app = self.world.apps.get(name)
        if app is None or not token.sees(app):
            raise FailedError(f"{COMPACT}Could not find App")
        return app

    def graphql_token(self) -> Token:
        """Return the token for a GraphQL query.

        Raises:
            FailedError: Fly does not know it.

        """
        self.token_text()
        self.reach("graphql")
        token = self.token()
        if token is None:
            raise FailedError(f"{COMPACT}You must be authenticated to view this.")
        return token

    def org(self) -> str:
        """Return the organization of `--org` or of the environment, or an empty string."""
        environ = self.session.environ
        given = environ.get("FLY_ORG") or environ.get("FLY_ORGANIZATION") or ""
        return self.line.value("org", given)

    def app_name(self, config: dict[str, Any] | None) -> str:
        """Return the app name of `--app`, `FLY_APP` or the file, in that order.

        Raises:
            FailedError: none of them names an app.

        """
        given = self.line.value("app") or self.session.environ.get("FLY_APP", "")
        name = given or str((config or {}).get("app", ""))
        if not name:
            raise FailedError(NO_APP)
        return name

    def config(self) -> tuple[Path, dict[str, Any]] | None:
        """Return the app's configuration: `--config`, or that of the working directory, or None.

        Raises:
            FailedError: `--config` names no file, or it cannot be read.

        """
        given = self.line.value("config")
        cwd = self._working_directory()
        usual = [cwd / name for name in ("fly.toml", "fly.json", "fly.yaml")]
        tried = [cwd / given, cwd / given / "fly.toml"] if given else usual
        for path in tried:
            if path.is_file():
                return path, fly_toml.load(path)
        if given:
            also = f"(also tried: {tried[1]})"
            raise FailedError(f"config file not found at specified path: {tried[0]} {also}")
        return None

    def _working_directory(self) -> Path:
        words = self.line.words if self.line.command == "deploy" else ()
        path = self.session.cwd / words[0] if words else self.session.cwd
        if not path.is_dir():
            raise FailedError(f"error changing directory to {path}: no such file or directory")
        return path

    def _request_id(self) -> str:
        return self.world.new_id("request").upper()
