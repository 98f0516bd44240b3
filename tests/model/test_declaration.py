"""Declarations of named artifacts: what can be agreed, how it is written, and which partitions fit."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import ConflictedPointer, MalformedPointer, NewerFormat, UsageError
from track.model.declaration import (
    RESERVED,
    Declaration,
    UndeclaredKey,
    artifact_name,
    check_keys,
    declaration_path,
    dump_declaration,
    ordered,
    parse_declaration,
    partition_text,
)
from track.model.moments import GRANULARITIES

PATH = b".track/artifacts/rides/@declaration.toml"
KEYS = st.lists(st.from_regex(r"[a-z_][A-Za-z0-9_-]{0,8}", fullmatch=True), max_size=10, unique=True).map(
    lambda keys: tuple(key for key in keys if key.lower() not in RESERVED)
)
DECLARATIONS = st.builds(
    Declaration,
    keys=KEYS,
    time=st.none() | st.sampled_from(GRANULARITIES),
    strict=st.booleans(),
    type=st.none() | st.just("text/csv"),
)


def test_a_declaration_is_a_fact_a_line():
    full = Declaration(keys=("region", "vendor"), time="day", strict=True, type="text/csv")
    assert dump_declaration(full).decode() == (
        '[declaration]\nkeys = ["region", "vendor"]\ntime = "day"\nstrict = true\ntype = "text/csv"\n'
    )
    assert dump_declaration(Declaration()) == b"[declaration]\nkeys = []\n"


@given(DECLARATIONS)
def test_a_declaration_is_read_back(declaration):
    assert parse_declaration(dump_declaration(declaration), PATH) == declaration


def test_what_a_later_version_wrote_is_kept():
    data = b'[declaration]\nkeys = ["region"]\nowner = "team a"\n'
    assert dump_declaration(parse_declaration(data, PATH)) == data


def test_a_later_format_is_refused():
    with pytest.raises(NewerFormat, match="format 2"):
        parse_declaration(b"[declaration]\nformat = 2\nkeys = []\n", PATH)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "not TOML"),
        (b"keys = []\n", "no table"),
        (b"declaration = 1\n", "no table"),
        (b'[declaration]\nkeys = "region"\n', "list of text"),
        (b"[declaration]\nkeys = [1]\n", "list of text"),
        (b"[declaration]\ntime = true\n", "text"),
        (b'[declaration]\ntime = "year"\n', "time is 'year'"),
        (b'[declaration]\nkeys = ["tag"]\n', "reserved"),
        (b'[declaration]\nkeys = ["a", "a"]\n', "2 times"),
    ],
)
def test_a_broken_declaration_is_refused_by_name(data, why):
    with pytest.raises(MalformedPointer, match=why) as caught:
        parse_declaration(data, PATH)
    assert "rides/@declaration.toml" in str(caught.value)
    assert "git checkout" in (caught.value.hint or "")


def test_a_conflict_in_a_declaration_is_told_as_that_and_neither_side_is_thrown_away():
    both = b'[declaration]\n<<<<<<< ours\nkeys = ["a"]\n=======\nkeys = ["b"]\n>>>>>>> theirs\n'
    with pytest.raises(ConflictedPointer, match="a merge conflict is in") as caught:
        parse_declaration(both, PATH)
    assert caught.value.exit_code == 6
    assert "rides/@declaration.toml" in caught.value.message
    assert "git add" in (caught.value.hint or "")
    assert "git checkout" not in (caught.value.hint or "")


def test_the_declaration_lies_where_no_version_can():
    assert declaration_path("rides") == PATH
    assert declaration_path("Models/a") == b".track/artifacts/%4Dodels/a/@declaration.toml"


def test_partitions_come_in_the_declared_order_and_the_time_is_floored():
    declaration = Declaration(keys=("vendor", "region"), time="day")
    given = {"region": "eu", "vendor": "x"}
    assert list(ordered(declaration, given, "2024-01-01T13:45").items()) == [
        ("vendor", "x"),
        ("region", "eu"),
        ("time", "2024-01-01"),
    ]
    assert ordered(declaration, {"time": "2024-01-01T23:30-01:00"}) == {"time": "2024-01-02"}
    assert ordered(declaration, {"region": "eu"}) == {"region": "eu"}


@pytest.mark.parametrize("given", [{"zone": "x"}, {"time": "2024-01-01"}])
def test_a_key_that_was_not_declared_is_told(given):
    with pytest.raises(UndeclaredKey):
        ordered(Declaration(keys=("region",)), given)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("eu", "eu"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, 3, 4, tzinfo=UTC), "2024-01-02T03:04:00+00:00"),
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
    ],
)
def test_a_value_of_a_partition_becomes_text(value, text):
    assert partition_text("region", value) == text


@pytest.mark.parametrize("value", [None, [], {}, b"eu", object(), "", "a\nb", "\u202eeu", "\ud800"])
def test_what_is_no_text_is_no_partition(value):
    with pytest.raises(UsageError, match="partition region"):
        partition_text("region", value)


@pytest.mark.parametrize("name", ["rides", "flyteorg.test.yt.test", "models/churn-2", "Été", "ride count", "हिन्दी"])
def test_names_that_people_give(name):
    assert artifact_name(name) == name


def test_two_spellings_of_a_letter_are_one_name():
    assert artifact_name("e\u0301t\u00e9") == artifact_name("\u00e9t\u00e9")


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "a//b", "..", "../x", "a/../b", ".git", "a@b", "a:b", "a=b", "a*b", "a\\b", "a\tb", "a\x00b",
     " a", "a ", "x.track", "x" * 201, "\u202ea", "a\u200bb", "\ud800"],
)  # fmt: skip
def test_names_that_are_none(name):
    with pytest.raises(UsageError):
        artifact_name(name)


def test_ten_keys_are_fine_and_eleven_are_not():
    keys = [f"k{number}" for number in range(11)]
    assert check_keys(keys[:10]) == tuple(keys[:10])
    with pytest.raises(UsageError, match="11 partition keys, more than 10"):
        check_keys(keys)


@pytest.mark.parametrize("key", RESERVED)
def test_reserved_words_are_no_keys(key):
    with pytest.raises(UsageError, match="reserved"):
        check_keys([key.upper()])
