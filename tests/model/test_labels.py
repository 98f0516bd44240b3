"""Labels: what is typed is what is meant, and a place inside others is set and taken away alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import UsageError
from track.model.labels import check_label, flat, key_of, key_text, label_of, tag_of, with_labels, without_labels

PARTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", "b"),
        ("a=", ""),
        ("a=1", 1),
        ("a=-7", -7),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=True", "True"),
        ("a=007", "007"),
        ("a=1e5", "1e5"),
        ("a=b=c", "b=c"),
        ('a="42"', "42"),
        (r'a="say \"no\""', 'say "no"'),
        ("a=9223372036854775808", "9223372036854775808"),
        ("a=" + "9" * 5000, "9" * 5000),
        ("a=nan", "nan"),
    ],
)
def test_a_label_is_what_it_looks_like(text: str, expected: object) -> None:
    key, value = label_of(text)
    assert (("a",), expected, type(expected)) == (key, value, type(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infos.method=x", ("infos", "method")),
        ('"a.b"=x', ("a.b",)),
        ('"a=b".c=x', ("a=b", "c")),
        (" a =x", ("a",)),
    ],
)
def test_a_dot_leads_into_a_table_unless_it_is_quoted(text: str, expected: tuple[str, ...]) -> None:
    assert (expected, "x") == label_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "ticket",
        "=x",
        " =x",
        ".a=x",
        "a..b=x",
        "a.=x",
        '"a"b=x',
        "a. b=x",
        "a\x1b[2J=x",
        "a\n=x",
        "caf\udce9=x",
        "a=\udce9",
        ".".join("abcdefghijklmnopq") + "=x",
    ],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        label_of(text)


@pytest.mark.parametrize("text", ["", " ", " a", "a\n", "\x07", "\udce9", "\u202egold"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        tag_of(text)


@given(KEYS)
def test_a_key_is_read_as_it_is_written(key: tuple[str, ...]) -> None:
    assert key_of(key_text(key)) == key


def test_a_label_inside_others_is_set_and_taken_away_alone() -> None:
    labels: dict[str, Any] = {"infos": {"a": 1, "deep": {"b": 2}}, "c": 3}

    more = with_labels(labels, [(("infos", "deep", "d"), 4), (("new", "table"), 5)])
    less = without_labels(more, [("infos", "deep"), ("new", "table"), ("c", "none"), ("none",)])

    assert {"infos": {"a": 1, "deep": {"b": 2, "d": 4}}, "c": 3, "new": {"table": 5}} == more
    assert {"infos": {"a": 1}, "c": 3} == less
    assert {"infos": {"a": 1, "deep": {"b": 2}}, "c": 3} == labels


@pytest.mark.parametrize("key", [("c", "inner"), ("infos",)])
def test_a_label_is_never_a_table_and_a_value(key: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="the label"):
        with_labels({"infos": {"a": 1}, "c": 3}, [(key, 9)])


@given(st.dictionaries(KEYS.filter(lambda key: len(key) == 1), st.integers()), KEYS, st.integers())
def test_what_was_set_can_be_seen_and_taken_away_again(rows: dict[Any, int], key: Any, value: int) -> None:
    labels = {name: number for (name,), number in rows.items() if name != key[0]}

    more = with_labels(labels, [(key, value)])

    assert (key, value) in flat(more)
    assert without_labels(more, [key]) == labels


@pytest.mark.parametrize(
    "value", [None, float("nan"), object(), b"x", 2**64, "caf\udce9", [None], {"a": {1: 2}}, [{1: 2, "a": 3}]]
)
def test_a_value_that_no_pointer_can_hold_is_refused_by_the_name_of_its_label(value: object) -> None:
    with pytest.raises(UsageError, match="the label ticket"):
        check_label(("ticket",), value)


@pytest.mark.parametrize("part", [5, None, "", b"a"])
def test_a_key_that_is_no_text_is_refused(part: Any) -> None:
    with pytest.raises(UsageError, match="not the key"):
        check_label(("a", part), 1)
