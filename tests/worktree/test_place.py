"""Placing: staged in private, renamed in, never through a link, never over what nobody saw."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support.worktrees import listing
from track import publish
from track.errors import Conflict, DamagedObject, ForbiddenPath, MalformedManifest, TrackError, UnsavedWork
from track.model.digest import digest_of
from track.model.manifest import Entry
from track.progress import Moved, unheard
from track.worktree import place, reading
from track.worktree.paths import Gate
from track.worktree.place import LARGE, Placer
from track.worktree.reading import Clock, stat_of
from track.worktree.rows import RowEdit
from track.worktree.scan import scan
from track.worktree.stat_cache import RACY, STAT, Recorded, Stat, StatCache

EMPTY = digest_of(b"")


class Shelf:
    """Contents out of memory, large ones as files; `damaged` ones are found to be so."""

    def __init__(self, folder: Path, contents: Sequence[bytes], damaged: Sequence[bytes] = ()) -> None:
        self.contents = {bytes(digest_of(content)): content for content in contents}
        self.damaged = {bytes(digest_of(content)) for content in damaged}
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def small(self, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        for digest in reversed(digests):
            if digest in self.damaged:
                raise DamagedObject("an object is damaged")
            yield digest, self.contents[digest]

    def copy(self, digest: bytes, size: int, staging: Path, moved: Moved = unheard) -> Path:
        if digest in self.damaged:
            raise DamagedObject("an object is damaged")
        path = publish.stage(staging)
        publish.create_with(path, self.contents[digest])
        return path

    def linkable(self, digest: bytes) -> Path | None:
        path = self.folder / digest.hex()
        if not path.exists():
            path.write_bytes(self.contents[digest])
            path.chmod(0o444)
        return path

    def apart(self) -> "Shelf":
        return self

    def close(self) -> None:
        pass


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    (tmp_path / "tree/.git/track").mkdir(parents=True)
    return Gate(tmp_path / "tree", tmp_path / "shelf")


CONTENTS = (b"", b"one", b"two", b"three", b"target", b"x" * (LARGE + 3))


def placer(gate: Gate, *, link: str = "copy", damaged: Sequence[bytes] = ()) -> Placer:
    shelf = Shelf(gate.root.parent / "shelf", CONTENTS, damaged)
    return Placer(gate, shelf, gate.root / ".git/track/staging", link=link)


def entry(path: bytes, content: bytes = b"one", mode: str = "f") -> Entry:
    return Entry(path, mode, len(content), digest_of(content))


TREE = [
    entry(b"a"),
    entry(b"big", CONTENTS[-1]),
    Entry(b"hollow/deep", "d", 0, EMPTY),
    entry(b"link", b"target", "l"),
    entry(b"sub/b", b"two"),
    entry(b"sub/empty", b""),
    entry(b"sub/run", b"three", "x"),
]


def seen(path: Path) -> Stat:
    return stat_of(path.lstat())


def staging(gate: Gate) -> list[str]:
    return sorted(path.name for path in (gate.root / ".git/track/staging").iterdir())


def test_a_whole_folder_appears_at_once_with_everything_in_it(gate: Gate) -> None:
    with placer(gate) as placing:
        made = placing.make_tree(b"deep/er/data", TREE)
        assert not (gate.root / "deep").exists()
        placing.wait()
        stats = placing.place(made, None)
    assert listing(os.fsencode(gate.root / "deep/er/data")) == TREE
    for each, packed in zip(TREE, stats, strict=True):
        found = gate.root / "deep/er/data" / os.fsdecode(each.path)
        assert packed == (b"" if each.mode == "d" else STAT.pack(*seen(found)))
    assert staging(gate) == []


def test_single_files_take_the_place_of_what_was_seen(gate: Gate) -> None:
    for name in ("a", "l"):
        (gate.root / name).write_bytes(b"old")
    before = {name: seen(gate.root / name) for name in ("a", "l")}
    with placer(gate) as placing:
        made = placing.make(
            [(b"a", entry(b"")), (b"l", entry(b"", b"target", "l")), (b"new/n", entry(b"", b"two", "x"))]
        )
        placing.wait()
        stats = [placing.place(made[0], before["a"]), placing.place(made[1], before["l"]), placing.place(made[2], None)]
    assert (gate.root / "a").read_bytes() == b"one"
    assert os.readlink(gate.root / "l") == "target"
    assert os.access(gate.root / "new/n", os.X_OK)
    assert [found for (found,) in stats] == [STAT.pack(*seen(gate.root / name)) for name in ("a", "l", "new/n")]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_modes_follow_the_umask(gate: Gate, mask: int) -> None:
    os.umask(mask)
    try:
        with placer(gate) as placing:
            placing.place(placing.make_tree(b"data", TREE), None)
    finally:
        os.umask(0o022)
    for each in TREE:
        mode = (gate.root / "data" / os.fsdecode(each.path)).lstat().st_mode & 0o777
        if each.mode in "fx":
            assert mode == (0o777 if each.mode == "x" else 0o666) & ~mask
    assert (gate.root / "data/sub").stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize("what", ["edited", "replaced", "appeared", "folder"])
def test_what_nobody_saw_is_never_replaced(gate: Gate, what: str) -> None:
    file = gate.root / "a"
    before = None
    if what in ("edited", "replaced"):
        file.write_bytes(b"old")
        before = seen(file)
    with placer(gate) as placing:
        (made,) = placing.make([(b"a", entry(b""))])
        placing.wait()
        if what == "replaced":
            file.unlink()
        if what == "folder":
            (file / "in").mkdir(parents=True)
        else:
            file.write_bytes(b"new work")
        with pytest.raises(UnsavedWork):
            placing.place(made, before)
        if before is not None:
            with pytest.raises(UnsavedWork):
                placing.remove(b"a", before)
    assert file.is_dir() if what == "folder" else file.read_bytes() == b"new work"
    assert staging(gate) == []


def test_a_folder_with_something_in_it_is_not_replaced_by_a_new_one(gate: Gate) -> None:
    (gate.root / "data/mine").mkdir(parents=True)
    with placer(gate) as placing:
        made = placing.make_tree(b"data", TREE)
        with pytest.raises(UnsavedWork):
            placing.place(made, None)
    assert os.listdir(gate.root / "data") == ["mine"]


def test_removing_takes_only_what_was_seen_and_absence_is_fine(gate: Gate) -> None:
    (gate.root / "a").write_bytes(b"old")
    before = seen(gate.root / "a")
    with placer(gate) as placing:
        placing.remove(b"a", before)
        assert not (gate.root / "a").exists()
        placing.remove(b"a", before)
        placing.remove(b"no/such/folder", before)


@pytest.mark.parametrize("is_removed", [False, True])
def test_names_of_one_file_go_together(gate: Gate, is_removed: bool) -> None:
    names = [b"a", b"b", b"folder/c"]
    (gate.root / "folder").mkdir()
    (gate.root / "a").write_bytes(b"old")
    for name in names[1:]:
        os.link(gate.root / "a", gate.root / os.fsdecode(name))
    before = seen(gate.root / "a")
    with placer(gate) as placing:
        made = placing.make([(name, entry(name)) for name in names])
        if is_removed:
            placing.remove(b"a", before)
            placing.remove_from(b"folder", [(b"c", before)])
            placing.remove(b"b", before)
        else:
            for one in made:
                placing.place(one, before)
    here = {name for name in names if (gate.root / os.fsdecode(name)).exists()}
    assert here == (set() if is_removed else set(names))
    assert all((gate.root / os.fsdecode(name)).read_bytes() == b"one" for name in here)


@pytest.mark.parametrize("edit", ["in place", "back in time", "mode", "anew"])
def test_a_name_of_a_file_that_somebody_edits_after_another_went_stays(gate: Gate, edit: str) -> None:
    (gate.root / "a").write_bytes(b"old")
    os.link(gate.root / "a", gate.root / "b")
    before = seen(gate.root / "b")
    with placer(gate) as placing:
        made = placing.make([(name, entry(name)) for name in (b"a", b"b")])
        placing.place(made[0], before)
        placing.wait()
        if edit == "mode":
            (gate.root / "b").chmod(0o600)
        else:
            if edit == "anew":
                (gate.root / "b").unlink()
            (gate.root / "b").write_bytes(b"new")
            if edit != "in place":
                os.utime(gate.root / "b", ns=(before.mtime_ns, before.mtime_ns))
        with pytest.raises(UnsavedWork):
            placing.place(made[1], before)
    assert (gate.root / "b").read_bytes() == (b"old" if edit == "mode" else b"new")


def test_folders_go_only_when_they_are_empty(gate: Gate) -> None:
    (gate.root / "full/in").mkdir(parents=True)
    with placer(gate) as placing:
        assert not placing.remove_folder(b"full")
        assert placing.remove_folder(b"full/in")
        assert placing.remove_folder(b"full")
        assert placing.remove_folder(b"full")
        placing.make_folder(b"new/er")
    assert (gate.root / "new/er").is_dir()


@pytest.mark.parametrize(
    "path", [b".git/hooks", b".GIT/hooks/x", b"../outside", b"/abs", b"a/.git/x", b".store/x", b".track/runs/x"]
)
def test_nothing_is_placed_where_nothing_may_be(gate: Gate, path: bytes) -> None:
    before = sorted(gate.root.parent.rglob("*"))
    with placer(gate) as placing:
        (made,) = placing.make([(path, entry(b""))])
        tree = placing.make_tree(path, TREE)
        for each in (made, tree):
            with pytest.raises(ForbiddenPath):
                placing.place(each, None)
    after = {
        found for found in gate.root.parent.rglob("*") if "staging" not in found.parts and "shelf" not in found.parts
    }
    assert after <= set(before)


@pytest.mark.parametrize("name", ["link", "link/deep"])
def test_nothing_is_placed_behind_a_link(gate: Gate, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (gate.root / "link").symlink_to(tmp_path / "outside")
    with placer(gate) as placing:
        (made,) = placing.make([(os.fsencode(name) + b"/f", entry(b""))])
        with pytest.raises(ForbiddenPath):
            placing.place(made, None)
        with pytest.raises(ForbiddenPath):
            placing.make_folder(os.fsencode(name) + b"/new")
        with pytest.raises(ForbiddenPath):
            placing.remove(os.fsencode(name) + b"/f", seen(gate.root / "link"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_an_entry_below_a_link_of_the_same_tree_goes_nowhere(gate: Gate, tmp_path: Path) -> None:
    """A manifest with such entries is refused when it is read; here is what stands behind that."""
    (tmp_path / "outside").mkdir()
    target = os.fsencode(tmp_path / "outside")
    shelf = Shelf(tmp_path / "shelf", [b"one", target])
    bad = [entry(b"link", target, "l"), entry(b"link/f")]
    with (
        Placer(gate, shelf, gate.root / ".git/track/staging") as placing,
        pytest.raises((Conflict, TrackError, OSError)),
    ):
        placing.place(placing.make_tree(b"data", bad), None)
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (gate.root / "data").exists()


@pytest.mark.parametrize("damaged", [b"one", b"target", CONTENTS[-1]])
def test_damage_is_found_before_anything_changes(gate: Gate, damaged: bytes) -> None:
    with placer(gate, damaged=[damaged]) as placing, pytest.raises(DamagedObject):
        placing.make_tree(b"data", TREE)
    assert not (gate.root / "data").exists()
    assert staging(gate) == []


def test_a_size_that_lies_is_refused(gate: Gate) -> None:
    for content in (b"one", CONTENTS[-1]):
        lying = entry(b"a", content)._replace(size=len(content) + 1)
        with placer(gate) as placing, pytest.raises(MalformedManifest):
            placing.make_tree(b"data", [lying])
    assert not (gate.root / "data").exists()


def test_two_names_that_are_one_to_the_filesystem_are_a_conflict(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.mkdir
    made: set[bytes] = set()

    def folding(path: bytes, *args: int, **options: int) -> None:
        if os.fsencode(path).lower() in made:
            raise FileExistsError
        made.add(os.fsencode(path).lower())
        real(path, *args, **options)

    with placer(gate) as placing:
        assert placing.room
        monkeypatch.setattr(os, "mkdir", folding)
        with pytest.raises(Conflict, match="folds"):
            placing.make_tree(b"data", [entry(b"Sub/a"), entry(b"sub/a")])
    monkeypatch.undo()
    assert not (gate.root / "data").exists()


def test_many_files_made_by_several_processes_are_the_same(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "WORTH_SPREADING", 10)
    monkeypatch.setattr(place, "cores", lambda: 3)
    many = sorted(
        entry(b"d%d/f%03d" % (number % 7, number), (b"one", b"two", b"")[number % 3]) for number in range(200)
    )
    with placer(gate) as placing:
        stats = placing.place(placing.make_tree(b"data", many), None)
    assert listing(os.fsencode(gate.root / "data")) == many
    assert stats == [STAT.pack(*seen(gate.root / "data" / os.fsdecode(each.path))) for each in many]


@pytest.mark.parametrize("worth", [10, 1000])
def test_content_is_asked_for_so_many_at_a_time(gate: Gate, monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    """What is known of each while it is made takes memory, in each process."""
    monkeypatch.setattr(place, "WORTH_SPREADING", worth)
    monkeypatch.setattr(place, "_AT_ONCE", 7)
    asked = gate.root.parent / "asked"
    small = Shelf.small

    def counted(shelf: Shelf, digests: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        with asked.open("a", encoding="ascii") as file:  # by any process
            file.write(f"{len(digests)}\n")
        return small(shelf, digests)

    monkeypatch.setattr(Shelf, "small", counted)
    contents = [b"%d" % number for number in range(100)]
    many = sorted(entry(b"d%d/f%03d" % (number % 7, number), content) for number, content in enumerate(contents))
    with Placer(gate, Shelf(gate.root.parent / "shelf", contents), gate.root / ".git/track/staging") as placing:
        stats = placing.place(placing.make_tree(b"data", many), None)
    assert listing(os.fsencode(gate.root / "data")) == many
    assert stats == [STAT.pack(*seen(gate.root / "data" / os.fsdecode(each.path))) for each in many]
    counts = list(map(int, asked.read_text(encoding="ascii").split()))
    assert sum(counts) == 100 and max(counts) == 7


def test_a_failure_in_one_of_several_processes_is_the_failure(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "WORTH_SPREADING", 2)
    monkeypatch.setattr(place, "cores", lambda: 2)
    with placer(gate, damaged=[b"two"]) as placing, pytest.raises(DamagedObject):
        placing.make_tree(b"data", TREE)
    assert not (gate.root / "data").exists()
    assert staging(gate) == []


# ---- rows ----


def rows_of(gate: Gate, cache: StatCache, tree: list[Entry]) -> None:
    with placer(gate) as placing:
        made = placing.make_tree(b"data", tree)
        now = placing.wait()
        stats = placing.place(made, None)
    edit = RowEdit(lambda _: None)
    for each, packed in zip(tree, stats, strict=True):
        edit.put_folder(each.path) if each.mode == "d" else edit.put(each.path, packed, each.digest)
    rows, gone = edit.finish(now, cache.boot)
    assert gone == []
    cache.replace(b"data", Recorded("directory", b"r" * 32), rows)


@pytest.mark.parametrize("link", ["copy", "hardlink", "symlink"])
def test_what_was_placed_is_known_at_once(gate: Gate, tmp_path: Path, link: str) -> None:
    cache = StatCache(tmp_path / "stat.db")
    with placer(gate, link=link) as placing:
        made = placing.make_tree(b"data", TREE)
        now = placing.wait()
        stats = placing.place(made, None)
    edit = RowEdit(lambda _: None)
    for each, packed in zip(TREE, stats, strict=True):
        edit.put_folder(each.path) if each.mode == "d" else edit.put(each.path, packed, each.digest)
    cache.replace(b"data", Recorded("directory", b"r" * 32), edit.finish(now, cache.boot)[0])
    found = scan(gate, b"data", cache)
    assert found.unchanged
    assert list(found.entries()) == TREE
    cache.boot = "after"
    assert not scan(gate, b"data", cache).unchanged
    cache.close()


def test_an_edit_right_after_placing_is_never_missed(gate: Gate, tmp_path: Path) -> None:
    for turn in range(30):
        cache = StatCache(tmp_path / f"stat{turn}.db")
        with placer(gate) as placing:
            (made,) = placing.make([(b"f", entry(b""))])
            now = placing.wait()
            before = seen(gate.root / "f") if turn else None
            (packed,) = placing.place(made, before)
            (gate.root / "f").write_bytes(b"ONE")
        edit = RowEdit(lambda _: None)
        edit.put(b"f", packed, digest_of(b"one"))
        cache.replace(b"f", Recorded("file", b"r" * 32), edit.finish(now, cache.boot)[0])
        assert not scan(gate, b"f", cache).unchanged
        cache.close()


def test_where_a_tick_is_seconds_nobody_waits_and_everything_is_doubted(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "fs_now", lambda *_: Clock(10**18, reading.COARSE_TICK_NS))
    with placer(gate) as placing:
        made = placing.make_tree(b"data", TREE)
        (single,) = placing.make([(b"f", entry(b""))])
        assert placing.wait() == 10**18
        stats = [*placing.place(made, None), *placing.place(single, None)]
    assert all(Stat._make(STAT.unpack(packed)).flags & RACY for packed in stats if packed)


def test_rows_are_edited_one_by_one(gate: Gate, tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "stat.db")
    rows_of(gate, cache, TREE)
    edit = RowEdit(lambda folder: cache.row(b"data", folder))
    known = {path: row.names for path in (b"", b"sub/") if (row := (cache.row(b"data", path) or (None,))[0])}
    assert known == {b"": b"a\0big\0link", b"sub/": b"b\0empty\0run"}
    packed = STAT.pack(0o100644, 0, 1, 2, 3, 4)
    edit.put(b"new/er/f", packed, b"d" * 32)
    edit.drop(b"sub/b")
    edit.drop_folder(b"hollow/deep")
    edit.put(b"a", packed, b"e" * 32)
    edit.put_folder(b"void")
    edit.drop_folder(b"never/was")
    rows, gone = edit.finish(10**18, cache.boot)
    assert {row.path: (row.names, row.folders) for row, _ in rows} == {
        b"": (b"a\0big\0link", b"new\0sub\0void"),
        b"new/": (b"", b"er"),
        b"new/er/": (b"f", b""),
        b"sub/": (b"empty\0run", b""),
        b"void/": (b"", b""),
    }
    assert sorted(gone) == [b"hollow/", b"hollow/deep/"]
    cache.close()


# ---- the room ----


def test_a_room_on_another_filesystem_is_made_in_the_tree(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == gate.root.stat().st_dev:
        pytest.fail("needs a second filesystem at /dev/shm")
    away = publish.stage(shm)
    try:
        shelf = Shelf(gate.root.parent / "shelf", CONTENTS)
        with Placer(gate, shelf, away) as placing:
            assert placing.room.path.parent == gate.root / ".track/staging"
            placing.place(placing.make_tree(b"data", TREE), None)
        assert listing(os.fsencode(gate.root / "data")) == TREE
        assert list((gate.root / ".track/staging").iterdir()) == []
    finally:
        publish.remove_tree(away)
