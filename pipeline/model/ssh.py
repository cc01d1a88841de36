"""Parse an entry of `ssh`, in BuildKit's own syntax: `default`, or `id=key,key`.

It is parsed as by buildx and BuildKit (`util/buildflags/ssh.go`, `session/sshforward/sshprovider`).
"""

from __future__ import annotations

from msgspec import Struct


class Ssh(Struct, frozen=True):
    """The user's SSH agent under a name; or, with `paths`, key files, or the socket of an agent."""

    id: str
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.id}={','.join(self.paths)}" if self.paths else self.id


def parse_ssh(text: str) -> Ssh:
    """Parse an entry. If the first path is empty, the agent is meant, whatever follows.

    >>> parse_ssh("deploy=/keys/a,/keys/b"), parse_ssh("default=,/keys/a")
    (Ssh(id='deploy', paths=('/keys/a', '/keys/b')), Ssh(id='default', paths=()))
    """
    name, _, rest = text.partition("=")
    first, *more = rest.split(",")
    return Ssh(name, (first, *(path for path in more if path))) if first else Ssh(name)
