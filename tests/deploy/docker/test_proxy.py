"""The proxy as a real process between real clients and servers, without an engine."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx
import pytest

from pipeline.deploy.docker.proxy_client import ProxyClient
from pipeline.deploy.errors import DeployError
from tests.support.processes import is_running, wait_until
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRWPair

    from pipeline.deploy.docker.proxy_tcp import SocketAddress
    from tests.support.scripted_server import Request, ScriptedServer

KEY = "web.app:8080"
ECHOED = b"bytes \x00\xff"


@pytest.fixture
def proxy() -> Iterator[ProxyClient]:
    """Start a proxy for this test."""
    # Not below `tmp_path`: the path of a Unix socket is limited to 108 bytes.
    with TemporaryDirectory(prefix="proxy") as folder:
        found = ProxyClient(Path(folder))
        try:
            yield found
        finally:
            pid = _pid(found)
            found.stop()
            wait_until(lambda: not is_running(pid))


def _pid(proxy: ProxyClient) -> int:
    return int((proxy.folder / "lock").read_text())


def address_of(server: ScriptedServer) -> SocketAddress:
    """Return the server's address as a value of the proxy."""
    host, _, port = server.address.partition(":")
    return host, int(port)


def echo() -> socket.socket:
    """Serve one connection that echoes everything, and sends a last message at the end."""
    server = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        line, _ = server.accept()
        with line:
            while data := line.recv(1024):
                line.sendall(data)

    threading.Thread(target=work, daemon=True).start()
    return server


def read_all(line: socket.socket) -> bytes:
    """Read until the other side closes."""
    return b"".join(iter(lambda: line.recv(1024), b""))


def test_requests_and_responses_are_unchanged(proxy: ProxyClient) -> None:
    """Method, path, headers and bodies, also large ones and chunked ones."""
    big = bytes(range(256)) * 4096

    def script(request: Request) -> Reply:
        return Reply(201, {"X-Method": request.method, "X-Path": request.path}, request.body)

    with scripted_server(script) as server:
        port = proxy.route(KEY, 0, address_of(server))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            sent = client.put("/a?b=c", content=big, headers={"X-One": "1"})
            # `scripted_server` reads no chunked body, so only the headers are checked.
            client.post("/", content=iter([b"a", b"b"]))
            head = client.head("/none")

    assert (sent.status_code, sent.content) == (201, big)
    assert (sent.headers["x-method"], sent.headers["x-path"]) == ("PUT", "/a?b=c")
    assert server.requests[0].headers["x-one"] == "1"
    assert server.requests[1].headers["transfer-encoding"] == "chunked"
    assert (head.status_code, head.content) == (201, b"")


def test_an_early_response(proxy: ProxyClient) -> None:
    """If the app answers before the body is complete, the client's connection stays usable."""
    with scripted_server(lambda request: Reply(200, body=request.path.encode())) as server:
        port = proxy.route(KEY, 0, address_of(server))
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            file = line.makefile("rwb")
            file.write(b"POST /ab HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n")
            file.flush()
            first = _answer(file)
            file.write(b"1\r\na\r\n0\r\n\r\n")
            second = _request(file, b"/cd")
            file.close()

    assert (first, second) == (b"/ab", b"/cd")


def test_a_connection_outlives_its_container(proxy: ProxyClient) -> None:
    """The next request of a client connection goes to the new server."""
    with (
        scripted_server(lambda _: Reply(200, body=b"one")) as one,
        scripted_server(lambda _: Reply(200, body=b"two")) as two,
    ):
        port = proxy.route(KEY, 0, address_of(one))
        with socket.create_connection(("127.0.0.1", port)) as line:
            file = line.makefile("rwb")
            first = _request(file)
            same = proxy.route(KEY, port, address_of(two))
            second = _request(file)

    assert (first, second, same) == (b"one", b"two", port)


def _request(file: BufferedRWPair, path: bytes = b"/") -> bytes:
    file.write(b"GET " + path + b" HTTP/1.1\r\nHost: web\r\n\r\n")
    file.flush()
    return _answer(file)


def _answer(file: BufferedRWPair) -> bytes:
    while file.readline() not in {b"\r\n", b""}:
        pass
    return file.read(3)


def test_an_outdated_route_is_ignored(proxy: ProxyClient) -> None:
    """A `status` that read the old state must not route requests back to the stopped container."""
    with scripted_server(lambda _: Reply(200, body=b"new")) as new:
        port = proxy.route(KEY, 0, address_of(new))
        proxy.route(KEY, port, ("127.0.0.1", 9), gentle=True)

        assert httpx.get(f"http://127.0.0.1:{port}/").text == "new"


def test_draining_waits_for_requests_in_progress(proxy: ProxyClient) -> None:
    """At most as long as allowed; new requests go to another container meanwhile."""
    go_on = threading.Event()

    def answer_slowly(_: Request) -> Reply:
        go_on.wait(60)
        return Reply(200, body=b"slow")

    with (
        scripted_server(answer_slowly) as old,
        scripted_server(lambda _: Reply(200, body=b"new")) as new,
    ):
        port = proxy.route(KEY, 0, address_of(old))
        url = f"http://127.0.0.1:{port}/"
        answers: list[str] = []
        client = threading.Thread(target=lambda: answers.append(httpx.get(url).text))
        client.start()
        wait_until(lambda: old.count() == 1)
        proxy.route(KEY, port, address_of(new))
        fresh = httpx.get(url).text
        short = proxy.drain(address_of(old), 0.1)
        go_on.set()
        left = proxy.drain(address_of(old), 60.0)
        client.join()

    assert (fresh, short, left, answers) == ("new", 1, 0, ["slow"])


def test_an_app_that_closes_the_connection(proxy: ProxyClient) -> None:
    """502 if there is no response; an incomplete response is never completed."""

    def script(request: Request) -> Reply:
        return Reply(0) if request.path == "/none" else Reply(200, body=b"x" * 1000, cut=10)

    with scripted_server(script) as server:
        port = proxy.route(KEY, 0, address_of(server))
        none = httpx.get(f"http://127.0.0.1:{port}/none")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/part")

    assert none.status_code == 502


def test_before_the_first_release(proxy: ProxyClient) -> None:
    """The port is open, and answers that nothing serves."""
    port = proxy.route(KEY, 0, None)

    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 502


@pytest.mark.parametrize("first", [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_other_protocols_are_byte_streams(proxy: ProxyClient, first: bytes) -> None:
    """TCP services, and HTTP/2 without TLS; the end of the connection is passed on, too."""
    with closing(echo()) as server:
        port = proxy.route(KEY, 0, server.getsockname(), http=bool(first))
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(first + ECHOED)
            line.shutdown(socket.SHUT_WR)
            assert read_all(line) == first + ECHOED


def test_a_websocket_is_one_connection(proxy: ProxyClient) -> None:
    """After 101 it is a byte stream in both directions."""
    accepted = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = proxy.route(KEY, 0, server.getsockname())
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(
                b"GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
            )
            there, _ = server.accept()
            with there:
                head = there.recv(4096)
                there.sendall(accepted + b"hello")
                answer = line.recv(4096)
                while b"hello" not in answer:
                    answer += line.recv(4096)
                line.sendall(ECHOED)
                sent = there.recv(4096)

    assert b"upgrade: echo" in head.lower()
    assert answer.startswith(b"HTTP/1.1 101")
    assert sent == ECHOED


def test_a_port_follows_from_the_name(proxy: ProxyClient) -> None:
    """It is the same after a restart; another app's port is refused."""
    # A unique name: other tests' proxies may use the port of another name.
    key = f"alone-{os.getpid()}.app:80"
    port = proxy.route(key, 0, None)
    pid = _pid(proxy)
    proxy.stop()
    wait_until(lambda: not is_running(pid))
    again = proxy.route(key, 0, None)

    assert again == port
    assert 20000 <= port < 25000
    with pytest.raises(DeployError, match="is not free"):
        proxy.route("other.app:1", port, None)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nlarge", True),
        (b"HTTP/1.0 200 OK\r\n\r\nlarge", False),
    ],
)
def test_a_response_survives_a_reset(proxy: ProxyClient, answer: bytes, *, whole: bool) -> None:
    """An app answers without reading the request, and closes: the kernel sends a reset.

    If the response has no length, nobody can know whether it was complete.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = proxy.route(KEY, 0, server.getsockname())
        with socket.create_connection(("127.0.0.1", port), 5) as line:
            line.sendall(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 9\r\n\r\n123456789")
            there, _ = server.accept()
            with there:
                wait_until(lambda: there.recv(999, socket.MSG_PEEK).endswith(b"9"))
                there.sendall(answer)
            if whole:
                assert line.recv(999).startswith(b"HTTP/1.1 413")
            else:
                with pytest.raises(ConnectionResetError):
                    read_all(line)


def test_the_proxy_ends_with_its_last_route(proxy: ProxyClient) -> None:
    """A new one can be started at once."""
    proxy.route(KEY, 0, None)
    proxy.route("b.app:1", 0, None)
    pid = _pid(proxy)
    proxy.forget(["b.app:1"])
    still = is_running(pid)
    proxy.forget([KEY])
    wait_until(lambda: not is_running(pid))

    assert still
    assert proxy.routes() == {}
    assert proxy.route(KEY, 0, None)


def test_many_runs_start_one_proxy(proxy: ProxyClient) -> None:
    """The apps of a run are deployed at the same time."""
    threads = [
        threading.Thread(target=proxy.route, args=(f"app-{n}.app:80", 0, None)) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(proxy.routes()) == 12
    assert len({port for port, _ in proxy.routes().values()}) == 12
