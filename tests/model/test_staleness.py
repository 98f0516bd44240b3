"""Staleness: what was made from something that is another by now, what others came from first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from track.model.digest import Digest, digest_of
from track.model.record import Record, Used, run_id
from track.model.staleness import Stale, stale

START = datetime(2026, 11, 1, tzinfo=UTC)


def content(text: str) -> Digest:
    return digest_of(text.encode())


def run(number: int, inputs: dict[bytes, str], outputs: dict[bytes, str]) -> Record:
    artifacts = [
        Used(category, content(text), 1, path=path)
        for category, some in (("input", inputs), ("output", outputs))
        for path, text in some.items()
    ]
    began = START + timedelta(hours=number)
    return Record(
        id=run_id(number, bytes(10)), name=f"run {number}", status="completed", started=began, ended=began,
        artifacts=tuple(artifacts),
    )  # fmt: skip


def names(found: list[Stale]) -> list[bytes]:
    return [one.path for one in found]


CHAIN = {
    b"b": run(1, {b"a": "a1"}, {b"b": "b1"}),
    b"c": run(2, {b"b": "b1"}, {b"c": "c1"}),
    b"d": run(3, {b"c": "c1", b"a": "a1"}, {b"d": "d1"}),
}
NOW = {b"a": content("a1"), b"b": content("b1"), b"c": content("c1"), b"d": content("d1")}


def test_nothing_changed_and_nothing_is_stale():
    assert stale(CHAIN, NOW) == []


def test_what_came_from_something_stale_is_stale_in_the_order_to_make_it_again():
    found = stale(CHAIN, NOW | {b"a": content("a2")})
    assert names(found) == [b"b", b"c", b"d"]
    assert [(cause.path, cause.is_stale_itself) for cause in found[2].causes] == [(b"a", False), (b"c", True)]


def test_only_what_is_behind_the_change_is_stale():
    assert names(stale(CHAIN, NOW | {b"b": content("b2")})) == [b"c", b"d"]


def test_what_is_gone_makes_stale_and_what_moved_does_not():
    gone = {path: digest for path, digest in NOW.items() if path != b"a"}
    (first, *_) = stale(CHAIN, gone)
    assert first.path == b"b" and first.causes[0].now is None
    assert stale(CHAIN, gone | {b"moved/a": content("a1")}) == []


def test_what_a_run_changed_in_place_is_no_cause():
    assert stale({b"a": run(1, {b"a": "a0"}, {b"a": "a1"})}, {b"a": content("a1")}) == []


def test_a_circle_of_runs_comes_to_an_end_and_what_is_first_in_it_is_as_it_was_made():
    circle = {b"a": run(1, {b"b": "b0"}, {b"a": "a1"}), b"b": run(2, {b"a": "a1"}, {b"b": "b1"})}
    assert names(stale(circle, {b"a": content("a1"), b"b": content("b1")})) == [b"a"]


PATHS = [b"p%d" % number for number in range(7)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(0, 6)), min_size=7, max_size=7), st.sets(st.integers(0, 6)))
def test_stale_is_just_what_a_change_reaches(edges: list[set[int]], changed: set[int]):
    inputs = [{one for one in some if one < number} for number, some in enumerate(edges)]
    makers = {
        PATHS[number]: run(number, {PATHS[one]: f"{one}" for one in some}, {PATHS[number]: f"{number}"})
        for number, some in enumerate(inputs)
        if some
    }
    now = {path: content(f"{number} new" if number in changed else f"{number}") for number, path in enumerate(PATHS)}
    reached: set[int] = set()
    for number, some in enumerate(inputs):
        if some & (changed | reached):
            reached.add(number)
    found = names(stale(makers, now))
    assert set(found) == {PATHS[number] for number in reached}
    places = {path: place for place, path in enumerate(found)}
    for number, some in enumerate(inputs):
        for one in some & reached:
            assert places.get(PATHS[one], -1) < places.get(PATHS[number], 99)
