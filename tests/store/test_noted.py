"""Notes of purges: what was purged is found in them without taking everything in."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from track.errors import DamagedObject
from track.model.digest import digest_of
from track.store import noted
from track.store.noted import Note, Noted
from track.store.purge_notes import heard_at, purged_at
from track.store.purged import note_purged
from track.store.rooms import Rooms
from track.store.tombstones import EMPTY, Purge, Tombstone, dump_tombstone, parse_tombstone

ADA, BOB = "a" * 32, "b" * 32
PURGE = Purge("2026-01-01", "Ada", "asked for\nobjects = [\n", ("secret",))
LATER = Purge("2026-02-02", "Bob", "asked again", ("secret",))


def written(objects: frozenset[bytes], purge: Purge = PURGE, writer: str = ADA) -> bytes:
    return dump_tombstone(Tombstone("purged", writer, objects=objects, purge=purge))


@given(some.sets(some.binary(min_size=32, max_size=32), max_size=40), some.lists(some.binary(min_size=32, max_size=32)))
def test_what_is_looked_up_is_what_the_whole_note_says(objects: set[bytes], others: list[bytes]) -> None:
    data = written(frozenset(objects | EMPTY))
    note, whole = Note(data, "note"), parse_tombstone(data, "note")
    for digest in itertools.chain(objects, EMPTY, others):
        assert (digest in note) == (digest in whole.objects)
    assert (note.writer, note.purge, note.objects) == (whole.writer, whole.purge, whole.objects)


@pytest.mark.parametrize("change", [("\n  ", "\n"), ("[\n", "[ # some\n"), ("]\n", "]\n# the end\n"), ("\n", "\r\n")])
def test_a_note_that_somebody_wrote_otherwise_is_read_too(change: tuple[str, str]) -> None:
    objects = frozenset(digest_of(bytes([number])) for number in range(5))
    data = written(objects).decode().replace(*change).encode()
    note = Note(data, "note")
    assert all(digest in note for digest in objects) and note.objects == objects and digest_of(b"x") not in note


def test_a_note_whose_list_is_damaged_names_nothing_more() -> None:
    with pytest.raises(DamagedObject):
        Note(b"no note at all", "note")
    (digest,) = objects = frozenset([digest_of(b"1")])
    broken = Note(written(objects).replace(digest.hex()[:8].encode(), b"zzzzzzzz"), "note")
    assert digest not in broken and broken.objects == frozenset()


def test_the_last_note_counts_and_all_that_notes_name_is_there() -> None:
    first, second = digest_of(b"1"), digest_of(b"2")
    notes = [(Note(written(frozenset([first, second])), "1"), PURGE), (Note(written(frozenset([first])), "2"), LATER)]
    found = Noted(notes)
    for _ in range(3):
        assert (found[first], found[second], found.get(digest_of(b"3"))) == (LATER, PURGE, None)
        assert found == {first: LATER, second: PURGE} and len(found) == 2 and {first, second} - found.keys() == set()


def test_a_few_objects_are_looked_up_without_reading_the_note_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = {digest_of(b"%d" % number): PURGE for number in range(5000)}
    with_note = Rooms(tmp_path)
    note_purged(with_note, objects, ADA)
    sizes: list[int] = []

    def parsed(data: bytes, key: str) -> Tombstone:
        sizes.append(len(data))
        return parse_tombstone(data, key)

    monkeypatch.setattr(noted, "parse_tombstone", parsed)
    purged = purged_at(tmp_path)
    assert purged and purged[digest_of(b"17")] == PURGE and digest_of(b"x") not in purged
    assert not heard_at(tmp_path, ADA) and len(heard_at(tmp_path, BOB)) == 5000
    assert sizes[:-1] == [sizes[0]] and sizes[0] < 1000, "its list is read where all of it is asked for"
    assert set(purged) == objects.keys()
