"""What is saved to a living run: names, types, categories, one content once; and what cannot be saved."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.cli import track_here as track
from support.trees import write_tree
from track.errors import (
    NameTooLong,
    NoFormat,
    SpecialFile,
    TrackError,
    UnknownPath,
    UsageError,
)
from track.flows.run_journal import journal_of
from track.flows.run_save import Meant, save_all, save_directory, save_file, save_object
from track.flows.run_start import Wishes, begin
from track.formats.known import decode
from track.model.digest import digest_of
from track.model.record import Used
from track.model.record_file import dump_record, parse_record
from track.project import Project
from track.runs.journal import Living

SYSTEM = ("blockMeshDict", "controlDict", "fvSchemes", "fvSolution", "meshQualityDict", "snappyHexMeshDict")


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Project, Living]]:
    track("init", cwd=repo).ok()
    before = os.getcwd()
    os.chdir(repo)
    with Project.open(repo) as project:
        yield project, begin(project, Wishes(), with_code=False)
    os.chdir(before)


def names(living: Living, category: str = "output") -> list[str]:
    return [used.shown for used in living.record().of(category)]


def test_an_object_is_a_named_artifact_with_its_type(here: tuple[Project, Living]) -> None:
    project, living = here
    array = np.arange(6, dtype=">i2").reshape(2, 3)
    used = save_object(project, living, array, Meant("output", "arrays/a", metadata={"unit": "m", "n": 2}))
    assert (used.type, used.how, used.metadata) == ("application/x-npy", "api", (("unit", "m"), ("n", 2)))
    assert living.record().artifacts == (used,)
    back = decode(project.store.read(used.digest), used.type)
    assert isinstance(back, np.ndarray) and back.dtype == array.dtype and np.array_equal(back, array)


def test_the_record_keeps_what_is_said_of_an_artifact(here: tuple[Project, Living]) -> None:
    project, living = here
    save_object(project, living, "text", Meant("input", "a", metadata={"gold": True, "score": 0.5}))
    record = living.record()
    assert parse_record(dump_record(record), "again") == record
    assert b"metadata = { gold = true, score = 0.5 }" in dump_record(record)


def test_a_file_is_called_by_its_own_name(here: tuple[Project, Living]) -> None:
    project, living = here
    write_tree(project.root, {"group/data.png": b"png", "in.lj": b"lj", "group/ü 1": b"", "big": b"x" * (2 << 20)})
    given = [("group/data.png", None), ("in.lj", None), ("in.lj", "text/plain"), ("group/ü 1", None), ("big", None)]
    kinds = [(save_file(project, living, path, Meant("output", type=kind))) for path, kind in given]
    assert [(used.shown, used.type) for used in kinds] == [
        ("data.png", "image/png"),
        ("in.lj", "application/octet-stream"),
        ("in.lj", "text/plain"),
        ("ü 1", "application/octet-stream"),
        ("big", "application/octet-stream"),
    ]
    assert names(living) == ["big", "data.png", "in.lj", "ü 1"]
    assert project.store.read(kinds[4].digest) == b"x" * (2 << 20)


@pytest.mark.parametrize("given", ["group/file", "./group/file", "group/../group/file", "ABSOLUTE"])
def test_a_path_can_be_the_name(here: tuple[Project, Living], given: str) -> None:
    project, living = here
    write_tree(project.root, {"group/file": b"1"})
    path = str(project.root / "group/file") if given == "ABSOLUTE" else given
    assert save_file(project, living, path, Meant("input", preserve_path=True)).shown == "group/file"


def test_every_file_of_a_folder_is_an_artifact(here: tuple[Project, Living]) -> None:
    project, living = here
    write_tree(project.root, {f"system/{name}": name.encode() for name in SYSTEM})
    write_tree(project.root, {"system/.hidden": b"h", "system/deep/er": b"d", "system/.git/config": b"no"})
    os.symlink("controlDict", project.root / "system/linked")
    used = save_directory(project, living, "system", Meant("input", preserve_path=True))
    inside = sorted([*SYSTEM, ".hidden", "deep/er", "linked"])
    assert sorted(one.shown for one in used) == [f"system/{name}" for name in inside]
    assert {one.shown: one.digest for one in used}["system/linked"] == digest_of(b"controlDict")
    save_directory(project, living, "system/", Meant("code", type="text/plain"))
    assert names(living, "code") == sorted(name.rpartition("/")[2] for name in inside)
    assert {one.type for one in living.record().of("code")} == {"text/plain"}


def test_files_and_folders_are_saved_together_or_not_at_all(here: tuple[Project, Living]) -> None:
    project, living = here
    write_tree(project.root, {"file1": b"1", "file2": b"2", "directory1/a": b"3"})
    meant = Meant("input", preserve_path=True)
    with pytest.raises(UnknownPath, match="missing"):
        save_all(project, living, ["file1", "missing", "directory1"], meant)
    assert living.record().artifacts == ()
    save_all(project, living, ["file1", "file2", "directory1"], meant)
    assert names(living, "input") == ["directory1/a", "file1", "file2"]


def test_the_same_content_twice_is_one_artifact(here: tuple[Project, Living]) -> None:
    project, living = here
    write_tree(project.root, {"a/file1": b"same", "b/file1": b"same"})
    save_all(project, living, ["a/file1", "b/file1"], Meant("output"))
    save_file(project, living, "a/file1", Meant("output"))
    assert names(living) == ["file1"]
    save_file(project, living, "a/file1", Meant("input"))
    assert (names(living), names(living, "input")) == (["file1"], ["file1"])


@pytest.mark.parametrize("category", ["output", "input"])
def test_other_content_under_a_name_that_is_taken_is_refused(here: tuple[Project, Living], category: str) -> None:
    project, living = here
    write_tree(project.root, {"group1/file1": b"one", "group2/file1": b"two"})
    save_file(project, living, "group1/file1", Meant("output"))
    with pytest.raises(UsageError, match="file1") as caught:
        save_file(project, living, "group2/file1", Meant(category))
    assert "preserve_path=True" in (caught.value.hint or "")
    assert names(living) == ["file1"]
    save_file(project, living, "group2/file1", Meant(category, preserve_path=True))


def _object(project: Project, living: Living, obj: object = 1, **meant: Any) -> Used:
    return save_object(project, living, obj, Meant(**({"category": "output", "name": "a"} | meant)))


BAD: tuple[tuple[Callable[[Project, Living], object], type[TrackError], str], ...] = (
    (lambda p, r: _object(p, r, category="result"), UsageError, "result"),
    (lambda p, r: _object(p, r, name=None), UsageError, "no name"),
    (lambda p, r: _object(p, r, name="../a"), UsageError, r"component \.\."),
    (lambda p, r: _object(p, r, name="/etc/a"), UsageError, "absolute"),
    (lambda p, r: _object(p, r, name="a/.git/hooks"), UsageError, "git"),
    (lambda p, r: _object(p, r, name=""), UsageError, "empty"),
    (lambda p, r: _object(p, r, name="a\udcff\ud800"), UsageError, "UTF-8"),
    (lambda p, r: _object(p, r, name="a" * 1001), NameTooLong, "1000 bytes"),
    (lambda p, r: _object(p, r, type="text/text"), UsageError, "text/text"),
    (lambda p, r: _object(p, r, metadata={"a": [1]}), UsageError, "list"),
    (lambda p, r: _object(p, r, {1, 2}), NoFormat, "set"),
    (lambda p, r: save_file(p, r, "missing", Meant("output")), UnknownPath, "missing"),
    (lambda p, r: save_file(p, r, "missing/file", Meant("output")), UnknownPath, "missing"),
    (lambda p, r: save_file(p, r, ".", Meant("output")), SpecialFile, "folder"),
    (lambda p, r: save_file(p, r, "/dev/null", Meant("output")), SpecialFile, "/dev/null"),
    (lambda p, r: save_file(p, r, "/etc/passwd", Meant("output", preserve_path=True)), UsageError, "leads out"),
    (lambda p, r: save_directory(p, r, "file", Meant("output")), SpecialFile, "no folder"),
    (lambda p, r: save_directory(p, r, "missing", Meant("output")), UnknownPath, "missing"),
    (lambda p, r: save_directory(p, r, "links", Meant("output")), SpecialFile, "links/out"),
    (lambda p, r: save_all(p, r, ["file"], Meant("output", "name")), UsageError, "one name"),
)


@pytest.mark.parametrize(("attempt", "error", "said"), BAD)
def test_what_cannot_be_saved_is_told_and_leaves_the_run_as_it_was(
    here: tuple[Project, Living],
    attempt: Callable[[Project, Living], object],
    error: type[TrackError],
    said: str,
) -> None:
    project, living = here
    write_tree(project.root, {"file": b"1", "links/a": b"2"})
    os.symlink("/etc", project.root / "links/out")
    with pytest.raises(error, match=said) as caught:
        attempt(project, living)
    assert caught.value.hint
    assert living.record().artifacts == ()


def test_a_file_that_may_not_be_read_is_named(here: tuple[Project, Living]) -> None:
    project, living = here
    write_tree(project.root, {"file": b"1"})
    (project.root / "file").chmod(0)
    if os.access(project.root / "file", os.R_OK):
        assert save_file(project, living, "file", Meant("output")).size == 1  # root may read everything
    else:
        with pytest.raises(TrackError, match="file"):
            save_file(project, living, "file", Meant("output"))


def test_nothing_is_saved_to_a_run_that_has_ended(here: tuple[Project, Living]) -> None:
    project, living = here

    journal_of(project).end(living, lambda draft: replace(draft, status="completed", ended=datetime.now(UTC)))
    with pytest.raises(UsageError, match="has ended"):
        _object(project, living)


def test_secrets_are_not_written_with_an_artifact(
    here: tuple[Project, Living], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, living = here
    monkeypatch.setenv("MY_API_TOKEN", "hunter2hunter2")
    _object(project, living, metadata={"note": "by hunter2hunter2"})
    assert b"hunter2" not in dump_record(living.record())
