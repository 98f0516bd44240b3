"""Scan: what is new, changed, doubtful and gone, in any tree, whatever happened to it."""

import os
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.worktrees import Tree, learn, listing, make, read_all, root_of, trees
from track.errors import ChangedWhileAdding, ForbiddenPath, InsideArtifact, SpecialFile, Unreadable
from track.model.digest import digest_of
from track.model.manifest import Entry
from track.worktree import ahead, reading, stat_cache
from track.worktree import scan as scanning
from track.worktree.paths import Gate
from track.worktree.scan import Clock, fs_now, open_checked, read_small, scan
from track.worktree.stat_cache import Recorded, StatCache


@pytest.fixture(autouse=True, scope="module", params=[1, ahead.WORTH_IT], ids=["two processes", "one process"])
def _processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every rule holds whether or not a second process lists the later half of the tree."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "WORTH_IT", request.param)
        patch.setattr(ahead, "cores", lambda: 2)
        yield


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    (tmp_path / "tree/data").mkdir(parents=True)
    return Gate(tmp_path / "tree")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[StatCache]:
    opened = StatCache(tmp_path / "state/stat.db")
    yield opened
    opened.close()


def settle_clock() -> None:
    """Wait until what was written is not racy any more."""
    time.sleep(0.025)


def test_everything_is_new_at_first_and_nothing_the_second_time(gate: Gate, cache: StatCache) -> None:
    make(os.fsencode(gate.root / "data"), {b"a": b"1", b"a.b": b"2", b"sub": {b"deep": {b"f": b"3"}, b"none": {}}})
    settle_clock()
    first = learn(gate, b"data", cache)
    assert [item.path for _, item in first.changed] == [b"a", b"a.b", b"sub/deep/f"]
    again = scan(gate, b"data", cache)
    assert again.unchanged
    assert again.root == root_of(listing(os.fsencode(gate.root / "data")))
    assert list(again.entries()) == listing(os.fsencode(gate.root / "data"))


@settings(deadline=None, max_examples=120)
@given(trees(), trees())
def test_entries_and_changes_are_what_the_plainest_code_says(before: Tree, after: Tree) -> None:
    with tempfile.TemporaryDirectory() as place:
        gate, cache = Gate(Path(place)), StatCache(Path(place, "state/stat.db"))
        data = os.fsencode(place) + b"/data"
        make(data, before)
        learn(gate, b"data", cache)
        old = listing(data)
        assert list(entries_now(gate, cache)) == old
        os.rename(data, os.fsencode(place) + b"/old")
        make(data, after)
        new = listing(data)
        seen = scan(gate, b"data", cache)
        read_all(gate, seen)
        assert list(seen.entries()) == new
        pairs = seen.changes()
        assert {(a or b).path for a, b in pairs if a or b} == {entry.path for entry in set(old) ^ set(new)}
        assert {a for a, _ in pairs if a} == set(old) - set(new)
        assert {b for _, b in pairs if b} == set(new) - set(old)
        seen.save(root_of(new))
        assert list(entries_now(gate, cache)) == new
        cache.close()


def entries_now(gate: Gate, cache: StatCache) -> list[Entry]:
    seen = scan(gate, b"data", cache)
    read_all(gate, seen)
    return list(seen.entries())


def change_of(seen: object) -> list[tuple[bytes, str]]:
    return [(item.path, item.why) for _, item in seen.changed]  # type: ignore[attr-defined]


def test_says_why_a_file_is_looked_at(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    make(os.fsencode(data), {b"same": b"1", b"longer": b"1", b"other": b"1", b"touched": b"1", b"sub": {b"gone": b"1"}})
    settle_clock()
    learn(gate, b"data", cache)
    (data / "longer").write_bytes(b"12")
    (data / "other").write_bytes(b"2")
    os.utime(data / "touched")
    (data / "new").write_bytes(b"")
    (data / "sub/gone").unlink()
    seen = scan(gate, b"data", cache)
    assert change_of(seen) == [(b"longer", "resized"), (b"new", "new"), (b"other", "touched"), (b"touched", "touched")]
    assert seen.removed == [b"sub/gone"]
    assert not seen.unchanged


def test_an_edit_that_puts_size_and_time_back_is_seen(gate: Gate, cache: StatCache) -> None:
    file = gate.root / "data/f"
    file.write_bytes(b"old")
    settle_clock()
    learn(gate, b"data", cache)
    before = file.stat()
    settle_clock()
    file.write_bytes(b"new")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert change_of(scan(gate, b"data", cache)) == [(b"f", "touched")]


def test_a_file_changed_in_the_same_tick_as_the_scan_is_looked_at_again(gate: Gate, cache: StatCache) -> None:
    file = gate.root / "data/f"
    for turn in range(1000):  # a busy machine may take longer than a tick for it, though not always
        file.write_bytes(b"%03d" % turn)
        seen = learn(gate, b"data", cache)
        if file.stat().st_ctime_ns < seen.clock.now_ns - seen.clock.tick_ns:
            continue
        doubted = scan(gate, b"data", cache)
        assert change_of(doubted) == [(b"f", "doubtful")]
        settle_clock()
        settled = scan(gate, b"data", cache)
        read_all(gate, settled)
        settled.renew()
        assert scan(gate, b"data", cache).unchanged
        return
    pytest.fail("the clock never stood still")


def test_a_clock_of_whole_seconds_doubts_two_of_them(
    gate: Gate, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = gate.root / "data/f"
    file.write_bytes(b"x")
    coarse = time.time_ns() // 10**9 * 10**9
    os.utime(file, ns=(coarse, coarse))
    monkeypatch.setattr(reading, "_made_in", lambda *_: coarse + 10**9)
    learn(gate, b"data", cache)
    assert change_of(scan(gate, b"data", cache)) == [(b"f", "doubtful")]


def test_without_a_file_for_the_clock_the_systems_is_used_with_a_wide_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(reading, "_made_in", refuse)
    fd = os.open("/", os.O_RDONLY)
    assert fs_now(fd).tick_ns == 2_000_000_000
    os.close(fd)


def test_the_clock_leaves_nothing_behind_where_files_without_names_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    fd = os.open(tmp_path, os.O_RDONLY)
    before = time.time_ns()
    now = fs_now(fd, tmp_path)
    os.close(fd)
    assert now.tick_ns == reading.TICK_NS
    assert abs(now.now_ns - before) < 5 * 10**9
    assert list(tmp_path.iterdir()) == []


def test_after_another_boot_only_what_was_safely_on_disk_is_believed(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    make(os.fsencode(data), {b"old": {b"f": b"1"}, b"young": {b"f": b"2"}})
    settle_clock()
    seen = scan(gate, b"data", cache)
    read_all(gate, seen)
    root = root_of(list(seen.entries()))
    later = Clock(seen.clock.now_ns + 3600 * 10**9, seen.clock.tick_ns)
    rows = [folder.fresh_row(seen.clock if folder.path == b"young/" else later, cache.boot) for folder in seen.folders]
    assert [(row.path, row.boot) for row, _ in rows] == [(b"", ""), (b"old/", ""), (b"young/", cache.boot)]
    cache.replace(b"data", Recorded("directory", root), rows)
    assert scan(gate, b"data", cache).unchanged
    cache.boot = "after"
    seen = scan(gate, b"data", cache)
    assert change_of(seen) == [(b"young/f", "doubtful")]
    read_all(gate, seen)
    assert seen.changes() == []
    seen.renew()
    assert scan(gate, b"data", cache).unchanged


def test_after_another_boot_a_file_that_lost_its_content_is_a_change(gate: Gate, cache: StatCache) -> None:
    make(os.fsencode(gate.root / "data"), {b"f": b"1", b"g": b"2"})
    settle_clock()
    learn(gate, b"data", cache)
    cache.boot = "after"
    for _ in range(3):
        seen = scan(gate, b"data", cache)
        assert (b"f", "doubtful") in change_of(seen)
        for folder in seen.folders:
            for item in folder.items():
                folder.settle(item.number, digest_of(b"\0") if item.name == b"f" else digest_of(b"2"))
        assert [new.path for _, new in seen.changes() if new] == [b"f"]
        seen.renew()


def test_touched_files_of_the_same_content_need_reading_once(gate: Gate, cache: StatCache) -> None:
    make(os.fsencode(gate.root / "data"), {b"a": b"1", b"b": b"2"})
    settle_clock()
    learn(gate, b"data", cache)
    os.utime(gate.root / "data/a")
    settle_clock()
    seen = scan(gate, b"data", cache)
    assert read_all(gate, seen) == 1
    assert seen.changes() == []
    seen.renew()
    assert scan(gate, b"data", cache).unchanged


def test_renewing_never_hides_what_really_changed(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    make(os.fsencode(data), {b"a": b"1", b"b": b"2", b"c": b"3"})
    settle_clock()
    root = learn(gate, b"data", cache).changes and scan(gate, b"data", cache).root
    os.utime(data / "a")
    (data / "b").write_bytes(b"X")
    (data / "new").write_bytes(b"Y")
    (data / "c").unlink()
    settle_clock()
    for _ in range(2):
        seen = scan(gate, b"data", cache)
        read_all(gate, seen)
        assert [(a and a.path, b and b.path) for a, b in seen.changes()] == [
            (b"b", b"b"), (b"c", None), (None, b"new"),
        ]  # fmt: skip
        assert seen.root == root
        seen.renew()
    assert [item.path for _, item in scan(gate, b"data", cache).changed] == [b"b", b"new"]


def test_rows_that_another_process_moved_on_are_left_alone(gate: Gate, cache: StatCache, tmp_path: Path) -> None:
    file = gate.root / "data/f"
    file.write_bytes(b"1")
    settle_clock()
    learn(gate, b"data", cache)
    file.write_bytes(b"2")
    settle_clock()
    slow = scan(gate, b"data", cache)
    read_all(gate, slow)
    other = StatCache(cache.path)
    file.write_bytes(b"3")
    settle_clock()
    learn(gate, b"data", other)
    slow.save(b"2" * 32)
    now = scan(gate, b"data", cache)
    assert now.unchanged
    assert now.root == root_of(listing(os.fsencode(gate.root / "data")))
    other.close()


def test_a_folder_that_became_a_file_and_the_reverse(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    make(os.fsencode(data), {b"x": {b"f": b"1"}, b"y": b"2"})
    learn(gate, b"data", cache)
    shutil.rmtree(data / "x")
    (data / "y").unlink()
    make(os.fsencode(data), {b"x": b"1", b"y": {b"f": b"2"}})
    seen = scan(gate, b"data", cache)
    read_all(gate, seen)
    assert [(a and a.path, b and b.path) for a, b in seen.changes()] == [
        (None, b"x"), (b"x/f", None), (b"y", None), (None, b"y/f"),
    ]  # fmt: skip


def test_an_artifact_of_one_file(gate: Gate, cache: StatCache) -> None:
    file = gate.root / "data/f.bin"
    file.write_bytes(b"1")
    settle_clock()
    seen = learn(gate, b"data/f.bin", cache)
    assert seen.kind == "file"
    assert [entry[:3] for entry in seen.entries()] == [(b"f.bin", "f", 1)]
    assert scan(gate, b"data/f.bin", cache).unchanged
    file.chmod(0o755)
    seen = scan(gate, b"data/f.bin", cache)
    assert [seen.shown(item) for _, item in seen.changed] == [b"data/f.bin"]
    file.unlink()
    assert scan(gate, b"data/f.bin", cache).kind == "missing"
    file.mkdir()
    seen = scan(gate, b"data/f.bin", cache)
    assert (seen.kind, seen.recorded) == ("directory", None)


def test_missing_artifacts_and_links_in_their_place(gate: Gate, cache: StatCache) -> None:
    (gate.root / "link").symlink_to("data")
    assert scan(gate, b"nowhere", cache).kind == "missing"
    assert scan(gate, b"no/where", cache).kind == "missing"
    assert scan(gate, b"n" * 300, cache).kind == "missing", "no file can be called so"
    assert scan(gate, b"link", cache).kind == "link"
    with pytest.raises(ForbiddenPath):
        scan(gate, b"link/x", cache)


def test_special_files_are_named_and_never_opened(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    (data / "sub").mkdir()
    os.mkfifo(data / "pipe")
    os.mknod(data / "sub/device", 0o020666, os.makedev(1, 3)) if os.geteuid() == 0 else os.mkfifo(data / "sub/device")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(data / "socket"))
        seen = scan(gate, b"data", cache)
    assert all(isinstance(error, SpecialFile) for error in seen.errors)
    text = "\n".join(error.message for error in seen.errors)
    assert "data/pipe is a named pipe" in text
    assert "data/socket is a socket" in text
    assert "data/sub/device is a" in text
    os.mkfifo(gate.root / "fifo")
    alone = scan(gate, b"fifo", cache)
    assert (alone.kind, len(alone.errors)) == ("other", 1)


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1", ".git. "])
def test_a_repository_inside_is_an_error_that_names_it(gate: Gate, cache: StatCache, name: str) -> None:
    (gate.root / "data/sub" / name).mkdir(parents=True)
    (error,) = scan(gate, b"data", cache).errors
    assert isinstance(error, InsideArtifact)
    assert f"data/sub/{name}" in error.message


def test_a_pointer_inside_is_an_error_and_anothers_track_file_is_not(gate: Gate, cache: StatCache) -> None:
    (gate.root / "data/song.track").write_text("RIFF: somebody else's")
    assert scan(gate, b"data", cache).errors == []
    (gate.root / "data/x.csv.track").write_text('[artifact]\nkind = "file"\n')
    (error,) = scan(gate, b"data", cache).errors
    assert isinstance(error, InsideArtifact)
    assert "data/x.csv.track" in error.message


def test_links_are_kept_as_they_are_and_never_followed(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    for name, target in {"loop": "loop", "out": "/etc", "up": "..", "none": "missing", "in": "sub"}.items():
        (data / name).symlink_to(target)
    (data / "sub").mkdir()
    (data / "sub/f").write_bytes(b"1")
    seen = learn(gate, b"data", cache)
    assert [(e.path, e.mode) for e in seen.entries()] == [
        (b"in", "l"), (b"loop", "l"), (b"none", "l"), (b"out", "l"), (b"sub/f", "f"), (b"up", "l"),
    ]  # fmt: skip
    assert next(seen.entries()).digest == digest_of(b"sub")


def test_paths_deeper_than_the_kernel_takes(gate: Gate, cache: StatCache) -> None:
    part = b"d" * 200
    with gate.directory(b"data/" + b"/".join([part] * 60), create=True) as fd:
        os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    settle_clock()
    learn(gate, b"data", cache)
    seen = scan(gate, b"data", cache)
    assert seen.unchanged
    assert [entry.path for entry in seen.entries()] == [b"/".join([part] * 60) + b"/leaf"]


def as_nobody(work: object) -> int:
    """Run a function in a child without root's rights; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            os._exit(work())  # type: ignore[operator]
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_folders_and_files_without_permission_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        make(os.fsencode(place) + b"/data", {b"shut": {b"f": b"1"}, b"open": {b"secret": b"2", b"g": b"3"}})
        os.chmod(f"{place}/data/shut", 0o000)
        os.chmod(f"{place}/data/open/secret", 0o000)

        def look() -> int:
            gate, cache = Gate(Path(place)), StatCache(Path(place, "no/stat.db"))
            seen = scan(gate, b"data", cache)
            (error,) = seen.errors
            assert isinstance(error, Unreadable)
            assert "data/shut" in error.message
            assert [item.path for _, item in seen.changed] == [b"open/g", b"open/secret"]
            with gate.directory(b"data/open") as fd:
                good, bad = seen.folders[1].items()
                assert read_small(fd, good.name, good.stat) == b"3"
                try:
                    read_small(fd, bad.name, bad.stat, path=b"data/open/secret")
                except Unreadable as refused:
                    return 7 if "data/open/secret" in refused.message else 8
            return 9

        assert as_nobody(look) == 7
        os.chmod(f"{place}/data/shut", 0o755)


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_gone(gate: Gate, cache: StatCache) -> None:
    make(os.fsencode(gate.root / "data"), {b"a": {b"b": {b"f": b"1"}}})
    learn(gate, b"data", cache)
    shutil.rmtree(gate.root / "data/a")
    (gate.root / "data/a").symlink_to("/etc")
    seen = scan(gate, b"data", cache)
    assert seen.gone == [b"a/", b"a/b/"]


def test_reading_a_file_that_is_not_what_was_seen_is_an_error(gate: Gate, cache: StatCache) -> None:
    data = gate.root / "data"
    (data / "f").write_bytes(b"abc")
    (data / "link").symlink_to("f")
    with gate.directory(b"data") as fd:
        file, link = (reading.stat_of(os.stat(name, dir_fd=fd, follow_symlinks=False)) for name in ("f", "link"))
        assert read_small(fd, b"f", file) == b"abc"
        assert read_small(fd, b"link", link) == b"f"
        settle_clock()
        (data / "f").write_bytes(b"abd")
        (data / "link").unlink()
        (data / "link").symlink_to("g")
        for name, seen in ((b"f", file), (b"link", link)):
            with pytest.raises(ChangedWhileAdding, match="shown"):
                read_small(fd, name, seen, path=b"shown")
        with pytest.raises(ChangedWhileAdding), open_checked(fd, b"f", file):
            pytest.fail("opened")


@pytest.mark.parametrize("replacement", ["nothing", "link", "fifo", "folder", "copy"])
def test_a_file_that_becomes_something_else_is_an_error_at_once(gate: Gate, replacement: str) -> None:
    file = gate.root / "data/f"
    file.write_bytes(b"abc")
    with gate.directory(b"data") as fd:
        seen = reading.stat_of(os.stat("f", dir_fd=fd))
        file.rename(gate.root / "aside")
        if replacement == "link":
            file.symlink_to(gate.root / "aside")
        elif replacement == "fifo":
            os.mkfifo(file)
        elif replacement == "folder":
            file.mkdir()
        elif replacement == "copy":
            shutil.copy2(gate.root / "aside", file)
        with pytest.raises((ChangedWhileAdding, Unreadable)):
            read_small(fd, b"f", seen)
        with pytest.raises((ChangedWhileAdding, Unreadable)), open_checked(fd, b"f", seen):
            pytest.fail("opened")


def test_a_change_while_the_file_is_open_is_an_error(gate: Gate) -> None:
    file = gate.root / "data/f"
    file.write_bytes(b"abc")
    settle_clock()
    with gate.directory(b"data") as fd:
        seen = reading.stat_of(os.stat("f", dir_fd=fd))
        with pytest.raises(ChangedWhileAdding), open_checked(fd, b"f", seen) as inner:
            assert os.read(inner, 9) == b"abc"
            file.write_bytes(b"abd")


def test_a_damaged_cache_only_costs_time(gate: Gate, tmp_path: Path) -> None:
    make(os.fsencode(gate.root / "data"), {bytes([97 + i]): {b"f": bytes([i])} for i in range(20)})
    settle_clock()
    place = tmp_path / "state/stat.db"
    cache = StatCache(place)
    learn(gate, b"data", cache)
    cache.close()
    whole = place.read_bytes()
    expected = listing(os.fsencode(gate.root / "data"))
    for start in range(0, len(whole), 700):
        place.write_bytes(
            whole[:start] + bytes(byte ^ 0x5A for byte in whole[start : start + 300]) + whole[start + 300 :]
        )
        cache = StatCache(place)
        seen = scan(gate, b"data", cache)
        read_all(gate, seen)
        with suppress(stat_cache.CacheLost):
            assert list(seen.entries()) == expected or seen.folders
        cache.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\0" + b"\0" * 4000])
def test_what_is_no_cache_is_dropped(gate: Gate, tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "stat.db"
    place.write_bytes(content)
    (gate.root / "data/f").write_bytes(b"1")
    settle_clock()
    cache = StatCache(place)
    learn(gate, b"data", cache)
    cache.close()
    cache = StatCache(place)
    assert scan(gate, b"data", cache).unchanged
    cache.close()


def test_a_cache_of_a_later_version_is_dropped(gate: Gate, tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "stat.db")
    learn(gate, b"data", cache)
    cache.close()
    with sqlite3.connect(tmp_path / "stat.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    cache = StatCache(tmp_path / "stat.db")
    assert cache.artifacts() == {}
    cache.close()


def test_a_cache_that_is_locked_is_left_as_it_is(gate: Gate, cache: StatCache, monkeypatch: pytest.MonkeyPatch) -> None:
    (gate.root / "data/f").write_bytes(b"1")
    settle_clock()
    learn(gate, b"data", cache)
    cache._database.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(cache.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache.forget(b"data")
    other.execute("ROLLBACK")
    other.close()
    assert scan(gate, b"data", cache).unchanged
    cache.forget(b"data")
    assert cache.artifacts() == {}


def test_a_copied_working_tree_is_read_again(gate: Gate, cache: StatCache) -> None:
    (gate.root / "data/f").write_bytes(b"1")
    settle_clock()
    learn(gate, b"data", cache)
    copy = gate.root.parent / "copy"
    shutil.copytree(gate.root, copy)
    assert change_of(scan(Gate(copy), b"data", cache)) == [(b"f", "touched")]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["write", "same", "touch", "remove", "x", "link"])), max_size=12
    )
)
def test_any_series_of_edits_is_seen(edits: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        gate, cache = Gate(Path(place)), StatCache(Path(place, "state/stat.db"))
        data = Path(place, "data")
        make(os.fsencode(data), {b"f%d" % i: b"%d" % i for i in range(6)})
        learn(gate, b"data", cache)
        for number, edit in edits:
            file = data / f"f{number}"
            if edit == "touch" and file.exists():
                os.utime(file)
            elif edit == "remove":
                file.unlink(missing_ok=True)
            elif edit == "x" and file.exists():
                file.chmod(0o755)
            elif edit == "link":
                file.unlink(missing_ok=True)
                file.symlink_to("f0")
            elif edit == "write":
                file.unlink(missing_ok=True)
                file.write_bytes(os.urandom(1))
            elif file.exists() and not file.is_symlink():
                file.write_bytes(file.read_bytes())
            seen = scan(gate, b"data", cache)
            read_all(gate, seen)
            assert list(seen.entries()) == listing(os.fsencode(data))
            seen.renew() if number % 2 else seen.save(root_of(list(seen.entries())))
        cache.close()


def test_a_second_process_that_fails_costs_only_time(
    gate: Gate, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(os.fsencode(gate.root / "data"), {b"a": {b"one": b"1"}, b"b": {b"two": b"2"}, b"c": {b"three": b"3"}})
    settle_clock()
    root = root_of(list(learn(gate, b"data", cache).entries()))

    monkeypatch.setattr(ahead, "WORTH_IT", 1)
    asked = []
    look = ahead.Ahead.saw
    monkeypatch.setattr(ahead.Ahead, "saw", lambda self, row: asked.append(row.path) or look(self, row))
    monkeypatch.setattr(ahead, "_look", lambda top, path: os._exit(3))
    seen = scan(gate, b"data", cache)
    assert asked
    assert seen.unchanged
    assert seen.root == root


def test_a_second_process_is_ended_with_a_scan_that_fails(
    gate: Gate, cache: StatCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(os.fsencode(gate.root / "data"), {b"a": {b"one": b"1"}, b"b": {b"two": b"2"}, b"c": {b"three": b"3"}})
    settle_clock()
    learn(gate, b"data", cache)
    monkeypatch.setattr(ahead, "WORTH_IT", 1)
    started = tmp_path / "started"

    def sleeps(top: int, path: bytes) -> bytes:
        started.write_text(str(os.getpid()))
        time.sleep(600)
        return b""

    def broken(fd: int) -> tuple[bytes, bytes, bytearray]:
        while not (started.exists() and started.read_text()):
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(ahead, "_look", sleeps)
    monkeypatch.setattr(scanning, "_listed", broken)
    with pytest.raises(KeyboardInterrupt):
        scan(gate, b"data", cache)
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
