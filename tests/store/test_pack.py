"""Packs: what is written is read, and whatever a hostile or damaged pack says, no wrong byte comes out."""

import os
import struct
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import DamagedObject, NewerFormat, TrackError
from track.store import compression, drain
from track.store.pack import RAW, RECIPE, ZSTD, PackEntry, PackWriter, SealedPack, read_entry, read_table


def _digest(data: bytes) -> bytes:
    return blake3(data).digest()


def _sealed(folder: Path, contents: list[bytes]) -> SealedPack:
    writer = PackWriter(folder)
    for content in contents:
        writer.add(_digest(content), content)
    sealed = writer.seal()
    assert sealed is not None
    return sealed


def _read_all(path: Path) -> list[bytes]:
    fd = os.open(path, os.O_RDONLY)
    try:
        return [read_entry(fd, entry) for entry in read_table(fd)]
    finally:
        os.close(fd)


def _crafted(path: Path, body: bytes, records: list[tuple], version: int = 1, flags: int = 0) -> Path:
    """A pack with whatever records it is given, and a table and a footer that are right about them."""
    table = b"".join(struct.pack("<32sHHQQQ32s", *record) for record in records)
    footer = struct.pack("<32sQQII8s", _digest(table), len(body), len(table), flags, version, b"TRACKPAK")
    path.write_bytes(body + table + footer)
    return path


@settings(max_examples=60, deadline=None)
@given(contents=st.lists(st.binary(max_size=300) | st.integers(0, 3 << 20).map(bytes), min_size=1, max_size=12))
def test_every_object_of_a_pack_reads_back_in_the_order_of_writing(tmp_path_factory, contents: list[bytes]) -> None:
    sealed = _sealed(tmp_path_factory.mktemp("pack"), contents)
    assert _read_all(sealed.path) == contents
    assert read_table(sealed.path) == sealed.entries
    assert [entry.digest for entry in sealed.entries] == [_digest(content) for content in contents]


def test_a_pack_is_named_by_the_digest_of_the_whole_file(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path, [b"a" * 3_000_000, b"b", b""])
    assert sealed.name == _digest(sealed.path.read_bytes())
    assert sealed.size == sealed.path.stat().st_size


def test_the_layout_is_what_the_reference_says(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path, [b"hello", b""])
    expected = _crafted(
        tmp_path / "expected",
        b"hello",
        [(_digest(b"hello"), 0, 0, 0, 5, 5, _digest(b"hello")), (_digest(b""), 0, 0, 5, 0, 0, _digest(b""))],
    )
    assert sealed.path.read_bytes() == expected.read_bytes()


def test_nothing_added_is_no_pack_and_an_abandoned_one_leaves_nothing(tmp_path: Path) -> None:
    assert PackWriter(tmp_path / "s").seal() is None
    assert not (tmp_path / "s").exists()
    writer = PackWriter(tmp_path)
    writer.add(_digest(b"x" * 2_000_000), b"x" * 2_000_000)
    assert len(os.listdir(tmp_path)) == 1
    writer.abandon()
    assert os.listdir(tmp_path) == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_or_lost_tail_ever_gives_a_wrong_byte(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("pack")
    contents = [b"first object", b"second" * 20, b"", b"third"]
    whole = _sealed(folder, contents).path.read_bytes()
    if data.draw(st.booleans(), "flip"):
        place = data.draw(st.integers(0, len(whole) * 8 - 1), "bit")
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
    else:
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1), "length")]
    (folder / "damaged").write_bytes(bytes(damaged))
    with pytest.raises((DamagedObject, NewerFormat)) as caught:
        _read_all(folder / "damaged")
    assert caught.value.hint


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_hostile_records_never_give_a_wrong_byte(tmp_path_factory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("pack") / "hostile"
    small = st.integers(0, 12)
    number = small | st.sampled_from([2**31, 2**32, 2**63, 2**64 - 1])
    digests = st.sampled_from([_digest(b"abcdef"), _digest(b"abc"), _digest(b"")])
    record = st.tuples(digests, st.integers(0, 4), small, number, number, number, digests)
    _crafted(path, b"abcdef", data.draw(st.lists(record, max_size=4)))
    try:
        table = read_table(path)
    except TrackError:
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        for entry in table:
            try:
                content = read_entry(fd, entry)
            except TrackError:
                continue
            assert _digest(content) == entry.digest
            assert len(content) == entry.length
    finally:
        os.close(fd)


ABC = _digest(b"abc")


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([(ABC, 0, 0, 1, 3, 3, ABC)], "gaps"),
        ([(ABC, 0, 0, 0, 3, 3, ABC), (ABC, 0, 0, 0, 3, 3, ABC)], "overlap"),
        ([(ABC, 0, 0, 0, 4, 4, ABC)], "do not fill"),
        ([(ABC, 0, 0, 0, 2, 2, ABC)], "do not fill"),
        ([(ABC, 0, 0, 0, 2**64 - 1, 2**64 - 1, ABC)], "do not fill"),
        ([(ABC, 0, 0, 0, 3, 4, ABC)], "contradicts"),
        ([(ABC, 0, 0, 0, 3, 3, _digest(b"abd"))], "contradicts"),
        ([], "footer"),
    ],
)
def test_a_table_that_does_not_account_for_the_file_is_refused(tmp_path: Path, records: list, why: str) -> None:
    with pytest.raises(DamagedObject, match=why):
        read_table(_crafted(tmp_path / "p", b"abc", records))


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 63, b"x" * 64, b"x" * 5000])
def test_what_is_no_pack_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(DamagedObject, match="not a pack"):
        read_table(tmp_path / "p")


def test_a_pack_of_a_newer_format_is_refused_and_not_called_damaged(tmp_path: Path) -> None:
    record = [(ABC, 0, 0, 0, 3, 3, ABC)]
    for version, flags in ((2, 0), (1, 1), (0, 0)):
        with pytest.raises(NewerFormat, match="newer format"):
            read_table(_crafted(tmp_path / "p", b"abc", record, version, flags))


def _entry_of(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return read_entry(fd, read_table(fd)[0])
    finally:
        os.close(fd)


@pytest.mark.parametrize(("form", "flags"), [(RECIPE, 0), (7, 0), (RAW, 1), (ZSTD, 1)])
def test_an_entry_in_a_form_of_the_future_is_refused_alone(tmp_path: Path, form: int, flags: int) -> None:
    path = _crafted(tmp_path / "p", b"abc", [(ABC, form, flags, 0, 3, 3, ABC)])
    with pytest.raises(NewerFormat, match="cannot read"):
        _entry_of(path)


def _zstd_pack(path: Path, content: bytes, length: int, digest: bytes, spoil: bytes = b"") -> Path:
    stored = compression.zstd.compress(content, 1) + spoil
    return _crafted(path, stored, [(digest, ZSTD, 0, 0, len(stored), length, _digest(stored))])


def test_a_compressed_object_reads_back(tmp_path: Path) -> None:
    content = b"compressible " * 10_000
    assert _entry_of(_zstd_pack(tmp_path / "p", content, len(content), _digest(content))) == content
    assert _entry_of(_zstd_pack(tmp_path / "e", b"", 0, _digest(b""))) == b""


@pytest.mark.parametrize("length", [0, 1, 999, 1001, 2**28 + 1, 2**63])
def test_a_frame_that_is_longer_or_shorter_than_it_says_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(DamagedObject):
        _entry_of(_zstd_pack(tmp_path / "p", b"x" * 1000, length, _digest(b"x" * 1000)))


def test_a_decompression_bomb_is_never_expanded(tmp_path: Path, monkeypatch) -> None:
    made = []
    real = compression.zstd.ZstdDecompressor

    class Watched:
        def __init__(self) -> None:
            self._real = real()

        def decompress(self, data: bytes, max_length: int) -> bytes:
            content = self._real.decompress(data, max_length=max_length)
            made.append(len(content))
            return content

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    monkeypatch.setattr(compression.zstd, "ZstdDecompressor", Watched)
    bomb = bytes(50 << 20)
    with pytest.raises(DamagedObject):
        _entry_of(_zstd_pack(tmp_path / "p", bomb, 10, _digest(bomb[:10])))
    assert made == [11]


def test_a_frame_with_other_content_or_something_behind_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedObject):
        _entry_of(_zstd_pack(tmp_path / "p", b"other", 5, _digest(b"right")))
    with pytest.raises(DamagedObject):
        _entry_of(_zstd_pack(tmp_path / "p", b"right", 5, _digest(b"right"), spoil=b"tail"))
    path = _crafted(tmp_path / "p", b"abc", [(ABC, ZSTD, 0, 0, 3, 3, ABC)])
    with pytest.raises(DamagedObject):
        _entry_of(path)


def test_without_a_zstd_library_a_compressed_object_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    path = _zstd_pack(tmp_path / "p", b"x" * 1000, 1000, _digest(b"x" * 1000))
    monkeypatch.setattr(compression, "zstd", None)
    with pytest.raises(TrackError, match="not installed") as caught:
        _entry_of(path)
    assert "backports.zstd" in str(caught.value.hint)


def test_stored_entries_of_any_form_are_copied_as_they_are(tmp_path: Path) -> None:
    content = b"compressible " * 1000
    stored = compression.zstd.compress(content, 1)
    writer = PackWriter(tmp_path)
    writer.add(_digest(b"x"), b"x")
    writer.add_entry(PackEntry(_digest(content), ZSTD, 0, 999, len(stored), len(content), _digest(stored)), stored)
    sealed = writer.seal()
    assert sealed is not None
    assert _read_all(sealed.path) == [b"x", content]


def test_a_pack_reached_through_a_link_is_not_opened(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path, [b"x"])
    (tmp_path / "link").symlink_to(sealed.path)
    with pytest.raises(TrackError, match="symbolic links"):
        read_table(tmp_path / "link")


def test_a_full_disk_ends_a_pack_with_its_name(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    writer = PackWriter(tmp_path)
    writer.add(_digest(b"x"), b"x")
    monkeypatch.setattr(drain, "write_all", full)
    with pytest.raises(TrackError, match="no space left"):
        writer.seal()
    assert os.listdir(tmp_path) == []
    writer = PackWriter(tmp_path)
    with pytest.raises(TrackError, match="no space left"):
        for _ in range(100):
            writer.add(_digest(b"x"), bytes(1 << 20))
    writer.abandon()
    assert os.listdir(tmp_path) == []
