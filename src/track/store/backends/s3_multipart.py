"""Large files go to a bucket in parts, several at a time; an upload that was killed goes on with the parts it lacks.

Which uploads are under way is remembered beside the record of the remote. A part that the server has is believed
when its tag is the MD5 of our bytes, as it is wherever parts are not encrypted with keys of the server's: elsewhere
every part is sent again. The object comes to be only after the whole file was seen to have its digest.
"""

import hashlib
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from html import escape, unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from blake3 import blake3

from track.model.expressions import expression
from track.progress import Moved, unheard
from track.publish import make_directories, publish_bytes
from track.store.backends.credentials import Credentials
from track.store.backends.failure import Refused, Unusable, trouble_of
from track.store.backends.filesystem import changed
from track.store.backends.pace import Pace, pause_before
from track.store.backends.s3_requests import Requests
from track.store.description import SUMS
from track.store.pieces import Pieces
from track.work import hash_threads

PART = 8 << 20
"""Bytes of a part, unless the file is so large that it would have too many."""
KEPT_S = 86400.0
"""What was broken off and not gone on with for so long is given up, and the server told to forget it."""

_PROBE = b"track wrote this to see what the server does with it; it can be deleted\n"
_MAX_PARTS = 9000
_IN_FLIGHT = 4
_ENDINGS = 4  # tries to end an upload
_UPLOAD_ID = expression(r"<UploadId>([^<]{1,2000})</UploadId>")
_PART_XML = expression(r"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = expression(r"<PartNumber>(\d{1,5})</PartNumber>")
_TAG = expression(r"<ETag>([^<]{1,200})</ETag>")
_SIZE = expression(r"<Size>(\d{1,15})</Size>")
_NEXT = expression(r"<IsTruncated>true</IsTruncated>")
_LINE = expression(r"(\S{1,1500}) (\S{1,2000}) (\d{1,15}) (\d{1,15})")


class Begun(NamedTuple):
    """An upload under way: its id at the server, the size of its parts, and when it was begun, in seconds."""

    upload_id: str
    part_size: int
    began_s: int


class _There(NamedTuple):
    """A part that the server has."""

    tag: str
    size: int


class PartsUpload:
    """Sends large files to one bucket; safe to use from several threads, one file in each."""

    def __init__(self, requests: Requests, memory: Path | None) -> None:
        """`memory` is where uploads under way are remembered; without it, none goes on."""
        self._requests, self._memory = requests, memory
        self._lock = threading.Lock()
        self._begun = _read(memory)

    def send(self, key: str, source: Path, digest: bytes, *, fd: int, moved: Moved) -> int:
        """Send the file behind `fd` to a key, and say how many bytes travelled; broken off, the next call goes on.

        Raises:
            DamagedObject: the file did not have the digest; nothing is at the key.
            Refused, Unusable: the server, or the way to it.
        """
        try:
            return self._send(key, source, digest, fd=fd, moved=moved)
        except Refused as error:
            if error.status != 404:
                raise
            self._forget(key)  # the server knows no more of the upload: it was broken off long ago, or given up
            return self._send(key, source, digest, fd=fd, moved=moved)

    def put(self, key: str, data: bytes | Pieces, *, only_new: bool, sums: str = "", moved: Moved = unheard) -> bool:
        """Send bytes to a key in one request; False when something is there, and `only_new` was asked for.

        `sums` is the one that the server was seen to look at. Where it wants another by now, it has every one.
        `moved` is told what leaves, again when it is sent again.

        Raises:
            Refused, Unusable: the server, or the way to it.
        """
        try:
            self._requests.ask("PUT", key, {}, data, only_new=only_new, sums=sums, moved=moved)
        except Refused as error:
            if only_new and error.status == 412:
                return False
            if sums and error.status == 400:
                return self.put(key, data, only_new=only_new, moved=moved)
            raise
        return True

    def find_sums(self, key: str) -> str:
        """Which sum of a body the server holds against what arrived: a wrong one is refused, and a right one is not.

        Raises:
            Refused, Unusable: it could not be found out.
        """
        try:
            return next((name for name in SUMS if self._looks_at(key, name)), "")
        finally:
            with suppress(Refused, Unusable):
                self._requests.ask("DELETE", key, {})

    def _looks_at(self, key: str, sums: str) -> bool:
        """Whether it takes the right sum alone; the wrong one twice, for it may be refused once for another reason."""
        for is_right in (False, True, False):
            try:
                summed = _PROBE if is_right else _PROBE[::-1]
                self._requests.ask("PUT", key, {}, _PROBE, sums=sums, summed=summed, tries=1)
                is_taken = True
            except Refused as error:
                if error.status != 400 and not is_right:
                    raise
                is_taken = False  # or it does not know how this one is sent
            if is_taken != is_right:
                return False
        return True

    def tidy(self) -> None:
        """Have the server forget uploads that were broken off and not gone on with."""
        for key, begun in list(self._begun.items()):
            if time.time() - begun.began_s >= KEPT_S:
                self._abort(key, begun)

    def _send(self, key: str, source: Path, digest: bytes, *, fd: int, moved: Moved) -> int:
        size = os.fstat(fd).st_size
        found_bytes = 0
        part_size = max(PART, -(-size // _MAX_PARTS))
        begun, there = self._start(key, part_size)
        hasher = blake3(max_threads=hash_threads())
        tags: dict[int, str] = {}
        flying: deque[tuple[int, int, Future[str]]] = deque()

        def land() -> None:
            number, length, future = flying.popleft()
            tags[number] = future.result()
            moved(length)

        with ThreadPoolExecutor(_IN_FLIGHT) as threads:
            try:
                for number, data in _parts(fd, size, part_size):
                    hasher.update(data)
                    if (tag := _same(there.get(number), data)) is not None:
                        tags[number] = tag
                        found_bytes += len(data)
                        moved(len(data))
                        continue
                    if len(flying) >= _IN_FLIGHT:
                        land()
                    flying.append((number, len(data), threads.submit(self._put, key, begun, number, data)))
                while flying:
                    land()
            finally:
                for _, _, future in flying:
                    future.cancel()
        if hasher.digest() != digest:
            self._abort(key, begun)
            raise changed(source)
        try:
            self._complete(key, begun, tags)
        except Refused as error:
            if error.status != 404 or not self._is_made(key, tags):
                raise
        self._forget(key)
        return size - found_bytes

    def _is_made(self, key: str, tags: dict[int, str]) -> bool:
        """Whether the object is there as it was to be made of these parts: then only the answer to that was lost."""
        with suppress(ValueError, Refused):
            every = b"".join(bytes.fromhex(tags[number]) for number in sorted(tags))
            expected = f"{hashlib.md5(every, usedforsecurity=False).hexdigest()}-{len(tags)}"
            return (self._requests.ask("HEAD", key, {}).headers.get("ETag") or "").strip('"') == expected
        return False

    def _start(self, key: str, part_size: int) -> tuple[Begun, dict[int, _There]]:
        """The upload to go on with and what of it is there; or a new one."""
        begun = self._begun.get(key)
        if begun is not None and begun.part_size == part_size:
            try:
                return begun, self._there(key, begun)
            except Refused as error:
                if error.status not in (400, 403, 404, 405, 501):  # forgotten there, or not to be asked for
                    raise
        told = self._requests.ask("POST", key, {"uploads": ""}).body.decode("utf-8", "replace")
        match = _UPLOAD_ID.search(told)
        if match is None:
            raise Refused("kind: Decode, the answer names no upload")
        begun = Begun(unescape(match[1]), part_size, int(time.time()))
        self._remember(key, begun)
        return begun, {}

    def _there(self, key: str, begun: Begun) -> dict[int, _There]:
        found: dict[int, _There] = {}
        while True:
            query = {"uploadId": begun.upload_id, "part-number-marker": str(max(found, default=0))}
            told = self._requests.ask("GET", key, query).body.decode("utf-8", "replace")
            before = len(found)
            for each in _PART_XML.findall(told):
                number, tag, size = (pattern.search(each) for pattern in (_NUMBER, _TAG, _SIZE))
                if number and tag and size:
                    found[int(number[1])] = _There(unescape(tag[1]).strip('"'), int(size[1]))
            if not _NEXT.search(told) or len(found) == before:
                return found

    def _put(self, key: str, begun: Begun, number: int, data: bytes) -> str:
        query = {"partNumber": str(number), "uploadId": begun.upload_id}
        tag = self._requests.ask("PUT", key, query, data).headers.get("ETag")
        if not tag:
            raise Refused("kind: Decode, the answer to a part has no tag")
        return tag.strip('"')

    def _complete(self, key: str, begun: Begun, tags: dict[int, str]) -> None:
        parts = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(tag, quote=False)}"</ETag></Part>'
            for number, tag in sorted(tags.items())
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        for number in range(1, _ENDINGS + 1):
            told = self._requests.ask("POST", key, {"uploadId": begun.upload_id}, body).body.decode("utf-8", "replace")
            if "<Error>" not in told and "CompleteMultipartUploadResult" in told:
                return
            failure = Refused(f"the upload could not be completed: {told}")  # such an error comes with a 200
            if number == _ENDINGS or trouble_of(told) is None:
                raise failure
            time.sleep(pause_before(number))

    def _abort(self, key: str, begun: Begun) -> None:
        with suppress(Refused, Unusable):  # without the right to: a rule of the bucket has to
            self._requests.ask("DELETE", key, {"uploadId": begun.upload_id})
        self._forget(key)

    def _remember(self, key: str, begun: Begun) -> None:
        with self._lock:
            self._begun[key] = begun
            self._write()

    def _forget(self, key: str) -> None:
        with self._lock:
            if self._begun.pop(key, None) is not None:
                self._write()

    def _write(self) -> None:
        if self._memory is not None:
            make_directories(self._memory.parent)
            lines = (f"{quote(key)} {' '.join(map(str, begun))}\n" for key, begun in sorted(self._begun.items()))
            publish_bytes(self._memory, "".join(lines).encode())


def open_parts(
    bucket: str, found: Credentials, memory: Path | None, asked: Callable[[], None], pace: Pace | None = None
) -> PartsUpload:
    """What sends large files to a bucket as somebody; `asked` is told of every request, `pace` is the server's."""
    return PartsUpload(Requests(bucket, found, asked, pace), memory)


def _read(memory: Path | None) -> dict[str, Begun]:
    """What was remembered; a line that is none is as good as no line."""
    if memory is None:
        return {}
    try:
        lines = memory.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    matches = (_LINE.fullmatch(line) for line in lines)
    return {unquote(match[1]): Begun(match[2], int(match[3]), int(match[4])) for match in matches if match}


def _parts(fd: int, size: int, part_size: int) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each part; numbers begin with 1."""
    for number, start in enumerate(range(0, size, part_size), 1):
        yield number, os.pread(fd, min(part_size, size - start), start)


def _same(there: _There | None, data: bytes) -> str | None:
    """The tag of a part that the server has just as it is here, else None."""
    if there is None or there.size != len(data):
        return None
    return there.tag if hashlib.md5(data, usedforsecurity=False).hexdigest() == there.tag else None
