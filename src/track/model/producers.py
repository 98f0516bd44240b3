"""Producers: the runs that made the same content, and which of them another run had it from.

By decision: what was really fetched counts first; else the latest that had ended before the user began; else, for a run
in a run, the latest that had begun. Nothing goes back in time. Twenty thousand makers of one empty file and as many
users are asked in a fraction of a second, so the order of time is made once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from track.model.record import Record, Used

SAID = 20
"""So many of the other producers are named."""


class Made(NamedTuple):
    """A run, and what it made."""

    run: Record
    used: Used


class Producers:
    """Those that made one content, in the order in which they began."""

    def __init__(self) -> None:
        self._made: list[Made] = []

    def __iter__(self) -> Iterator[Made]:
        """All of them, in the order in which they were taken."""
        return iter(self._made)

    def has(self, run: str) -> bool:
        """Whether the run made it."""
        return run in self._by_run

    def add(self, made: Made) -> None:
        """Take one more; all are taken before anything is asked."""
        self._made.append(made)

    def latest(self, *, run: str | None = None, name: str | None = None) -> Made:
        """What `run` made, else what is called `name`, else what the latest made."""
        return max(self._made, key=lambda one: (one.run.id == run, one.used.shown == name, *_age(one)))

    def before(self, user: Record, used: Used) -> Made | None:
        """What a run used, as it was made before; None where nobody can have."""
        fetched = dict(used.address).get("run")
        several: Sequence[Made] = self._by_run.get(fetched, ()) if fetched not in (None, user.id) else ()
        if several and several[0].run.started > user.started:
            several = ()  # whatever a record says: nothing is used before it is there
        several = several or self._ended_before(user) or self._begun_before(user)
        return _called(several, used.shown) if several else None

    def others(self, run: str) -> tuple[int, Iterator[Record]]:
        """How many other runs made the same, and all of them, the latest first."""
        count = len(self._by_run) - (run in self._by_run)
        return count, (some[0].run for some in reversed(self._by_end) if some[0].run.id != run)

    @cached_property
    def _by_run(self) -> dict[str, list[Made]]:
        found: dict[str, list[Made]] = {}
        for one in self._made:
            found.setdefault(one.run.id, []).append(one)
        return found

    @cached_property
    def _by_end(self) -> list[list[Made]]:
        return sorted(self._by_run.values(), key=lambda some: _age(some[0]))

    @cached_property
    def _ended(self) -> tuple[list[datetime], list[list[Made]]]:
        """The runs that have ended, in the order in which they did, and when."""
        found = [(one.run.ended, some) for some in self._by_end for one in some[:1] if one.run.ended is not None]
        return [end for end, _ in found], [some for _, some in found]

    @cached_property
    def _begun(self) -> tuple[list[datetime], list[list[Made]]]:
        """When each run began, in order; and which of those up to there ended last."""
        found = sorted(self._by_run.values(), key=lambda some: some[0].run.started)
        best = accumulate(found, _later)
        return [some[0].run.started for some in found], list(best)

    def _ended_before(self, user: Record) -> Sequence[Made]:
        ends, found = self._ended
        place = bisect_right(ends, user.started) - 1
        if place >= 0 and found[place][0].run.id == user.id:
            place -= 1
        return found[place] if place >= 0 else ()

    def _begun_before(self, user: Record) -> Sequence[Made]:
        begins, best = self._begun
        place = bisect_left(begins, user.started) - 1  # the user itself has not begun before it began
        return best[place] if place >= 0 else ()


def _age(one: Made) -> tuple[float, str]:
    return (one.run.ended or one.run.started).timestamp(), one.run.id


def _later(first: list[Made], second: list[Made]) -> list[Made]:
    return max(first, second, key=lambda some: _age(some[0]))


def _called(several: Sequence[Made], name: str) -> Made:
    return next((one for one in several if one.used.shown == name), several[0])
