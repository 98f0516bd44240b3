"""How often a store that keeps chunks asks a remote: packs of the size that they have, and counted requests."""

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from support.remotes import WRITER, new_remote
from track.model.digest import Digest
from track.store import outlook, windows
from track.store.backends.folder import open_folder
from track.store.chunk_reading import load_chunked
from track.store.cutting import writing
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store
from track.store.pack import PackEntry

from .test_intake import OTHERWISE, edited

MIB = 1 << 20


@pytest.fixture(params=["alike", "otherwise"])
def chunking(request: pytest.FixtureRequest) -> Chunking:
    """How the remote cuts: as the stores here, or not."""
    return CHOSEN if request.param == "alike" else OTHERWISE


class Far:
    """A remote, a store that filled it, and a store that takes from it; `asked` are the requests to packs."""

    def __init__(self, folder: Path, chunking: Chunking) -> None:
        (folder / "place").mkdir()
        self.place = open_folder(folder / "place")
        self.ada, self.bob = (Store.open(folder / name / "store", create=True) for name in ("ada", "bob"))
        self.bob.wants_chunks = True
        self.there = new_remote(self.place, folder / "ada.db", chunking)
        self.remote = new_remote(self.place, folder / "bob.db", chunking)
        self.asked: list[tuple[str, int, int]] = []
        get_range = self.remote.place.get_range

        def counting(key: str, offset: int, length: int) -> bytes | memoryview:
            self.asked.append((key, offset, length))
            return get_range(key, offset, length)

        self.remote.place.get_range = counting  # type: ignore[method-assign]

    def push(self, *contents: bytes) -> list[Digest]:
        with writing(self.ada) as writer:
            digests = [writer.add_content(one) for one in contents]
            writer.commit()
        self.there.refresh()
        self.there.send(self.ada, digests, writer=WRITER, roots={"HEAD": tuple(digests)})
        self.remote.refresh()
        self.asked.clear()
        return digests

    def fetch(self, *digests: Digest) -> int:
        """Have them here; the bytes that travelled."""
        fetched = self.remote.fetch(self.bob, digests)
        assert fetched.objects_count == len(digests)
        return fetched.fetched_bytes

    def close(self) -> None:
        for one in (self.remote, self.there, self.ada, self.bob):
            one.__exit__(None, None, None)


@pytest.fixture
def far(tmp_path: Path, chunking: Chunking) -> Iterator[Far]:
    """Nothing is there yet."""
    made = Far(tmp_path, chunking)
    yield made
    made.close()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def rows(size: int) -> bytes:
    some = random.Random(2)
    row = b"".join(b"%d,%d,a row of a table\n" % (one, some.getrandbits(64)) for one in range(size // 36))
    return row[:size]


def sparse() -> bytes:
    """Bytes here and there in much nothing."""
    return b"".join(noise(MIB, seed) + bytes(9 * MIB) for seed in range(6))


@pytest.mark.parametrize(
    ("content", "most"),
    [(noise(64 * MIB), 4), (rows(64 * MIB), 2), (sparse(), 1)],
    ids=["noise", "rows", "sparse"],
)
def test_a_pack_of_which_all_is_needed_is_one_request(far: Far, content: bytes, most: int, chunking: Chunking) -> None:
    (digest,) = far.push(content)
    (held,) = far.there.known.chunked(digest)
    packs = load_chunked(far.place, held).packs
    assert chunking != CHOSEN or len(packs) <= most
    far.asked.clear()
    received = far.fetch(digest)
    others = far.asked[1:]  # after the recipe
    assert len(others) == len(packs)
    assert sum(length for _, _, length in others) == received
    assert far.bob.read(digest) == content


def test_objects_that_share_packs_are_had_together(far: Far) -> None:
    contents = [noise(MIB + 5, seed) for seed in range(24)]
    far.fetch(*far.push(*contents))
    assert len(far.asked) <= 3, far.asked


@pytest.mark.parametrize("chunking", [CHOSEN])
def test_an_edit_asks_for_no_more_than_it_needs(far: Far) -> None:
    data = noise(40 * MIB)
    first, second = far.push(data, edited(edited(data, 30 * MIB), 5 * MIB))
    far.fetch(first)
    far.asked.clear()
    assert far.fetch(second) < MIB and len(far.asked) <= 3


@pytest.mark.parametrize("chunking", [CHOSEN])
def test_what_was_added_here_is_not_asked_for_with_its_pack(far: Far) -> None:
    data = noise(60 * MIB)
    (digest,) = far.push(data)
    with writing(far.bob) as writer:
        writer.add_content(data[: 40 * MIB])
        writer.commit()
    assert far.fetch(digest) < 22 * MIB
    assert far.bob.read(digest) == data


def test_chunks_that_come_again_much_later_are_asked_for_once(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "HORIZON", 2 * MIB)
    monkeypatch.setattr(windows, "AHEAD", MIB)
    monkeypatch.setattr(outlook, "STEP", MIB)
    part = noise(300_000, 9)
    data = b"".join(noise(4 * MIB, seed) + part for seed in range(16))
    (digest,) = far.push(data)
    assert far.fetch(digest) < 66 * MIB
    assert far.bob.read(digest) == data


@pytest.mark.parametrize("chunking", [CHOSEN])
def test_a_window_keeps_only_what_will_be_read(far: Far) -> None:
    """Of every pack a tenth is needed, here and there, with little between."""
    data = noise(40 * MIB)
    far.push(data)
    (digest,) = far.push(b"".join(data[at : at + 200_000] for at in range(0, len(data), 400_000)))
    came: list[windows.Came] = []
    kept = windows._kept

    def noting(content: memoryview, offset: int, entries: Mapping[int, PackEntry]) -> Any:
        stored, size = kept(content, offset, entries)
        came.append(windows.Came(stored, size, None, len(content)))
        return stored, size

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_kept", noting)
        far.fetch(digest)
    between = [one for one in came if one.kept_bytes < one.received_bytes // 2]
    assert between
    for one in between:
        for stored in one.stored.values():
            assert not isinstance(stored, memoryview) or len(stored.obj) == len(stored)


def test_chunks_that_were_read_let_go_of_what_came_with_them() -> None:
    content = memoryview(noise(1000))
    stored: dict[int, windows.Stored] = {number: content[number * 100 :][:100] for number in range(10)}
    future: Future[windows.Came] = Future()
    future.set_result(windows.Came(stored, len(content), None, len(content)))
    window = windows.Window(future, set(stored))
    assert window.counted() == 1000 and window.counted() == 0
    for number in range(9):
        assert window.drop(number) == content[number * 100 :][:100]
    assert window.kept_bytes <= 200 and stored == {9: content[900:]} and isinstance(stored[9], bytes)
