"""Staleness: which artifacts were made from something that is another by now, and in which order to make them again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from track.model.digest import Digest
from track.model.record import Record, Used


class Cause(NamedTuple):
    """Why something is stale: the path of what was used, what it was then, and what it is now (None: it is gone).

    `now` is the same as `was` where that is stale itself.
    """

    path: bytes
    was: Digest
    now: Digest | None

    @property
    def is_stale_itself(self) -> bool:
        """Whether it is as it was, but came from something that is not."""
        return self.now == self.was


class Stale(NamedTuple):
    """An artifact that would come out differently: its path, the run that made it, and why, sorted by path.

    Where that run did not come to its end, there need not be another cause.
    """

    path: bytes
    run: Record
    causes: tuple[Cause, ...]

    @property
    def is_unfinished(self) -> bool:
        """Whether the run that made it failed, or was ended by somebody."""
        return not _is_whole(self.run)


class Step(NamedTuple):
    """A run to be executed again: what of its making is stale, sorted, and after which other runs (their ids).

    `circle` are the names of the runs that it would have to come both before and after; empty where there are none.
    """

    run: Record
    stale: tuple[Stale, ...]
    after: frozenset[str]
    circle: tuple[str, ...] = ()


def makers_of(holds: Mapping[bytes, Digest], runs: Iterable[Record]) -> dict[bytes, Record]:
    """The run that made what each path holds, for every path that a run made.

    Of several that made the same content there, one that used what is there now counts first, so that it is not stale
    for how it came about at another time; of those the latest.
    """
    contents = set(holds.values())
    found: dict[bytes, Record] = {}
    for run in sorted((run for run in runs if run.has_ended), key=lambda run: (run.ended or run.started, run.id)):
        made = [used.path for used in run.of("output") if used.path is not None and holds.get(used.path) == used.digest]
        is_current = bool(made) and _is_current(run, holds, contents)
        for path in made:
            if is_current or path not in found or not _is_current(found[path], holds, contents):
                found[path] = run
    return found


def _is_current(run: Record, holds: Mapping[bytes, Digest], contents: set[Digest]) -> bool:
    return _is_whole(run) and not any(_is_other(used, holds, contents) for used in _causes(run))


def _is_whole(run: Record) -> bool:
    return run.status == "completed"


def _is_other(used: Used, holds: Mapping[bytes, Digest], contents: set[Digest]) -> bool:
    """Whether what was used is another by now; what moved is not."""
    assert used.path is not None
    now = holds.get(used.path)
    return now != used.digest if now is not None else used.digest not in contents


def stale(makers: Mapping[bytes, Record], now: Mapping[bytes, Digest]) -> list[Stale]:
    """Return the stale ones among artifacts that runs made (path -> run), what others came from first.

    `now` is what every tracked path holds. What a run that failed made is stale, too. What a run changed in place is no
    cause, nor is a path that moved: its content is still there. Where runs went in a circle, what comes first in it is
    not stale for what comes after.
    """
    contents = set(now.values())
    found: dict[bytes, Stale] = {}
    for path in _in_order(makers):
        run = makers[path]
        causes = []
        for used in _causes(run):
            assert used.path is not None
            if used.path in found or _is_other(used, now, contents):
                causes.append(Cause(used.path, used.digest, now.get(used.path)))
        if causes or not _is_whole(run):
            found[path] = Stale(path, run, tuple(causes))
    return list(found.values())


def steps(found: Sequence[Stale], targets: frozenset[bytes] | None = None) -> list[Step]:
    """The runs to execute again so that `targets` (None: everything) are stale no more, in the order to do it in.

    What is stale and a target came from is made again, too. `found` is what `stale` returns.
    """
    by_run: dict[str, list[Stale]] = {}
    makers: dict[bytes, str] = {}
    for one in found:
        by_run.setdefault(one.run.id, []).append(one)
        makers[one.path] = one.run.id
    after = {
        id: frozenset({makers[used.path] for used in _causes(some[0].run) if used.path in makers} - {id})
        for id, some in by_run.items()
    }
    wanted = {makers[path] for path in makers if targets is None or path in targets}
    circles = _circles(after, wanted)
    order = [id for circle in circles for id in circle]
    found_steps = []
    for id in order:
        circle = next(some for some in circles if id in some)
        names = tuple(by_run[other][0].run.name for other in circle) if len(circle) > 1 else ()
        some = tuple(sorted(by_run[id], key=lambda one: one.path))
        found_steps.append(Step(some[0].run, some, after[id], names))
    return found_steps


def _circles(after: Mapping[str, frozenset[str]], wanted: Iterable[str]) -> list[list[str]]:
    """What `wanted` reaches, in groups in which each reaches each; a group comes after all that it reaches.

    By Tarjan (1972), without the stack of the language.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: dict[str, None] = {}  # in the order in which they were met
    found: list[list[str]] = []
    for first in sorted(wanted):
        way = [] if first in number else [(first, iter(sorted(after[first])))]
        while way:
            id, others = way[-1]
            if id not in number:
                number[id] = low[id] = len(number)
                open_[id] = None
            other = next(others, None)
            if other is None:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[id])
                if low[id] == number[id]:
                    found.append(sorted(_taken(open_, id)))
            elif other not in number:
                way.append((other, iter(sorted(after[other]))))
            elif other in open_:
                low[id] = min(low[id], number[other])
    return found


def _taken(open_: dict[str, None], first: str) -> Iterator[str]:
    """Take everything from the end back to `first`, that included."""
    while True:
        id, _ = open_.popitem()
        yield id
        if id == first:
            return


def _in_order(makers: Mapping[bytes, Record]) -> Iterator[bytes]:
    """Every path, after those that its run used."""
    done: set[bytes] = set()
    for first in sorted(makers):
        begun: set[bytes] = set()
        waiting = [(first, False)]
        while waiting:
            path, is_ready = waiting.pop()
            if path in done or path not in makers:
                continue
            if is_ready:
                done.add(path)
                yield path
            elif path not in begun:
                begun.add(path)
                waiting.append((path, True))
                waiting += [(used.path, False) for used in reversed(_causes(makers[path])) if used.path is not None]


def _causes(run: Record) -> list[Used]:
    """The tracked paths that a run used and did not change itself."""
    changed = {used.path for used in run.of("output")}
    return [used for used in run.of("input") if used.path is not None and used.path not in changed]
