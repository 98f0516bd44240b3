"""Needed: what is below a node is marked as soon as the node can be read, however often it was looked for in vain."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from track.flows.needed import descend
from track.model.digest import digest_of
from track.model.node import Child, Entry, encode_inner, encode_leaf
from track.store.marks import Marks, Root
from track.store.objects import Store

FILE = digest_of(b"a file")
LEAF = encode_leaf([Entry(b"file", "f", 6, FILE)])
INNER = encode_inner(1, [Child(1, 1, digest_of(LEAF), b"file")])
TOP, BELOW = bytes(digest_of(INNER)), bytes(digest_of(LEAF))


@pytest.mark.parametrize("is_sure", [False, True])
@pytest.mark.parametrize("come_late", [{TOP, BELOW}, {BELOW}, {TOP}])
def test_what_was_absent_is_looked_for_again(tmp_path: Path, come_late: set[bytes], is_sure: bool) -> None:
    there = {TOP: INNER, BELOW: LEAF}
    first = {digest: data for digest, data in there.items() if digest not in come_late}

    def reading(nodes: dict[bytes, bytes], digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes | None]]:
        yield from ((digest, nodes.get(digest)) for digest in digests)

    with Store.open(tmp_path / "store", create=True) as store, Marks() as marks:
        marks.add_roots([Root(TOP, is_sure or None, is_sure, "a ref")])
        descend(store, marks, elsewhere=lambda digests: reading(first, digests))
        assert not marks.kept([FILE])
        assert [one.name for one in marks.lost()] == (["a ref"] if is_sure or TOP in first else [])
        marks.add_roots([Root(TOP, None, False, "a clone")])
        descend(store, marks, elsewhere=lambda digests: reading(there, digests))
        assert marks.kept([TOP, BELOW, FILE]) == {TOP, BELOW, FILE}
        assert not marks.lost()


def test_what_comes_to_the_store_is_looked_for_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store, Marks() as marks:
        marks.add_roots([Root(BELOW, None, False, "a run")])
        descend(store, marks)
        with store.writer() as writer:
            writer.add_content(LEAF)
            writer.commit()
        descend(store, marks)
        assert marks.kept([FILE])
