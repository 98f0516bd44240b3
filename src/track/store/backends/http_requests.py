"""Requests that the client library has no function for, or no patience: made again while a server is busy.

A body may take as long as it needs, as long as it moves: the client library's only limit is for all of it, which a
slow line cannot keep or a dead server does not feel.
"""

import random
import selectors
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

from track.store.backends.failure import Refused, Unusable, trouble_of
from track.store.backends.pace import Pace
from track.system import unsent_bytes

TRIES = 8
WITHIN_S = 180.0
"""No request is begun again after so many seconds."""

SILENCE_S = 25.0
"""How long nothing may move: a block of a body that leaves, or an answer that is waited for."""
TIMEOUTS = 2
"""After so many silences a server is given up: within a minute."""

_BLOCK = 64 << 10
_LARGEST_BLOCK = 1 << 20
_QUICK_S = 0.5
_MOST_READ = 4 << 20
_LONGEST_WAIT_S = 20.0


class Answer(NamedTuple):
    """What a server said."""

    body: bytes
    headers: Mapping[str, str]


class Asker:
    """Makes requests; safe to use from several threads. A redirection is an answer, and never followed."""

    def __init__(self, asked: Callable[[], None], pace: Pace | None = None) -> None:
        """`asked` is told of every request; `pace` is that of all requests to the server."""
        self._asked = asked
        self._pace = pace or Pace()
        self._opener = urllib.request.build_opener(_NoRedirect, _Plain, _Safe)

    def ask(self, make: Callable[[], Request], *, tries: int | None = None) -> Answer:
        """The answer to a request; one that fails for a moment is made anew, as long as the server asks to wait.

        Raises:
            Refused: it failed for good.
            Unusable: the server's certificate is none that this Python knows.
        """
        deadline = time.monotonic() + WITHIN_S
        timeouts = 0
        tries = tries or TRIES
        for number in range(tries):
            self._asked()
            try:
                with self._pace.turn(), self._opener.open(make(), timeout=SILENCE_S) as given:
                    answer = Answer(given.read(_MOST_READ), given.headers)
                self._pace.went_well()
                return answer
            except urllib.error.HTTPError as error:
                with error:
                    told = error.read(_MOST_READ).decode("utf-8", "replace")
                failure = Refused(f"non-2xx status code: {error.code}\n{told}", error.code)
                wait_s = _asked_to_wait(error.headers.get("Retry-After"))
                if trouble_of(str(failure)) is None:
                    raise failure from error
                if error.code in (429, 503):
                    self._pace.slow_down()
            except (OSError, HTTPException) as error:
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                if isinstance(reason, ssl.SSLCertVerificationError):
                    raise Unusable(str(reason)) from error
                is_timeout = isinstance(reason, TimeoutError)
                timeouts += is_timeout
                failure, wait_s = Refused(f"kind: {'Timeout' if is_timeout else 'Connect'}, {reason}"), 0.0
                if timeouts >= TIMEOUTS:
                    raise failure from error
            pause_s = max(wait_s, min(_LONGEST_WAIT_S, 0.1 * 2**number) * random.uniform(0.5, 1))
            if number + 1 == tries or time.monotonic() + pause_s > deadline:
                raise failure
            time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")


def sent_on_to(url: str, method: str) -> str | None:
    """The server to which another one sends on what is asked of it; None where it answers itself, or not at all.

    It is asked once, as nobody: clients that follow do not say where they were sent.
    """
    try:
        Asker(lambda: None).ask(lambda: Request(url, method=method, headers={"Depth": "0"}), tries=1)
    except Refused as error:
        answer = error.__cause__
        if isinstance(answer, urllib.error.HTTPError) and 300 <= answer.code < 400:
            with suppress(ValueError):
                there = urlsplit(urljoin(url, answer.headers.get("Location") or ""))
                return there.netloc.rpartition("@")[2] if there.netloc != urlsplit(url).netloc else None
    except (Unusable, ValueError):
        return None
    return None


def blocks(body: bytes | memoryview) -> Iterator[Any]:
    """A body in blocks, each of which has its own time to leave; they are larger while they leave quickly.

    Between two blocks a thread may wait for the interpreter longer than the network takes for one.
    """
    view, start, size = memoryview(body), 0, _BLOCK
    while start < len(view):
        since_s = time.monotonic()
        yield view[start : start + size]
        start += size
        size = min(2 * size, _LARGEST_BLOCK) if time.monotonic() - since_s < _QUICK_S else _BLOCK


def _await_answer(connection: socket.socket) -> None:
    """Return when there is something to read; what was sent may leave as slowly as it has to.

    Raises:
        TimeoutError: nothing came, and nothing left, for too long.
    """
    left, since_s = unsent_bytes(connection.fileno()), time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while not selector.select(min(1.0, SILENCE_S)):
            now = unsent_bytes(connection.fileno())
            if now < left:
                left, since_s = now, time.monotonic()
            elif time.monotonic() - since_s >= SILENCE_S:
                raise TimeoutError("nothing moved for too long")


class _PlainConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:
        _await_answer(self.sock)
        return super().getresponse()


class _SafeConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:
        _await_answer(self.sock)
        return super().getresponse()


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_PlainConnection, req)


class _Safe(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_SafeConnection, req)


def _asked_to_wait(text: str | None) -> float:
    """Seconds that a server asks us to wait; 0 where it asks for none, and never long."""
    return min(_LONGEST_WAIT_S, float(text)) if text and text.strip().isdigit() else 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer: what is meant for one server is not sent to another."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirection is an error."""
        return
