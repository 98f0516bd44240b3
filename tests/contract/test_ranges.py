"""What every remote promises of a part of a large object: about so many bytes come, and each of them is checked.

Bytes are counted at the wire where there is one: between the server and us; of a folder and of memory at the seam.
"""

import io
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.relay import Relay, relay
from support.remotes import KINDS, SERVERS, WRITER, add_objects, new_place, new_remote
from support.sshd import introduce
from track.errors import DamagedObject
from track.flows.ranged import ranged
from track.model.digest import Digest
from track.store.backends.sealed import SealedPlace
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store
from track.store.parts import Parts
from track.store.place import Place
from track.store.recipe import PIECE

ROWS, COLUMNS = 100_000, 20
INSIDE = 256 << 10
"""Somewhere in it."""


def table() -> bytes:
    """A Parquet file of 16 MiB, each column of which is 0.8 MiB."""
    source = np.random.default_rng(3)
    made = pa.table({f"c{number:02}": source.random(ROWS) for number in range(COLUMNS)})
    file = io.BytesIO()
    pq.write_table(made, file, compression="none", use_dictionary=False)
    return file.getvalue()


TABLE = table()


class Counted:
    """How many bytes came so far, and a way to have them altered."""

    def __init__(self, wire: Relay | None) -> None:
        self._wire, self.seen, self.flips = wire, 0, False

    @property
    def bytes(self) -> int:
        """Through the wire, else through the seam."""
        return self.seen if self._wire is None else self._wire.received

    def watch(self, place: Place, patch: pytest.MonkeyPatch) -> None:
        """Count what a place gives, and alter it where that was asked for."""
        behind = place.behind if isinstance(place, SealedPlace) else place
        get_range = behind.get_range

        def watched(key: str, offset: int, length: int) -> bytes:
            data = get_range(key, offset, length)
            self.seen += len(data)
            return bytes(byte ^ 1 for byte in data) if self.flips else data

        patch.setattr(behind, "get_range", watched)


def behind_relay(server: Any, stack: ExitStack) -> tuple[Any, Relay]:
    """The same server at another port, where what it sends is counted."""
    endpoint = getattr(server, "endpoint", None)
    port = server.port if endpoint is None else urlsplit(endpoint).port
    wire = stack.enter_context(relay(port))
    if endpoint is None:
        server = server._replace(port=wire.port)
        introduce(server, Path.home())
        return server, wire
    return server._replace(endpoint=endpoint.replace(f":{port}", f":{wire.port}")), wire


@pytest.fixture(params=[(kind, way) for kind in KINDS for way in ("chunks", "whole")], ids="-".join)
def far(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Callable[[], Parts], Counted]]:
    """A large object that is at a remote alone, in chunks or as a file of its own; and what comes of it."""
    kind, way = request.param
    server = request.getfixturevalue(SERVERS[kind]) if kind in SERVERS else None
    with ExitStack() as stack:
        wire = None
        if server is not None:
            server, wire = behind_relay(server, stack)
        place = new_place(kind, tmp_path / "place", server)
        chunking = CHOSEN if way == "chunks" else Chunking()
        digest = sent(place, tmp_path / "ada", chunking)
        counted = Counted(wire)
        counted.watch(place, monkeypatch)
        remote = stack.enter_context(new_remote(place, tmp_path / "bob.db", chunking))
        remote.refresh()

        def opened() -> Parts:
            return Parts(remote.place, remote.known, digest)

        yield opened, counted


def sent(place: Place, folder: Path, chunking: Chunking) -> Digest:
    """The table at a place, sent by Ada."""
    with (
        Store.open(folder / "store", create=True) as store,
        new_remote(place, folder / "known.db", chunking) as remote,
    ):
        [digest] = add_objects(store, [TABLE])
        remote.refresh()
        remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    return digest


def test_a_footer_and_two_columns_cost_about_their_own_size(far: tuple[Callable[[], Parts], Counted]) -> None:
    opened, counted = far
    before = counted.bytes
    with ranged(opened()) as file:
        assert pq.read_metadata(file).num_rows == ROWS
    assert counted.bytes - before < 3 * PIECE
    before = counted.bytes
    with ranged(opened()) as file:
        found = pq.read_table(pa.PythonFile(file, mode="r"), columns=["c03", "c17"])
    assert found.equals(pq.read_table(io.BytesIO(TABLE), columns=["c03", "c17"]))
    # A column has two ends, each in a piece of at most 1 MiB; the footer is in the last one.
    assert counted.bytes - before < found.nbytes + 5 * PIECE + (256 << 10) < len(TABLE) / 2


def test_any_range_is_what_the_object_has_there_and_no_more_comes(far: tuple[Callable[[], Parts], Counted]) -> None:
    opened, counted = far
    parts = opened()
    source = random.Random(9)
    for _ in range(6):
        start, length = source.randrange(len(TABLE)), source.choice([1, 5000, 700_000])
        before = counted.bytes
        assert parts.read(start, start + length) == TABLE[start : start + length]
        assert counted.bytes - before < length + 3 * PIECE
    assert parts.read(len(TABLE) - 4, len(TABLE) + 100) == b"PAR1"
    assert parts.read(len(TABLE), len(TABLE) + 100) == b""


def test_what_was_altered_on_its_way_is_never_given(far: tuple[Callable[[], Parts], Counted]) -> None:
    opened, counted = far
    parts = opened()
    counted.flips = True
    with pytest.raises(DamagedObject):
        parts.read(INSIDE, INSIDE + 100)
    counted.flips = False
    assert parts.read(INSIDE, INSIDE + 100) == TABLE[INSIDE : INSIDE + 100]
