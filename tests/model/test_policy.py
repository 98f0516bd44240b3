"""Keep policies: a text says what is kept, and the widest of several keeps what any of them does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import UsageError
from track.model.policy import ALL, TIPS, Policy, parse_policy, widest

policies = st.one_of(
    st.just(ALL), st.builds(Policy, st.just(False), last=st.integers(0, 999_999), newer_days=st.integers(0, 99_999))
)


@given(policies)
def test_what_is_written_is_read_back(policy: Policy) -> None:
    assert parse_policy(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("all", ALL),
        ("tips", TIPS),
        ("last 3", Policy(False, last=3)),
        ("Newer  than 90d", Policy(False, newer_days=90)),
        ("newer than 2 weeks", Policy(False, newer_days=14)),
        ("newer than 1 year, last 2, tips", Policy(False, last=2, newer_days=365)),
        ("last 2, all", ALL),
    ],
)
def test_what_people_write_is_understood(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize(
    "text", ["", "last", "last 0", "last -1", "newer than", "newer than 0d", "none", "tips last 3"]
)
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(UsageError, match="not what can be kept") as refused:
        parse_policy(text)
    assert "newer than 90d" in (refused.value.hint or "")


@given(st.lists(policies))
def test_the_widest_keeps_no_less_than_each(several: list[Policy]) -> None:
    found = widest(several)
    assert all(widest((found, one)) == found for one in several)
    assert found in (*several, TIPS) or not found.is_all
