"""What every remote promises of large objects that are cut: little travels, and every byte of them is had again."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.remotes import WRITER, add_objects, new_remote
from track.model.digest import Digest
from track.store.description import CHOSEN
from track.store.layout import INDEX, OBJECTS, segment_name
from track.store.objects import Store
from track.store.place import Place
from track.store.remote import Remote
from track.store.segment import parse_segment
from track.store.tables import tables_beside

Clones = Callable[[str], tuple[Store, Remote]]
SIZE = 6 << 20
FIRST = random.Random(1).randbytes(SIZE)
SECOND = FIRST[: SIZE // 2] + b"a few new bytes" + FIRST[SIZE // 2 :]
LITTLE = 400_000
"""Bytes: more than an edit of one place costs."""


@pytest.fixture
def clones(place: Place, tmp_path: Path) -> Iterator[Clones]:
    """A store and its view of the one remote, by the name of a clone; refreshed each time it is asked for."""
    with ExitStack() as stack:
        made: dict[str, tuple[Store, Remote]] = {}

        def clone(name: str) -> tuple[Store, Remote]:
            if name not in made:
                store = stack.enter_context(Store.open(tmp_path / name / "store", create=True))
                made[name] = (store, stack.enter_context(new_remote(place, tmp_path / name / "known.db", CHOSEN)))
            made[name][1].refresh()
            return made[name]

        yield clone


@pytest.fixture
def versions(clones: Clones) -> tuple[Digest, Digest]:
    """Two versions of a large object, sent by Ada one after the other."""
    store, remote = clones("ada")
    first, second = add_objects(store, [FIRST, SECOND])
    assert remote.send(store, [first], writer=WRITER, roots={"HEAD": (first,)}).objects_count == 1
    sent = remote.send(store, [second], writer=WRITER, roots={"HEAD": (second,)})
    assert (sent.objects_count, sent.packs_count) == (1, 2) and sent.sent_bytes < LITTLE
    return first, second


def test_an_object_that_was_cut_comes_back(clones: Clones, place: Place, versions: tuple[Digest, Digest]) -> None:
    store, remote = clones("bob")
    assert remote.absent(versions) == set() and list(place.list(OBJECTS)) == []
    fetched = remote.fetch(store, versions)
    assert (fetched.objects_count, fetched.missing, fetched.damaged) == (2, frozenset(), frozenset())
    assert fetched.fetched_bytes < SIZE + LITTLE
    assert [store.open_verified(digest).read_bytes() for digest in versions] == [FIRST, SECOND]
    assert remote.verify().problems == () and not any(store.rooms.staging.iterdir())


def test_chunks_are_in_no_index_and_their_packs_are(
    clones: Clones, place: Place, versions: tuple[Digest, Digest]
) -> None:
    named, covered = set(), set()
    for one in place.list(INDEX):
        name = segment_name(one.key)
        assert name is not None
        segment = parse_segment(place.get(one.key), name)
        named |= {held.digest for held in segment.entries()}
        covered |= {pack.digest for pack in segment.head.packs}
    assert named == set(versions)
    assert {"packs/" + pack.hex()[:2] + "/" + pack.hex()[2:] + ".pack" for pack in covered} == {
        one.key for one in place.list("packs/")
    }


def test_what_is_here_in_another_version_does_not_come_again(clones: Clones, versions: tuple[Digest, Digest]) -> None:
    store, remote = clones("bob")
    first, second = versions
    remote.fetch(store, [first])
    fetched = remote.fetch(store, [second])
    assert fetched.objects_count == 1 and fetched.fetched_bytes < LITTLE
    assert store.open_verified(second).read_bytes() == SECOND


@pytest.mark.parametrize("has_tables", [True, False])
def test_a_change_of_what_was_fetched_is_sent_as_a_change(
    clones: Clones, versions: tuple[Digest, Digest], has_tables: bool
) -> None:
    store, remote = clones("bob")
    remote.fetch(store, versions)
    if not has_tables:
        os.unlink(tables_beside(remote.known.path))
    (third,) = add_objects(store, [SECOND + b"and more"])
    sent = remote.send(store, [third], writer="e" * 32, roots={"HEAD": (third,)})
    assert sent.objects_count == 1 and (sent.sent_bytes < LITTLE) == has_tables
    ada, seen_by_ada = clones("ada")
    assert seen_by_ada.fetch(ada, [third]).missing == frozenset()
    assert ada.open_verified(third).read_bytes() == SECOND + b"and more"


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (SIZE // 2 - 5, 300_000), (SIZE - 4, 99), (SIZE + 15, 5)])
def test_a_part_of_what_was_cut_is_had_and_checked_alone(
    clones: Clones, versions: tuple[Digest, Digest], offset: int, length: int
) -> None:
    store, remote = clones("bob")
    assert remote.read_part(versions[1], offset, length) == SECOND[offset : offset + length]
    remote.fetch(store, versions)
    assert remote.read_part(versions[1], offset, length) == SECOND[offset : offset + length]
