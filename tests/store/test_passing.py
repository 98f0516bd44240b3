"""Packs that are sent from memory: the same bytes as on the disk, which never sees them, and memory used again."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.remotes import WRITER, add_objects, new_remote
from track.model.digest import digest_of
from track.store import pack as packs
from track.store import parcels
from track.store.backends.folder import FolderPlace, open_folder
from track.store.buffer import Buffer
from track.store.chunking import chunker_of
from track.store.description import CHOSEN, Chunking
from track.store.objects import Store
from track.store.pack import RAW, PackEntry, PackWriter
from track.store.parcels import INDEX_EVERY_BYTES
from track.store.passing import PassingWriter
from track.store.place import Upload
from track.store.slabs import Source, digests_of, slabs, stored_chunks
from track.store.whole import Whole

MIB = 1 << 20
SMALL = Chunking(minimum_bytes=2 << 10, average_bytes=8 << 10, maximum_bytes=32 << 10, normalisation=2)


def filled(content: bytes) -> tuple[Buffer, list[Buffer]]:
    """A buffer that is held once, and what is given back."""
    back: list[Buffer] = []
    buffer = Buffer(back.append)
    buffer.data = bytearray(content)
    buffer.hold()
    return buffer, back


def entry(content: bytes) -> PackEntry:
    return PackEntry(digest_of(content), RAW, 0, 0, len(content), len(content), digest_of(content))


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("object", "entry", "slice", "other slice")), st.integers(0, 3 << 19)),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 1 << 20),
)
def test_a_pack_in_memory_has_the_bytes_and_the_name_of_one_on_the_disk(tmp_path_factory, steps, seed) -> None:
    written, passing = PackWriter(tmp_path_factory.mktemp("pack")), PassingWriter()
    content = random.Random(seed).randbytes(4 * MIB)
    buffers = {"slice": filled(content)[0], "other slice": filled(content[::-1])[0]}
    at = 0
    for kind, size in steps:
        start = at % (2 * MIB)
        at += size
        if kind in buffers:
            data = bytes(buffers[kind].data[start : start + size])
            passing.add_slice(entry(data), buffers[kind], start)
            written.add_slice(entry(data), buffers[kind], start)
            continue
        data = content[start : start + size]
        for writer in (passing, written):
            if kind == "object":
                writer.add(digest_of(data), data)
            else:
                writer.add_entry(entry(data), data)
        assert (passing.size, passing.is_full) == (written.size, written.is_full)
    one, other = passing.seal(), written.seal()
    assert one is not None and other is not None
    assert one.pieces.joined() == other.path.read_bytes()
    assert (one.name, one.size, one.entries) == (other.name, other.size, other.entries)
    assert one.table_offset == other.table_offset and one.pieces.size == one.size


def test_nothing_makes_no_pack() -> None:
    assert PassingWriter().seal() is None


def test_neighbours_in_a_buffer_are_one_piece_that_is_not_copied() -> None:
    buffer, _ = filled(bytes(range(200)))
    writer = PassingWriter()
    for start in (0, 50, 100):
        writer.add_slice(entry(bytes(buffer.data[start : start + 50])), buffer, start)
    sealed = writer.seal()
    assert sealed is not None
    assert [len(part) for part in sealed.pieces.parts] == [150, sealed.size - 150]
    buffer.data[0] = 7
    assert sealed.pieces.parts[0][0] == 7


def test_a_buffer_is_given_back_by_the_last_who_needs_it() -> None:
    buffer, back = filled(bytes(100))
    writers = PassingWriter(), PassingWriter(), PassingWriter()
    for writer in writers:
        writer.add_slice(entry(bytes(10)), buffer, 0)
        writer.add_slice(entry(bytes(10)), buffer, 50)
    buffer.let_go()
    first, second = writers[0].seal(), writers[1].seal()
    assert first is not None and second is not None
    first.let_go()
    writers[2].abandon()
    assert back == []
    second.let_go()
    assert back == [buffer]


def test_a_slab_is_read_into_memory_that_nobody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("track.store.slabs.SLAB", MIB)
    content = random.Random(3).randbytes(12 * MIB)
    (tmp_path / "large").write_bytes(content)
    chunker = chunker_of(SMALL)
    assert chunker is not None
    at, held, seen = 0, [], set()
    for slab in slabs([Source(digest_of(content), Whole(tmp_path / "large"), len(content))], chunker):
        if not held:
            slab.buffer.hold()
            held.append((slab.buffer, bytes(slab.data)))
        seen.add(id(slab.buffer))
        assert bytes(slab.data) == content[at : at + len(slab.data)]
        at += len(slab.data)
        slab.release()
    assert at == len(content) and len(seen) < 8, "the others are used again"
    buffer, first = held[0]
    assert buffer.data[: len(first)] == first


def test_what_is_not_compressed_stays_in_its_slab_only_when_it_is_most_of_it(tmp_path: Path) -> None:
    content = random.Random(4).randbytes(4 * MIB)
    (tmp_path / "large").write_bytes(content)
    chunker = chunker_of(CHOSEN)
    assert chunker is not None
    (slab,) = slabs([Source(digest_of(content), Whole(tmp_path / "large"), len(content))], chunker)
    digests = digests_of(slab)
    everything = list(range(len(digests)))
    assert all(chunk.data is None for chunk in stored_chunks(slab, digests, everything).values())
    few = stored_chunks(slab, digests, everything[:3])
    assert [digest_of(few[number].data or b"") for number in everything[:3]] == digests[:3]
    slab.release()


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    """An empty folder."""
    (tmp_path / "place").mkdir()
    return open_folder(tmp_path / "place")


def test_a_push_makes_no_file_here(place: FolderPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither chunks, nor small objects that are packed for it, nor recipes."""
    monkeypatch.setattr(packs, "PACK_SIZE", MIB)
    staged: list[str] = []
    keys: list[str] = []
    upload = place.upload

    def start() -> Upload:
        made = upload()
        put = made.put_pieces

        def looking(key: str, *arguments: Any, **options: Any) -> int:
            staged.extend(path.name for path in (tmp_path / "store" / "staging").glob("*"))
            keys.append(key)
            return put(key, *arguments, **options)

        monkeypatch.setattr(made, "put_pieces", looking)
        return made

    monkeypatch.setattr(place, "upload", start)
    contents = [random.Random(1).randbytes(3 * MIB), b"a, small, one\n"]
    with (
        Store.open(tmp_path / "store", create=True) as store,
        new_remote(place, tmp_path / "known.db", SMALL) as remote,
    ):
        digests = add_objects(store, contents)
        remote.send(store, digests, writer=WRITER, roots={"HEAD": tuple(digests)})
        with Store.open(tmp_path / "other", create=True) as other:
            assert not remote.fetch(other, digests).missing
            assert [other.read(digest) for digest in digests] == contents
    assert len(keys) >= 5 and staged == []


def test_the_next_group_is_on_its_way_while_the_last_of_one_arrives(
    place: FolderPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "INDEX_EVERY_BYTES", 3 * MIB)
    assert INDEX_EVERY_BYTES == 256 << 20
    upload = place.upload
    begun = [0]
    is_next_here = threading.Event()

    def start() -> Upload:
        begun[0] += 1
        number, made = begun[0], upload()
        put_file = made.put_file

        def waiting(key: str, *arguments: Any, **options: Any) -> int:
            if number > 1:
                is_next_here.set()
            assert is_next_here.wait(60) or number > 1, "it waited for the group before"
            return put_file(key, *arguments, **options)

        monkeypatch.setattr(made, "put_file", waiting)
        return made

    monkeypatch.setattr(place, "upload", start)
    contents = [random.Random(seed).randbytes(2 * MIB) for seed in range(5)]
    with Store.open(tmp_path / "store", create=True) as store, new_remote(place, tmp_path / "known.db") as remote:
        digests = add_objects(store, contents)
        sent = remote.send(store, digests, writer=WRITER, roots={"HEAD": tuple(digests)})
        assert sent.objects_count == 5 and begun[0] == 3
        with Store.open(tmp_path / "other", create=True) as other:
            assert not remote.fetch(other, digests).missing
            assert [other.read(digest) for digest in digests] == contents
