"""Changes: what two versions of a directory are told apart by."""

from hypothesis import given
from hypothesis import strategies as st

from track.model.change import changes
from track.model.digest import digest_of
from track.model.manifest import Entry


def entry(path, content=b"x", mode="f"):
    return Entry(path, mode, len(content), bytes(digest_of(content)))


def told(*pairs, **options):
    return [(change.op, change.path, change.renamed_from) for change in changes(pairs, **options)]


def test_each_kind_of_change_has_its_letter():
    assert told(
        (None, entry(b"added", b"1")),
        (entry(b"deleted", b"2"), None),
        (entry(b"modified", b"3"), entry(b"modified", b"4")),
        (entry(b"now executable"), entry(b"now executable", mode="x")),
        (entry(b"other and executable", b"5"), entry(b"other and executable", b"6", mode="x")),
    ) == [
        ("A", b"added", None),
        ("D", b"deleted", None),
        ("M", b"modified", None),
        ("T", b"now executable", None),
        ("M", b"other and executable", None),
    ]


def test_equal_content_at_a_new_path_is_a_rename():
    assert told((entry(b"z/old"), None), (None, entry(b"a/new"))) == [("R", b"a/new", b"z/old")]
    (change,) = changes([(entry(b"old"), None), (None, entry(b"new", mode="x"))])
    assert (change.op, change.old, change.new) == ("R", entry(b"old"), entry(b"new", mode="x"))


def test_renames_are_left_apart_where_they_are_not_wanted():
    assert told((entry(b"old"), None), (None, entry(b"new")), renames=False) == [
        ("A", b"new", None),
        ("D", b"old", None),
    ]


def test_empty_files_are_never_renamed():
    assert told((entry(b"old", b""), None), (None, entry(b"new", b""))) == [("A", b"new", None), ("D", b"old", None)]


def test_a_copy_is_added():
    assert told((None, entry(b"copy"))) == [("A", b"copy", None)]


def test_among_equal_contents_the_same_name_is_paired_first():
    assert told(
        (entry(b"a/1"), None),
        (entry(b"a/2"), None),
        (None, entry(b"b/2")),
        (None, entry(b"b/3")),
        (None, entry(b"b/4")),
    ) == [("R", b"b/2", b"a/2"), ("R", b"b/3", b"a/1"), ("A", b"b/4", None)]


def test_nothing_that_is_the_same_is_a_change():
    assert told((entry(b"same"), entry(b"same")), (None, None)) == []


@given(
    st.dictionaries(st.sampled_from([b"a", b"b", b"c/a", b"c/b", b"d"]), st.sampled_from([b"", b"1", b"2"])),
    st.dictionaries(st.sampled_from([b"a", b"b", b"c/a", b"c/b", b"d"]), st.sampled_from([b"", b"1", b"2"])),
)
def test_applying_the_changes_to_the_old_gives_the_new(old, new):
    pairs = [
        (entry(path, old[path]) if path in old else None, entry(path, new[path]) if path in new else None)
        for path in sorted(old.keys() | new.keys())
    ]
    found = changes(pairs)
    assert [change.path for change in found] == sorted(change.path for change in found)
    result = {path: entry(path, content) for path, content in old.items()}
    for change in found:
        if change.old is not None:
            del result[change.old.path]
    for change in found:
        if change.new is not None:
            result[change.new.path] = change.new
    assert result == {path: entry(path, content) for path, content in new.items()}
