"""Slabs: large objects, read and cut 16 MiB at a time by one thread while others hash and compress what came before."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from blake3 import blake3

from track.store.buffer import Buffer
from track.store.chunking import Chunker
from track.store.compression import zstd
from track.store.pack import RAW, ZSTD

SLAB = 16 << 20
"""Bytes that are read at a time; the chunk that is not whole yet comes before them."""

_AT_ONCE = 4
_LEVEL = 1
_PROBED = 8
"""One chunk of so many is compressed to see whether it pays; the others follow it."""
_PAYS = 0.95
_WORTH = 0.875
"""A buffer is kept for packs when they have so much of it."""


class Readable(Protocol):
    """What an object is read from."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer from there on, as far as it goes; how many bytes came."""

    def close(self) -> None:
        """Let go of it."""


class Large(Protocol):
    """A large object, wherever and however it is kept."""

    def open(self) -> Readable:
        """It, open for reading, in any thread."""


class Broken(Exception):
    """Raised while an object is read that cannot be read to its end, or is another one; the others can.

    `bad_packs` at the remote lack something of it, or (`is_damaged`) are not what they should be; `bad_here` is a pack
    of this store of which the same is true.
    """

    def __init__(
        self,
        digest: bytes,
        *,
        is_damaged: bool,
        bad_packs: frozenset[bytes] = frozenset(),
        bad_here: bytes | None = None,
    ) -> None:
        """For whoever reads it."""
        super().__init__(digest)
        self.digest, self.is_damaged, self.bad_packs, self.bad_here = digest, is_damaged, bad_packs, bad_here


class Source(NamedTuple):
    """A large object to be cut: its digest (empty where nobody knows it yet), what should be it, and its bytes."""

    digest: bytes
    large: Large
    size: int


class Slab(NamedTuple):
    """Chunks of one object that follow each other, at the beginning of a buffer.

    After `release` it is somebody else's, unless it is held.
    """

    source: Source
    data: memoryview
    lengths: list[int]
    is_last: bool
    release: Callable[[], None]
    buffer: Buffer


class Stored(NamedTuple):
    """A chunk in the form in which it goes into a pack; `data` None: as it lies in the slab, from `start` on."""

    form: int
    data: bytes | None
    digest: bytes
    start: int


def slabs(sources: Iterable[Source], chunker: Chunker) -> Generator[Slab, None, None]:
    """The slabs of all objects in order, each read and cut by a thread while the one before is in use.

    Who takes a slab has to release it, in any order; a few wait at most, and more memory than theirs is only in use
    while their buffers are held. A file that is shorter than it should be ends sooner. Raises what reading raises.
    """
    turns = _Turns()
    full: SimpleQueue[Slab | BaseException | None] = SimpleQueue()
    reader = threading.Thread(target=_fill, args=(iter(sources), chunker, turns, full), name="track-cut", daemon=True)
    reader.start()
    try:
        while (item := full.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        turns.end()
        reader.join()


class _Turns:
    """So many slabs at once, and the buffers that nobody holds any more."""

    def __init__(self) -> None:
        self._free: SimpleQueue[bool] = SimpleQueue()
        for _ in range(_AT_ONCE):
            self._free.put(True)
        self._buffers: deque[Buffer] = deque()

    def take(self, size: int) -> Buffer | None:
        """A buffer of so many bytes, held, when it is the turn of one more slab; None when nobody wants any."""
        if not self._free.get():
            return None
        buffer = self._buffers.pop() if self._buffers else Buffer(self._buffers.append)
        buffer.hold()
        if len(buffer.data) < size:
            buffer.data = bytearray(size)
        return buffer

    def give(self, buffer: Buffer) -> None:
        """A slab is over; others may hold its buffer."""
        buffer.let_go()
        self._free.put(True)

    def end(self) -> None:
        """Nobody wants any more."""
        self._free.put(False)


def _fill(
    sources: Iterator[Source],
    chunker: Chunker,
    turns: _Turns,
    full: "SimpleQueue[Slab | BaseException | None]",
) -> None:
    try:
        for source in sources:
            content = source.large.open()
            try:
                if not _cut(content, source, chunker, turns, full):
                    return
            finally:
                content.close()
        full.put(None)
    except BaseException as error:  # handed to the thread that asked, which raises it
        full.put(error)


def _cut(
    content: Readable,
    source: Source,
    chunker: Chunker,
    turns: _Turns,
    full: "SimpleQueue[Slab | BaseException | None]",
) -> bool:
    """Pass on the slabs of one file; False when nobody wants them any more."""
    at, carried = 0, b""
    room = SLAB + 2 * chunker.chunking.maximum_bytes
    while True:
        if (buffer := turns.take(min(room, max(source.size - at + len(carried), 1)))) is None:
            return False
        view = memoryview(buffer.data)
        view[: len(carried)] = carried
        wanted = min(SLAB, source.size - at)
        have = len(carried) + content.read_into(view[len(carried) : len(carried) + wanted], at)
        is_last = have - len(carried) < wanted or at + wanted >= source.size
        at += have - len(carried)
        lengths = chunker.lengths(view[:have], is_end=is_last)
        end = sum(lengths)
        carried = bytes(view[end:have])
        full.put(Slab(source, view[:end], lengths, is_last, partial(turns.give, buffer), buffer))
        if is_last:
            return True


def digests_of(slab: Slab) -> list[bytes]:
    """The digests of its chunks in order; for a thread."""
    found = []
    at = 0
    for length in slab.lengths:
        found.append(blake3(slab.data[at : at + length]).digest())
        at += length
    return found


def stored_chunks(slab: Slab, digests: list[bytes], wanted: list[int]) -> dict[int, Stored]:
    """Those of its chunks that are wanted (by number), compressed where a probe says that it pays; for a thread.

    What is not compressed stays where it lies when it is nearly all that is in the buffer: then that is worth keeping.
    """
    offsets, at = [], 0
    for length in slab.lengths:
        offsets.append(at)
        at += length
    found: dict[int, Stored] = {}
    compressor = None if zstd is None else zstd.ZstdCompressor(level=_LEVEL)
    pays = False
    for turn, number in enumerate(wanted):
        data = slab.data[offsets[number] : offsets[number] + slab.lengths[number]]
        if compressor is not None and (pays or turn % _PROBED == 0):
            frame: bytes = compressor.compress(data, zstd.ZstdCompressor.FLUSH_FRAME)
            pays = len(frame) < _PAYS * len(data)
            if pays:
                found[number] = Stored(ZSTD, frame, blake3(frame).digest(), 0)
                continue
        found[number] = Stored(RAW, None, digests[number], offsets[number])
    raw = [number for number, chunk in found.items() if chunk.data is None]
    if sum(slab.lengths[number] for number in raw) < _WORTH * len(slab.buffer.data):
        for number in raw:
            data = slab.data[offsets[number] : offsets[number] + slab.lengths[number]]
            found[number] = found[number]._replace(data=bytes(data))
    return found
