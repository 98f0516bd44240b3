"""Ways that the tests of the working tree share: making trees, and the slow and sure way to say what is in one."""

import os
import stat
from pathlib import Path

from hypothesis import strategies as st

from track.model.digest import digest_of
from track.model.manifest import Entry
from track.worktree.paths import Gate
from track.worktree.scan import Scan, read_small, scan
from track.worktree.stat_cache import StatCache

Tree = dict[bytes, "bytes | Tree"]


def hostile_name() -> st.SearchStrategy[bytes]:
    """A file name: text or raw bytes, short or of 255 bytes, with newlines, blanks and dashes where they hurt."""
    raw = st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_"))
    text = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=12)
    awkward = st.sampled_from(
        [
            *(b"-rf", b"a\nb", b" lead", b"trail ", b"trail.", b"tab\t", b"\xff\xfe", b"CON", b"a.b", b"a", b"a-b"),
            *(b"n" * 255, "e\u0301".encode(), "é".encode(), b"\\x41", b"#x", b"!x", b"a0", b"A", b"a b"),
        ]
    )
    return st.one_of(awkward, raw, text.map(str.encode)).filter(_is_plain)


def _is_plain(name: bytes) -> bool:
    from_model = {b".", b"..", b".trackignore"}
    folded = name.decode("utf-8", "ignore").casefold()
    return name not in from_model and len(name) <= 255 and "git" not in folded and not name.endswith(b".track")


def trees() -> st.SearchStrategy[Tree]:
    """Folders as nested mappings; a file is its content, a link the bytes `->` and its target."""
    content = st.one_of(st.just(b""), st.binary(max_size=20), st.binary(max_size=6).map(_link))
    return st.recursive(
        st.dictionaries(hostile_name(), content, max_size=4),
        lambda inner: st.dictionaries(hostile_name(), st.one_of(content, inner), max_size=4),
        max_leaves=12,
    )


def _link(target: bytes) -> bytes:
    return b"->" + (target.replace(b"\0", b"_") or b"nowhere")


def make(place: bytes, tree: Tree) -> None:
    """Make the folder `place` with what a mapping describes."""
    os.makedirs(place, exist_ok=True)
    for name, content in tree.items():
        inner = place + b"/" + name
        if isinstance(content, dict):
            make(inner, content)
        elif content.startswith(b"->"):
            os.symlink(content[2:], inner)
        else:
            Path(os.fsdecode(inner)).write_bytes(content)


def listing(top: bytes) -> list[Entry]:
    """Everything in a folder, by the plainest code that can say it, sorted by raw path."""
    found = []

    def look(place: bytes, path: bytes) -> None:
        names = os.listdir(place)
        if not names and path:
            found.append(Entry(path, "d", 0, digest_of(b"")))
        for name in names:
            inner, below = place + b"/" + name, path + b"/" + name if path else name
            seen = os.lstat(inner)
            if stat.S_ISDIR(seen.st_mode):
                look(inner, below)
                continue
            link = stat.S_ISLNK(seen.st_mode)
            data = os.readlink(inner) if link else Path(os.fsdecode(inner)).read_bytes()
            mode = "l" if link else "x" if seen.st_mode & 0o100 else "f"
            found.append(Entry(below, mode, len(data), digest_of(data)))

    look(top, b"")
    return sorted(found)


def read_all(gate: Gate, seen: Scan) -> int:
    """Settle everything that is pending; how many files were read."""
    count = 0
    for folder in seen.folders:
        with gate.directory(seen.place(folder)) as fd:
            for item in folder.items():
                folder.settle(item.number, digest_of(read_small(fd, item.name, item.stat, path=item.path)))
                count += 1
    return count


def root_of(entries: list[Entry]) -> bytes:
    """Something that stands for the digest of a whole artifact."""
    return digest_of(repr([(*entry[:3], bytes(entry.digest)) for entry in entries]).encode())


def learn(gate: Gate, path: bytes, cache: StatCache) -> Scan:
    """Scan, read what is to be read, and save, as `add` does."""
    seen = scan(gate, path, cache)
    assert not seen.errors
    read_all(gate, seen)
    seen.save(root_of(list(seen.entries())))
    return seen
