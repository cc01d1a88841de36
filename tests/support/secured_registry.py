"""A real registry with TLS and a password, as Fly's is, and with its own certificate authority.

>>> with secured_registry(tmp_path / "registry", user="x", password="t") as (registry, environ):
...     # `environ` holds SSL_CERT_FILE, so that a process started with it trusts the registry
...     project.invoke("build-all", environ={**environ, "FLY_API_TOKEN": "t"})
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import bcrypt
import trustme

from sandbox.registry import Certificate, Settings
from tests.support.builder_trust import trusting_builder
from tests.support.registries import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.support.registries import Registry


@contextmanager
def secured_registry(
    folder: Path, *, user: str, password: str
) -> Iterator[tuple[Registry, dict[str, str]]]:
    """Serve `folder` to `user`; yield the registry and the environment that its clients need.

    Its access log is `registry.log` in the folder.
    """
    folder.mkdir(parents=True)
    certificate = create_certificate(folder)
    htpasswd = folder / "htpasswd"
    # Go accepts `$2y$` and `$2b$`. 4 rounds is the minimum; each request runs them.
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    htpasswd.write_text(f"{user}:{hashed}\n", encoding="utf-8")
    with (
        serve(folder, Settings(certificate, htpasswd, access_log=True)) as running,
        trusting_builder(running.address, certificate.ca) as environ,
    ):
        yield running, {"SSL_CERT_FILE": str(certificate.ca), **environ}


def create_certificate(folder: Path, *names: str, until: datetime | None = None) -> Certificate:
    """Create a certificate authority, and its certificate for 127.0.0.1, localhost and `names`."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost", *names, not_after=until)
    made = Certificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    authority.cert_pem.write_to_path(made.ca)
    issued.private_key_pem.write_to_path(made.key)
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return made
