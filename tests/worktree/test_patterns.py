"""What a `.trackignore` leaves out: exactly what Git would, asked of Git itself."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from support.worktrees import learn, make, read_all
from track.errors import Unreadable
from track.worktree.paths import Gate
from track.worktree.patterns import Patterns, parse
from track.worktree.scan import scan
from track.worktree.stat_cache import StatCache


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    (tmp_path / "tree/data").mkdir(parents=True)
    return Gate(tmp_path / "tree")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[StatCache]:
    opened = StatCache(tmp_path / "state/stat.db")
    yield opened
    opened.close()


def kept_by_git(top: Path) -> set[bytes]:
    """What Git would add below `data`, with `.trackignore` as its only ignore file."""
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    line = ["git", "-C", str(top), "ls-files", "--others", "--exclude-per-directory=.trackignore", "-z", "--", "data"]
    found = subprocess.run(line, check=True, capture_output=True).stdout
    return {path.removeprefix(b"data/") for path in found.split(b"\0") if path}


def kept_by_us(top: Path) -> set[bytes]:
    cache = StatCache(top / ".git/stat.db")
    seen = scan(Gate(top), b"data", cache)
    assert seen.errors == []
    cache.close()
    return {entry.path for entry in seen.entries() if entry.mode != "d"}


PIECES = [b"a", b"b", b"ab", b"*", b"**", b"?", b"/", b"[a-b]", b"[!a]", b"[^b]", b"[]a]", b".", b"\\a", b"\\*", b"!"]
PIECES += [
    b"#",
    b" ",
    b"\\ ",
    b"[[:alpha:]]",
    b"[a",
    b"[z-a]",
    b"\\",
    b"[a-]",
    b"[\\]]",
    b"\r",
    b"A",
    b"***",
    b"]",
    b"-",
]
names = st.sampled_from(
    [b"a", b"b", b"ab", b"ba", b"a.b", b".a", b"A", b"a b", b"a ", b"#a", b"!a", b"]", b"-", b"\\", b"*"]
)
lines = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join), max_size=4).map(b"\n".join)


@settings(deadline=None, max_examples=150)
@given(
    st.dictionaries(st.lists(names, min_size=1, max_size=3).map(b"/".join), st.just(b""), min_size=1, max_size=8),
    lines,
    lines,
    lines,
)
@example({b"a/b/a": b"", b"b": b""}, b"", b"a/**/a\n**/b", b"")
@example({b"a/b/a": b"", b"a/a": b""}, b"/data/a/*\n!/data/a/b", b"", b"")
@example({b"a/b/a": b"", b"a/a": b""}, b"data/**", b"!*", b"!a")
@example({b"a/b/a": b"", b"a/a": b""}, b"", b"a/\n!a/a", b"")
def test_leaves_out_what_git_would(files: dict[bytes, bytes], above: bytes, top: bytes, inside: bytes) -> None:
    assume(not Patterns().extended(b"", above).leaves_out(b"data", is_folder=True))  # it was named: it is taken
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place)
        (tree / "data").mkdir()
        for path in sorted(files):
            whole = os.fsencode(place) + b"/data/" + path
            try:
                os.makedirs(os.path.dirname(whole), exist_ok=True)
                Path(os.fsdecode(whole)).write_bytes(b"")
            except OSError:  # a file of that name is there already
                continue
        (tree / ".trackignore").write_bytes(above)
        (tree / "data/.trackignore").write_bytes(top)
        if (tree / "data/a").is_dir():
            (tree / "data/a/.trackignore").write_bytes(inside)
        assert kept_by_us(tree) == kept_by_git(tree)


def test_says_how_many_names_were_left_out(gate: Gate, cache: StatCache) -> None:
    make(
        os.fsencode(gate.root / "data"),
        {b".trackignore": b"*.tmp\nscratch/\n", b"a.tmp": b"", b"b": b"", b"scratch": {b"x": b"", b"y": b""}},
    )
    seen = learn(gate, b"data", cache)
    assert seen.left_out == 2
    assert [entry.path for entry in seen.entries()] == [b".trackignore", b"b"]


def test_a_special_file_or_repository_that_is_left_out_is_no_trouble(gate: Gate, cache: StatCache) -> None:
    make(
        os.fsencode(gate.root / "data"),
        {b".trackignore": b"pipe\n.git\n", b"sub": {b".git": {b"HEAD": b""}, b"f": b"1"}},
    )
    os.mkfifo(gate.root / "data/pipe")
    seen = learn(gate, b"data", cache)
    assert [entry.path for entry in seen.entries()] == [b".trackignore", b"sub/f"]


def test_a_new_line_is_a_change_of_what_it_leaves_out(gate: Gate, cache: StatCache) -> None:
    make(os.fsencode(gate.root / "data"), {b"a.tmp": b"1", b"b": b"2"})
    learn(gate, b"data", cache)
    (gate.root / ".trackignore").write_bytes(b"*.tmp\n")
    seen = scan(gate, b"data", cache)
    read_all(gate, seen)
    assert seen.removed == [b"a.tmp"]


def test_an_ignore_file_that_is_a_link_is_not_followed(gate: Gate, cache: StatCache, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"*\n")
    (gate.root / "data/.trackignore").symlink_to(tmp_path / "outside")
    (gate.root / "data/f").write_bytes(b"1")
    assert scan(gate, b"data", cache).left_out == 0


def test_a_file_artifact_needs_no_rules(gate: Gate, cache: StatCache) -> None:
    (gate.root / ".trackignore").write_bytes(b"*\n")
    (gate.root / "data/f").write_bytes(b"1")
    assert [entry.path for entry in learn(gate, b"data/f", cache).entries()] == [b"f"]


@pytest.mark.parametrize("line", [b"", b"# note", b"   ", b"/", b"!", b"a\\", b"[a", b"[[:nonsense:]]"])
def test_lines_that_say_nothing_are_no_rules(line: bytes) -> None:
    assert parse(line) == ()


@pytest.mark.parametrize(
    "line",
    [
        b"*a" * 40 + b"*b",
        b"*".join([b"a"] * 40) + b"b",
        b"**/" * 30 + b"b",
        b"**/a*a*/" * 20 + b"b",
        b"**/*/" * 20 + b"b",
        b"?*" * 40 + b"b",
        b"[a-z]*" * 30 + b"b",
        b"[[:alpha:]]*[!b]*" * 20 + b"b",
    ],
)
def test_no_pattern_takes_long_to_say_no(line: bytes) -> None:
    """A stranger's `.trackignore` meets names that are as long as names can be."""
    rules = parse(line)
    paths = [b"a" * 255, b"/".join([b"a" * 100] * 38), b"/".join([b"a"] * 2000)]
    begun = time.process_time()
    for path in paths:
        for rule in rules:
            assert not rule.pattern.fullmatch(path)
    assert time.process_time() - begun < 2


def test_a_list_that_is_too_long_is_refused_and_not_cut(gate: Gate, cache: StatCache) -> None:
    (gate.root / ".trackignore").write_bytes(b"a\n" * 524_289)
    (gate.root / "data/x").write_bytes(b"x")
    with pytest.raises(Unreadable, match="more than"):
        scan(gate, b"data", cache)


def test_a_line_longer_than_any_path_matches_nothing_and_takes_no_time() -> None:
    begun = time.process_time()
    assert parse(b"a" * 1_000_000) == ()
    assert len(parse(b"a" * 4096)) == 1
    assert time.process_time() - begun < 2
