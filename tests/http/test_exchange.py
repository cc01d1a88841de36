"""Exchanges over a socket: what comes before a response, early answers, and connections kept."""

from __future__ import annotations

import socketserver
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import IPPROTO_TCP, SHUT_RD, SHUT_RDWR, TCP_CORK
from typing import TYPE_CHECKING

import pytest

from pipeline.http.connections import Connections
from pipeline.http.errors import HttpError
from pipeline.http.exchange import UnsupportedAddressError, read_target
from pipeline.http.retry import Policy
from pipeline.http.send import send
from pipeline.http.tls import nothing
from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from pipeline.http.response import Response

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = 32 << 20


def ask(handle: Callable[[socket], None], *, times: int = 1, body: bytes | None = None) -> Answers:
    """Send the same request to a server some times, over one pool."""
    answers = Answers()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            answers.lines += 1
            with suppress(OSError):
                handle(self.request)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        http = Connections(nothing(), proxies=False, policy=Policy())
        try:
            for _ in range(times):
                method = "GET" if body is None else "PUT"
                until = time.monotonic() + 30
                answers.found.append(send(http, method, url, headers={}, body=body, deadline=until))
        finally:
            http.close()
    return answers


class Answers:
    """The responses, and how many connections they took."""

    def __init__(self) -> None:
        self.lines = 0
        self.found: list[Response] = []


def read_request(line: socket) -> None:
    """Read the head of a request without a body."""
    text = b""
    while b"\r\n\r\n" not in text:
        if not (data := line.recv(1 << 16)):
            raise OSError("closed")
        text += data


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_a_response_after_interim_ones(status: bytes) -> None:
    """The connection is good for the next request."""

    def handle(line: socket) -> None:
        while True:
            read_request(line)
            line.sendall(b"HTTP/1.1 " + status + b"\r\nLink: </a>\r\n\r\n" + GOOD)

    answers = ask(handle, times=2)

    assert [(one.status, one.body) for one in answers.found] == [(200, b"ok")] * 2
    assert answers.lines == 1


def test_a_refusal_before_the_body_is_read() -> None:
    """A server that closes after its answer is heard, and not the broken pipe."""

    def handle(line: socket) -> None:
        read_request(line)
        line.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
        line.shutdown(SHUT_RD)
        line.recv(1 << 20)

    answers = ask(handle, body=bytes(LARGE))

    assert [(one.status, one.body) for one in answers.found] == [(413, b"large")]


def test_a_connection_that_the_server_closed() -> None:
    """The next request opens another one."""

    def handle(line: socket) -> None:
        read_request(line)
        line.setsockopt(IPPROTO_TCP, TCP_CORK, 1)  # The response and the end in one segment.
        line.sendall(GOOD)
        line.shutdown(SHUT_RDWR)

    answers = ask(handle, times=3)

    assert [one.body for one in answers.found] == [b"ok"] * 3
    assert answers.lines == 3


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"])
def test_a_request_that_is_under_way_at_the_end(begun: bytes) -> None:
    """It fails at once, whatever the server would have sent."""
    asked, over = threading.Event(), threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            read_request(self.request)
            self.request.sendall(begun)
            asked.set()
            over.wait(60)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    http = Connections(nothing(), proxies=False, policy=Policy(read=60, total=60))
    with in_background(server), ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        until = time.monotonic() + 60
        sent = pool.submit(send, http, "GET", url, headers={}, deadline=until)
        asked.wait(60)
        http.close()
        with pytest.raises(HttpError, match="broke off in the middle of its answer"):
            sent.result(30)
        over.set()


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b""])
def test_a_connection_that_ends_with_its_response(header: bytes) -> None:
    """Announced, or because the body has no length."""

    def handle(line: socket) -> None:
        read_request(line)
        length = b"Content-Length: 2\r\n" if header else b""
        line.sendall(b"HTTP/1.1 200 OK\r\n" + header + length + b"\r\nok")

    answers = ask(handle, times=2)

    assert [one.body for one in answers.found] == [b"ok"] * 2
    assert answers.lines == 2


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"ICY 200 OK\r\n\r\n",
    ],
)
def test_a_response_that_is_cut_off_or_wrong(response: bytes) -> None:
    """It is an error, and never a short body."""

    def handle(line: socket) -> None:
        read_request(line)
        line.sendall(response)

    with pytest.raises(HttpError, match="broke off in the middle of its answer"):
        ask(handle)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://a", ("a", 80, "/")),
        ("https://a/b?c#d", ("a", 443, "/b?c")),
        ("https://user:secret@a:1/b", ("a", 1, "/b")),
        ("http://[::1]:5000/v2/", ("::1", 5000, "/v2/")),
        ("http://A.example:0/", ("a.example", 0, "/")),
    ],
)
def test_addresses(url: str, parts: tuple[str, int, str]) -> None:
    """User and fragment are not sent."""
    target = read_target(url)

    assert (target.host, target.port, target.path) == parts
    assert "secret" not in target.authority


@pytest.mark.parametrize("url", ["", "a", "ftp://a/", "http://", "http://a:b/", "http://[::1/"])
def test_no_web_addresses(url: str) -> None:
    """They are refused before anything is looked up."""
    with pytest.raises(UnsupportedAddressError):
        read_target(url)
