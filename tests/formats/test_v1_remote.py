"""A frozen remote of format 1: every later version reads it, and writes the same bytes."""

import shutil
from pathlib import Path

import pytest

from support.remotes import add_objects
from track.errors import DamagedObject, NewerFormat
from track.model.digest import Digest, digest_of
from track.store.backends.folder import open_folder
from track.store.description import Description, dump_description
from track.store.known import Known
from track.store.layout import (
    RootsKey,
    claim_name,
    is_tombstone,
    object_key,
    pack_key,
    roots_name,
    segment_key,
    segment_name,
)
from track.store.objects import Store
from track.store.pack import PackWriter, SealedPack
from track.store.remote import Remote
from track.store.roots import RootsEntry, dump_roots, parse_roots
from track.store.segment import MERGE, Held, Name, PackSize, build_segment, merge_segments, parse_head, parse_segment
from track.store.survey import survey, tombstoned

V1 = Path(__file__).parent / "v1" / "remote"
STORE = "00112233445566778899aabbccddeeff"
WRITER = "ffeeddccbbaa99887766554433221100"
FIRST = (b"", b"one\n", b"two\n", bytes(range(256)))
SECOND = (b"three\n", b"two\n")
ALONE = b"a file of its own, however small\n"
GOLDEN = "blake3:1528f44da0315c7fff0903ec9badaf2287f1b6cfae086175eb7e0d4c34d33753"


def sealed(folder: Path, contents: tuple[bytes, ...]) -> SealedPack:
    writer = PackWriter(folder)
    for content in contents:
        writer.add(digest_of(content), content)
    pack = writer.seal()
    assert pack is not None
    return pack


def held(pack: SealedPack) -> list[Held]:
    return [Held(one.digest, pack.name, one.form, one.flags, one.offset, one.stored_length, one.length)
            for one in pack.entries]  # fmt: skip


def written(folder: Path) -> dict[str, bytes]:
    """What this version writes, by key."""
    first, second = sealed(folder, FIRST), sealed(folder, SECOND)
    one = build_segment(held(first), [PackSize(first.name, first.size)])
    alone = Held(digest_of(ALONE), None, 0, 0, 0, 0, len(ALONE))
    two = build_segment([*held(second), alone], [PackSize(second.name, second.size)])
    merged = merge_segments([parse_segment(data, name) for name, data in (one, two)])
    refs = {
        "refs/heads/main": (digest_of(FIRST[1]), digest_of(FIRST[2])),
        'refs/tags/v1 \\ "odd" caf\u00e9': (digest_of(ALONE),),
        "index": (digest_of(SECOND[0]),),
    }
    claim = RootsEntry(WRITER, False, {"HEAD": (Digest(bytes(32)),)})
    later = build_segment([], [])[1].replace(b"trackidx\x01\0", b"trackidx\x02\0")
    return {
        "store.toml": dump_description(Description(STORE)),
        pack_key(first.name): first.path.read_bytes(),
        pack_key(second.name): second.path.read_bytes(),
        object_key(digest_of(ALONE)): ALONE,
        **{segment_key(name): data for name, data in (one, two, merged)},
        str(RootsKey(WRITER, 1, "0a0b0c0d")): dump_roots(RootsEntry(WRITER, True, refs)),
        str(RootsKey(WRITER, 2, "00000000")) + ".claim": dump_roots(claim),
        "tombstones/00000001-00000000": b"track-tombstone 1\n" + digest_of(SECOND[0]).hex().encode() + b"\n",
        "refused/later-segment": later,
        "refused/later-roots": dump_roots(RootsEntry(WRITER, True, {})).replace(b"format = 1", b"format = 2"),
    }


def frozen() -> dict[str, bytes]:
    return {path.relative_to(V1).as_posix(): path.read_bytes() for path in V1.rglob("*") if path.is_file()}


def test_the_same_bytes_are_written(tmp_path: Path) -> None:
    assert written(tmp_path) == frozen()


def test_the_frozen_files_are_still_those() -> None:
    everything = b"".join(f"{key} {digest_of(data)}\n".encode() for key, data in sorted(frozen().items()))
    assert str(digest_of(everything)) == GOLDEN


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    folder = tmp_path / "remote"
    shutil.copytree(V1, folder, ignore=shutil.ignore_patterns("refused"))
    return Remote("origin", open_folder(folder), Known(tmp_path / "known.db"), Description(STORE))


def test_every_object_is_fetched(remote: Remote, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        remote.refresh()
        wanted = [digest_of(content) for content in (*FIRST, *SECOND, ALONE)]
        fetched = remote.fetch(store, wanted)
        assert not fetched.missing and not fetched.damaged
        assert [store.read(digest) for digest in wanted] == [*FIRST, *SECOND, ALONE]
    assert remote.verify().problems == ()


def test_roots_claims_and_tombstones_are_read(remote: Remote) -> None:
    surveyed = survey(remote.place, remote.known)
    assert surveyed.damaged == () and [claim_name(key) for key in surveyed.claims] == [RootsKey(WRITER, 2, "00000000")]
    complete = {digest_of(content) for content in (*FIRST[1:3], SECOND[0], ALONE)}
    assert remote.complete([*complete, digest_of(b"other")]) == complete
    assert tombstoned(remote.place) == {digest_of(SECOND[0])}


def test_the_index_is_what_it_was(remote: Remote) -> None:
    names = sorted(name for one in remote.place.list("index/") if (name := segment_name(one.key)))
    assert [name.level for name in names] == [0, 0, 1]
    merged = parse_segment(remote.place.get(segment_key(names[2])), names[2])
    assert merged.head.is_merge and merged.head.replaced == tuple(names[:2]) and MERGE == 1
    assert [one.digest for one in merged.entries()].count(digest_of(b"two\n")) == 2
    assert {one.pack for one in merged.entries() if one.digest == digest_of(ALONE)} == {None}


def test_later_formats_are_refused_by_name() -> None:
    later = (V1 / "refused/later-segment").read_bytes()
    for read in (lambda: parse_head(later), lambda: parse_segment(later, Name(0, digest_of(later)))):
        with pytest.raises(NewerFormat):
            read()
    with pytest.raises(NewerFormat):
        parse_roots((V1 / "refused/later-roots").read_bytes(), "later")
    with pytest.raises(DamagedObject):
        parse_roots(b"", "none")


def test_keys_are_what_they_were() -> None:
    known = (segment_name, roots_name, claim_name, is_tombstone)
    keys = [key for key in frozen() if not key.startswith(("packs/", "objects/", "refused/", "store.toml"))]
    assert len(keys) == 6 and all(sum(bool(read(key)) for read in known) == 1 for key in keys)


def test_a_push_adds_to_it(remote: Remote, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        digests = add_objects(store, [b"four\n", *FIRST, SECOND[0]])
        remote.refresh()
        sent = remote.send(store, digests, writer=WRITER, roots={"HEAD": (digests[0],)})
        assert sent.objects_count == 2  # the new one, and the one that a collection is about to take away
    remote.refresh()
    assert remote.complete(digests[:1]) == {digests[0]}
