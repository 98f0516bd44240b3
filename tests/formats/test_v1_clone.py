"""What a clone keeps for itself in format 1: steps in its trash, and which parts are checked out; frozen."""

import shutil
from pathlib import Path

import pytest

from track.errors import NewerFormat
from track.model.digest import digest_of
from track.worktree.parts import Parts, placed_parts, remember
from track.worktree.trash import Before, Held, Move, Step, Trash

V1 = Path(__file__).parent / "v1" / "clone"
GIVEN_UP = b"saved nowhere\n"
DIGEST = digest_of(b"a version")
POINTER = b'[artifact]\nkind = "file"\ndigest = "blake3:%s"\nsize = 9\n' % DIGEST.hex().encode()
STEPS = (
    Step(
        3,
        1_764_288_000,
        ("checkout", "main", "caf\udce9"),
        (
            Before(b"caf\xe9\n/a\\b", has_data=True, was_ignored=False, held=Held("directory", DIGEST)),
            Before(b"data", True, POINTER, has_data=True, held=Held("file", digest_of(GIVEN_UP), True)),
            Before(b"gone", True, None, has_data=True, held=None, was_ignored=False),
            Before(b"images", has_data=True, held=Held("directory", DIGEST), parts=(b"2024", b"\xff")),
        ),
        is_done=True,
    ),
    Step(
        4, 1_764_288_060, ("mv", "a", "b"), (Before(b".track/artifacts/m.track", True, b"\xff\\"),), (Move(b"a", b"b"),)
    ),
    Step(5, 1_764_288_120, ("restore", "3"), (), undoes=3, is_staged=True, is_done=True),
)
PARTS = {b"images": Parts((b"2024", b"\xff"), DIGEST), b"set": Parts((b"a",)), b"caf\xe9": Parts((), DIGEST)}


def frozen(name: str) -> dict[str, bytes]:
    top = V1 / name
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_the_same_trash_is_written(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    for step in STEPS:
        trash.save(step)
    (trash.path / "3").mkdir()
    (trash.path / "3" / digest_of(GIVEN_UP).hex()).write_bytes(GIVEN_UP)
    written = {path.relative_to(trash.path).as_posix(): path.read_bytes() for path in trash.path.rglob("*.json")}
    assert written == {name: data for name, data in frozen("trash").items() if name.endswith(".json")}
    assert frozen("trash")[f"3/{digest_of(GIVEN_UP).hex()}"] == GIVEN_UP


def test_the_frozen_trash_is_read() -> None:
    trash = Trash(V1 / "trash")
    assert tuple(trash.steps()) == STEPS[::-1]
    assert [(digest, path.read_bytes()) for digest, path in trash.contents(3)] == [(digest_of(GIVEN_UP), GIVEN_UP)]


def test_a_step_of_a_later_format_is_passed_over_and_left(tmp_path: Path) -> None:
    shutil.copytree(V1 / "refused" / "trash", tmp_path / "trash")
    trash = Trash(tmp_path / "trash")
    assert (trash.numbers(), list(trash.steps())) == ([6], [])
    trash.save(Step(7, 1, ("add",)))
    assert trash.sweep_some(9, steps=1, days=0) == 0
    assert trash.numbers() == [7, 6]


def test_the_same_parts_are_written_and_those_without_versions_are_read(tmp_path: Path) -> None:
    for artifact, parts in PARTS.items():
        remember(tmp_path, artifact, *parts)
    assert (tmp_path / "parts.json").read_bytes() == frozen("parts")["parts.json"]
    assert placed_parts(V1 / "parts") == PARTS
    assert placed_parts(V1 / "parts-without-versions") == {name: Parts(one.paths) for name, one in PARTS.items()}


def test_parts_of_a_later_format_are_refused() -> None:
    with pytest.raises(NewerFormat):
        placed_parts(V1 / "refused" / "parts")
