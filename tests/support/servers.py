"""Servers on the loopback that do what no good server does: hang, talk nonsense, refuse, forget, lie. And count."""

import ctypes
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit


class Request(NamedTuple):
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What it is told; `cut` sends only so many bytes of the body and closes, None means no answer at all."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/xml"),)
    cut: int | None = None


Answering = Callable[[Request], Answer | None]
Reading = Callable[[str, str, Callable[[int], bytes], int], bytes | None]
"""Reads the body of a request (method, path, how bytes are read, how many there are); None: the connection closes."""


def _all(_method: str, _path: str, read: Callable[[int], bytes], length: int) -> bytes:
    return read(length)


def s3_error(code: str, status: int = 403, message: str = "no") -> Answer:
    """An error as S3 words it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, body.encode())


@cache
def _give_back() -> None:
    """Have the C library map large blocks by themselves, so that they are given back when they are freed.

    By itself it stops doing so once one was freed, and keeps a pool of them for each of many threads: the handlers of
    many connections that each had a pack in hand would hold gigabytes between them.
    """
    with suppress(OSError, AttributeError):  # only glibc has this, and the habit
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)


_M_MMAP_THRESHOLD = -3


@contextmanager
def answering(answer: Answering, reading: Reading = _all) -> Iterator[str]:
    """A server that answers every request as the function says; gives its address."""
    _give_back()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = reading(self.command, self.path, self.rfile.read, length)
            given = None
            if body is not None:
                given = answer(Request(self.command, self.path, dict(self.headers.items()), body))
            if given is None:
                self.close_connection = True
                return
            self.send_response_only(given.status)
            for name, value in given.headers:
                self.send_header(name, value)
            if not any(name.lower() == "content-length" for name, _ in given.headers):
                self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body[: given.cut])
            if given.cut is not None:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = serve
        do_PROPFIND = do_MKCOL = do_MOVE = do_COPY = serve

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if reading is not _all:  # so that what is not read is not taken by the kernel either
            server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


KEPT_BODY = 64 << 10
"""Of a larger body a proxy keeps nothing: what a test sends through it would all be held until its end."""


class Proxy(NamedTuple):
    """A server before another: `requests` are all that passed, `faults` are asked first and may answer instead.

    The bodies of `requests` are those of up to `KEPT_BODY` bytes; larger ones are empty there.
    """

    endpoint: str
    requests: list[Request]
    faults: list[Callable[[Request, Callable[..., Answer]], Answer | None]]


@contextmanager
def proxy(behind: str, reading: Reading = _all) -> Iterator[Proxy]:
    """A proxy that counts. A fault is given the request and a way to ask the server; None passes the request on.

    The way to ask takes the request as it is, or a changed one that it is given.
    """
    place = urlsplit(behind)
    made = Proxy("", [], [])

    def forward(request: Request) -> Answer:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.request(request.method, request.path, request.body or None, request.headers)
            answer = connection.getresponse()
            body = answer.read()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
            if request.method == "HEAD":
                headers.append(("Content-Length", answer.getheader("Content-Length") or "0"))
            return Answer(answer.status, body, tuple(headers))
        finally:
            connection.close()

    def answer(request: Request) -> Answer | None:
        made.requests.append(request if len(request.body) <= KEPT_BODY else request._replace(body=b""))
        for fault in made.faults:
            given = fault(request, lambda changed=request: forward(changed))
            if given is not None:
                return None if given is LOST else given
        return forward(request)

    with answering(answer, reading) as endpoint:
        yield made._replace(endpoint=endpoint)


LOST = Answer(0)
"""What a fault gives when the client is to hear nothing: the connection closes."""

_OWN = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes connections and never says a word; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.settimeout(0.05)
        taken: list[socket.socket] = []
        ended = threading.Event()

        def take() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    taken.append(listener.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()
            for one in taken:
                one.close()


def closed_port() -> str:
    """The address of a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
