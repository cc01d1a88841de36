"""Run one `fly` command, from its arguments to its exit code (flyctl `internal/cli/cli.go`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.fly.flyctl import commands, credentials, real
from tests.support.fly.flyctl.context import Context
from tests.support.fly.flyctl.deploy import deploy
from tests.support.fly.flyctl.flags import command_of, parse_arguments
from tests.support.fly.flyctl.session import FailedError, InterruptedRunError, KilledError
from tests.support.fly.state import Request

if TYPE_CHECKING:
    from tests.support.fly.flyctl.session import Session
    from tests.support.fly.images import Images
    from tests.support.fly.state import World
    from tests.support.fly.tokens import Tokens

TABLE = {**commands.TABLE, **credentials.TABLE, "deploy": deploy}
KILLED = -1


@dataclass(frozen=True, slots=True)
class Flyctl:
    """Runs what the programs send; `api` is the address that their environment must have."""

    world: World
    tokens: Tokens
    images: Images
    api: str
    real: str = ""
    """The path of a flyctl to run instead."""

    def run(self, session: Session) -> None:
        """Run one command to its end, then add it to the list of requests.

        A real flyctl is added when it starts, with the code 0.
        """
        command, code = "?", KILLED
        if self.real:
            self._start_real(session)
            return
        try:
            command, words = command_of(session.argv)
            line = parse_arguments(command, words)
            context = Context(self.world, self.tokens, self.images, self.api, session, line)
            TABLE[command](context)
            code = 0
        except InterruptedRunError:
            code = 127
        except FailedError as failed:
            code = 1
            _print(session, failed)
        except KilledError:
            code = KILLED
        finally:
            words = session.argv
            self.world.requests.append(Request("flyctl", command, " ".join(words), code, words))
        if code != KILLED:
            session.leave(code)

    def _start_real(self, session: Session) -> None:
        words = session.argv
        try:
            command = command_of(words)[0]
        except FailedError:
            command = "?"
        self.world.requests.append(Request("flyctl", command, " ".join(words), 0, words))
        real.become(session, self.real)


def _print(session: Session, failed: FailedError) -> None:
    request = f" (Request ID: {failed.request_id})" if failed.request_id else ""
    after = f"{failed.after}\n\n" if failed.after else ""
    session.err(f"Error: {failed}{request}\n{after}")
