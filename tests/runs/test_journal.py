"""The journal: no run is lost between living and ended, whatever dies in between."""

import itertools
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from track import publish
from track.errors import UsageError
from track.model.record import Record, run_id
from track.runs.journal import LOST_AFTER_S, Journal, check_name

START = datetime(2026, 7, 14, 9, 12, 33, tzinfo=UTC)


def draft(number: int = 0, **facts: object) -> Record:
    at = START.timestamp() * 1000 + number
    known = {"id": run_id(int(at), bytes(10)), "name": "brave-otter", "status": "running", "started": START}
    return Record(**known | facts)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "runs")


def completed(record: Record) -> Record:
    return replace(record, status="completed", ended=START)


def test_an_empty_journal_has_nothing(journal: Journal) -> None:
    assert journal.living() == [] and list(journal.ended()) == [] and journal.broken() == []
    assert journal.find_living(draft().id) is None and journal.find_ended(draft().id) is None
    assert journal.find_living("../x") is None and journal.find_ended("../x") is None
    assert not journal.drop(draft().id)


def test_a_run_lives_is_edited_and_ends(journal: Journal) -> None:
    run = journal.begin(draft())
    run.edit(lambda record: replace(record, tags=(*record.tags, "one")))
    assert run.record().tags == ("one",)
    assert [each.id for each in journal.living()] == [run.id]
    ended = journal.end(run, completed)
    assert ended.tags == ("one",) and journal.find_ended(run.id) == ended and list(journal.ended()) == [ended]
    assert journal.living() == [] and not run.folder.exists()
    for late in (run.record, lambda: run.edit(completed), lambda: journal.end(run, completed)):
        with pytest.raises(UsageError, match="has ended"):
            late()
    assert journal.drop(run.id) and journal.find_ended(run.id) is None


def test_a_run_that_says_it_still_runs_is_not_ended(journal: Journal) -> None:
    run = journal.begin(draft())
    with pytest.raises(ValueError):
        journal.end(run, lambda record: record)
    assert journal.find_living(run.id) is not None


def test_killed_between_the_record_and_the_folder_it_has_ended(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(path: Path) -> None:
        raise KeyboardInterrupt

    run = journal.begin(draft())
    monkeypatch.setattr(publish, "remove_tree", dies)
    with pytest.raises(KeyboardInterrupt):
        journal.end(run, completed)
    assert journal.living() == [] and [record.id for record in journal.ended()] == [run.id]


def test_many_may_write_to_one_run(journal: Journal) -> None:
    run = journal.begin(draft())

    def add(number: int) -> None:
        run.edit(lambda record: replace(record, tags=(*record.tags, str(number))))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.record().tags, key=int) == [str(number) for number in range(20)]


def test_a_run_that_is_silent_for_too_long_is_lost(journal: Journal) -> None:
    run = journal.begin(draft())
    os.utime(run.folder / "heartbeat", (1000, 1000))
    assert not run.is_lost(1000 + LOST_AFTER_S - 1) and run.is_lost(1000 + LOST_AFTER_S + 1)
    run.beat()
    assert not run.is_lost()
    (run.folder / "heartbeat").unlink()
    assert run.is_lost()
    waiting = journal.begin(draft(1, status="created"))
    os.utime(waiting.folder / "heartbeat", (1000, 1000))
    assert not waiting.is_lost()


def test_ended_runs_come_newest_first_and_a_broken_one_hides_no_other(journal: Journal) -> None:
    for number in (2, 0, 1):
        journal.end(journal.begin(draft(number)), completed)
    assert [record.id for record in journal.ended()] == [draft(number).id for number in (2, 1, 0)]
    (broken,) = (journal.folder / "journal").rglob(f"{draft(1).id}.toml")
    broken.write_text("nonsense")
    assert [record.id for record in journal.ended()] == [draft(number).id for number in (2, 0)]
    assert journal.broken() == [broken]


def test_a_thousand_names_are_all_different(journal: Journal) -> None:
    numbers = itertools.cycle(range(1500))
    names = [journal.take_name(numbers) for _ in range(1000)]
    assert len(set(names)) == 1000
    assert all(name.replace("-", "").isalpha() and name.count("-") == 1 for name in names)


def test_when_every_name_is_taken_a_number_is_added_and_then_it_is_said(journal: Journal) -> None:
    first = journal.take_name(itertools.repeat(7))
    assert first.count("-") == 1
    assert journal.take_name(itertools.repeat(7)).endswith("-7")
    with pytest.raises(UsageError, match="no name") as error:
        journal.take_name(itertools.repeat(7))
    assert "--name" in (error.value.hint or "")


def test_a_name_that_cannot_be_is_refused():
    assert check_name("my run") == "my run"
    for name in ("", "a\n", " a", "ä" * 3, "a" * 300):
        with pytest.raises(UsageError):
            check_name(name)
