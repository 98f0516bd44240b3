"""What a query asks that nothing can ever be like is told, and nothing else is."""

from datetime import UTC, datetime

import pytest

from track.flows.query_words import OF_RUNS
from track.model.query_dictionary import parse_query
from track.model.query_doubts import Kinds, doubts_of

NOW = datetime(2026, 7, 1, tzinfo=UTC)
KINDS = Kinds(
    {"status": ("running", "completed", "failed")},
    frozenset({"name", "run"}),
    frozenset({"size"}),
    frozenset({"created"}),
    frozenset({"dirty"}),
)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "status = complet",
            "`status` is never `complet`: it is running, completed or failed; did you mean completed?",
        ),
        ("status in (zzz, qqq)", "`status` is never `zzz`: it is running, completed or failed"),
        ("label.x = 1 and (size = big or name = a)", "`size` is a number, and `big` is none"),
        ("size > true", "`size` is a number, and true is none"),
        ("run = 0199", "`run` is text, and a number is none unless it stands in quotes"),
        ("name > 5", "`name` is text, and a number is none unless it stands in quotes"),
        ("created > yesterday", "`created` is a time, such as 2026-01-31 or 7d, and `yesterday` is none"),
        ("created = 2026", "`created` is a time, such as 2026-01-31 or 7d, and 2026 is none"),
        ("dirty = yes", "`dirty` is true or false, and never `yes`"),
        ("run.name = train", "`run` is one value, and there is no `run.name`"),
        ("label.x = 1 or created.day exists", "`created` is one value, and there is no `created.day`"),
    ],
)
def test_a_test_that_nothing_can_pass_is_told(query: str, said: str) -> None:
    assert doubts_of(parse_query(query, NOW), KINDS)[0] == said


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("finished", "completed"), ("finshed", "completed"), ("done", "completed"), ("succeeded", "completed"),
        ("complted", "completed"), ("faild", "failed"), ("error", "failed"), ("canceled", "terminated"),
        ("terminatd", "terminated"), ("runing", "running"), ("killed", "terminated"), ("zzz", None),
    ],
)  # fmt: skip
def test_a_word_for_the_status_of_a_run_is_told_as_what_it_means(word: str, meant: str | None) -> None:
    [said] = doubts_of(parse_query(f"status = {word}", NOW), OF_RUNS)
    assert said.partition("did you mean ")[2] == (f"{meant}?" if meant else "")


@pytest.mark.parametrize(
    "query",
    [
        "status = failed", "status in (failed, complet)", "status in (complet, null)", "not status = complet",
        "status != complet", "status > a", "size = 5", "size > 1.5", "size = null", "name = a", "name > a",
        "name = 2026-01-31", "created > 7d", 'created < "2026-01-31"', "dirty = true", "label.x = 1", "x.size = big",
        "size exists", "status ~ compl",
    ],
)  # fmt: skip
def test_a_test_that_something_may_pass_is_not_doubted(query: str) -> None:
    assert doubts_of(parse_query(query, NOW), KINDS) == ()
