"""The second process of a first build: what it reads ahead is what the first one would have read alone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from history.test_catalog import catalog_of, everything, pointer, record, write
from support.repositories import commit_all
from track.history import catalog_ahead
from track.model.digest import digest_of
from track.model.record import Used


@pytest.fixture
def long(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that counts as long, in small batches; the same contents come again and again."""
    for number in range(14):
        write(repo, f"{number % 3}.track", pointer(f"{number % 5}", labels={"part": number % 2}))
        write(repo, *record(number, Used("output", digest_of(b"%d" % number), 1, name="model.pt")))
        write(repo, "broken.track", f"[artifact]\nkind = {number % 4}\n")
        commit_all(repo)
    monkeypatch.setattr(catalog_ahead, "_LONG", 10)
    monkeypatch.setattr(catalog_ahead, "_BATCH", 5)
    monkeypatch.setattr(catalog_ahead, "_FIRST", 3)
    monkeypatch.setattr(catalog_ahead, "cores", lambda: 2)
    return repo


def alone(repo: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    with monkeypatch.context() as only, catalog_of(repo, "alone.db") as catalog:
        only.setattr(catalog_ahead, "can_fork", lambda: False)
        return everything(catalog)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_is_read_ahead_is_what_is_read_alone(long: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(catalog_ahead, "_SHARE", share)
    taken: list[int] = []
    unpacked = catalog_ahead._unpacked

    def counted(message: bytes) -> catalog_ahead.Batch:
        batch = unpacked(message)
        taken.append(len(batch.contents.wanted()))
        return batch

    monkeypatch.setattr(catalog_ahead, "_unpacked", counted)
    with catalog_of(long) as catalog:
        found = everything(catalog)
    assert found == alone(long, monkeypatch)
    assert len(taken) > 3 and (sum(taken) > 0) == (share > 0)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_when_the_second_process_ends_early_the_first_goes_on_alone(
    long: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    here, packed, count = os.getpid(), catalog_ahead._packed, iter(range(1000))

    def ending(done: catalog_ahead.Done, contents: catalog_ahead.Rows) -> bytes:
        if next(count) >= after and os.getpid() != here:
            os._exit(9)
        return packed(done, contents)

    began: list[object] = []
    in_batches: Callable[..., object] = catalog_ahead._in_batches

    def noted(commits: object) -> object:
        began.append(commits)
        return in_batches(commits)

    monkeypatch.setattr(catalog_ahead, "_packed", ending)
    monkeypatch.setattr(catalog_ahead, "_in_batches", noted)
    with catalog_of(long) as catalog:
        found = everything(catalog)
    assert len(began) == 1  # here, after the other one ended
    assert found == alone(long, monkeypatch)
