"""Add: the bytes are in the store, the pointer says so, Git ignores the data and has the pointer staged."""

import os
import socket
import threading
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import Empty, Executable, Link, read_tree, write_tree
from track.errors import (
    AlreadyInGit,
    ChangedWhileAdding,
    ForbiddenPath,
    InsideArtifact,
    MalformedPointer,
    MissingObject,
    NameTooLong,
    NotAPointer,
    OutsideRepository,
    SpecialFile,
    UnknownPath,
    UsageError,
)
from track.flows.keep import scan_of
from track.model import manifest
from track.model.digest import digest_of
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.verbs.add import Added, Marks, add
from track.verbs.checkout import checkout


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def added(repo: Path, *paths: str, **options: object) -> Added:
    with Project.open(repo) as project:
        return add(project, paths, **options)  # type: ignore[arg-type]  # each test names its own options


def pointer(repo: Path, name: str) -> Pointer:
    return parse_pointer((repo / f"{name}.track").read_bytes(), name)


def entries(repo: Path, name: str) -> dict[bytes, manifest.Entry]:
    with Project.open(repo) as project:
        return {entry.path: entry for entry in manifest.walk(project.store.read, pointer(repo, name).digest)}


def content(repo: Path, digest: bytes) -> bytes:
    with Project.open(repo) as project:
        return project.store.read(digest)


def staged(repo: Path) -> list[str]:
    return git("diff", "--cached", "--name-only", cwd=repo).split()


@pytest.mark.parametrize("size", [0, 1, 4096, (1 << 20) - 1, 1 << 20, (3 << 20) + 17])
def test_a_file_of_any_size_is_stored_under_its_digest(here, size):
    data = os.urandom(size)
    (here / "a.bin").write_bytes(data)

    added(here, "a.bin")

    found = pointer(here, "a.bin")
    assert ("file", digest_of(data), size) == (found.kind, found.digest, found.size)
    assert data == content(here, found.digest)
    assert data == (here / "a.bin").read_bytes()


def test_the_pointer_and_the_ignore_line_are_staged_and_git_sees_no_data(here):
    write_tree(here, {"data/a.csv": b"1\n"})

    result = added(here, "data/a.csv")

    assert ["data/.gitignore", "data/a.csv.track"] == staged(here)
    assert b"/a.csv\n" in (here / "data/.gitignore").read_bytes()
    assert (b"data/.gitignore", b"data/a.csv.track") == result.staged
    assert "" == git("status", "--porcelain", "--untracked-files=all", "--", "data/a.csv", cwd=here)


def test_without_staging_the_index_is_left_alone(here):
    write_tree(here, {"a.csv": b"1\n"})

    added(here, "a.csv", stage=False)

    assert [] == staged(here)
    assert (here / "a.csv.track").exists()


def test_links_that_lead_out_of_an_artifact_are_told_once(here):
    inside = {"d/in/up": Link(b"../a"), "d/a": b"a", "d/down": Link(b"in/../a")}
    write_tree(
        here, {**inside, "d/annex": Link(b"../.git/annex/k"), "d/in/up2": Link(b"../../x"), "d/abs": Link(b"/x")}
    )
    said = "warning: d has 3 links that lead out of it (d/abs -> /x): they are kept as links, without the bytes at the"
    assert said in track("add", "d", cwd=here).ok().err
    write_tree(here, {"d/b": b"b"})
    assert "warning" not in track("add", "d", cwd=here).ok().err
    write_tree(here, {"d/in/one": Link(b"../../one")})
    assert "d has a link that leads out of it (d/in/one -> ../../one)" in track("add", "d/in/one", cwd=here).ok().err


def test_a_directory_becomes_one_artifact_with_modes_links_and_empty_folders(here):
    nodes = {
        b"d/plain": b"x",
        b"d/run": Executable(b"#!/bin/sh\n"),
        b"d/link": Link(b"../outside"),
        b"d/empty": Empty(),
        b"d/sub.x/deep": b"y",
        b"d/sub/deep": b"z",
        b"d/\xff\n\\": b"odd",
        b"d/" + b"n" * 255: b"long",
        b"d/big": os.urandom(1 << 20),
    }
    write_tree(here, nodes)

    result = added(here, "d").artifacts[0]

    found = entries(here, "d")
    assert sorted(path[2:] for path in nodes) == list(found)
    modes = {b"run": "x", b"link": "l", b"empty": "d"}
    assert {path: modes.get(path, "f") for path in found} == {path: entry.mode for path, entry in found.items()}
    assert b"../outside" == content(here, found[b"link"].digest)
    assert 8 == pointer(here, "d").files == result.files
    assert sum(entry.size for entry in found.values()) == pointer(here, "d").size
    assert nodes == {path: node for path, node in read_tree(here).items() if path.startswith(b"d/")}


def test_an_empty_directory_can_be_added(here):
    write_tree(here, {"d": Empty()})

    added(here, "d")

    found = pointer(here, "d")
    assert ("directory", 0, 0) == (found.kind, found.files, found.size)


def test_adding_again_changes_nothing_and_says_so(here):
    write_tree(here, {"d/a": b"1", "d/b": b"2"})
    added(here, "d")
    before = (here / "d.track").read_bytes()
    commit_all(here)

    again = added(here, "d")

    assert before == (here / "d.track").read_bytes()
    assert not again.artifacts[0].is_changed
    assert [] == staged(here)
    assert 0 == again.stored_bytes


def test_a_change_in_a_directory_is_counted_and_equals_adding_it_afresh(here):
    write_tree(here, {f"d/{i:04d}/{j}": f"{i} {j}".encode() for i in range(40) for j in range(20)})
    added(here, "d")
    (here / "d/0003/7").write_bytes(b"changed")
    (here / "d/0009/1").unlink()
    write_tree(here, {"d/new/a": b"a", "d/0000/zz": b"z"})

    result = added(here, "d").artifacts[0]

    assert (2, 1, 1) == (result.added_count, result.modified_count, result.removed_count)
    changed = pointer(here, "d")
    (here / ".git/track/stat.db").unlink()
    added(here, "d")
    assert changed == pointer(here, "d")


def test_adding_again_puts_right_a_pointer_that_counts_wrongly(here):
    write_tree(here, {"d/a": b"one", "f": b"two"})
    added(here, "d", "f")
    for name in ("d", "f"):
        path = here / f"{name}.track"
        right = path.read_bytes()
        path.write_bytes(right.replace(b"size = 3", b"size = 5").replace(b"files = 1", b"files = 7"))
        (done,) = added(here, name).artifacts
        assert done.is_changed
        assert path.read_bytes() == right


def test_a_same_size_edit_with_its_time_set_back_is_seen(here):
    write_tree(here, {"d/a": b"one"})
    os.utime(here / "d/a", (1, 1))
    added(here, "d")
    (here / "d/a").write_bytes(b"two")
    os.utime(here / "d/a", (1, 1))

    assert added(here, "d").artifacts[0].is_changed


def test_a_path_inside_an_artifact_changes_that_entry_alone(here):
    write_tree(here, {"d/a": b"1", "d/b": b"2", "d/s/c": b"3"})
    added(here, "d")
    write_tree(here, {"d/new.png": b"n"})
    (here / "d/a").write_bytes(b"not meant")

    added(here, "d/new.png")

    found = entries(here, "d")
    assert digest_of(b"1") == found[b"a"].digest
    assert [b"a", b"b", b"new.png", b"s/c"] == list(found)
    assert 4 == pointer(here, "d").files


def test_a_part_can_be_added_when_the_rest_is_not_checked_out(here):
    write_tree(here, {"d/a": b"1", "d/b": b"2"})
    added(here, "d")
    (here / "d/a").unlink()
    (here / "d/b").unlink()
    (here / "d").rmdir()
    write_tree(here, {"d/new/x": b"n"})

    added(here, "d/new")

    assert [b"a", b"b", b"new/x"] == list(entries(here, "d"))


def test_a_named_part_that_is_gone_is_removed_from_the_artifact(here):
    write_tree(here, {"d/a": b"1", "d/s/b": b"2", "d/s/c": b"3"})
    added(here, "d")
    (here / "d/s/b").unlink()
    (here / "d/s/c").unlink()
    (here / "d/s").rmdir()

    result = added(here, "d/s").artifacts[0]

    assert 2 == result.removed_count
    assert [b"a"] == list(entries(here, "d"))


def test_patterns_name_every_file_that_matches(here):
    write_tree(here, {"raw/a.csv": b"1", "raw/b.csv": b"2", "raw/c.txt": b"3"})

    result = added(here, str(here / "raw/*.csv"))

    assert [b"raw/a.csv", b"raw/b.csv"] == [artifact.path for artifact in result.artifacts]
    again = added(here, str(here / "raw/*.csv"))
    assert [b"raw/a.csv", b"raw/b.csv"] == [artifact.path for artifact in again.artifacts]


def test_a_pointer_means_its_data(here):
    write_tree(here, {"a.csv": b"1"})
    added(here, "a.csv")
    (here / "a.csv").write_bytes(b"22")

    assert (b"a.csv",) == tuple(artifact.path for artifact in added(here, "a.csv.track").artifacts)
    assert 2 == pointer(here, "a.csv").size


def test_labels_and_tags_join_what_is_there_and_survive_new_content(here):
    write_tree(here, {"a.csv": b"1"})
    added(here, "a.csv", marks=Marks([(("ticket",), "AB-1"), (("gold",), True)], ("raw",)))
    (here / "a.csv").write_bytes(b"22")
    added(here, "a.csv", marks=Marks([(("ticket",), "AB-2")], ("raw", "checked")))

    found = pointer(here, "a.csv")
    assert {"ticket": "AB-2", "gold": True} == dict(found.labels)
    assert ("checked", "raw") == found.tags
    assert "text/csv" == found.type


def test_a_type_that_was_declared_stays_until_another_is_declared(here):
    write_tree(here, {"a.out": b"1", "d/x": b"2"})
    track("add", "--type", "application/x-mesh", "a.out", "d", cwd=here).ok()
    write_tree(here, {"a.out": b"22", "d/x": b"3"})
    track("add", "a.out", "d", cwd=here).ok()
    assert [pointer(here, name).type for name in ("a.out", "d")] == ["application/x-mesh"] * 2
    track("add", "--type", "model/x-own", "a.out", cwd=here).ok()
    assert pointer(here, "a.out").type == "model/x-own"


@pytest.mark.parametrize("text", ["", "csv", "text/", "text/csv; charset=utf-8", "a/b\x1b[31m", "/x", "x/y/z"])
def test_what_is_no_media_type_is_refused(here, text):
    write_tree(here, {"a.out": b"1"})
    done = track("add", "--type", text, "a.out", cwd=here)
    assert done.code == 2
    assert "not a media type" in done.err and "\x1b" not in done.err
    assert "hint: such as text/plain" in done.err
    assert not (here / "a.out.track").exists()


def test_a_named_artifact_has_a_pointer_and_no_working_copy(here):
    write_tree(here, {"model.pt": b"weights"})

    added(here, "model.pt", marks=Marks((), name="models/Churn", partitions={"region": "eu"}))

    path = here / ".track/artifacts/models/%43hurn/region=eu.track"
    found = parse_pointer(path.read_bytes(), "x")
    assert digest_of(b"weights") == found.digest
    assert {"region": "eu"} == dict(found.partitions)
    assert not (here / "model.pt.track").exists()


def test_a_dry_run_writes_nothing(here):
    write_tree(here, {"d/a": b"1"})
    before = read_tree(here)

    result = added(here, "d", dry_run=True)

    assert before == read_tree(here)
    assert result.artifacts[0].is_new
    with Project.open(here) as project:
        assert {digest_of(b"1")} == project.store.absent([digest_of(b"1")])


def test_trackignore_leaves_files_out_and_counts_them(here):
    write_tree(here, {"d/.trackignore": b"*.tmp\n", "d/a": b"1", "d/b.tmp": b"2", "d/s/c.tmp": b"3"})

    result = added(here, "d").artifacts[0]

    assert [b".trackignore", b"a", b"s"] == list(entries(here, "d"))
    assert 2 == result.ignored_count


def test_what_git_ignores_is_taken_all_the_same(here):
    write_tree(here, {".gitignore": b"*.bin\n", "d/a.bin": b"1"})

    added(here, "d")

    assert [b"a.bin"] == list(entries(here, "d"))


def test_a_file_becomes_a_directory_and_back(here):
    (here / "x").write_bytes(b"1")
    added(here, "x")
    (here / "x").unlink()
    write_tree(here, {"x/a": b"2"})
    added(here, "x")

    assert "directory" == pointer(here, "x").kind


def test_twenty_thousand_files_are_stored_by_several_processes_and_all_come_back(here):
    write_tree(here, {f"d/{i % 100:02d}/{i}": i.to_bytes(4, "big") for i in range(20_500)})

    added(here, "d")

    found = entries(here, "d")
    assert 20_500 == len(found)
    with Project.open(here) as project:
        assert set() == project.store.absent([entry.digest for entry in found.values()])
        assert (7).to_bytes(4, "big") == project.store.read(found[b"07/7"].digest)


class TestRefused:
    """Every refusal names the thing and what to do, and leaves everything as it was."""

    @pytest.fixture(autouse=True)
    def unchanged(self, here):
        write_tree(here, {"kept/a": b"1"})
        before = git("ls-files", "--stage", cwd=here)
        yield
        assert before == git("ls-files", "--stage", cwd=here)

    def test_nothing_named(self, here):
        with pytest.raises(UsageError, match="nothing to add"):
            added(here)

    def test_a_path_that_is_not_there(self, here):
        with pytest.raises(UnknownPath, match="nothing is there to add: `typo`"):
            added(here, "typo")

    def test_a_pattern_that_matches_nothing(self, here):
        with pytest.raises(UnknownPath, match="no file matches"):
            added(here, "*.nope")

    def test_a_path_outside(self, here, tmp_path):
        (tmp_path / "out").write_bytes(b"1")
        with pytest.raises(OutsideRepository):
            added(here, str(tmp_path / "out"))

    @pytest.mark.parametrize("path", [".git", ".git/config", ".store", ".track/config.toml"])
    def test_what_is_git_s_or_ours(self, here, path):
        with pytest.raises((OutsideRepository, UsageError)):
            added(here, path)

    def test_the_whole_working_tree(self, here):
        with pytest.raises(UsageError):
            added(here, ".")

    def test_a_file_that_git_tracks(self, here):
        write_tree(here, {"code/a.py": b"1", "code/b.py": b"2"})
        git("add", "code", cwd=here)
        before = git("ls-files", "--stage", cwd=here)
        with pytest.raises(AlreadyInGit, match=r"`code/a.py` and 1 more is already tracked by Git") as caught:
            added(here, "code")
        assert before == git("ls-files", "--stage", cwd=here)
        git("rm", "-r", "--cached", "--quiet", "code", cwd=here)
        assert "git rm -r --cached" in (caught.value.hint or "")

    def test_a_name_with_no_room_for_a_pointer(self, here):
        (here / ("n" * 252)).write_bytes(b"1")
        with pytest.raises(NameTooLong):
            added(here, "n" * 252)

    def test_data_that_is_tracked_and_not_here(self, here):
        (here / "gone.track").write_text(f'[artifact]\nkind = "file"\ndigest = "{digest_of(b"x")}"\nsize = 1\n')
        with pytest.raises(MissingObject, match=r"its data is not here") as caught:
            added(here, "gone")
        assert caught.value.hint == "bring it back: track pull gone"

    def test_what_is_not_here_beside_a_file_that_is_no_sound_pointer(self, here):
        (here / "gone.track").write_text("[artifact]\nkind = 7\n")
        with pytest.raises(MalformedPointer, match=r"gone\.track"):
            added(here, "gone")
        (here / "gone.track").write_text("somebody else's\n")
        with pytest.raises(NotAPointer, match=r"gone\.track"):
            added(here, "gone")

    def test_a_socket_and_a_pipe_are_named_and_never_opened(self, here):
        os.mkfifo(here / "kept/pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(here / "kept/sock"))
            with pytest.raises(SpecialFile) as caught:
                added(here, "kept")
        text = " ".join((caught.value.message, *caught.value.details))
        assert "pipe" in text
        assert "sock" in text

    def test_an_artifact_inside_another_one(self, here):
        write_tree(here, {"out/in/a": b"1"})
        added(here, "out/in", stage=False)
        with pytest.raises(InsideArtifact, match=r"out/in"):
            added(here, "out")

    def test_a_nested_repository(self, here):
        write_tree(here, {"kept/sub/.git/HEAD": b"ref: refs/heads/main\n"})
        with pytest.raises((InsideArtifact, ForbiddenPath)) as caught:
            added(here, "kept")
        assert "kept/sub/.git" in " ".join((caught.value.message, *caught.value.details))

    def test_a_path_below_a_link(self, here, tmp_path):
        write_tree(tmp_path / "else", {"a": b"1"})
        (here / "link").symlink_to(tmp_path / "else")
        with pytest.raises((ForbiddenPath, OutsideRepository)):
            added(here, "link/a")

    def test_one_name_for_two_paths(self, here):
        write_tree(here, {"kept/b": b"2"})
        with pytest.raises(UsageError, match="2 paths for the one name"):
            added(here, "kept/a", "kept/b", marks=Marks((), name="x"))

    def test_a_file_that_is_written_to_all_the_time(self, here):
        stop = threading.Event()
        (here / "busy").write_bytes(os.urandom(8 << 20))

        def write():
            with (here / "busy").open("r+b") as file:
                while not stop.is_set():
                    file.seek(0)
                    file.write(os.urandom(64))
                    file.flush()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with pytest.raises(ChangedWhileAdding, match="busy"):
                added(here, "busy")
        finally:
            stop.set()
            writer.join()
        assert not (here / "busy.track").exists()


def test_a_folder_with_an_artifact_in_it_names_that_artifact_and_git_forgets_nothing(here):
    write_tree(here, {"out/in": b"1", "out/other": b"2"})
    track("add", "out/in", cwd=here).ok()
    with pytest.raises(InsideArtifact, match=r"`out/in` is an artifact already, inside `out`") as caught:
        added(here, "out")
    assert "git rm" not in (caught.value.hint or "")


def test_an_empty_name_is_no_name(here):
    (here / "m").write_bytes(b"m")
    with pytest.raises(UsageError, match="not a name"):
        added(here, "m", marks=Marks((), name=""))
    assert not (here / "m.track").exists()


class Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int]] = []
        self.advanced: list[tuple[int, int]] = []

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        self.begun.append((what, size_bytes, count))

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        self.advanced.append((size_bytes, count))

    def end(self) -> None:
        pass


def test_progress_moves_inside_a_large_file_and_counts_each_byte_once(here):
    (here / "large.bin").write_bytes(os.urandom(40 << 20))
    told = Told()
    with Project.open(here) as project:
        add(project, [str(here / "large.bin")], progress=told)
    assert ("adding large.bin", 40 << 20, 1) in told.begun
    assert sum(size for size, _ in told.advanced) == 40 << 20 and len(told.advanced) > 3
    (here / "large.bin").unlink()
    told = Told()
    with Project.open(here) as project:
        checkout(project, paths=[str(here / "large.bin")], progress=told)
    assert sum(size for size, _ in told.advanced) == 40 << 20 and len(told.advanced) > 3
    assert sum(count for _, count in told.advanced) == 1


@pytest.mark.parametrize("beside", ["logs.txt", "logs a", "logs-dir/x", "logs.d/y", "logs+"])
def test_an_empty_folder_is_sorted_before_the_names_that_go_on_from_its_own(here: Path, beside: str) -> None:
    write_tree(here / "d", {"logs": Empty(), beside: b"1", "m/logs": Empty(), f"m/{beside}": b"2"})
    added(here, "d")
    assert list(entries(here, "d")) == sorted(entries(here, "d"))
    assert {b"logs", beside.encode(), b"m/logs"} <= entries(here, "d").keys()
    write_tree(here / "d", {"new": b"3"})
    added(here, "d")
    with Project.open(here) as project:
        assert b"logs" in {entry.path for entry in scan_of(project, b"d").entries()}
