"""What every remote promises: it has what it says it has, and gives only what it was given."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.remotes import WRITER, add_objects, random_objects
from track.errors import DamagedObject, Locked, MissingObject, NewerFormat, RemoteError
from track.model.digest import Digest, digest_of
from track.store import claim as claim_module
from track.store import parcels, survey, transfer
from track.store import remote as remote_module
from track.store.backends.dav import DavPlace
from track.store.layout import object_key, pack_digest, pack_key, segment_name
from track.store.objects import Store
from track.store.place import Place, Upload
from track.store.reindex import drop_from_index
from track.store.remote import Remote
from track.store.tombstones import Tombstone, write_tombstone

Clones = Callable[[str], tuple[Store, Remote]]


def push(store: Store, remote: Remote, digests: list[Digest], ref: str = "refs/heads/main") -> transfer.Sent:
    return remote.send(store, digests, writer=WRITER, roots={ref: (digests[0],)})


def keys(place: Place, prefix: str) -> list[str]:
    return sorted(one.key for one in place.list(prefix))


def contents(store: Store, digests: list[Digest]) -> list[bytes]:
    return [store.read(digest) for digest in digests]


def test_what_one_clone_sent_another_fetches_byte_for_byte(clones: Clones) -> None:
    objects = [b"", *random_objects(300, 9000), *random_objects(2, 3 << 20, seed=2)]
    store, remote = clones("ada")
    digests = add_objects(store, objects)
    sent = push(store, remote, digests)
    assert sent.objects_count == len(digests)
    other, same_remote = clones("bob")
    fetched = same_remote.fetch(other, digests)
    assert (fetched.objects_count, fetched.missing, fetched.damaged) == (len(digests), frozenset(), frozenset())
    assert contents(other, digests) == objects


def test_a_push_sends_only_what_the_remote_lacks(clones: Clones) -> None:
    store, remote = clones("ada")
    first = add_objects(store, random_objects(50, 4000))
    push(store, remote, first)
    second = add_objects(store, random_objects(3, 4000, seed=7))
    store, remote = clones("ada")
    assert remote.absent([*first, *second]) == set(second)
    assert push(store, remote, [*second, *first]).objects_count == 3
    _other, seen_by_other = clones("bob")
    assert seen_by_other.absent([*first, *second]) == set()
    assert seen_by_other.complete([first[0], first[1], second[0]]) == {first[0], second[0]}


def test_nothing_that_was_not_asked_for_is_sent(clones: Clones, place: Place) -> None:
    """A local pack with one object too many is packed anew."""
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(2000, 4096))
    wanted, secret = digests[:-1], digests[-1]
    push(store, remote, wanted)
    assert secret not in {one.digest for pack, _ in remote.known.every_pack() for one in remote.known.inside(pack)}
    everything = b"".join(place.get(key) for key in keys(place, "packs/"))
    assert store.read(secret) not in everything and store.read(wanted[0]) in everything


def test_whole_local_packs_travel_as_they_are(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5000, 4096))
    push(store, remote, digests)
    local = {name for name, path in store.packs() if path.stat().st_size >= transfer.AS_IS_FROM}
    assert local and local <= {pack_digest(key) for key in keys(place, "packs/")}


def test_a_push_with_nothing_to_do_asks_three_times(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(10, 100))
    push(store, remote, digests)
    remote.refresh()
    before = place.requests_count
    remote.refresh()
    assert remote.complete(digests[:1]) == {digests[0]} and remote.absent(digests) == set()
    writers = 1 if isinstance(place, DavPlace) else 0  # listed folder by folder: one of each clone
    assert place.requests_count - before <= 2 + writers


def test_a_first_push_asks_at_most_eight_times_and_once_a_pack(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(6000, 4096))
    before = place.requests_count
    remote.refresh()
    sent = push(store, remote, digests)
    assert place.requests_count - before <= 8 + sent.packs_count


def test_a_fetch_asks_for_neighbours_at_once(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(3000, 4096))
    push(store, remote, digests)
    other, seen_by_other = clones("bob")
    before = place.requests_count
    fetched = seen_by_other.fetch(other, digests[100:200])
    assert fetched.objects_count == 100 and other.absent(digests[100:200]) == set()
    assert place.requests_count - before <= 4
    assert other.absent(digests[500:]) == set(digests[500:])


def test_the_index_is_published_as_a_push_goes_on(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "INDEX_EVERY_BYTES", 6 << 20)
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(7, 2 << 20))
    push(store, remote, digests)
    assert len(keys(place, "index/")) == 3
    assert clones("bob")[1].absent(digests) == set()


class Interrupted(Exception):
    """Stands for a kill."""


def test_what_a_push_that_was_broken_off_had_sent_is_found_and_does_not_count_as_sent(
    clones: Clones, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remote = clones("ada")
    large = random_objects(3, 2 << 20)
    digests = add_objects(store, [*large, *random_objects(20, 4000, seed=2)])

    def killed(*_: Any) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "publish_segment", killed)
        with pytest.raises(Interrupted):
            push(store, remote, digests)
    store, remote = clones("ada")
    assert remote.absent(digests) == set(digests)
    again = push(store, remote, digests)
    assert (again.objects_count, again.sent_bytes, again.packs_count) == (len(digests), 0, 0)
    more = add_objects(store, random_objects(2, 2 << 20, seed=9))
    store, remote = clones("ada")
    sent = push(store, remote, more)
    assert sent.sent_bytes >= 4 << 20 and sent.packs_count >= 1, "what travels counts"


def failing_after(place: Place, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Break the place off when so many files were uploaded."""
    upload = place.upload
    count = 0

    def breaking(put: Callable[..., int]) -> Callable[..., int]:
        def counted(*arguments: Any, **options: Any) -> int:
            nonlocal count
            count += 1
            if count > files:
                raise Interrupted
            return put(*arguments, **options)

        return counted

    def start() -> Upload:
        made = upload()
        for name in ("put_file", "put_pieces"):
            monkeypatch.setattr(made, name, breaking(getattr(made, name)))
        return made

    monkeypatch.setattr(place, "upload", start)


def test_an_interrupted_push_goes_on_where_it_was(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "INDEX_EVERY_BYTES", 3 << 20)
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(8, 2 << 20))
    with monkeypatch.context() as patch:
        failing_after(place, patch, 5)
        with pytest.raises(Interrupted):
            push(store, remote, digests)
    store, remote = clones("ada")
    left = remote.absent(digests)
    assert 0 < len(left) < 8
    assert remote.complete(digests[:1]) == set()
    assert [key for key in keys(place, "roots/") if not key.endswith(".claim")] == []
    assert push(store, remote, digests).objects_count == len(left)
    assert not any(key.endswith(".claim") for key in keys(place, "roots/"))
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).objects_count == 8


def test_what_the_store_lacks_stops_a_push_before_anything_is_sent(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5, 100))
    with pytest.raises(MissingObject):
        push(store, remote, [*digests, digest_of(b"nowhere")])
    assert keys(place, "packs/") == [] and keys(place, "index/") == []
    assert [key for key in keys(place, "roots/") if not key.endswith(".claim")] == []


def test_many_segments_are_merged_and_say_the_same(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = []
    for number in range(survey.MERGE_ABOVE + 2):
        digests += add_objects(store, [b"object %d" % number])
        store, remote = clones("ada")
        push(store, remote, digests[-1:])
    levels = [name.level for key in keys(place, "index/") if (name := segment_name(key))]
    assert levels.count(1) == 1
    store, remote = clones("ada")
    assert len(remote.known.segments) <= 2 and remote.absent(digests) == set()
    before = place.requests_count
    _other, seen_by_other = clones("bob")
    assert seen_by_other.absent(digests) == set()
    assert place.requests_count - before < 12 + len(keys(place, "roots/"))


def test_a_clone_that_has_the_merged_segments_reads_only_the_head(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = []
    for number in range(survey.MERGE_ABOVE):
        digests += add_objects(store, [b"object %d" % number])
        store, remote = clones("ada")
        push(store, remote, digests[-1:])
    _, seen_by_other = clones("bob")
    more = add_objects(store, [b"one more"])
    push(store, remote, more)
    _, seen_by_other = clones("bob")
    assert seen_by_other.absent([*digests, *more]) == set()
    assert remote.known.segments == seen_by_other.known.segments


def test_replaced_segments_go_after_the_grace_period_by_the_remotes_clock(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _remote = clones("ada")
    for number in range(survey.MERGE_ABOVE + 1):
        push(store, clones("ada")[1], add_objects(store, [b"object %d" % number]))
    assert len(keys(place, "index/")) == survey.MERGE_ABOVE + 2
    push(store, clones("ada")[1], add_objects(store, [b"later"]))
    assert len(keys(place, "index/")) == survey.MERGE_ABOVE + 3
    monkeypatch.setattr(survey, "GRACE_S", -3600.0)
    push(store, clones("ada")[1], add_objects(store, [b"much later"]))
    assert len(keys(place, "index/")) == 3
    assert clones("bob")[1].absent([digest_of(b"object 0"), digest_of(b"much later")]) == set()


def test_many_roots_entries_of_a_clone_become_one(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, [b"object %d" % number for number in range(survey.MERGE_ABOVE + 1)])
    for digest in digests:
        remote = clones("ada")[1]
        push(store, remote, [digest])
    assert len(keys(place, "roots/")) == 1
    assert clones("bob")[1].complete(digests) == set(digests)
    assert clones("ada")[1].complete(digests) == set(digests)


def test_what_is_tombstoned_counts_as_absent(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    push(store, remote, digests)
    place.put("tombstones/00000001-00000000", b"track-tombstone 1\n" + digests[1].hex().encode() + b"\n")
    assert push(store, clones("ada")[1], digests).objects_count == 1


def test_an_index_segment_never_has_the_name_of_one_that_was_replaced(clones: Clones, place: Place) -> None:
    """What is pushed again after a collection is found, though the same was in the index before."""
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    push(store, remote, digests)
    (pack,) = keys(place, "packs/")
    remote = clones("ada")[1]
    drop_from_index(place, remote.known, frozenset({pack_digest(pack) or b""}), frozenset())
    place.delete(pack)
    for key in keys(place, "roots/"):
        place.delete(key)
    assert push(store, clones("ada")[1], digests).objects_count == 4
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).objects_count == 4


def condemn(place: Place, packs: list[str] = [], wholes: list[Digest] = []) -> None:  # noqa: B006  # only read
    digests = frozenset(digest for key in packs if (digest := pack_digest(key)))
    write_tombstone(place, Tombstone("condemned", "e" * 32, digests, frozenset(wholes)))


def test_what_lies_in_a_condemned_pack_is_sent_again_under_another_name(clones: Clones, place: Place) -> None:
    """The old pack may be deleted at any time, also after it was written again."""
    objects = random_objects(4, 100)
    store, remote = clones("ada")
    digests = add_objects(store, objects)
    push(store, remote, digests)
    (old,) = keys(place, "packs/")
    condemn(place, [old])
    assert push(store, clones("ada")[1], digests).objects_count == 4
    place.delete(old)
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests)
    assert fetched.objects_count == 4 and contents(other, digests) == objects


def test_a_condemned_pack_is_still_read(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    push(store, remote, digests)
    condemn(place, keys(place, "packs/"))
    other, seen_by_other = clones("bob")
    seen_by_other.claim(WRITER, {"HEAD": (digests[0],)})
    assert seen_by_other.absent(digests) == set(digests)
    assert seen_by_other.fetch(other, digests).objects_count == 4


def test_a_condemned_whole_object_is_sent_again(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(1, 2 << 20))
    push(store, remote, digests)
    condemn(place, wholes=digests)
    assert push(store, clones("ada")[1], digests).objects_count == 1
    assert clones("bob")[1].verify().problems == ()


def test_a_push_waits_while_a_collection_deletes_and_looks_again_afterwards(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    push(store, remote, digests)
    (pack,), (segment,) = keys(place, "packs/"), keys(place, "index/")
    remote = clones("ada")[1]
    mark = write_tombstone(place, Tombstone("deleting", "e" * 32))
    waited: list[float] = []

    def deleted(seconds: float) -> None:
        waited.append(seconds)
        for key in (pack, segment, mark):
            place.delete(key)

    monkeypatch.setattr(remote_module, "pause", deleted)
    assert push(store, remote, digests).objects_count == 4 and len(waited) == 1
    assert clones("bob")[1].absent(digests) == set()


def test_a_push_does_not_wait_for_ever_while_a_collection_deletes(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    write_tombstone(place, Tombstone("deleting", "e" * 32))
    with pytest.raises(Locked, match="is deleting") as caught:
        remote.claim(WRITER, {"HEAD": (digests[0],)}, patience_s=0.0)
    assert caught.value.hint and keys(place, "roots/") == []
    monkeypatch.setattr(remote_module, "LEASE_S", -3600.0)  # the one that was deleting was killed long ago
    assert push(store, clones("ada")[1], digests).objects_count == 4


def test_a_push_that_slept_for_days_is_not_believed(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    claim = remote.claim(WRITER, {"HEAD": (digests[0],)})
    now = claim_module.since_boot()
    monkeypatch.setattr(claim_module, "since_boot", lambda: now + claim_module.LAPSED_S + 1)
    with pytest.raises(RemoteError, match="stood still for days"):
        remote.send(store, digests, writer=WRITER, roots={"HEAD": (digests[0],)}, claim=claim)
    assert keys(place, "roots/") == [] and clones("bob")[1].complete(digests) == set()
    assert push(store, clones("ada")[1], digests).objects_count == 0


def test_a_long_push_says_again_that_it_goes_on(clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    claim = remote.claim(WRITER, {"HEAD": (digests[0],)})
    (key,) = keys(place, "roots/")
    place.delete(key)
    now = claim_module.since_boot()
    monkeypatch.setattr(claim_module, "since_boot", lambda: now + claim_module.RENEW_S + 1)
    claim.keep()
    assert keys(place, "roots/") == [key] and not claim.has_lapsed


@pytest.mark.parametrize("content", [b"", b"track-tombstone 1\nx\n", b'format = 3\nkind = "condemned"\n'])
def test_a_tombstone_that_nobody_can_read_stops_a_push(clones: Clones, place: Place, content: bytes) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    place.put("tombstones/00000001-00000000", content)
    with pytest.raises((DamagedObject, NewerFormat), match="tombstones/00000001-00000000"):
        push(store, remote, digests)
    assert keys(place, "packs/") == []


def test_another_clones_word_does_not_keep_what_this_one_needs(clones: Clones) -> None:
    """It may withdraw it: what a clone needs it has to say itself."""
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(4, 100))
    push(store, remote, digests)
    _, seen_by_other = clones("bob")
    assert seen_by_other.complete(digests[:1]) == {digests[0]}
    assert seen_by_other.complete(digests[:1], "b" * 32) == set()
    assert seen_by_other.complete(digests[:1], WRITER) == {digests[0]}


def spoil(place: Place, key: str, at: int) -> None:
    content = bytearray(place.get(key))
    content[at] ^= 0x20
    place.put(key, bytes(content))


def test_a_damaged_pack_still_gives_its_other_objects(clones: Clones, place: Place) -> None:
    objects = random_objects(100, 1000)
    store, remote = clones("ada")
    digests = add_objects(store, objects)
    push(store, remote, digests)
    (pack,) = keys(place, "packs/")
    spoil(place, pack, place.get(pack).index(objects[40]) + 5)
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests)
    assert fetched.damaged == {digests[40]} and fetched.missing == frozenset()
    assert other.absent(digests) == {digests[40]}
    assert contents(other, digests[:40] + digests[41:]) == objects[:40] + objects[41:]


@pytest.mark.parametrize("size", [100, 2 << 20])
def test_what_is_damaged_is_never_placed_and_a_push_repairs_it(clones: Clones, place: Place, size: int) -> None:
    (content,) = random_objects(1, size)
    store, remote = clones("ada")
    digests = add_objects(store, [content])
    push(store, remote, digests)
    (key,) = keys(place, "objects/") or keys(place, "packs/")
    spoil(place, key, 50)
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).damaged == set(digests)
    assert other.absent(digests) == set(digests)
    store, remote = clones("ada")
    checked = remote.verify()
    assert [(problem.key, problem.digests) for problem in checked.problems] == [(key, tuple(digests))]
    assert remote.complete(digests) == set() and remote.absent(digests) == set(digests)
    assert push(store, remote, digests).objects_count == 1
    assert remote.verify().problems == () and remote.complete(digests) == set(digests)
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).objects_count == 1
    assert other.read(digests[0]) == content


@pytest.mark.parametrize("size", [100, 2 << 20])
def test_what_is_missing_is_said_and_a_push_brings_it_back(clones: Clones, place: Place, size: int) -> None:
    (content,) = random_objects(1, size)
    store, remote = clones("ada")
    digests = add_objects(store, [content])
    push(store, remote, digests)
    (key,) = keys(place, "objects/") or keys(place, "packs/")
    place.delete(key)
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).missing == set(digests)
    store, remote = clones("ada")
    assert [problem.what for problem in remote.verify(read_all=False).problems] == ["missing"]
    push(store, remote, digests)
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).objects_count == 1


def test_a_truncated_pack_is_damaged_not_short(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(20, 1000))
    push(store, remote, digests)
    (key,) = keys(place, "packs/")
    place.put(key, place.get(key)[:10_500])
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests)
    assert fetched.objects_count + len(fetched.damaged) == 20 and 5 < fetched.objects_count < 15
    assert clones("ada")[1].verify().problems[0].key == key


def test_another_copy_is_taken_when_one_is_damaged(clones: Clones, place: Place) -> None:
    objects = random_objects(30, 1000)
    store, remote = clones("ada")
    push(store, remote, add_objects(store, objects[:20]))
    elsewhere, _ = clones("eve")
    digests = add_objects(elsewhere, objects)
    remote.known.forget_index()
    push(elsewhere, remote, digests)
    first, second = keys(place, "packs/")
    spoil(place, first, 5)
    spoil(place, second, len(place.get(second)) // 2)
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests[:20])
    assert fetched.objects_count == 20 and not fetched.damaged
    assert contents(other, digests[:20]) == objects[:20]


def test_a_damaged_segment_is_left_out_and_its_objects_are_sent_again(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5, 1000))
    push(store, remote, digests)
    (key,) = keys(place, "index/")
    spoil(place, key, 1200)
    _other, seen_by_other = clones("bob")
    assert seen_by_other.surveyed.damaged == (key,)
    assert seen_by_other.absent(digests) == set(digests)
    push(store, seen_by_other, digests)
    assert clones("eve")[1].absent(digests) == set()


def test_a_store_that_was_replaced_by_another_is_noticed(clones: Clones, place: Place, tmp_path: Path) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5, 1000))
    push(store, remote, digests)
    for one in list(place.list("")):
        if one.key != "store.toml":
            place.delete(one.key)
    store, remote = clones("ada")
    assert remote.absent(digests) == set(digests) and remote.complete(digests) == set()
    assert push(store, remote, digests).objects_count == 5


def test_a_collection_that_rewrote_the_index_is_followed(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5, 1000))
    push(store, remote, digests)
    (before,) = remote.known.segments
    kept = [held for pack, _ in remote.known.every_pack() for held in remote.known.inside(pack)][:2]
    name, data = survey.build_segment(
        kept, [survey.PackSize(*pack) for pack in remote.known.every_pack()], level=1,
        replaced=[found for key in keys(place, "index/") if (found := segment_name(key))],
    )  # fmt: skip
    place.put(f"index/{name}", data)
    store, remote = clones("ada")
    assert remote.known.segments == {str(name)} and before not in remote.known.segments
    assert remote.absent(digests) == set(digests) - {held.digest for held in kept}


def test_a_hostile_listing_is_ignored(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(5, 1000))
    push(store, remote, digests)
    for key in ("index/zzz", "index/0-00", "roots/x/y", "packs/aa/../b", "objects/readme.md", "index/a b\n"):
        with suppress(RemoteError):  # some places have no room for such names
            if ".." not in key:
                place.put(key, b"hello")
    other, seen_by_other = clones("bob")
    assert seen_by_other.surveyed.damaged == ()
    assert seen_by_other.fetch(other, digests).objects_count == 5
    assert seen_by_other.verify().problems == ()


def test_a_lying_index_places_nothing(clones: Clones, place: Place) -> None:
    """Objects named in the wrong order: every one is damaged, none is placed."""
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(6, 1000))
    push(store, remote, digests)
    (old,) = keys(place, "index/")
    held = [one for pack, _ in remote.known.every_pack() for one in remote.known.inside(pack)]
    lies = [one._replace(digest=other.digest) for one, other in zip(held, held[1:] + held[:1], strict=True)]
    name, data = survey.build_segment(lies, [survey.PackSize(*pack) for pack in remote.known.every_pack()])
    place.delete(old)
    place.put(f"index/{name}", data)
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests[:2])
    assert fetched.damaged == set(digests[:2]) and other.absent(digests) == set(digests)


def test_a_pack_that_lies_about_an_object_is_not_adopted(clones: Clones, place: Place) -> None:
    """Its own digest is right, and most of it is asked for: each object is hashed all the same."""
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(6, 1000))
    push(store, remote, digests)
    (old,) = keys(place, "packs/")
    data = place.get(old)
    lie = data[:10] + bytes([data[10] ^ 1]) + data[11:]
    name = digest_of(lie)
    (segment,) = keys(place, "index/")
    held = [one._replace(pack=name) for pack, _ in remote.known.every_pack() for one in remote.known.inside(pack)]
    segment_new, index = survey.build_segment(held, [survey.PackSize(name, len(lie))])
    for key in (old, segment):
        place.delete(key)
    place.put(pack_key(name), lie)
    place.put(f"index/{segment_new}", index)
    other, seen_by_other = clones("bob")
    fetched = seen_by_other.fetch(other, digests)
    assert len(fetched.damaged) == 1 and fetched.objects_count == 5
    assert list(other.packs()) and name not in dict(other.packs())


def test_a_small_object_that_lies_alone_is_fetched_too(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digest = digest_of(b"alone")
    place.put(object_key(digest), b"alone")
    name, data = survey.build_segment([survey.Held(digest, None, 0, 0, 0, 0, 5)], [])
    place.put(f"index/{name}", data)
    store, remote = clones("ada")
    assert remote.fetch(store, [digest]).objects_count == 1 and store.read(digest) == b"alone"


@pytest.mark.parametrize("at", [-1, -100])
def test_a_pack_that_lost_its_table_is_sent_again(clones: Clones, place: Place, at: int) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(6, 1000))
    push(store, remote, digests)
    (key,) = keys(place, "packs/")
    content = bytearray(place.get(key))
    content[at] ^= 1
    place.put(key, bytes(content))
    assert remote.verify().problems[0].digests == tuple(one.digest for one in remote.known.inside(pack_digest(key)))
    push(store, clones("ada")[1], digests)
    assert clones("ada")[1].verify().problems == ()
    other, seen_by_other = clones("bob")
    assert seen_by_other.fetch(other, digests).objects_count == 6


def test_a_pack_of_tiny_objects_comes_whole(clones: Clones, place: Place) -> None:
    store, remote = clones("ada")
    digests = add_objects(store, [b"%d" % number for number in range(3000)])
    push(store, remote, digests)
    other, seen_by_other = clones("bob")
    seen_by_other.fetch(other, digests)
    assert {name for name, _ in other.packs()} == {pack_digest(key) for key in keys(place, "packs/")}


def test_the_index_is_published_after_so_many_objects(
    clones: Clones, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "INDEX_EVERY_OBJECTS", 2)
    store, remote = clones("ada")
    digests = add_objects(store, random_objects(6, 2 << 20))
    push(store, remote, digests)
    assert len(keys(place, "index/")) >= 2 and clones("bob")[1].absent(digests) == set()
