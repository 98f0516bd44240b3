"""Merging pointers: the content as one unit, everything else key by key; and the text of a conflict."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import ConflictedPointer
from track.model.digest import digest_of
from track.model.marks import marked, sides
from track.model.merge import content_of, merge_pointers
from track.model.node import Root
from track.model.pointer import Pointer, dump_pointer, parse_pointer

ONE, TWO, THREE = (digest_of(text) for text in (b"1", b"2", b"3"))


def pointer(digest=ONE, **facts) -> Pointer:
    return Pointer(kind="file", digest=digest, size=facts.pop("size", 3), **facts)


def what(found) -> list[str]:
    return [conflict.what for conflict in found.conflicts]


def test_content_comes_from_the_side_that_changed_it_as_one_unit():
    base = pointer(rows=1, type="text/csv", run="a", schema={"x": "int64"})
    ours = replace(base, labels={"ticket": "AB-1"})
    theirs = pointer(TWO, size=9, rows=2, type="text/csv", run="b", schema={"x": "text"})
    merged = merge_pointers(base, ours, theirs)
    assert merged == (replace(theirs, labels={"ticket": "AB-1"}), ())
    assert merge_pointers(base, theirs, ours).pointer == merged.pointer


def test_contents_that_went_apart_are_one_conflict():
    ours, theirs = pointer(TWO, size=2, rows=2, run="a"), pointer(THREE, size=3, rows=3, run="b")
    found = merge_pointers(pointer(), ours, theirs)
    assert (what(found), found.pointer) == (["content"], ours)
    assert merge_pointers(pointer(), ours, theirs, take="theirs").pointer == theirs
    assert content_of(pointer(), ours, theirs) == "apart"
    assert content_of(None, ours, theirs) == "apart"


def test_directories_that_went_apart_take_the_merged_manifest():
    ours, theirs = (
        Pointer(kind="directory", digest=one, size=1, files=1, run="r", tags=(str(one)[-1],)) for one in (ONE, TWO)
    )
    base = Pointer(kind="directory", digest=THREE, size=0, files=0)
    merged = merge_pointers(base, ours, theirs, content=Root(bytes(digest_of(b"new")), 2, 5, 0))
    assert merged.conflicts == ()
    assert (merged.pointer.digest, merged.pointer.files, merged.pointer.size) == (digest_of(b"new"), 2, 5)
    assert merged.pointer.run is None
    assert len(merged.pointer.tags) == 2


def test_of_equal_content_the_smaller_run_stays_and_nothing_is_a_conflict():
    ours, theirs = pointer(TWO, run="b", rows=4), pointer(TWO, run="a")
    for one, other in ((ours, theirs), (theirs, ours)):
        assert merge_pointers(None, one, other) == (pointer(TWO, run="a", rows=4), ())


def test_labels_merge_key_by_key_also_in_tables():
    base = pointer(labels={"kept": 1, "gone": 1, "infos": {"a": 1, "b": 1}})
    ours = pointer(labels={"kept": 2, "gone": 1, "mine": True, "infos": {"a": 1, "b": 2}})
    theirs = pointer(labels={"kept": 1, "yours": 1.5, "infos": {"a": 3, "b": 1, "c": 1}})
    merged = merge_pointers(base, ours, theirs)
    assert merged.conflicts == ()
    assert merged.pointer.labels == {"kept": 2, "mine": True, "yours": 1.5, "infos": {"a": 3, "b": 2, "c": 1}}


def test_a_label_that_both_changed_is_named():
    base, ours, theirs = (pointer(labels={"t": value, "infos": {"x": value}}) for value in (1, 2, True))
    found = merge_pointers(base, ours, theirs)
    assert what(found) == ["label infos.x", "label t"]
    assert (found.conflicts[1].ours, found.conflicts[1].theirs) == (2, True)
    removed = merge_pointers(base, pointer(labels={"infos": {"x": 1}}), theirs)
    assert (removed.conflicts[0].what, removed.conflicts[0].ours) == ("label t", None)


def test_one_and_true_are_not_the_same_label():
    assert what(merge_pointers(None, pointer(labels={"t": 1}), pointer(labels={"t": True}))) == ["label t"]


def test_tags_join_and_leave():
    base, ours, theirs = (pointer(tags=tags) for tags in (("a", "b"), ("b", "c"), ("a", "b", "d")))
    assert merge_pointers(base, ours, theirs).pointer.tags == ("b", "c", "d")


def test_partitions_origins_and_unknown_tables_merge_key_by_key():
    base = pointer(partitions={"region": "eu"}, based_on={b"raw": ONE}, extra={"later": {"a": 1}, "artifact": {"k": 1}})
    ours = replace(base, partitions={"region": "us"}, based_on={b"raw": TWO}, extra={"later": {"a": 1, "b": 1}})
    theirs = replace(base, partitions={"region": "eu", "day": "1"}, extra={**base.extra, "other": {"x": 1}})
    merged = merge_pointers(base, ours, theirs)
    assert merged.conflicts == ()
    assert merged.pointer.partitions == {"region": "us", "day": "1"}
    assert merged.pointer.based_on == {b"raw": TWO}
    assert merged.pointer.extra == {"later": {"a": 1, "b": 1}, "other": {"x": 1}}
    apart = merge_pointers(base, ours, replace(base, partitions={"region": "asia"}))
    assert what(apart) == ["partition region"]


def test_an_unknown_fact_of_the_old_content_is_a_conflict_with_new_content():
    """A later version may have written it about these bytes: it is never carried over in silence."""
    ours, theirs = pointer(extra={"artifact": {"chunks": 5}}), pointer(TWO)
    assert what(merge_pointers(pointer(), ours, theirs)) == ["artifact chunks"]
    assert what(merge_pointers(pointer(), theirs, ours)) == ["artifact chunks"]
    same = replace(theirs, extra={"artifact": {"chunks": 5}})
    assert merge_pointers(pointer(), ours, same).conflicts == ()


def test_a_bit_merges_apart_from_the_content():
    assert merge_pointers(pointer(), pointer(executable=True), pointer(TWO)).pointer == pointer(TWO, executable=True)
    assert merge_pointers(pointer(executable=True), pointer(), pointer(TWO, executable=True)).pointer == pointer(TWO)


def test_a_file_that_became_a_directory_is_a_conflict_of_content():
    directory = Pointer(kind="directory", digest=TWO, size=0, files=0)
    assert what(merge_pointers(pointer(), pointer(THREE, executable=True), directory)) == ["content"]


def facts():
    labels = st.dictionaries(
        st.sampled_from("abc"), st.sampled_from([1, True, "x", {"n": 1}, {"n": 2, "m": 1}]), max_size=3
    )
    texts = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=2)
    return st.builds(
        pointer,
        st.sampled_from([ONE, TWO]),
        executable=st.booleans(),
        run=st.sampled_from([None, "1", "2"]),
        type=st.sampled_from([None, "t"]),
        tags=st.lists(st.sampled_from("abc"), max_size=3).map(tuple),
        labels=labels,
        partitions=texts,
        extra=st.sampled_from([{}, {"artifact": {"k": 1}}, {"later": {"a": 1}}]),
    )


@settings(max_examples=300, deadline=None)
@given(facts(), facts(), facts())
def test_merging_pointers_commutes_and_knows_who_did_nothing(base, ours, theirs):
    one, other = merge_pointers(base, ours, theirs), merge_pointers(base, theirs, ours)
    assert what(one) == what(other)
    if not one.conflicts:
        assert dump_pointer(one.pointer) == dump_pointer(other.pointer)
        assert parse_pointer(dump_pointer(one.pointer), "x.track") == one.pointer
    assert merge_pointers(base, base, theirs).conflicts == ()
    assert merge_pointers(ours, ours, ours) == (ours, ())
    quiet = replace(base, run=theirs.run) if base.digest == theirs.digest else base
    assert merge_pointers(quiet, quiet, theirs) == (theirs, ())
    again = merge_pointers(one.pointer, one.pointer, one.pointer)
    assert again == (one.pointer, ())


def test_the_text_of_a_conflict_has_both_sides_and_is_known_as_one():
    ours, theirs = (pointer(one, size=size, labels={"a": 1}, run="r") for one, size in ((TWO, 2), (THREE, 3)))
    text = marked(dump_pointer(ours), dump_pointer(theirs))
    assert text.decode() == (
        '[artifact]\nkind = "file"\n'
        f'<<<<<<< ours\ndigest = "{TWO}"\nsize = 2\n'
        f'=======\ndigest = "{THREE}"\nsize = 3\n>>>>>>> theirs\n'
        'run = "r"\n\n[labels]\na = 1\n'
    )
    assert sides(text) == (dump_pointer(ours), dump_pointer(theirs))
    with pytest.raises(ConflictedPointer):
        parse_pointer(text, "x.track")


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c\r\n", b"=====\n"]), max_size=12).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(LINES, LINES, st.integers(0, 20))
def test_marks_come_and_go(ours, theirs, size):
    text = marked(ours, theirs, size)
    assert sides(text) == ((ours, theirs) if ours != theirs else None)


def test_marks_that_git_wrote_are_read_and_others_are_not():
    assert sides(b"a\n<<<<<<< HEAD\nb\n||||||| base\nc\n=======\nd\n>>>>>>> x\n") == (b"a\nb\n", b"a\nd\n")
    assert sides(b"a\n") is None
    assert sides(b"<<<<<<< x\na\n") is None
    assert sides(b"=======\na\n>>>>>>> x\n") is None
