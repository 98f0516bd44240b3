"""A bucket of Google Cloud Storage as a place, through gcsfs.

gcsfs makes the requests and shows the token; what is in them is said here. Its own way to send a small object cuts the
body at a fixed mark, which an object may have in it; its own patience is longer than ours, and it reads any answer to
the end; so neither is used.
"""

import asyncio
import base64
import io
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests
from fsspec.asyn import sync  # type: ignore[import-untyped]  # fsspec has no types
from gcsfs.core import GCSFileSystem  # type: ignore[import-untyped]  # it has no types
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from track.errors import DamagedObject
from track.model.names import display
from track.store.address import Access, GoogleBucket
from track.store.backends import object_place
from track.store.backends.failure import Refused, trouble_of
from track.store.backends.google_account import GoogleCredentials, find_google
from track.store.backends.google_failure import MISSING, NO_TOKEN, GoogleBound
from track.store.backends.object_place import ObjectPlace
from track.store.backends.object_seam import Opened
from track.store.backends.pace import pause_before
from track.store.place import GET_LIMIT

_SMALL = 1 << 20
_PAGE = 1000
_TRIES = 5
_FRESH_S = 300.0
"""Of a token that has less left, gcsfs asks for a new one by itself, without an end."""
_BUSY = "BadDigest"  # what `failure` knows as passing: what the server received is not what was sent


def open_google(address: GoogleBucket, access: Access) -> ObjectPlace:
    """The place at a bucket; nothing is asked of it yet.

    Raises:
        RemoteError: nothing says who we are, or the endpoint is no address.
    """
    found = find_google(str(address), access)
    bound = GoogleBound(str(address), address.name, display(found.endpoint), found.who, found.source)
    return ObjectPlace(address.prefix, GoogleObjects(address.name, found), bound)


class GoogleObjects(GCSFileSystem):  # type: ignore[misc]  # gcsfs has no types
    """Objects of one bucket by key, as `object_seam.Objects` says it; safe to use from several threads."""

    cachable = False
    failures = (Refused,)
    is_sorted = True
    has_ranges = True

    def __init__(self, bucket: str, found: GoogleCredentials) -> None:
        """For `open_google`; nothing is asked yet."""
        super().__init__(
            access="read_write", token=found.token or "anon", endpoint_url=found.endpoint, use_listings_cache=False,
            session_kwargs={"trust_env": True},
        )  # fmt: skip
        self._bucket, self._found, self._renewing = bucket, found, threading.Lock()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The bytes of a key, or from `start` up to `end`. Raises FileNotFoundError."""
        return self.tagged(path)[0] if start is None or end is None else bytes(self.piece(path, start, end))

    def tagged(self, path: str) -> tuple[bytes, str]:
        """The bytes of a key, and their MD5 as the store has it. Raises FileNotFoundError."""
        headers, body = self._ask("GET", self.url(f"{self._bucket}/{path}"), missing=False)
        if body is None:
            raise DamagedObject(f"{path} has more than {GET_LIMIT:,} bytes, which it should not")
        hashes = dict(part.strip().partition("=")[::2] for part in headers.get("X-Goog-Hash", "").split(","))
        try:
            return body, base64.b64decode(hashes.get("md5", "")).hex()
        except ValueError:
            return body, ""

    def opened(self, path: str, most: int) -> Opened:
        """A key that is about to be read from its beginning. Raises FileNotFoundError."""
        headers, body = self._ask("GET", self.url(f"{self._bucket}/{path}"), most=most, missing=False)
        if body is None:
            return Opened(int(headers["Content-Length"]), None)
        whole = memoryview(body)
        return Opened(len(whole), lambda skipped: iter([whole[skipped:]]))

    def piece(self, path: str, start: int, end: int) -> memoryview:
        """The bytes of a key from `start` up to `end`. Raises FileNotFoundError."""
        if end <= start:
            return memoryview(b"")
        headers = {"Range": f"bytes={start}-{end - 1}"}
        try:
            given, body = self._ask("GET", self.url(f"{self._bucket}/{path}"), headers=headers, missing=False)
        except Refused as error:
            if error.status == 416:
                return memoryview(b"")
            raise
        if body is None or not given.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise Refused("kind: Decode, not the piece that was asked for")
        return memoryview(body)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is known of a key without reading it. Raises FileNotFoundError."""
        found = self._told("GET", "b/{}/o/{}", self._bucket, path, missing=False)
        return {"name": path, **_about(found)}

    def pages(self, prefix: str, after: str | None = None) -> Iterator[list[dict[str, Any]]]:
        """What is known of every key below a prefix, a request's worth at a time; `after` a key, in their order."""
        words = {"prefix": prefix, "startOffset": after, "maxResults": _PAGE}
        words["fields"] = "nextPageToken,items(name,size,updated)"
        while True:
            answer = self._told("GET", "b/{}/o", self._bucket, **words)
            found = answer.get("items", [])
            yield [about for about in map(_about, found if isinstance(found, list) else ()) if about["name"] != after]
            if not (token := answer.get("nextPageToken")):
                return
            words["pageToken"] = token

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        """Put bytes at a key, replacing what is there."""
        self._put(path, value)

    def create_file(self, path: str, value: bytes) -> bool:
        """Put bytes at a key that nothing has; False when something has it."""
        try:
            self._put(path, value, ifGenerationMatch="0")
        except Refused as error:
            if error.status == 412:
                return False
            raise
        return True

    def _put(self, path: str, value: bytes, **conditions: str) -> None:
        """Send an object in one request; the server is told its MD5, and says which it has."""
        digest = base64.b64encode(md5(value, usedforsecurity=False).digest()).decode()
        mark = secrets.token_hex(24)
        about = json.dumps({"name": path, "md5Hash": digest})
        head = f"--{mark}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{about}\r\n"
        head += f"--{mark}\r\nContent-Type: application/octet-stream\r\n\r\n"
        body = b"".join((head.encode(), value, f"\r\n--{mark}--\r\n".encode()))
        headers = {"Content-Type": f"multipart/related; boundary={mark}"}
        address = f"{self._location}/upload/storage/v1/b/{self._bucket}/o"
        answer = self._told("POST", address, headers=headers, data=body, uploadType="multipart", **conditions)
        if answer.get("md5Hash", digest) != digest:
            raise Refused(f"<Code>{_BUSY}</Code>")

    def send(self, path: str, pieces: Iterator[bytes], size: int, part: int) -> None:
        """Put a body of any size at a key, so many bytes in a request; it is there when the last has come."""
        headers = {"X-Upload-Content-Type": "application/octet-stream"}
        address = f"{self._location}/upload/storage/v1/b/{self._bucket}/o"
        begun, _ = self._ask("POST", address, headers=headers, json={"name": path}, uploadType="resumable", name=path)
        where = begun.get("Location", "")
        if urlsplit(where)[:2] != urlsplit(self._location)[:2]:
            raise Refused("kind: Decode, an upload is to go to another server")
        whole, at = md5(usedforsecurity=False), 0
        try:
            for piece in _parts(pieces, part):
                whole.update(piece)
                answer = self._send_part(where, piece, at, size)
                at += len(piece)
        except BaseException:
            if at < size:
                self._give_up(where)
            raise
        if answer.get("md5Hash", "") not in ("", base64.b64encode(whole.digest()).decode()) or at != size:
            raise Refused(f"<Code>{_BUSY}</Code>")

    def _send_part(self, where: str, piece: bytes, at: int, size: int) -> dict[str, Any]:
        """Send one part, again when it failed for a moment: what the server has of it already, it passes over."""
        headers = {"Content-Range": f"bytes {at}-{at + len(piece) - 1}/{size}"}
        for number in range(1, _TRIES + 1):
            try:
                given, body = self._ask("PUT", where, headers=headers, data=piece)
                if at + len(piece) < size and given.get("Range", "") != f"bytes=0-{at + len(piece) - 1}":
                    raise Refused("kind: Interrupted, a part came in part")
                return dict(json.loads(body or b"{}"))
            except Refused as error:
                if number == _TRIES or trouble_of(str(error)) is None:
                    raise
            except (ValueError, TypeError) as error:
                raise Refused("kind: Decode, no answer to a part") from error
            time.sleep(pause_before(number))
        raise AssertionError("the last try returns or raises")

    def _give_up(self, where: str) -> None:
        try:
            self._ask("DELETE", where)
        except (Refused, FileNotFoundError):
            return  # the server forgets it by itself, after a week

    def rm_file(self, path: str, **_: Any) -> None:
        """Remove a key. Raises FileNotFoundError."""
        self._ask("DELETE", "b/{}/o/{}", self._bucket, path, missing=False)

    def _told(self, method: str, path: str, *args: str, **words: Any) -> dict[str, Any]:
        """The answer to a request, of which we know the form."""
        _, body = self._ask(method, path, *args, **words)
        try:
            answer = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused("kind: Decode, an answer that is no JSON") from error
        if not isinstance(answer, dict):
            raise Refused("kind: Decode, an answer of another form")
        return answer

    def _ask(self, method: str, path: str, *args: str, **words: Any) -> tuple[Mapping[str, str], bytes | None]:
        """The headers and the body of an answer; body None when it has more bytes than `most`. Raises Refused."""
        self._renew()
        answer: tuple[Mapping[str, str], bytes | None] = sync(self.loop, self._call, method, path, *args, **words)
        return answer

    async def _request(self, method: str, path: str, *args: str, **words: Any) -> tuple[Any, ...]:
        """One request, in place of gcsfs's own. `missing`: whether a 404 is of the bucket. Raises Refused."""
        most, missing = words.pop("most", GET_LIMIT), words.pop("missing", True)
        data, body = words.pop("data", None), words.pop("json", None)
        headers = self._get_headers({"Accept-Encoding": "identity", **(words.pop("headers", None) or {})})
        await self._set_session()
        try:
            async with self.session.request(
                method, self._format_path(path, args), params=self._get_params(words), json=body, headers=headers,
                data=io.BytesIO(data) if data is not None else None, timeout=_patience(data), allow_redirects=False,
            ) as given:  # fmt: skip
                if given.status == 308 and "Location" not in given.headers:
                    return 308, given.headers, None, b""
                if given.status >= 300 and given.status != 499:  # which says that an upload was given up, as asked
                    raise _refusal(given.status, await given.content.read(_SMALL), missing=missing)
                if (given.content_length or 0) > most:
                    given.close()
                    return given.status, given.headers, None, None
                return given.status, given.headers, None, await given.read()
        except FileNotFoundError:
            raise
        except _CLIENT_FAILURES as error:
            raise Refused(_worded(error)) from error

    def _renew(self) -> None:
        """Have a token that lasts for the next request. Raises Refused."""
        token: Any = self._found.token
        if token is None:
            return
        with self._renewing:
            expiry = getattr(token, "expiry", None)
            left_s = (expiry - datetime.now(UTC).replace(tzinfo=None)).total_seconds() if expiry else _FRESH_S * 2
            if token.valid and left_s > _FRESH_S:
                return
            try:
                with requests.Session() as session:
                    asking: Any = Request(session)
                    token.refresh(partial(asking, timeout=object_place.ANSWER.total_seconds()))
            except (GoogleAuthError, requests.RequestException, ValueError) as error:
                why = display(str(error)[:200]).replace("<", "(")
                raise Refused(f"<Code>{NO_TOKEN}</Code><Message>{why}</Message>") from error


_CLIENT_FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


def _patience(data: bytes | None) -> aiohttp.ClientTimeout:
    answer_s = (object_place.SENDING if data and len(data) > _SMALL else object_place.ANSWER).total_seconds()
    total_s = object_place.SENDING.total_seconds() if data else None
    return aiohttp.ClientTimeout(total_s, sock_connect=object_place.CONNECT.total_seconds(), sock_read=answer_s)


def _parts(pieces: Iterator[bytes], part: int) -> Iterator[bytes]:
    """The pieces, put together to parts of so many bytes; the last is held until the pieces have ended."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > part:
            yield bytes(held[:part])
            del held[:part]
    yield bytes(held)


def _about(found: Any) -> dict[str, Any]:
    """What a listing says of a key. Raises Refused when it is of another form."""
    try:
        created = datetime.fromisoformat(found["updated"])
        return {"name": str(found["name"]), "size": int(found["size"]), "type": "file", "created": created}
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("kind: Decode, a listing of another form") from error


def _refusal(status: int, body: bytes, *, missing: bool) -> Exception:
    """The failure that a server's answer is, worded as those of the other client library are."""
    text = body.decode("utf-8", "replace")
    code = message = ""
    try:
        told = json.loads(text)["error"]
        message = str(told["message"] or "") if isinstance(told, dict) else str(told)
        reason = re.search(r'"reason": *"(\w{1,60})"', text)
        code = reason[1] if reason else "Error"
        if status == 404:
            code = MISSING if missing or "bucket does not exist" in message else "NoSuchKey"
    except (ValueError, KeyError, TypeError):
        if status == 404 and "bucket does not exist" in text:
            code = MISSING
    if "MD5 hash" in message:
        code = _BUSY
    named = f"<Code>{code}</Code><Message>{message.replace('<', '(')[:300]}</Message>" if code else ""
    worded = f"non-2xx status code: {status}\n{named}"
    if status == 404 and not missing:
        return FileNotFoundError(worded)
    return Refused(worded, status)


def _worded(error: BaseException) -> str:
    """A failure without an answer, worded as those of the other client library are."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"kind: Connect, dns error: {error}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"kind: Connect, certificate: {error}"
    if isinstance(error, asyncio.TimeoutError):
        return "kind: Timeout, operation timed out"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"kind: Connect, {error}"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL):
        return f"kind: Decode, {error}"
    return f"kind: Interrupted, {error}"
