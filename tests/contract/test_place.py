"""What every place promises: bytes by key, and nothing half-written."""

import time
from pathlib import Path

import pytest

from track.errors import DamagedObject, RemoteError
from track.model.digest import digest_of
from track.store.clock import now_at
from track.store.pieces import Pieces
from track.store.place import NoSuchKey, Place

CONTENT = bytes(range(256)) * 9000


def test_what_is_put_is_got(place: Place) -> None:
    place.put("index/one", b"first")
    place.put("index/one", b"second, longer")
    place.put("index/empty", b"")
    assert place.get("index/one") == b"second, longer"
    assert place.get("index/empty") == b""
    assert place.size("index/one") == 14 and place.size("index/empty") == 0


def test_what_is_not_there_is_no_such_key(place: Place, tmp_path: Path) -> None:
    assert place.size("packs/aa/b") is None
    place.delete("packs/aa/b")
    assert list(place.list("packs/")) == []
    with pytest.raises(NoSuchKey):
        place.get("packs/aa/b")
    with pytest.raises(NoSuchKey):
        place.get_range("packs/aa/b", 0, 10)
    with pytest.raises(NoSuchKey):
        place.digest("packs/aa/b")
    with pytest.raises(NoSuchKey):
        place.get_file("packs/aa/b", tmp_path / "staging", limit=1 << 40)
    assert list((tmp_path / "staging").iterdir() if (tmp_path / "staging").exists() else []) == []


def test_a_range_is_a_piece_and_ends_where_the_bytes_end(place: Place) -> None:
    place.put("packs/a", CONTENT)
    assert place.get_range("packs/a", 0, 5) == CONTENT[:5]
    assert place.get_range("packs/a", 300_000, 70_000) == CONTENT[300_000:370_000]
    assert place.get_range("packs/a", len(CONTENT) - 3, 100) == CONTENT[-3:]


def test_a_file_comes_into_staging_with_its_digest(place: Place, tmp_path: Path) -> None:
    place.put("objects/a", CONTENT)
    staged = place.get_file("objects/a", tmp_path / "staging", limit=1 << 40)
    assert staged.path.parent == tmp_path / "staging"
    assert staged.path.read_bytes() == CONTENT
    assert (staged.digest, staged.size) == (digest_of(CONTENT), len(CONTENT))
    assert place.digest("objects/a") == digest_of(CONTENT)


def test_a_listing_has_the_keys_below_a_prefix_and_their_sizes(place: Place) -> None:
    for key, content in {"index/a": b"1", "index/b/c": b"22", "indexes/d": b"3", "roots/e": b"4"}.items():
        place.put(key, content)
    assert {(one.key, one.size) for one in place.list("index/")} == {("index/a", 1), ("index/b/c", 2)}
    assert all(one.modified_s > 1_600_000_000 for one in place.list("roots/"))


def test_a_place_says_what_time_it_is_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own clock: the times of a listing can be held against it, and ours is never asked."""
    place.put("roots/before", b"1")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    now = now_at(place)
    place.put("roots/after", b"2")
    listed = {one.key: one.modified_s for one in place.list("roots/")}
    assert listed["roots/before"] <= now + 1 and now <= listed["roots/after"] + 1
    assert list(place.list("probe/")) == []


def test_what_is_written_again_is_as_young_as_that(place: Place) -> None:
    place.put("roots/a", b"1")
    (before,) = place.list("roots/")
    time.sleep(2.1)  # which every place can tell apart
    place.put("roots/a", b"1")
    (after,) = place.list("roots/")
    assert after.modified_s > before.modified_s


def test_a_place_that_hides_what_was_written_does_not_say_what_time_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "list", lambda prefix: [])
    with pytest.raises(RemoteError, match="does not say when"):
        now_at(place)


def test_what_is_deleted_is_gone(place: Place) -> None:
    place.put("roots/a", b"1")
    place.delete("roots/a")
    place.delete("roots/a")
    assert place.size("roots/a") is None and list(place.list("roots/")) == []


def test_creating_does_not_replace(place: Place) -> None:
    assert place.create("store.toml", b"first")
    assert not place.create("store.toml", b"second")
    assert place.get("store.toml") == b"first"


def test_an_upload_is_there_after_its_commit(place: Place, tmp_path: Path) -> None:
    sources = {f"packs/{number:02}": tmp_path / str(number) for number in range(70)}
    with place.upload() as upload:
        for number, (key, path) in enumerate(sources.items()):
            path.write_bytes(CONTENT[number:])
            upload.put_file(key, path, digest_of(CONTENT[number:]))
        upload.commit()
    assert {one.key for one in place.list("packs/")} == set(sources)
    assert all(place.get(key) == path.read_bytes() for key, path in sources.items())


def test_an_upload_of_other_bytes_than_named_is_refused_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    with pytest.raises(DamagedObject), place.upload() as upload:
        upload.put_file("packs/a", tmp_path / "source", digest_of(b"something else"))
    assert place.size("packs/a") is None
    assert [one.key for one in place.list("")] == []


def test_an_upload_replaces_what_is_damaged_and_what_it_is_told_to(place: Place, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    for key, replace in (("packs/a", False), ("packs/b", True)):
        place.put(key, b"damaged" if not replace else CONTENT)
        with place.upload() as upload:
            upload.put_file(key, tmp_path / "source", digest_of(CONTENT), replace=replace)
            upload.commit()
        assert place.get(key) == CONTENT


def test_what_is_in_memory_is_uploaded_in_its_pieces(place: Place) -> None:
    parts = (CONTENT[:5], memoryview(CONTENT)[5:70_000], b"", CONTENT[70_000:])
    pieces = Pieces(parts, len(CONTENT))
    moved: list[int] = []
    with place.upload() as upload:
        upload.put_pieces("packs/aa/new", pieces, digest_of(CONTENT), moved=moved.append)
        upload.put_pieces("packs/aa/small", Pieces((b"sm", b"all"), 5), digest_of(b"small"))
        upload.commit()
    assert place.get("packs/aa/new") == CONTENT and place.get("packs/aa/small") == b"small"
    assert sum(moved) < 1.01 * len(CONTENT), "what travels may be sealed"
    for key, replace in (("packs/a", False), ("packs/b", True)):
        place.put(key, b"damaged" if not replace else CONTENT[::-1])
        with place.upload() as upload:
            upload.put_pieces(key, pieces, digest_of(CONTENT), replace=replace)
            upload.put_pieces("packs/aa/new", pieces, digest_of(CONTENT))
            upload.commit()
        assert place.get(key) == CONTENT


def test_every_request_is_counted(place: Place) -> None:
    before = place.requests_count
    place.put("index/a", b"1")
    place.get("index/a")
    list(place.list("index/"))
    assert place.requests_count == before + 3


def test_a_file_that_is_larger_than_was_said_is_refused_before_it_fills_the_disk(place: Place, tmp_path: Path) -> None:
    place.put("objects/a", b"x" * 1000)
    (tmp_path / "staging").mkdir(exist_ok=True)
    with pytest.raises(DamagedObject, match="more than 999 bytes"):
        place.get_file("objects/a", tmp_path / "staging", limit=999)
    assert list((tmp_path / "staging").iterdir()) == []
    assert place.get_file("objects/a", tmp_path / "staging", limit=1000).size == 1000
