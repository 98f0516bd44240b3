"""The trash: steps that are read back as they were saved, bytes that are kept under a second name, and its bounds."""

import os
from pathlib import Path

import pytest

from track import publish
from track.model.digest import Digest, digest_of
from track.worktree.trash import Before, Held, Move, Step, Trash, every_trash

DIGEST = Digest(digest_of(b"bytes"))


def step(number: int, *, time_s: int = 1_000_000) -> Step:
    return Step(number, time_s, ("add", "data/a.csv"), (Before(b"data/a.csv", True, b"[artifact]\n", False),))


@pytest.fixture
def trash(tmp_path: Path) -> Trash:
    return Trash(tmp_path / "git" / "track" / "trash")


def test_a_step_is_read_back_as_it_was_saved(trash: Trash) -> None:
    artifacts = (
        Before(b"caf\xe9\n/a\\b", True, b"\xff not text \\ \n", False, True, Held("directory", DIGEST)),
        Before(b"gone", True, None, True, True, None),
        Before(b"run", has_data=True, held=Held("file", DIGEST, True), parts=(b"a", b"\xff")),
    )
    saved = Step(7, 123, ("mv", "a\udce9", "b"), artifacts, (Move(b"a\xe9", b"b"),), 3, True, True)
    trash.save(saved)
    assert trash.step(7) == saved
    assert list(trash.steps()) == [saved]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format":2}', b"\xff", b"[" * 100_000, b"null"])
def test_a_damaged_step_is_passed_over_and_its_number_not_used_again(trash: Trash, content: bytes) -> None:
    trash.save(step(1))
    (trash.path / "2.json").write_bytes(content)
    assert trash.step(2) is None
    assert [found.number for found in trash.steps()] == [1]
    assert trash.numbers() == [2, 1]


def test_nothing_saved_is_an_empty_trash(trash: Trash) -> None:
    assert (trash.numbers(), trash.newest(), trash.contents(1)) == ([], None, [])
    assert not trash.path.exists()


def take(trash: Trash, folder: Path, name: str) -> bytes:
    content = os.readlink(folder / name).encode() if (folder / name).is_symlink() else (folder / name).read_bytes()
    digest = digest_of(content)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        trash.take(1, digest, fd, name.encode())
        trash.take(1, digest, fd, name.encode())  # once more is fine
    finally:
        os.close(fd)
    return digest


@pytest.mark.parametrize("links", [True, False])
def test_bytes_are_kept_when_the_file_is_replaced(
    trash: Trash, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(publish, "make_link", refuse)
    (tmp_path / "a").write_bytes(b"unsaved")
    (tmp_path / "l").symlink_to("a")
    digest, link = take(trash, tmp_path, "a"), take(trash, tmp_path, "l")
    assert (tmp_path / "a").read_bytes() == b"unsaved"
    publish.publish_bytes(tmp_path / "a", b"another")
    (tmp_path / "l").unlink()
    kept = trash.content(1, digest)
    assert kept is not None and kept.read_bytes() == b"unsaved"
    place = trash.content(1, link)
    assert place is not None and os.readlink(place) == "a"
    assert trash.contents(1) == sorted([(digest, kept), (link, place)])
    assert trash.content(2, digest) is None


def test_the_sweep_keeps_the_newest_steps_that_are_not_too_old(trash: Trash, tmp_path: Path) -> None:
    now = 100 * 86_400
    for number, age_days in ((1, 40), (2, 31), (3, 29), (4, 10), (5, 1)):
        trash.save(step(number, time_s=now - age_days * 86_400))
    (tmp_path / "a").write_bytes(b"unsaved")
    take(trash, tmp_path, "a")
    assert trash.sweep(steps=100, days=30, now_s=now) == 2
    assert trash.numbers() == [5, 4, 3]
    assert trash.contents(1) == []
    assert trash.sweep(steps=2, days=30, now_s=now) == 1
    assert trash.sweep(steps=0, days=0, now_s=now) == 1
    assert trash.numbers() == [5]


def test_a_small_sweep_takes_the_oldest_and_stops_at_the_first_that_may_stay(trash: Trash, tmp_path: Path) -> None:
    now = 100 * 86_400
    for number, age_days in ((1, 50), (2, 45), (3, 40), (4, 31), (5, 10), (6, 35), (7, 1)):
        trash.save(step(number, time_s=now - age_days * 86_400))
    (tmp_path / "a").write_bytes(b"unsaved")
    take(trash, tmp_path, "a")
    (trash.path / "2.json").write_bytes(b'{"format":2}')  # of a later version
    assert trash.sweep_some(2, steps=100, days=30, now_s=now) == 2
    assert (trash.numbers(), trash.contents(1)) == ([7, 6, 5, 4, 2], [])
    assert trash.sweep_some(2, steps=100, days=30, now_s=now) == 1
    assert trash.numbers() == [7, 6, 5, 2]
    assert trash.sweep_some(9, steps=1, days=30, now_s=now) == 2
    assert trash.numbers() == [7, 2]
    assert trash.sweep_some(9, steps=0, days=0, now_s=now) == 0  # the newest stays


def test_a_damaged_step_goes_with_the_sweep(trash: Trash) -> None:
    for number in (1, 2):
        trash.save(step(number))
    (trash.path / "1.json").write_bytes(b"{")
    assert trash.sweep(steps=100, days=30, now_s=1_000_000) == 1
    assert trash.numbers() == [2]


def test_every_working_tree_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "worktrees" / "other").mkdir(parents=True)
    places = [trash.path.relative_to(tmp_path) for trash in every_trash(tmp_path)]
    assert places == [Path("track/trash"), Path("worktrees/other/track/trash")]
