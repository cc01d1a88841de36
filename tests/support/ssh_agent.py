"""An SSH agent with one key on a socket, which can only list its keys.

draft-ietf-sshm-ssh-agent, 3.5: a request is a length and the byte 11; the response has each key's
blob and comment.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING

from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REQUEST_IDENTITIES, _IDENTITIES_ANSWER, _FAILURE = 11, 12, 5


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def ssh_agent(path: Path, comment: str) -> Iterator[dict[str, str]]:
    """Serve at `path` an agent with one key called `comment`; yield `{"SSH_AUTH_SOCK": …}`."""
    key = _string(b"ssh-ed25519") + _string(bytes(range(32)))
    listed = struct.pack(">BI", _IDENTITIES_ANSWER, 1) + _string(key) + _string(comment.encode())

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.read(4):
                kind = self.rfile.read(*struct.unpack(">I", head))[0]
                asked = kind == _REQUEST_IDENTITIES
                self.wfile.write(_string(listed if asked else bytes([_FAILURE])))

    server = _Server(str(path), Handler)
    with in_background(server):
        yield {"SSH_AUTH_SOCK": str(path)}


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
