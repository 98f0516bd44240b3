"""Queries: text and dictionary say the same, and what they say is what a naive reading of them says."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import UsageError
from track.model.query import And, Element, Exists, In, Match, Not, Or, Order, Size, holds
from track.model.query_dictionary import parse_dictionary, parse_query
from track.model.query_pattern import Pattern
from track.model.query_text import Fields, parse_text

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
RUN = {
    "name": "brave-otter",
    "tags": ["gold", "v2"],
    "created": NOW - timedelta(days=3),
    "params": {"lr": 0.05, "net": {"depth": 3}, "net.width": 8},
    "metrics": {"val acc": 0.9, "auc": 0.95, "auc.max": 0.97},
    "files": ["a/train.txt", "b/test.csv"],
    "labels": {"datatype": "annotation_file", "infos": {"stratification": "new"}, "note": None},
    "inputs": [{"name": "a", "size": 3, "tags": ["x"]}, {"name": "b", "size": 30}],
    "based_on": ["id1", "id2"],
    "exit": 0,
    "dirty": False,
}
FIELDS = Fields(tuple(RUN), {"tag": "tags", "file": "files", "label": "labels", "depth": "params.net.depth"})


def says(text: str, document: Any = RUN) -> bool:
    return holds(parse_text(text, NOW), document)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.9 and params.lr < 0.1 and tags = gold",
        "labels.datatype = annotation_file and name ~ 'otter' and created > 7d",
        r'files ~ "\.txt$"',
        "files ~ csv",
        "tags in (silver, gold)",
        "tags in [gold]",
        "tags not in (silver)",
        "not tags in (silver)",
        "tags != silver",
        "name !~ badger",
        "metrics.auc.max >= 0.97",
        'metrics."val acc" = 0.9',
        "\"metrics\".'val acc' <= .9",
        "params.net.width = 8",
        "params.net.depth = 3",
        "labels.infos.stratification exists",
        "not labels.infos.other exists",
        "labels.note = null and labels.missing = null and labels.note exists and exit != null",
        "exit = 0 and exit = 0.0 and not exit = false and dirty = false",
        "inputs.size > 29",
        "inputs.name = b",
        "inputs.1.name = b",
        "inputs.tags = x",
        "based_on = id1",
        "created > 2026-03-01 and created < 2026-03-08T00:00:01+01:00",
        "created >= 72h and created <= 3d",
        "name = x or (exit = 1 or tags = gold) and exit = 0",
        "not (name = x or exit = 1)",
        "not not exit = 0",
        "created == 2026-03-07T12:00",
        "exit=0 and(exit<1)",
    ],
)
def test_what_is_so(text: str) -> None:
    assert says(text)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc > 0.95",
        "tags = Gold",
        "created > 2d",
        "name > 1",
        "exit = '0'",
        "dirty = 0",
        "dirty < 1",
        "created > 5",
        "missing > 1",
        "missing ~ ''",
        "missing exists",
        "exit ~ 0",
        "inputs.9.name = a",
        "tags.gold exists",
        "name = x and exit = 0 or exit = 1",
        "labels = annotation_file",
    ],
)
def test_what_is_not_so(text: str) -> None:
    assert not says(text)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"labels.datatype": "annotation_file", "created": {"$gte": NOW - timedelta(days=7)}}, True),
        ({"created": {"$gte": datetime(2026, 3, 7, 12)}}, True),
        ({"created": {"$gt": datetime(2026, 3, 7, 13, tzinfo=timezone(timedelta(hours=1)))}}, False),
        ({"created": {"$gt": {"$date": "2026-03-07T11:00"}}}, True),
        ({"created": {"$lt": "2026-03-08"}}, True),
        ({"files": {"$regex": r"\.txt"}}, True),
        ({"files": {"$regex": "TXT$", "$options": "i"}}, True),
        ({"files": re.compile("TXT$", re.IGNORECASE)}, True),
        ({"files": {"$not": re.compile("pdf")}}, True),
        ({"based_on": "id2"}, True),
        ({"tags": ["gold", "v2"]}, True),
        ({"tags": ["v2", "gold"]}, False),
        ({"tags": {"$all": ["v2", "gold"]}}, True),
        ({"tags": {"$all": ["v2", "silver"]}}, False),
        ({"tags": {"$all": []}}, False),
        ({"tags": {"$size": 2}}, True),
        ({"name": {"$size": 11}}, False),
        ({"inputs": {"$elemMatch": {"name": "a", "size": {"$lt": 5}}}}, True),
        ({"inputs": {"$elemMatch": {"name": "b", "size": {"$lt": 5}}}}, False),
        ({"inputs": {"$elemMatch": {"$or": [{"size": 30}, {"size": 31}]}}}, True),
        ({"tags": {"$elemMatch": {"$gt": "u", "$lt": "w"}}}, True),
        ({"labels.infos": {"stratification": "new"}}, True),
        ({"labels.infos": {"stratification": "old"}}, False),
        ({"exit": {"$in": [0, 1]}, "tags": {"$nin": ["silver"]}}, True),
        ({"exit": {"$ne": 0}}, False),
        ({"$or": [{"exit": 1}, {"name": "brave-otter"}]}, True),
        ({"$nor": [{"exit": 1}, {"name": "x"}]}, True),
        ({"$and": [{"exit": 0}, {"params.lr": {"$gt": 0.01, "$lt": 0.1}}]}, True),
        ({"exit": {"$not": {"$gt": 0}}}, True),
        ({"missing": {"$not": {"$gt": 0}}}, True),
        ({"missing": None, "labels.note": {"$exists": True}, "other": {"$exists": False}}, True),
        ({"missing": {"$in": [None]}}, True),
        ({"metrics.val acc": {"$eq": 0.9}}, True),
        ({}, True),
    ],
)
def test_dictionaries(asked: dict[str, Any], expected: bool) -> None:
    assert holds(parse_dictionary(asked), RUN) is expected


def test_both_spellings_make_one_tree() -> None:
    text = 'a.b = 1 and (c ~ "x" or not d in (true, null)) and e exists and f > 2026-01-01'
    asked = {
        "a.b": 1,
        "$or": [{"c": {"$regex": "x"}}, {"d": {"$nin": [True, None]}}],
        "e": {"$exists": True},
        "f": {"$gt": datetime(2026, 1, 1)},
    }
    tree = And(
        (
            In(("a", "b"), (1,)),
            Or((Match(("c",), Pattern("x")), Not(In(("d",), (True, None))))),
            Exists(("e",)),
            Order(("f",), ">", datetime(2026, 1, 1, tzinfo=UTC)),
        )
    )
    assert parse_query(text, NOW) == parse_query(asked, NOW) == tree
    assert names_in(parse_query(text, NOW)) == names_in(parse_query(asked, NOW)) == names_in(tree)
    sizes = And((Size(("a",), 1), Element(("a",), Order((), ">", 1))))
    found = parse_dictionary({"a": {"$size": 1, "$elemMatch": {"$gt": 1}}})
    assert (found, names_in(found)) == (sizes, names_in(sizes))


def names_in(query: Any) -> list[str]:
    """The kinds in a tree, which do not tell themselves apart: `And` and `Or` of the same parts are equal tuples."""
    inner = (*getattr(query, "parts", ()), *((query.inner,) if hasattr(query, "inner") else ()))
    return [type(query).__name__, *(name for each in inner for name in names_in(each))]


def test_other_words_for_fields_are_known() -> None:
    assert holds(parse_text("tag = gold and file ~ txt and label.datatype exists and depth = 3", NOW, FIELDS), RUN)
    assert holds(parse_dictionary({"tag": "gold", "$or": [{"label.note": None}]}, FIELDS), RUN)


# ---- what is wrong, and where ----


@pytest.mark.parametrize(
    ("text", "column", "said", "hint"),
    [
        ("tag = gold adn exit = 0", 12, "expected `and`, `or` or the end", "did you mean and?"),
        ("tag = gold && exit = 0", 12, "expected `and`, `or` or the end", "did you mean and?"),
        ("tag = gold || exit = 0", 12, "expected `and`, `or` or the end", "did you mean or?"),
        ("tag = gold, exit = 0", 11, "expected `and`, `or` or the end", "did you mean and?"),
        ("(tag = gold AND exit = 0)", 13, "expected `)` for the one at column 1", "did you mean and?"),
        ("name = two words", 12, "expected `and`, `or` or the end", "stands in quotes"),
        ("exit > 7 days", 10, "expected `and`, `or` or the end", "did you mean 7d?"),
        ("exit > 1.5 KiB", 12, "expected `and`, `or` or the end", "in bytes: did you mean 1536?"),
        (f"exit > {'9' * 400} kb", 409, "expected `and`, `or` or the end", "in bytes: write all digits"),
        ("name contains x", 6, "expected one of", "did you mean ~?"),
        ("name is null", 6, "expected one of", "did you mean =?"),
        ("name <> x", 6, "expected one of", "did you mean !=?"),
        ("name 'like'", 6, "expected one of", "a field, a sign and a value"),
        ("exists params.lr", 1, "not `exists`", "did you mean params.lr exists?"),
        ("has params.lr", 1, "no field `has`", "did you mean params.lr exists?"),
        ("has \x1b[2J", 1, "no field `has`", "did you mean \\x1b exists?"),
        ("missing params.lr", 1, "no field `missing`", "did you mean params.lr = null?"),
        ("exit = 0 or", 12, "expected a field", "a field, a sign and a value"),
        ("mtrics.auc > 1", 1, "no field `mtrics`", "metrics"),
        ("tag = gold and not lable.x = 1", 20, "no field `lable`", "label"),
        ("qqqq = 1", 1, "no field", "there are"),
        ("exit => 0", 6, "expected one of", ">="),
        ("exit exsts", 6, "expected one of", "exists"),
        ("exit", 5, "expected one of", ""),
        ("exit =", 7, "expected a value and not the end", "a value is a number"),
        ("exit = and", 8, "not `and`", '"and"'),
        ("exit = (1)", 8, "not `(`", ""),
        ("exit > 9999999y", 8, "`9999999y` is not an age", '"9999999y"'),
        ("exit > 2026-13-01", 8, "`2026-13-01` is not a date", '"2026-13-01"'),
        ("", 1, "expected a field", ""),
        ("   ", 1, "expected a field", ""),
        ("and exit = 0", 1, "not `and`", ""),
        ("(exit = 0", 10, "column 1", "each ( has its )"),
        ("exit = 0)", 9, "expected `and`", "leave it out"),
        ("name = 'x", 8, "no end", ""),
        ("exit in 1", 9, "after `in`", ""),
        ("exit in (1 2)", 12, "expected `,` or `)`", ""),
        ("exit in ()", 10, "expected a value", ""),
        ("exit > null", 8, "null", "exists"),
        ("name ~ '('", 8, "not a regular expression", "backslash"),
        ("name ~ (", 8, "expected a pattern", ""),
        (r"name ~ '(a)\1'", 8, "reference", "not"),
        ("params..lr = 1", 1, "empty", ""),
        ("params.'' = 1", 1, "empty", ""),
        ("not " * 60 + "exit = 0", 201, "more than 50", ""),
        ("(" * 60 + "exit = 0", 51, "more than 50", ""),
    ],
)
def test_a_wrong_text_says_where_and_what_was_meant(text: str, column: int, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_text(text, NOW, FIELDS)
    assert caught.value.message.startswith(f"column {column} of the query: ")
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    if caught.value.details:
        assert caught.value.details[1].index("^") == column - 1


def test_a_query_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match="more than"):
        parse_text("exit = 0 and " * 10_000 + "exit = 0", NOW)


@pytest.mark.parametrize(
    ("asked", "said", "hint"),
    [
        ([], "dictionary and not a list", ""),
        ({"a": {"$gtt": 1}}, "a.$gtt in the query: `$gtt` is no operator", "$gt"),
        ({"$xor": []}, "$xor", "$or"),
        ({"$gt": 1}, "$gt", ""),
        ({"$or": []}, "list of dictionaries", ""),
        ({"$or": {"a": 1}}, "list of dictionaries", ""),
        ({"$or": [{"a": 1}, 3]}, "$or[1] in the query", ""),
        ({"a": {"$gt": 1, "b": 2}}, "one dictionary", ""),
        ({"a": {"$in": 3}}, "a.$in in the query: expected a list", ""),
        ({"a": {"$exists": 1}}, "true or false", ""),
        ({"a": {"$size": -1}}, "whole number", ""),
        ({"a": {"$size": True}}, "from 0 on and not true", ""),
        ({"a": {"$gt": None}}, "nothing is before or after null", ""),
        ({"a": {"$gt": [1]}}, "nothing is before or after a list", ""),
        ({"a": {"$options": "i"}}, "$options", ""),
        ({"a": {"$regex": "(", "$options": ""}}, "not a regular expression", ""),
        ({"a": {"$regex": "a", "$options": "q"}}, "option", "i, m, s"),
        ({"a": {"$regex": 3}}, "expected a pattern", ""),
        ({"a": re.compile(b"x")}, "bytes", ""),
        ({"a": {"$not": 3}}, "operators or a pattern", "$ne"),
        ({"a": {"$elemMatch": {}}}, "expected a dictionary", ""),
        ({"a": object()}, "object cannot be compared", ""),
        ({"a": {"b": {"$gt": 1}}}, "a.b.$gt", ""),
        ({"a..b": 1}, "empty", ""),
        ({1: 2}, "name of a field", ""),
        ({"a": {"$date": "soon"}}, "expected a date", ""),
    ],
)
def test_a_wrong_dictionary_says_where_and_what_was_meant(asked: Any, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_dictionary(asked)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_field_of_a_dictionary_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="no field `lables`") as caught:
        parse_dictionary({"$or": [{"exit": 1}, {"lables.x": 1}]}, FIELDS)
    assert caught.value.hint == "did you mean labels?"


def test_dictionaries_without_an_end_are_refused() -> None:
    deep: dict[str, Any] = {"a": 1}
    for _ in range(100):
        deep = {"$and": [deep]}
    with pytest.raises(UsageError, match="more than"):
        parse_dictionary(deep)
    deep = {"$gt": 1}
    for _ in range(100):
        deep = {"$not": deep}
    with pytest.raises(UsageError, match="more than"):
        parse_dictionary({"a": deep})


# ---- text, dictionary and a naive reading of them agree ----


class Said(NamedTuple):
    """One query in both spellings, and what it means, said once more in the simplest way."""

    text: str
    asked: dict[str, Any]
    means: Callable[[Any], bool]


KEYS = ("a", "b", "c.d", "c")
WORDS = st.sampled_from(["x", "yy", "x y", 'q"q', "b\\s", "7d", "and", "", "ü", "2026-01-01", "1"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5]) | WORDS
TIMES = st.integers(0, 3).map(lambda days: NOW - timedelta(days=days))
LEAVES = SCALARS | TIMES
DOCUMENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "c.d"]),
    LEAVES
    | st.lists(LEAVES, max_size=3)
    | st.dictionaries(st.just("d"), LEAVES | st.lists(LEAVES, max_size=2), max_size=1)
    | st.lists(st.dictionaries(st.just("d"), LEAVES, max_size=1), max_size=2),
)


def literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value)


def naive(document: Any, key: str) -> list[Any]:
    """Every value of a field, and every element of a list in it."""
    there = []
    if key in document:
        there.append(document[key])
    if "." in key and key.partition(".")[0] in document:
        first, _, rest = key.partition(".")
        for each in document[first] if isinstance(document[first], list) else [document[first]]:
            if isinstance(each, dict) and rest in each:
                there.append(each[rest])
    return there + [element for each in there if isinstance(each, list) for element in each]


def kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def same(one: Any, other: Any) -> bool:
    if {kind(one), kind(other)} == {"str", "datetime"}:
        return False  # of these words only dates at midnight are times, and no time of these is one
    return kind(one) == kind(other) and one == other


@st.composite
def said_of_a_field(draw: st.DrawFn) -> Said:
    key = draw(st.sampled_from(KEYS))
    sign = draw(st.sampled_from(["$eq", "$ne", "$in", "$nin", "$exists", "$gt", "$gte", "$lt", "$lte", "$regex"]))
    if sign in ("$eq", "$ne"):
        value = draw(LEAVES)

        def is_equal(document: Any) -> bool:
            return any(same(each, value) for each in naive(document, key)) or (
                value is None and not naive(document, key)
            )

        text = f"{key} {'=' if sign == '$eq' else '!='} {literal(value)}"
        asked = {key: value} if sign == "$eq" and draw(st.booleans()) else {key: {sign: value}}
        return Said(text, asked, is_equal if sign == "$eq" else lambda document: not is_equal(document))
    if sign in ("$in", "$nin"):
        values = draw(st.lists(LEAVES, min_size=1, max_size=3))

        def is_in(document: Any) -> bool:
            there = naive(document, key)
            return any(same(each, value) for each in there for value in values) or (None in values and not there)

        text = f"{key} {'' if sign == '$in' else 'not '}in ({', '.join(map(literal, values))})"
        return Said(text, {key: {sign: values}}, is_in if sign == "$in" else lambda document: not is_in(document))
    if sign == "$exists":
        wanted = draw(st.booleans())
        text = f"{'' if wanted else 'not '}{key} exists"
        return Said(text, {key: {"$exists": wanted}}, lambda document: bool(naive(document, key)) == wanted)
    if sign == "$regex":
        pattern = draw(st.sampled_from(["x", "^x$", r"y+", r"\s", r"\\", '"', "^$", "ü|7d"]))
        text = f"{key} ~ {literal(pattern)}"
        return Said(
            text,
            {key: {"$regex": pattern}},
            lambda document: any(isinstance(each, str) and re.search(pattern, each) for each in naive(document, key)),
        )
    value = draw(LEAVES.filter(lambda each: each is not None))
    spelled = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}[sign]
    compare = {
        "$gt": lambda one: one > value,
        "$gte": lambda one: one >= value,
        "$lt": lambda one: one < value,
        "$lte": lambda one: one <= value,
    }[sign]

    def is_ordered(document: Any) -> bool:
        for each in naive(document, key):
            if kind(each) == kind(value) and compare(each):
                return True
            day = datetime(2026, 1, 1, tzinfo=UTC)
            if (kind(each), value) == ("datetime", "2026-01-01") and {">": True, ">=": True}.get(spelled, False):
                return True
            if (each, kind(value)) == ("2026-01-01", "datetime") and {"<": day < value, "<=": True}.get(spelled, False):
                return True
        return False

    return Said(f"{key} {spelled} {literal(value)}", {key: {sign: value}}, is_ordered)


def joined(parts: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    many = st.lists(parts, min_size=1, max_size=3)
    return (
        many.map(
            lambda each: Said(
                "(" + ") and (".join(one.text for one in each) + ")",
                {"$and": [one.asked for one in each]},
                lambda document: all(one.means(document) for one in each),
            )
        )
        | many.map(
            lambda each: Said(
                "(" + " or ".join(f"({one.text})" for one in each) + ")",
                {"$or": [one.asked for one in each]},
                lambda document: any(one.means(document) for one in each),
            )
        )
        | parts.map(
            lambda one: Said(f"not ({one.text})", {"$nor": [one.asked]}, lambda document: not one.means(document))
        )
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(said_of_a_field(), joined, max_leaves=5), st.lists(DOCUMENTS, min_size=1, max_size=6))
def test_text_dictionary_and_a_naive_reading_agree(said: Said, documents: list[Any]) -> None:
    by_text, by_dictionary = parse_text(said.text, NOW), parse_dictionary(said.asked)
    for document in documents:
        expected = bool(said.means(document))
        assert (holds(by_text, document), holds(by_dictionary, document)) == (expected, expected), said.text


@settings(max_examples=300, deadline=None)
@given(st.text("ab(=)<>~!'\"\\ .,[]orandnotinexists019-$\n", max_size=40))
def test_any_text_is_a_query_or_an_error_with_a_column(text: str) -> None:
    try:
        holds(parse_text(text, NOW), RUN)
    except UsageError as error:
        assert re.match(r"column \d+ of the query: ", error.message)
        assert 1 <= int(error.message.split()[1]) <= len(text) + 1


# ---- patterns ----

PIECES = st.recursive(
    st.sampled_from(
        ["a", "b", ".", r"\d", r"\w", r"\S", "[ab]", "[^a]", "^", "$", r"\b", r"\B", r"\A", r"\Z", "", "A"]
    ),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map("|".join)
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,3}", "{2,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
        | inner.map(lambda each: f"({each})")
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    PIECES,
    st.lists(st.text("abA1 \n", max_size=8), min_size=1, max_size=8),
    st.sampled_from(["", "i", "m", "s", "ims"]),
)
def test_patterns_find_what_python_finds(text: str, subjects: list[str], options: str) -> None:
    flags = sum({"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[letter] for letter in options)
    pattern = Pattern(text, options)
    for subject in subjects:
        if not subject and r"\B" in text:
            continue  # Python says since 3.14 that no edge is in an empty text
        assert pattern.is_in(subject) == (re.search(text, subject, flags) is not None), (text, subject)


@pytest.mark.parametrize(
    "text", [r"(a+)+$", r"(a|a)*b$", r"(a*)*b", r"(.*)*x(.*)*y", r"(a?){30}a{30}$", r"^(\w+\s?)*$", r"a*a*a*a*a*a*b"]
)
def test_patterns_that_would_never_end_end(text: str) -> None:
    assert not Pattern(text).is_in("a" * 5000 + "!")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(?=a)", "looking ahead"),
        ("(?<!a)b", "looking ahead or behind"),
        (r"(a)\1", "reference"),
        ("(?P<n>a)(?P=n)", "reference"),
        ("a*+", "possessive"),
        ("(?>a)", "atomic"),
        ("a{5000}", "too large"),
        ("((a{40}){40}){40}", "too large"),
        ("a" * 1001, "more than 1,000"),
        ("(" * 490 + ")" * 490, "deeply|too large"),
        ("[z-a]", "not a regular expression.*character 2"),
        ("(?P<a>x)(?P<a>y)", "not a regular expression"),
    ],
)
def test_patterns_that_cannot_be_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Pattern(text)


def test_patterns_know_classes_of_other_scripts_and_ascii() -> None:
    assert Pattern(r"^\w\d$").is_in("ü٣")
    assert not Pattern(r"(?a)^\w").is_in("ü")
    assert Pattern(r"(?a)^\W").is_in("ü")
    assert Pattern("(?i:A)b").is_in("ab") and not Pattern("(?i:A)b").is_in("aB")


def test_whole_numbers_of_64_bits_are_exact_to_the_last_digit() -> None:
    for seed in (1234567890123456789, -(2**63), 2**63 - 1):
        document = {"seed": seed}
        assert says(f"seed = {seed}", document) and says(f"seed in ({seed})", document)
        assert not says(f"seed = {seed // 2 * 2 + 1 - seed % 2}", document)
    assert says(f"seed < {2**63}", {"seed": 2**63 - 1}) and says(f"seed < 1{'0' * 400}", {"seed": 1})
