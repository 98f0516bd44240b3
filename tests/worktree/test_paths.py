"""The gate: what it opens, and what no path gets past, by the kernel's way and by the walk."""

import itertools
import os
import threading
from pathlib import Path

import pytest

from track import library
from track.errors import ForbiddenPath
from track.worktree.paths import Gate


@pytest.fixture(params=["openat2", "walk"])
def gate(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    if request.param == "walk":
        monkeypatch.setattr(library, "system_call", lambda: None)
    root = tmp_path / "tree"
    root.mkdir()
    return Gate(root)


def listing(gate: Gate, path: bytes, **options: bool) -> list[str]:
    with gate.directory(path, **options) as fd:
        return sorted(os.listdir(fd))


def test_the_kernel_answers_openat2_here() -> None:
    assert library.system_call() is not None


def test_opens_folders_at_any_depth(gate: Gate) -> None:
    (gate.root / "a/b").mkdir(parents=True)
    (gate.root / "a/b/file").touch()
    assert listing(gate, b"") == ["a"]
    assert listing(gate, b"a/b") == ["file"]


def test_opens_names_that_are_not_text(gate: Gate) -> None:
    name = b"\xff\n \x1b" + "ü".encode()
    os.makedirs(os.fsencode(gate.root) + b"/" + name + b"/in")
    assert listing(gate, name) == ["in"]


def test_makes_missing_folders_only_when_asked(gate: Gate) -> None:
    with pytest.raises(FileNotFoundError):
        listing(gate, b"new/deep")
    assert listing(gate, b"new/deep", create=True) == []
    assert (gate.root / "new/deep").is_dir()


def test_reaches_paths_longer_than_the_kernel_takes(gate: Gate) -> None:
    part = b"d" * 250
    long = b"/".join([part] * 40)
    assert listing(gate, long, create=True) == []
    with gate.directory(long) as fd:
        os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    assert listing(gate, long) == ["leaf"]
    with pytest.raises(FileNotFoundError):
        listing(gate, long + b"/absent")


def test_a_part_of_255_bytes_is_opened_and_of_256_refused(gate: Gate) -> None:
    assert listing(gate, b"n" * 255, create=True) == []
    with pytest.raises(OSError, match="too long"):
        listing(gate, b"n" * 256)


@pytest.mark.parametrize(
    "path",
    [
        b"../outside", b"a/../../outside", b"/etc", b"a//b", b"a/", b"./a", b".", b"..", b"a\0b",
        b".git", b".git/hooks", b"a/.git", b".GIT/hooks", b".Git", b"a/.gIt/hooks", b"git~1", b".git.", b".git ",
        b".git::$INDEX_ALLOCATION", ".g\u200cit".encode(), b".store", b".Store/objects", b".track", b".track/runs",
    ],
)  # fmt: skip
@pytest.mark.parametrize("create", [False, True])
def test_refuses_names_that_leave_or_belong_to_others(gate: Gate, path: bytes, create: bool) -> None:
    (gate.root / "a").mkdir()
    before = sorted(gate.root.parent.rglob("*"))
    with pytest.raises(ForbiddenPath):
        listing(gate, path, create=create)
    with pytest.raises(ForbiddenPath), gate.parent(path, create=create):
        pass
    assert sorted(gate.root.parent.rglob("*")) == before


def test_our_own_folder_is_opened_when_meant(gate: Gate) -> None:
    assert listing(gate, b".track/artifacts", create=True, own=True) == []
    with gate.parent(b".track/config.toml", own=True) as (fd, name):
        assert (os.listdir(fd), name) == (["artifacts"], b"config.toml")
    for path in (b".store", b".git/hooks", b".track/../.git", b".track/.git"):
        with pytest.raises(ForbiddenPath):
            listing(gate, path, own=True)


@pytest.mark.parametrize("path", [b"link", b"link/deep", b"real/link", b"real/link/deep"])
@pytest.mark.parametrize("create", [False, True])
def test_never_follows_a_link(gate: Gate, path: bytes, create: bool) -> None:
    outside = gate.root.parent / "outside"
    outside.mkdir()
    (gate.root / "real").mkdir()
    for link in ("link", "real/link"):
        (gate.root / link).symlink_to(outside)
    with pytest.raises(ForbiddenPath, match="symbolic link"):
        listing(gate, path, create=create)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("target", [".", "real", "../tree/real", "nowhere"])
def test_not_even_links_that_stay_inside(gate: Gate, target: str) -> None:
    (gate.root / "real").mkdir()
    (gate.root / "link").symlink_to(target)
    with pytest.raises(ForbiddenPath):
        listing(gate, b"link")


def test_a_link_deep_in_a_long_path_is_refused(gate: Gate) -> None:
    long = b"/".join([b"d" * 250] * 30)
    with gate.directory(long, create=True) as fd:
        os.symlink("/", "link", dir_fd=fd)
    with pytest.raises(ForbiddenPath):
        listing(gate, long + b"/link")


def test_a_file_on_the_way_is_no_folder(gate: Gate) -> None:
    (gate.root / "file").touch()
    for path in (b"file", b"file/below"):
        with pytest.raises(NotADirectoryError):
            listing(gate, path)


def test_the_working_tree_itself_may_be_reached_by_a_link(gate: Gate) -> None:
    (gate.root / "a").mkdir()
    alias = gate.root.parent / "alias"
    alias.symlink_to(gate.root)
    assert listing(Gate(alias), b"") == ["a"]


def test_leaves_no_descriptor_open(gate: Gate) -> None:
    (gate.root / "a/b").mkdir(parents=True)
    (gate.root / "a/link").symlink_to("b")
    before = len(os.listdir("/proc/self/fd"))
    listing(gate, b"a/b")
    for path in (b"a/link/x", b"a/none", b"/".join([b"d" * 250] * 30)):
        with pytest.raises((ForbiddenPath, FileNotFoundError)):
            listing(gate, path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_keeps_turning_into_a_link_never_leads_outside(gate: Gate) -> None:
    outside = gate.root.parent / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/secret").touch()
    (gate.root / "flip/deep").mkdir(parents=True)
    stop = threading.Event()

    def flip() -> None:
        place, aside, link = gate.root / "flip", gate.root / "aside", gate.root / "link"
        link.symlink_to(outside)
        while not stop.is_set():
            os.rename(place, aside)
            os.rename(link, place)
            os.rename(place, link)
            os.rename(aside, place)

    racer = threading.Thread(target=flip)
    racer.start()
    seen = set()
    try:
        for turn in itertools.count():
            if turn >= 3000 and ("opened" in seen or turn >= 3_000_000):  # the racer may have the processor for long
                break
            try:
                assert listing(gate, b"flip/deep") == []
                seen.add("opened")
            except (ForbiddenPath, FileNotFoundError, NotADirectoryError) as error:
                seen.add(type(error).__name__)
    finally:
        stop.set()
        racer.join()
    assert "opened" in seen
    assert len(seen) > 1


def test_a_file_where_a_folder_has_to_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".track").write_bytes(b"")
    with (
        pytest.raises(ForbiddenPath, match="no folder is in the way"),
        Gate(tmp_path).parent(b".track/x", create=True, own=True),
    ):
        pass
