"""A place that seals: what it asks of the place behind it, and what comes of files that are not as they should be."""

from pathlib import Path

import pytest

from store.conftest import files, overwrite, spoil
from track.errors import DamagedObject
from track.model.digest import digest_of
from track.store.around import bare
from track.store.backends import sealed
from track.store.backends.folder import FolderPlace
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import BLOCK, OVERHEAD, SEALED_BLOCK, Sealing
from track.store.limit import LimitedPlace, Limiter
from track.store.listing import parse_listing, publish_listing

CONTENT = bytes(range(251)) * 4000
PACK = "packs/ab/cd.pack"


class Counting(FolderPlace):
    """A folder that remembers which ranges it was asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.ranges: list[tuple[int, int]] = []

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        self.ranges.append((offset, length))
        return super().get_range(key, offset, length)


@pytest.fixture
def behind(tmp_path: Path) -> Counting:
    (tmp_path / "place").mkdir()
    return Counting(tmp_path / "place")


@pytest.fixture
def place(behind: Counting, tmp_path: Path) -> SealedPlace:
    return SealedPlace(behind, Sealing(bytes(32), "0" * 32), tmp_path / "sealing")


def only(behind: Counting, folder: str) -> Path:
    (path,) = files(behind.root / folder)
    return path


@pytest.mark.parametrize("offset", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7, len(CONTENT) - 10])
@pytest.mark.parametrize("length", [0, 1, 100, BLOCK, BLOCK + 1, 5 * BLOCK, 1 << 30])
def test_a_range_costs_one_request_of_about_its_own_size(
    place: SealedPlace, behind: Counting, offset: int, length: int
) -> None:
    place.put(PACK, CONTENT)
    assert place.get_range(PACK, offset, length) == CONTENT[offset : offset + length]
    ((at, asked),) = behind.ranges
    assert at <= offset // BLOCK * SEALED_BLOCK
    assert asked <= length + 2 * BLOCK + (length // BLOCK + 2) * OVERHEAD


def test_a_bad_block_of_a_pack_costs_what_is_in_it_alone(place: SealedPlace, behind: Counting, tmp_path: Path) -> None:
    place.put(PACK, CONTENT)
    spoil(only(behind, "packs"), 2 * SEALED_BLOCK + 100)
    noise = place.sealing.noise(PACK, 2, BLOCK)
    expected = CONTENT[: 2 * BLOCK] + noise + CONTENT[3 * BLOCK :]
    assert place.get(PACK) == expected
    assert place.get_range(PACK, 2 * BLOCK - 5, 10) == CONTENT[2 * BLOCK - 5 : 2 * BLOCK] + noise[:5]
    assert place.get_range(PACK, 3 * BLOCK, 10) == CONTENT[3 * BLOCK : 3 * BLOCK + 10]
    staged = place.get_file(PACK, tmp_path, limit=len(CONTENT))
    assert staged.path.read_bytes() == expected and staged.digest == place.digest(PACK) == digest_of(expected)


def test_a_bad_block_of_zeros_is_not_taken_for_zeros(place: SealedPlace, behind: Counting, tmp_path: Path) -> None:
    zeros = bytes(3 * BLOCK)
    place.put(PACK, zeros)
    spoil(only(behind, "packs"), SEALED_BLOCK + 100)
    assert place.digest(PACK) != digest_of(zeros) and place.get(PACK) != zeros
    assert bytes(place.get_range(PACK, BLOCK, BLOCK)) != bytes(BLOCK)
    assert place.get_file(PACK, tmp_path, limit=len(zeros)).digest != digest_of(zeros)


@pytest.mark.parametrize("size", [0, 5, BLOCK, 2 * BLOCK, 2 * BLOCK + 5])
@pytest.mark.parametrize("more", [1, OVERHEAD - 1, OVERHEAD, OVERHEAD + 1, SEALED_BLOCK, SEALED_BLOCK + OVERHEAD])
def test_whatever_stands_behind_the_end_makes_it_another_file(
    place: SealedPlace, behind: Counting, tmp_path: Path, size: int, more: int
) -> None:
    content = CONTENT[:size]
    place.put(PACK, content)
    path = only(behind, "packs")
    overwrite(path, path.read_bytes() + bytes(more))
    assert place.digest(PACK) != digest_of(content) and place.get(PACK) != content
    assert bytes(place.get_range(PACK, 0, size + 1)) != content
    assert place.get_file(PACK, tmp_path, limit=size + 2 * SEALED_BLOCK).digest != digest_of(content)


@pytest.mark.parametrize("key", ["roots/a/b", "index/0-a", "tombstones/a"])
def test_anything_else_that_is_not_right_is_refused(
    place: SealedPlace, behind: Counting, tmp_path: Path, key: str
) -> None:
    place.put(key, CONTENT)
    spoil(only(behind, key.partition("/")[0]), len(CONTENT) // 2)
    for read in (
        lambda: place.get(key),
        lambda: place.get_range(key, len(CONTENT) // 2, 10),
        lambda: place.digest(key),
        lambda: place.get_file(key, tmp_path / "staging", limit=len(CONTENT)),
    ):
        with pytest.raises(DamagedObject, match=key):
            read()
    assert list((tmp_path / "staging").iterdir()) == []
    assert place.get_range(key, 0, 10) == CONTENT[:10]


@pytest.mark.parametrize("length", [0, 1, OVERHEAD, SEALED_BLOCK, SEALED_BLOCK + 5, 2 * SEALED_BLOCK, -1])
def test_a_file_that_was_cut_is_never_taken_for_the_whole(
    place: SealedPlace, behind: Counting, tmp_path: Path, length: int
) -> None:
    for key in (PACK, "roots/a"):
        place.put(key, CONTENT)
        path = only(behind, key.partition("/")[0])
        overwrite(path, path.read_bytes()[:length])
        assert place.size(key) != len(CONTENT)
        assert [one.size for one in place.list(key.partition("/")[0] + "/")] != [len(CONTENT)]
    with pytest.raises(DamagedObject):
        place.get("roots/a")
    assert place.get(PACK) != CONTENT and place.digest(PACK) != digest_of(CONTENT)
    assert place.get_file(PACK, tmp_path, limit=1 << 30).digest != digest_of(CONTENT)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_digest_is_read_in_as_many_requests_as_it_needs(
    place: SealedPlace, behind: Counting, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """With and without an end where a request ends, where a block was appended, and where the last one is bad."""
    monkeypatch.setattr(sealed, "_BLOCKS_AT_ONCE", 2)
    for content in (CONTENT[: count * BLOCK], CONTENT[: count * BLOCK - 1]):
        place.put(PACK, content)
        assert place.digest(PACK) == digest_of(content)
        path = only(behind, "packs")
        good = path.read_bytes()
        for bad in (good + good[-SEALED_BLOCK:], good[:-SEALED_BLOCK], good[:-1] + b"?", good + b"?"):
            overwrite(path, bad)
            assert place.digest(PACK) != digest_of(content)


def test_names_of_others_are_not_listed(place: SealedPlace, behind: Counting) -> None:
    place.put("roots/a/1", b"1")
    place.put("roots/b/2", b"22")
    for key in ("roots/other", "roots/a/1", "packs/zz/a", "packs/a", "elsewhere/a", only_name(behind, "index")):
        behind.put(key, b"x" * OVERHEAD)
    assert sorted((one.key, one.size) for one in place.list("roots/")) == [("roots/a/1", 1), ("roots/b/2", 2)]
    assert [one.key for one in place.list("roots/a/")] == ["roots/a/1"]
    assert list(place.list("packs/")) == [] and len(list(place.list(""))) == 2


def only_name(behind: Counting, folder: str) -> str:
    """A right name, in another folder."""
    return f"{folder}/{files(behind.root / 'roots')[0].name}"


def test_what_describes_the_store_stays_readable(place: SealedPlace, behind: Counting, tmp_path: Path) -> None:
    place.put("store.toml", b"[store]")
    assert behind.get("store.toml") == b"[store]" == place.get("store.toml")
    assert place.get_range("store.toml", 1, 5) == b"store" and place.size("store.toml") == 7
    assert place.digest("store.toml") == digest_of(b"[store]") == place.get_file("store.toml", tmp_path, limit=7).digest
    assert [(one.key, one.size) for one in place.list("")] == [("store.toml", 7)]


def test_a_list_for_readers_names_what_is_sealed(place: SealedPlace, behind: Counting) -> None:
    place.put("index/0-a", b"12345")
    publish_listing(LimitedPlace(place, Limiter(1 << 30)))
    (one,) = parse_listing(behind.get("listing"))
    assert one.size == 5 + OVERHEAD and behind.size(one.key) == one.size and "0-a" not in one.key
    assert bare(LimitedPlace(place, Limiter(1 << 30)), "index/0-a") == (behind, one.key)


def test_a_source_that_is_not_what_it_should_be_is_not_sent(
    place: SealedPlace, behind: Counting, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    with pytest.raises(DamagedObject), place.upload() as upload:
        upload.put_file(PACK, tmp_path / "source", digest_of(CONTENT[1:]))
    assert list((tmp_path / "sealing").iterdir()) == [] and list(behind.list("packs/")) == []
