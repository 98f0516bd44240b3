"""Canonical JSON: the examples of RFC 8785, and what it cannot say."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.model.canonical import canonical_json, parse_json

# RFC 8785, appendix B; and some at the edges between the two ways of writing a number.
NUMBERS = [
    (0.0, "0"),
    (-0.0, "0"),
    (5e-324, "5e-324"),
    (-5e-324, "-5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (9007199254740992.0, "9007199254740992"),
    (295147905179352830000.0, "295147905179352830000"),
    (9.999999999999997e22, "9.999999999999997e+22"),
    (1e23, "1e+23"),
    (1.0000000000000001e23, "1.0000000000000001e+23"),
    (999999999999999700000.0, "999999999999999700000"),
    (999999999999999900000.0, "999999999999999900000"),
    (1e21, "1e+21"),
    (9.999999999999997e-7, "9.999999999999997e-7"),
    (0.000001, "0.000001"),
    (333333333.3333332, "333333333.3333332"),
    (333333333.33333325, "333333333.33333325"),
    (333333333.3333333, "333333333.3333333"),
    (1424953923781206.2, "1424953923781206.2"),
    (-0.0000033333333333333333, "-0.0000033333333333333333"),
    (0.1, "0.1"),
    (1.5, "1.5"),
    (100.0, "100"),
    (123456.789, "123456.789"),
    (1e-7, "1e-7"),
    (0.05, "0.05"),
    (10.25, "10.25"),
    (42, "42"),
    (-7, "-7"),
    (2**53 - 1, "9007199254740991"),
    (2**53, "9007199254740992"),
    (2**80, "1.2089258196146292e+24"),
]


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_a_number_is_written_as_ecmascript_does(number, text):
    assert canonical_json(number).decode() == text


def test_the_example_of_the_rfc_comes_out_as_there():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical_json(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf16_units():
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert [json.loads(canonical_json(value))[key] for key in value] == list(value.values())
    assert list(json.loads(canonical_json(value)).values()) == [2, 4, 6, 7, 1, 5, 3]


def values():
    """Whatever JSON can say."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    )
    keys = st.text(st.characters(exclude_categories=("Cs",)), max_size=4)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


@given(values())
def test_the_text_says_the_value_and_nothing_can_be_said_twice(value):
    text = canonical_json(value)
    assert parse_json(text.decode()) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_as_itself(number):
    assert float(canonical_json(number)) == number


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53 + 1,
        -(2**53) - 1,
        10**400,
        {1: 2},
        {None: 1},
        "\ud800",
        b"x",
        {1},
        object(),
        [[object()]],
    ],
)
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical_json(value)


def test_a_value_without_an_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="too deeply"):
        canonical_json(endless)


@pytest.mark.parametrize(
    "text", ["", " 1", "1.0", "01", '{"b":1,"a":2}', '{"a":1,"a":1}', "[1, 2]", "NaN", '"\\u0041"', "[" * 9_999]
)
def test_text_that_is_not_canonical_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
