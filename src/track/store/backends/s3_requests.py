"""Signed requests to a bucket that the client library has no function for, or no patience: uploads, whole or in parts.

Only what `s3_multipart` needs: a method, a key, a query, a body; version 4 signatures over all of them, so that the
server refuses a body that changed on the way; asked again while a server is busy or a line breaks. A body may take as
long as it needs, as long as it moves: the client library's only limit is for all of it, which a slow line cannot keep
or a dead server does not feel.
"""

import base64
import hashlib
import hmac
import random
import selectors
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from track.store.backends.credentials import Credentials, Key
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
_MOST_READ = 4 << 20
_LONGEST_WAIT_S = 20.0


class Answer(NamedTuple):
    """What a server said."""

    body: bytes
    headers: Mapping[str, str]


class Requests:
    """Makes requests to one bucket; safe to use from several threads."""

    def __init__(self, bucket: str, found: Credentials, asked: Callable[[], None], pace: Pace | None = None) -> None:
        """`asked` is told of every request; `pace` is that of all requests to the server."""
        self._pace = pace or Pace()
        endpoint = found.endpoint or f"https://s3.{found.region}.amazonaws.com"
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        path = parts.path.rstrip("/")
        netloc = parts.netloc.rpartition("@")[2]
        if found.endpoint is None and "." not in bucket:
            netloc = f"{bucket}.{netloc}"
        elif not host.startswith(f"{bucket}."):
            path = f"{path}/{bucket}"
        self._base, self._netloc, self._path = f"{parts.scheme}://{netloc}", netloc, path
        self._found, self._asked = found, asked
        self._opener = urllib.request.build_opener(_NoRedirect, _Plain, _Safe)

    def ask(
        self, method: str, key: str, query: Mapping[str, str], body: bytes = b"", *, only_new: bool = False
    ) -> Answer:
        """The answer to a request; those that fail for a moment are made again, as long as the server asks to wait.

        `only_new` has the server refuse it, with status 412, when something is at the key.

        Raises:
            Refused: it failed for good.
            Unusable: the server's certificate is none that this Python knows.
        """
        deadline = time.monotonic() + WITHIN_S
        timeouts = 0
        for number in range(TRIES):
            self._asked()
            try:
                with self._pace.turn():
                    answer = self._once(method, key, query, body, only_new=only_new)
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
            if number + 1 == TRIES or time.monotonic() + pause_s > deadline:
                raise failure
            time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, key: str, query: Mapping[str, str], body: bytes, *, only_new: bool) -> Answer:
        path = quote(f"{self._path}/{key}", safe="/-_.~")
        words = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
        headers = {"Host": self._netloc, "X-Amz-Content-Sha256": hashlib.sha256(body).hexdigest()}
        if method == "PUT":  # servers look at this one, and not all at the one that is signed
            headers["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        if (own := self._key()) is not None:
            headers |= signature(own, self._found.region, (method, path, words), headers)
        headers["Content-Type"] = "application/octet-stream"
        if only_new:
            headers["If-None-Match"] = "*"
        data = None
        if method in ("PUT", "POST"):
            data, headers["Content-Length"] = _blocks(body), str(len(body))
        url = f"{self._base}{path}?{words}" if words else f"{self._base}{path}"
        asked = urllib.request.Request(url, data=data, headers=headers, method=method)
        with self._opener.open(asked, timeout=SILENCE_S) as answer:
            return Answer(answer.read(_MOST_READ), answer.headers)

    def _key(self) -> Key | None:
        if self._found.key is not None or self._found.provider is None:
            return self._found.key
        fresh = self._found.provider()
        return Key(fresh["access_key_id"], fresh["secret_access_key"], fresh.get("token"))


def signature(
    key: Key, region: str, request: tuple[str, str, str], headers: Mapping[str, str], now: datetime | None = None
) -> dict[str, str]:
    """The headers that sign a request (method, quoted path, sorted query), with its own headers, version 4.

    `headers` has the host and the SHA-256 of the body.
    """
    method, path, query = request
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Amz-Date": stamp} | ({"X-Amz-Security-Token": key.token} if key.token else {})
    signed = {name.lower(): value.strip() for name, value in {**headers, **added}.items()}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join((method, path, query, lines, names, signed["x-amz-content-sha256"]))
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    proof = hmac.digest(secret, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={names}, Signature={proof}"
    return {**added, "Authorization": credential}


def _blocks(body: bytes) -> Iterator[bytes]:
    """A body in blocks, each of which has its own time to leave."""
    return (body[start : start + _BLOCK] for start in range(0, len(body), _BLOCK))


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
    """A redirection is an answer: what is signed for one server is not sent to another."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirection is an error."""
        return
