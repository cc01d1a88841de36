"""Fuzz targets that read responses of registries, token servers and engines."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from socket import create_server, socket
from threading import Thread
from typing import TYPE_CHECKING

from pipeline.http import tls
from pipeline.http.connections import Connections
from pipeline.http.response import Response
from pipeline.http.retry import Policy
from pipeline.http.send import send
from pipeline.http.text import read_json
from pipeline.model.facts import Facts, Value
from pipeline.model.image import Pin
from pipeline.model.record import RecordError, decompress, read_record
from pipeline.model.why import Recorded, describe, differences
from pipeline.project.lock_file import load_lock, lock_text
from pipeline.reference import Digest, Platform, parse_reference
from pipeline.registry.auth import docker_login, podman_login
from pipeline.registry.auth.authorizer import Authorizer
from pipeline.registry.auth.credential import Credential
from pipeline.registry.auth.docker_config import docker_config
from pipeline.registry.auth.namespace import Namespace
from pipeline.registry.contents import manifests_of_platforms, needed, platform_of, serving
from pipeline.registry.errors import CredentialError
from pipeline.registry.image_config import ConfigurationError, diff_ids, without_times
from pipeline.registry.manifest import contents_of, read_manifest
from pipeline.registry.mirrors import mirrors_in
from pipeline.registry.onbuild import is_trigger
from pipeline.registry.refusal import refusal
from pipeline.registry.response import MANIFEST_TYPES, complaints, keeps_tags, presence
from tests.fuzz.target import MEMORY, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_URL = "https://registry.example.com/v2/acme/web/manifests/1"
_REFERENCE = parse_reference("registry.example.com/acme/web:1")
_AMD64 = Platform("linux", "amd64")
_DIGEST = Digest(f"sha256:{'a' * 64}")
_CREDENTIAL = Credential("robot", "secret", "a test")
_STATUSES = frozenset(str(status) for status in range(100, 600))
_HOSTS = ("registry.example.com", "docker.io", "127.0.0.1:5000")


def _access(answer: Response) -> Authorizer:
    """Return the client of a registry whose token server sends that response."""

    def fetch(
        _method: str, _url: str, _headers: Mapping[str, str], _body: bytes | None
    ) -> Response:
        return answer

    access = Authorizer(_HOSTS[0], lambda _place: _CREDENTIAL, fetch)
    access.prepare()
    return access


def _challenge(data: bytes) -> None:
    """Read a challenge header and, after an empty line, the response of the token server."""
    header, _, token = data.partition(b"\n\n")
    access = _access(Response(200, "https://registry.example.com/token", {}, token))
    access.answer(header.decode("latin-1"), "https://registry.example.com", "repository:a:pull", "")
    access.header("https://registry.example.com", "repository:a:pull")


def _manifest(data: bytes) -> None:
    """Read a manifest or index; what the lock stores of it must be read back equally."""
    answer = Response(200, _URL, {"content-type": MANIFEST_TYPES[0]}, data)
    manifest = read_manifest(answer, _REFERENCE)
    found = contents_of(manifest, _REFERENCE)
    _ = found.blobs
    needed(found.children, [_AMD64])
    platforms = manifests_of_platforms(found.children)
    serving(_AMD64, platforms)
    _written(Pin(manifest.digest, platforms=platforms))


def _config(data: bytes) -> None:
    """Read an image configuration: its platform, its triggers as the lock has them, its layers."""
    with suppress(ConfigurationError):
        timeless = without_times(data)
        assert without_times(timeless) == timeless
        assert diff_ids(timeless) == diff_ids(data)
    document = read_json(data)
    platform_of(document)
    match document:
        case {"config": {"OnBuild": list(found)}} if all(map(is_trigger, found)):
            _written(Pin(_DIGEST, triggers={_AMD64: tuple(found)}))


def _written(pin: Pin) -> None:
    """Check that the lock reads back exactly what it wrote."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        Path(folder, "pipeline.lock").write_text(lock_text({_REFERENCE: pin}), encoding="utf-8")
        locks, problems = load_lock(Path(folder))
        assert locks is not None, problems
        assert locks.keys() == {_REFERENCE}
        assert locks[_REFERENCE].digest == pin.digest
        assert {p: len(t) for p, t in locks[_REFERENCE].triggers.items()} == {
            p: len(t) for p, t in pin.triggers.items()
        }


def _refused(data: bytes) -> None:
    """Read an error response: its status, its headers, and after an empty line its body."""
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    answer = Response(int(status) if status in _STATUSES else 500, _URL, headers, body)
    presence(answer)
    keeps_tags(answer)
    complaints(answer)
    raise refusal(answer, _HOSTS[0], _access(answer), what="acme/web", verb="read")


def _http(data: bytes) -> None:
    """Read everything that a server sends over a socket before it closes it."""
    with create_server(("127.0.0.1", 0)) as listener, closing(_connections()) as connections:
        served = Thread(target=_serve, args=(listener, data))
        served.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/v2/acme/web/manifests/1"
            until = time.monotonic() + 5
            answer = send(connections, "GET", url, headers={}, deadline=until)
        finally:
            served.join()
    presence(answer)
    complaints(answer)
    if answer.status == 200:
        contents_of(read_manifest(answer, _REFERENCE), _REFERENCE)
    raise refusal(answer, _HOSTS[0], _access(answer), what="acme/web", verb="read")


def _connections() -> Connections:
    return Connections(tls.nothing(), proxies=False, policy=Policy())


def _serve(listener: socket, data: bytes) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):  # The client may close the connection.
        while not connection.recv(1 << 16).endswith(b"\r\n\r\n"):
            pass
        connection.sendall(data)


def _docker_config(data: bytes) -> None:
    """Read Docker's `config.json` or podman's `auth.json`; PATH has no helper."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        file = Path(folder, "config.json")
        file.write_bytes(data)
        environ = {"DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": str(file), "HOME": folder,
                   "PATH": "", "TMPDIR": MEMORY}  # fmt: skip
        for host in _HOSTS:
            for looked in (docker_login.from_configuration, podman_login.from_files):
                with suppress(CredentialError):
                    looked(environ, Namespace(host))
        podman_login.namespaces(environ)
        with docker_config({_HOSTS[0]: _CREDENTIAL}, environ):
            pass


def _engine(data: bytes) -> None:
    """Read an engine's description of itself."""
    mirrors_in(read_json(data), here=False)


def _record(data: bytes) -> None:
    """Read the record of an image, compressed or not, and compare it with an empty one."""
    with suppress(RecordError):
        data = decompress(data)
    with suppress(RecordError):
        record = read_record(data)
        empty = Facts("", "", "", "", Value(""))
        before, after = (Recorded({record.name: one}) for one in (record.facts, empty))
        for one in (
            *differences(before, after, record.name),
            *differences(after, before, record.name),
        ):
            describe(one)


TARGETS = (
    Target("challenge", _challenge, "header"),
    Target("manifest", _manifest, "image", form="json"),
    Target("config", _config, "image", form="json"),
    Target("refusal", _refused, "header"),
    Target("http", _http, "http"),
    Target("docker-config", _docker_config, "docker-config", form="json"),
    Target("engine", _engine, "engine", form="json"),
    Target("record", _record, "record", form="json"),
)
