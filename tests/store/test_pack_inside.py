"""Inside a pack: it and its objects are hashed from the same bytes, read once, whatever its size."""

from pathlib import Path

import pytest

from track.model.digest import digest_of
from track.store import pack_inside
from track.store.backends.folder import open_folder
from track.store.layout import pack_key
from track.store.pack import RAW, PackEntry, PackWriter, SealedPack
from track.store.pack_inside import Reused, look_inside
from track.store.pack_there import look_inside_there
from track.store.place import NoSuchKey

CONTENTS = [b"", *(bytes([number]) * (number * 37 + 1) for number in range(40)), b"long" * 300]


def made(folder: Path, contents: list[bytes] = CONTENTS) -> tuple[SealedPack, bytes]:
    folder.mkdir(exist_ok=True)
    writer = PackWriter(folder)
    for content in contents:
        writer.add(digest_of(content), content)
    writer.add_entry(PackEntry(digest_of(b"of later"), 9, 0, 0, 700, 5, digest_of(b"?" * 700)), b"?" * 700)
    sealed = writer.seal()
    assert sealed is not None
    return sealed, sealed.path.read_bytes()


@pytest.fixture(params=["in one piece", "in pieces"])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was read, (offset, length); a large pack in pieces into which its objects do not fit."""
    monkeypatch.setattr(pack_inside, "_WINDOW", 100)
    if request.param == "in pieces":
        monkeypatch.setattr(pack_inside, "AT_ONCE", 50)
        monkeypatch.setattr(pack_inside, "_PIECE", 100)
    return []


def looked(content: bytes, asked: list[tuple[int, int]], size: int | None = None) -> pack_inside.Inside:
    def read(at: int, length: int) -> bytes:
        asked.append((at, length))
        return content[at : at + length]

    return look_inside(read, len(content) if size is None else size, "a pack")


def test_a_sound_pack_is_read_once_and_all_of_it_is_sound(tmp_path: Path, asked: list[tuple[int, int]]) -> None:
    sealed, content = made(tmp_path / "staging")

    inside = looked(content, asked)

    assert (sealed.name, (), len(CONTENTS) + 1) == (inside.digest, inside.lost, inside.entries_count)
    raw = [entry for entry in sealed.entries if entry.form == RAW]
    sums = (len(raw), sum(one.offset for one in raw), sum(one.length for one in raw))
    assert sums == (inside.readable_count, inside.offsets, inside.lengths)
    table_and_footer = len(content) - sealed.table_offset
    assert sum(length for _, length in asked) <= len(content) + table_and_footer + 1


@pytest.mark.parametrize("number", [1, 2, 20, len(CONTENTS) - 1, len(CONTENTS)])
def test_one_byte_costs_the_object_that_it_is_in(tmp_path: Path, asked: list[tuple[int, int]], number: int) -> None:
    sealed, content = made(tmp_path / "staging")
    entry = sealed.entries[number]
    at = entry.offset + entry.stored_length - 1

    inside = looked(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], asked)

    assert ((entry.digest,), len(CONTENTS)) == (inside.lost, len(inside.sound))
    assert inside.digest != sealed.name and not inside.what


def test_a_pack_that_is_cut_off_or_has_more_is_another(tmp_path: Path, asked: list[tuple[int, int]]) -> None:
    _, content = made(tmp_path / "staging")

    for other in (content[:-1], content + b"!", b"", content[:700]):
        found = looked(other, asked, len(content) if len(content) <= pack_inside.AT_ONCE else len(other))
        assert found.digest == digest_of(other) and found.what and not found.sound


def test_a_newer_format_is_no_damage(tmp_path: Path, asked: list[tuple[int, int]]) -> None:
    _, content = made(tmp_path / "staging")
    newer = content[:-12] + b"\x02" + content[-11:]

    inside = looked(newer, asked)

    assert inside.is_newer and not inside.what and inside.digest == digest_of(newer)


def test_a_pack_in_a_folder_is_looked_into_in_pieces(tmp_path: Path, asked: list[tuple[int, int]]) -> None:
    sealed, content = made(tmp_path / "staging")
    path = tmp_path / "remote" / pack_key(sealed.name)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    place = open_folder(tmp_path / "remote")

    assert looked(content, asked) == look_inside_there(place, sealed.name, len(content))
    path.write_bytes(content[:100])
    assert look_inside_there(place, sealed.name, len(content)).digest == digest_of(content[:100])
    path.unlink()
    with pytest.raises(NoSuchKey):
        look_inside_there(place, sealed.name, len(content))


def test_one_room_is_used_for_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first file")
    (tmp_path / "b").write_bytes(b"second")
    room = Reused()
    with (tmp_path / "a").open("rb") as first, (tmp_path / "b").open("rb") as second:
        assert b"first file" == bytes(room.reader(first.fileno())(0, 99))
        assert b"second" == bytes(room.reader(second.fileno())(0, 99))
        assert b"con" == bytes(room.reader(second.fileno())(2, 3))
