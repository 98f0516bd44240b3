"""What was verified longest ago comes first, whatever becomes of the record or of who writes it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from track.store.verified import Round, VerifiedRecord

NAMES = [b"a", b"b", b"c", b"d"]


def times(path: Path, about: str = "") -> dict[bytes, int]:
    with VerifiedRecord(path, about) as record:
        return record.times()


def filled(path: Path, **at_s: int) -> VerifiedRecord:
    record = VerifiedRecord(path)
    for name, when in at_s.items():
        record.note(name.encode(), when)
    return record


def test_what_was_never_verified_comes_first_and_then_the_oldest(tmp_path: Path) -> None:
    with filled(tmp_path / "r", a=30, b=10, d=20) as record:
        assert [b"c", b"b", b"d", b"a"] == [NAMES[number] for number in Round(record).ordered(NAMES)]


def test_a_share_is_what_comes_first(tmp_path: Path) -> None:
    with filled(tmp_path / "r", a=30, b=10, d=20) as record:
        turn = Round(record, take=lambda sizes: len(sizes) // 2)
        assert [b"c", b"b"] == [NAMES[number] for number in turn.ordered(NAMES)]


def test_a_round_stops_at_its_end_and_never_before_something_was_begun(tmp_path: Path) -> None:
    now = iter([100.0, 100.0, 101.0])
    with filled(tmp_path / "r", a=30, b=10) as record:
        turn = Round(record, until_s=100.5, clock=lambda: next(now))
        assert [False, False, False, True] == [turn.is_over() for _ in range(4)]
        turn.leave(b"a", 5)
        turn.leave(b"b", 6)
        assert (2, 11, 10) == (turn.left_count, turn.left_bytes, turn.oldest_s)
        turn.leave(b"new", 1)
        assert turn.oldest_s == 0


def test_what_is_noted_is_there_the_next_time_and_what_is_no_more_is_forgotten(tmp_path: Path) -> None:
    with filled(tmp_path / "r", a=1, b=2) as record:
        turn = Round(record, now_s=lambda: 77.7)
        turn.ordered([b"b", b"c"])
        turn.note(b"c")
        turn.forget_others()
    assert {b"b": 2, b"c": 77} == times(tmp_path / "r")


def test_what_was_bad_comes_first_the_next_time(tmp_path: Path) -> None:
    with filled(tmp_path / "r", a=1, b=2) as record:
        Round(record).note_bad(b"b")
    assert {b"a": 1} == times(tmp_path / "r")


def test_who_is_killed_loses_a_few_seconds(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        record = VerifiedRecord(tmp_path / "r")
        record.note(b"a", 1)
        while time.monotonic() - record._noted_at < 2.0:
            time.sleep(0.05)
        record.note(b"b", 2)
        record.note(b"c", 3)  # within the last seconds
        os._exit(9)
    os.waitpid(child, 0)
    assert {b"a": 1, b"b": 2} == times(tmp_path / "r")


@pytest.fixture(params=["garbage", "other version", "folder", "half a header"])
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "in" / "r"
    path.parent.mkdir()
    filled(path, a=1).__exit__(None, None, None)
    if request.param == "garbage":
        path.write_bytes(b"no database" * 1000)
    elif request.param == "other version":
        with VerifiedRecord(path) as record:
            record._db.execute("PRAGMA user_version = 9")
    elif request.param == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.unlink()
        path.write_bytes(b"SQLite format 3\0" + bytes(84))
    yield path


def test_a_record_that_cannot_be_read_begins_empty_and_stops_nobody(spoilt: Path) -> None:
    with VerifiedRecord(spoilt) as record:
        assert {} == record.times()
        record.note(b"x", 5)
        assert {b"x": 5} == record.times()


def test_a_record_of_something_else_begins_empty(tmp_path: Path) -> None:
    with VerifiedRecord(tmp_path / "r", "one store") as record:
        record.note(b"a", 1)
    assert {b"a": 1} == times(tmp_path / "r", "one store")
    assert {} == times(tmp_path / "r", "another")
