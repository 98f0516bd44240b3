"""Signed requests to a bucket that the client library has no function for, or no patience: uploads, whole or in parts.

Only what `s3_multipart` needs: a method, a key, a query, a body; version 4 signatures over all of them, so that the
server refuses a body that changed on the way; asked again while a server is busy or a line breaks.
"""

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request

from track.progress import Moved, unheard
from track.store.backends.credentials import Credentials, Key
from track.store.backends.http_requests import Answer, Asker, blocks
from track.store.backends.pace import Pace
from track.store.pieces import Pieces, parts_of, size_of


class Requests:
    """Makes requests to one bucket; safe to use from several threads."""

    def __init__(self, bucket: str, found: Credentials, asked: Callable[[], None], pace: Pace | None = None) -> None:
        """`asked` is told of every request; `pace` is that of all requests to the server."""
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
        self._found, self._asker = found, Asker(asked, pace)

    def ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        body: bytes | Pieces = b"",
        *,
        only_new: bool = False,
        sums: str = "",
        summed: bytes | None = None,
        tries: int | None = None,
        moved: Moved = unheard,
    ) -> Answer:
        """The answer to a request; those that fail for a moment are made again, as long as the server asks to wait.

        `only_new` has the server refuse it, with status 412, when something is at the key. `sums` is the only sum of a
        body that it gets, one of `description.SUMS`; `summed` are other bytes, of which that is: to see it refused.
        `moved` is told what of the body leaves.

        Raises:
            Refused: it failed for good.
            Unusable: the server's certificate is none that this Python knows.
        """
        about = _headers(method, body if summed is None else summed, sums)
        request = method, key, query
        return self._asker.ask(lambda: self._made(request, body, about, moved, only_new=only_new), tries=tries)

    def _made(
        self,
        request: tuple[str, str, Mapping[str, str]],
        body: bytes | Pieces,
        about: Mapping[str, str],
        moved: Moved,
        *,
        only_new: bool,
    ) -> Request:
        method, key, query = request
        path = quote(f"{self._path}/{key}", safe="/-_.~")
        words = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
        headers = {"Host": self._netloc, **about}
        if (own := self._key()) is not None:
            headers |= signature(own, self._found.region, (method, path, words), headers)
        headers["Content-Type"] = "application/octet-stream"
        if only_new:
            headers["If-None-Match"] = "*"
        data = None
        if method in ("PUT", "POST"):
            data, headers["Content-Length"] = _leaving(body, moved), str(size_of(body))
        url = f"{self._base}{path}?{words}" if words else f"{self._base}{path}"
        return Request(url, data=data, headers=headers, method=method)

    def _key(self) -> Key | None:
        if self._found.key is not None or self._found.provider is None:
            return self._found.key
        fresh = self._found.provider()
        return Key(fresh["access_key_id"], fresh["secret_access_key"], fresh.get("token"))


def _leaving(body: bytes | Pieces, moved: Moved) -> Iterator[Any]:
    """A body in blocks, telling of each that has left."""
    for block in chain.from_iterable(map(blocks, parts_of(body))):
        yield block
        moved(len(block))


def _headers(method: str, body: bytes | Pieces, sums: str) -> dict[str, str]:
    """What a request says of its body, all of it signed.

    Every server is told the SHA-256 that belongs to the signature, and not all look at it. So what is written has one
    more that they do look at: MD5 at all of them, CRC-32 or SHA-256 again at many; and where one that is quicker than
    SHA-256 was seen to be looked at, or MD5 alone, nothing else is made.
    """
    if method == "PUT" and sums == "crc32":
        headers = {"X-Amz-Checksum-Crc32": _crc32(body)}  # a library's word
        return headers | {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
    if method == "PUT" and sums == "md5":
        return {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "Content-MD5": _md5(body)}
    sha256 = hashlib.sha256()
    for part in parts_of(body):
        sha256.update(part)
    headers = {"X-Amz-Content-Sha256": sha256.hexdigest()}
    if method == "PUT" and sums == "sha256":
        headers["X-Amz-Checksum-Sha256"] = base64.b64encode(sha256.digest()).decode()  # a library's word
    elif method == "PUT":
        headers["Content-MD5"] = _md5(body)
    return headers


def _md5(body: bytes | Pieces) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for part in parts_of(body):
        md5.update(part)
    return base64.b64encode(md5.digest()).decode()


def _crc32(body: bytes | Pieces) -> str:
    found = 0
    for part in parts_of(body):
        found = zlib.crc32(part, found)
    return base64.b64encode(found.to_bytes(4, "big")).decode()


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
