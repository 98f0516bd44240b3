"""Documents: their text gives them back, and their facts are what stands in them."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.model.digest import digest_of
from track.model.document import Fact, facts, lengthened, pack, shortened, unpack
from track.model.documenting import pointer_document, record_document
from track.model.pointer import Pointer
from track.model.record import Record, Summary, run_id

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), TEXT, st.just("$"),
    st.datetimes(timezones=st.just(UTC)).map(lambda when: when.replace(fold=0)), st.dates(),
    st.times().map(lambda when: when.replace(fold=0)),
)  # fmt: skip
KEYS = st.one_of(TEXT, st.just("$"))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_the_text_of_a_document_gives_an_equal_one(document: dict[str, object]) -> None:
    text = pack(document)
    found = unpack(text.text, text.is_plain)
    assert found == document
    assert repr(found) == repr(document)  # 1 is not 1.0 or True


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("x", [Fact("labels.a", "x")]),
        ([1, "x", ["no"], {"b": True}], [Fact("labels.a", 1), Fact("labels.a", "x"), Fact("labels.a.b", True)]),
        ({"b": {"c.d": 1.5}}, [Fact("labels.a.b.c.d", 1.5)]),
        (None, []),
        (float("nan"), []),
    ],
)
def test_facts_are_the_values_with_their_paths(value: object, names: list[Fact]) -> None:
    assert facts({"labels": {"a": value}, "other": {"b": 1}}) == (names, True)


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), date(2026, 1, 1), time(1), 2**64])
def test_what_cannot_be_looked_up_is_said(value: object) -> None:
    assert facts({"labels": {"a": value, "b": 1}}) == ([Fact("labels.b", 1)], False)


@pytest.mark.parametrize("value", [None, 0, False, [], {}, "x"])
def test_a_document_is_made_shorter_without_loss(value: object) -> None:
    facts: dict[str, object] = {"kind": "file", "size": 0, "labels": {}, "tags": ["a"], "value": value}
    assert repr(lengthened(shortened(facts))["value"]) == repr(value)
    assert lengthened(shortened(facts)) == {**lengthened({}), **facts}


def test_documents_of_pointers_and_records_come_back() -> None:
    pointer = Pointer(kind="file", digest=digest_of(b"a"), size=1, labels={"at": datetime(2026, 1, 1, tzinfo=UTC)})
    started = datetime(2026, 1, 1, tzinfo=UTC)
    record = Record(
        id=run_id(1, b"0123456789"), name="x", status="completed", started=started, tags=("a",),
        metrics={"loss": Summary(1.0, 0.5, 2.0, 1.0, 3)},
    )  # fmt: skip
    for document in (pointer_document(pointer), record_document(record)):
        text = pack(document)
        assert not text.is_plain
        found = unpack(text.text, text.is_plain)
        assert found == {**document, "tags": list(document["tags"])}
    assert (Fact("metrics.loss", 1.0) in facts(record_document(record))[0]) and len(
        [fact for fact in facts(record_document(record))[0] if fact.name.startswith("metrics")]
    ) == 1
