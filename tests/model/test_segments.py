"""A pointer edited: its labels and tags are others, every other byte is where it was."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.test_pointer import pointers
from track.model.pointer import Pointer, dump_pointer, parse_pointer
from track.model.segments import edit

DIGEST = "blake3:" + "ab" * 32
HEAD = f'[artifact]\nkind = "file"\ndigest = "{DIGEST}"\nsize = 3\n'
BY_HAND = f"""\
# by hand

 [ artifact ]  # the content
size   =   3
digest = '{DIGEST}'
kind = 'file'

[partitions]
region = "eu"   # kept

[labels.infos]  # gone with the labels
a = 1

[future]
text = "kept"
"""


def edited(text: str, **change: object) -> str:
    pointer = parse_pointer(text.encode(), "x")
    wanted = {"labels": pointer.labels, "tags": pointer.tags, **change}
    return edit(text.encode(), pointer, **wanted).decode()  # type: ignore[arg-type]  # as each test names them


def test_labels_and_tags_come_where_they_belong() -> None:
    more = edited(HEAD + '\n[based_on]\na = "' + DIGEST + '"\n', labels={"a": 1})
    assert more == HEAD + '\n[labels]\na = 1\n\n[based_on]\na = "' + DIGEST + '"\n'
    assert edited(more, tags=("t",)).startswith(HEAD + "\n[tags]\nt = true\n\n[labels]\na = 1\n")


def test_what_was_put_in_is_taken_out_without_a_trace() -> None:
    for base in (HEAD, HEAD + '\n[partitions]\nregion = "eu"\n'):
        more = edited(edited(base, labels={"a": {"b": "c"}}), tags=("x", "y"))
        assert edited(edited(more, labels={}), tags=()) == base


def test_what_a_person_wrote_stays_byte_for_byte() -> None:
    more = edited(BY_HAND, labels={"infos": {"a": 2}}, tags=("t",))

    assert more.startswith(BY_HAND[: BY_HAND.index("[partitions]")])
    assert '[partitions]\nregion = "eu"   # kept\n' in more
    assert more.endswith(BY_HAND[BY_HAND.index("[future]") :])
    assert "infos = { a = 2 }" in more


def test_true_is_not_one() -> None:
    assert edited(BY_HAND, labels={"infos": {"a": True}}) != BY_HAND


def test_nothing_to_change_is_the_same_bytes() -> None:
    assert edited(BY_HAND, labels={"infos": {"a": 1}}) == BY_HAND


@pytest.mark.parametrize("strange", ['note = """\n[labels]\nx = 1\n"""\n', "note = '''\n[tags]\n'''\n"])
def test_a_header_inside_a_text_does_not_mislead(strange: str) -> None:
    text = HEAD + "\n[future]\n" + strange
    pointer = parse_pointer(text.encode(), "x")

    found = parse_pointer(edited(text, labels={"a": 1}, tags=("t",)).encode(), "x")

    assert found == replace(pointer, labels={"a": 1}, tags=("t",))


@given(pointers(), pointers())
@example(
    parse_pointer((HEAD + '\n["\\u001f"]\n').encode(), "x"),
    parse_pointer((HEAD + "\n[tags]\na = true\n").encode(), "x"),
)
def test_every_pointer_can_be_given_the_labels_and_tags_of_every_other(one: Pointer, other: Pointer) -> None:
    before = dump_pointer(one)

    after = edit(before, parse_pointer(before, "x"), labels=other.labels, tags=other.tags)

    assert after == dump_pointer(replace(one, labels=other.labels, tags=other.tags))


@given(st.binary(max_size=40))
def test_the_content_block_is_never_touched(tail: bytes) -> None:
    text = HEAD + "# " + tail.hex() + "\n"
    assert edited(text, labels={"a": 1}).startswith(text)
