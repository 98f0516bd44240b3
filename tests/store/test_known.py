"""The record of a remote: derived, quick to ask, and never believed after the remote turned out to be another."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from track.errors import DiskFull, Locked, RemoteError, StoreUnwritable
from track.model.digest import digest_of
from track.store.known import Known, complete_at
from track.store.record import explaining
from track.store.segment import Held, PackSize, Segment, build_segment, parse_segment

PACK = digest_of(b"pack")
OTHER = digest_of(b"other pack")
ONE, TWO = digest_of(b"1"), digest_of(b"2")


def segment(*numbers: int, pack: bytes | None = PACK) -> Segment:
    held = [Held(digest_of(b"%d" % number), pack, 0, 0, number * 10, 10, 10) for number in numbers]
    if pack is None:
        held = [one._replace(pack=None, offset=0, stored_length=0) for one in held]
    name, data = build_segment(held, [PackSize(pack, 10_000)] if pack else [])
    return parse_segment(data, name)


@pytest.fixture
def known(tmp_path: Path) -> Known:
    record = Known(tmp_path / "remotes" / "origin.db")
    record.be_about("a" * 32)
    return record


def test_it_has_what_it_learned(known: Known) -> None:
    known.learn([segment(1, 2, 3), segment(7, pack=None)])
    one, seven, nine = digest_of(b"1"), digest_of(b"7"), digest_of(b"9")
    assert known.present([one, seven, nine]) == {one, seven}
    assert known.locate([one, nine]) == {one: [Held(one, PACK, 0, 0, 10, 10, 10)]}
    assert known.locate([seven])[seven][0].pack is None
    assert [held.offset for held in known.inside(PACK)] == [10, 20, 30]
    assert known.every_pack() == [(PACK, 10_000)]
    assert (known.packs([PACK, OTHER])[PACK].size, known.packs([PACK])[PACK].objects_count) == (10_000, 3)


def test_thousands_are_one_question(known: Known) -> None:
    known.learn([segment(*range(800))])
    asked = [digest_of(b"%d" % number) for number in range(5000)]
    assert known.present(asked) == set(asked[:800])


def test_another_store_makes_it_begin_anew(known: Known) -> None:
    known.learn([segment(1)])
    known.learn_roots("roots/x", [PACK])
    known.note_latest([(b"data", PACK)])
    known.be_about("a" * 32)
    assert known.present([digest_of(b"1")]) and known.latest(b"data") == PACK
    known.be_about("b" * 32)
    assert known.store_id == "b" * 32
    assert not known.present([digest_of(b"1")]) and not known.complete([PACK]) and known.latest(b"data") is None
    assert known.segments == set() and known.entries == set()


def test_a_version_is_complete_until_its_roots_entry_is_gone(known: Known) -> None:
    known.learn([segment(1, 2, 3)])
    known.learn_roots("roots/one", [ONE, TWO])
    known.learn_roots("roots/two", [ONE])
    assert known.complete([ONE, TWO, digest_of(b"3")]) == {ONE, TWO}
    known.forget_roots(["roots/one"])
    assert known.complete([ONE, TWO]) == {ONE} and known.entries == {"roots/two"}


def test_a_version_that_no_index_names_is_not_complete_whatever_a_roots_entry_says(known: Known) -> None:
    known.learn([segment(1)])
    known.learn_roots("roots/one", [ONE, TWO])
    assert known.complete([ONE, TWO]) == {ONE}
    assert known.unplaced() == {TWO}


def test_nothing_is_complete_while_an_object_is_lost(known: Known) -> None:
    known.learn([segment(1, 2)])
    known.learn_roots("roots/one", [TWO])
    known.note_bad([(ONE, PACK)])
    assert known.lost() == {ONE} and known.complete([TWO]) == set()
    assert known.present([ONE, TWO]) == {TWO}
    known.note_repaired([PACK], [])
    assert known.lost() == set() and known.complete([TWO]) == {TWO}


def test_a_second_place_makes_up_for_a_bad_one(known: Known) -> None:
    known.learn([segment(1), segment(1, pack=OTHER)])
    known.note_bad([(digest_of(b"1"), PACK)])
    assert known.lost() == set() and known.present([digest_of(b"1")])
    assert [held.pack for held in known.locate([digest_of(b"1")])[digest_of(b"1")]] == [OTHER, PACK]


def test_a_bad_whole_object_is_repaired_by_its_name(known: Known) -> None:
    known.learn([segment(5, pack=None)])
    known.note_bad([(digest_of(b"5"), None)])
    assert known.lost() == {digest_of(b"5")}
    known.note_repaired([], [digest_of(b"5")])
    assert known.lost() == set()


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\0" * 4000])
def test_a_damaged_record_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "origin.db"
    path.write_bytes(content)
    with Known(path) as known:
        assert known.store_id == "" and known.segments == set()
        known.learn([segment(1)])
        assert known.present([digest_of(b"1")])


def test_a_record_of_another_version_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "origin.db"
    with Known(path) as known:
        known.learn([segment(1)])
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with Known(path) as known:
        assert known.segments == set()


def test_what_remotes_have_is_known_without_asking_or_writing(tmp_path: Path) -> None:
    for name, digest in (("origin", ONE), ("lab", TWO)):
        with Known(tmp_path / f"{name}.db") as known:
            known.learn([segment(1, 2)])
            known.learn_roots("roots/x", [digest])
    (tmp_path / "broken.db").write_bytes(b"not a database")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert complete_at(tmp_path, [ONE, TWO, digest_of(b"x")]) == {ONE, TWO}
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert complete_at(tmp_path / "nowhere", [ONE]) == set()


def test_asking_loads_no_storage_library() -> None:
    code = (
        "import sys, track.flows.reach, track.store.known\n"
        "bad = {'dvc_objects', 'fsspec', 'obstore', 'asyncio', 'git', 'tomlkit'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Failure(sqlite3.OperationalError):
    """An error as SQLite names it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sqlite_errorname = name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", DiskFull),
        ("SQLITE_READONLY", StoreUnwritable),
        ("SQLITE_IOERR_WRITE", StoreUnwritable),
        ("SQLITE_BUSY", Locked),
        ("SQLITE_CORRUPT", RemoteError),
    ],
)
def test_what_goes_wrong_with_it_has_a_name(tmp_path: Path, name: str, kind: type[Exception]) -> None:
    path = tmp_path / "origin.db"
    path.write_bytes(b"x")
    with pytest.raises(kind), explaining(path):
        raise Failure(name)
    assert path.exists() == (kind is not RemoteError)
