"""What every remote promises of a large object: a part of it can be had alone, and a download goes on where it was."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.remotes import WRITER, add_objects
from track.errors import DamagedObject, MissingObject
from track.model.digest import Digest, digest_of
from track.store.large import PART
from track.store.layout import object_key, pack_key
from track.store.objects import Store
from track.store.pack import read_table
from track.store.place import Place
from track.store.recipe import OF_WHOLE, PIECE, RECIPE
from track.store.remote import Remote

Clones = Callable[[str], tuple[Store, Remote]]
LARGE = os.urandom(3 * PART + 3 * PIECE + 5)


@pytest.fixture
def pushed(clones: Clones) -> Digest:
    """A large object at the remote, sent by Ada."""
    store, remote = clones("ada")
    (digest,) = add_objects(store, [LARGE])
    remote.send(store, [digest], writer=WRITER, roots={"HEAD": (digest,)})
    return digest


@pytest.fixture
def asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The pieces that were asked for, by key and offset."""
    seen: list[tuple[str, int]] = []
    get_range = place.get_range

    def watched(key: str, offset: int, length: int) -> bytes:
        seen.append((key, offset))
        return get_range(key, offset, length)

    monkeypatch.setattr(place, "get_range", watched)
    return seen


def test_a_push_of_a_large_object_brings_its_recipe(
    clones: Clones, place: Place, pushed: Digest, tmp_path: Path
) -> None:
    _, remote = clones("bob")
    held = remote.known.recipe(pushed)
    assert held is not None and held.pack is not None and (held.form, held.flags) == (RECIPE, OF_WHOLE)
    (tmp_path / "pack").write_bytes(place.get(pack_key(held.pack)))
    (entry,) = read_table(tmp_path / "pack")
    assert (entry.digest, entry.form, entry.flags, entry.length) == (pushed, RECIPE, OF_WHOLE, len(LARGE))
    assert remote.absent([pushed]) == set() and remote.verify().problems == ()


def test_a_recipe_alone_is_no_place_to_have_an_object_from(clones: Clones, place: Place, pushed: Digest) -> None:
    place.delete(object_key(pushed))
    store, remote = clones("bob")
    assert remote.fetch(store, [pushed]).missing == {pushed}
    assert remote.absent([pushed]) == {pushed} and pushed in remote.known.lost()
    ada, seen_by_ada = clones("ada")
    assert [problem.key for problem in seen_by_ada.verify().problems] == [object_key(pushed)]
    seen_by_ada.send(ada, [pushed], writer=WRITER, roots={"HEAD": (pushed,)})
    store, remote = clones("bob")
    assert remote.fetch(store, [pushed]).objects_count == 1


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (PIECE - 3, 6), (2 * PART + 7, PIECE), (len(LARGE) - 4, 99)])
def test_a_part_is_had_and_checked_alone(
    clones: Clones, pushed: Digest, asked: list[tuple[str, int]], offset: int, length: int
) -> None:
    _, remote = clones("bob")
    assert remote.read_part(pushed, offset, length) == LARGE[offset : offset + length]
    assert [start for key, start in asked if key == object_key(pushed)] == [offset - offset % PIECE]
    assert remote.read_part(pushed, len(LARGE), 5) == b""
    with pytest.raises(MissingObject):
        remote.read_part(digest_of(b"nowhere"), 0, 1)


def test_a_part_that_was_altered_is_refused_and_the_others_are_not(
    clones: Clones, place: Place, pushed: Digest
) -> None:
    altered = bytearray(LARGE)
    altered[5 * PIECE + 1] ^= 1
    place.put(object_key(pushed), bytes(altered))
    store, remote = clones("bob")
    assert remote.read_part(pushed, 6 * PIECE, 100) == LARGE[6 * PIECE : 6 * PIECE + 100]
    with pytest.raises(DamagedObject, match="is damaged at"):
        remote.read_part(pushed, 5 * PIECE + 100, 10)
    assert remote.fetch(store, [pushed]).damaged == {pushed}
    assert store.absent([pushed]) == {pushed}


def test_a_download_goes_on_at_the_part_where_it_was(
    clones: Clones, place: Place, pushed: Digest, asked: list[tuple[str, int]]
) -> None:
    if not place.comes_in_parts:
        return  # a folder gives the whole at once
    store, remote = clones("bob")
    partial = store.rooms.partial / pushed.hex()
    partial.parent.mkdir()
    partial.write_bytes(LARGE[: 2 * PART + 100])
    assert remote.fetch(store, [pushed]).objects_count == 1
    assert sorted(start for key, start in asked if key == object_key(pushed)) == [2 * PART, 3 * PART]
    assert store.open_verified(pushed).read_bytes() == LARGE and not partial.exists()


def test_what_lies_in_a_broken_off_download_is_not_believed(clones: Clones, place: Place, pushed: Digest) -> None:
    store, remote = clones("bob")
    partial = store.rooms.partial / pushed.hex()
    partial.parent.mkdir()
    partial.write_bytes(LARGE[:PART] + b"!" + LARGE[PART + 1 :] + b"and more")
    assert remote.fetch(store, [pushed]).objects_count == 1
    assert store.open_verified(pushed).read_bytes() == LARGE


def test_a_part_that_comes_wrong_once_is_asked_for_again(
    clones: Clones, place: Place, pushed: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_range, wrong = place.get_range, []

    def lying(key: str, offset: int, length: int) -> bytes:
        data = get_range(key, offset, length)
        if offset == PART and not wrong:
            wrong.append(key)
            return data[:-1]
        return data

    monkeypatch.setattr(place, "get_range", lying)
    store, remote = clones("bob")
    assert remote.fetch(store, [pushed]).objects_count == 1
    assert bool(wrong) == place.comes_in_parts


def test_without_its_recipe_an_object_comes_whole(clones: Clones, place: Place, pushed: Digest) -> None:
    store, remote = clones("bob")
    held = remote.known.recipe(pushed)
    assert held is not None and held.pack is not None
    place.delete(pack_key(held.pack))
    assert remote.fetch(store, [pushed]).objects_count == 1
    assert store.open_verified(pushed).read_bytes() == LARGE


class Heard:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.total = 0

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        self.total += size_bytes

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        self.steps.append(size_bytes)

    def end(self) -> None:
        pass


def test_progress_moves_inside_a_large_object(
    clones: Clones, place: Place, pushed: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_range = place.get_range

    def slow(key: str, offset: int, length: int) -> bytes:
        time.sleep(0.25)
        return get_range(key, offset, length)

    monkeypatch.setattr(place, "get_range", slow)
    store, remote = clones("bob")
    heard = Heard()
    remote.fetch(store, [pushed], progress=heard)
    assert sum(heard.steps) == heard.total == len(LARGE)
    if place.comes_in_parts:
        assert sum(1 for step in heard.steps if 0 < step < len(LARGE)) >= 2


def test_an_interrupted_download_ends_at_once_and_keeps_what_came(
    clones: Clones, place: Place, pushed: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not place.comes_in_parts:
        return
    get_range, calls = place.get_range, []

    def breaking(key: str, offset: int, length: int) -> bytes:
        if key == object_key(pushed):
            calls.append(offset)
            if offset == 2 * PART:
                raise KeyboardInterrupt
        return get_range(key, offset, length)

    store, remote = clones("bob")
    with monkeypatch.context() as patch:
        patch.setattr(place, "get_range", breaking)
        with pytest.raises(KeyboardInterrupt):
            remote.fetch(store, [pushed])
    assert (store.rooms.partial / pushed.hex()).read_bytes() == LARGE[: 2 * PART]
    store, remote = clones("bob")
    assert remote.fetch(store, [pushed]).objects_count == 1
