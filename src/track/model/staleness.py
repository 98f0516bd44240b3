"""Staleness: which artifacts were made from something that is another by now, and in which order to make them again."""

from collections.abc import Iterator, Mapping
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
    """An artifact that would come out differently: its path, the run that made it, and why, sorted by path."""

    path: bytes
    run: Record
    causes: tuple[Cause, ...]


def stale(makers: Mapping[bytes, Record], now: Mapping[bytes, Digest]) -> list[Stale]:
    """Return the stale ones among artifacts that runs made (path -> run), what others came from first.

    `now` is what every tracked path holds. What a run changed in place is no cause, nor is a path that moved: its
    content is still there. Where runs went in a circle, what comes first in it is not stale
    for what comes after.
    """
    contents = set(now.values())
    found: dict[bytes, Stale] = {}
    for path in _in_order(makers):
        run = makers[path]
        causes = []
        for used in _causes(run):
            assert used.path is not None
            holds = now.get(used.path)
            is_other = holds != used.digest if holds is not None else used.digest not in contents
            if is_other or used.path in found:
                causes.append(Cause(used.path, used.digest, holds))
        if causes:
            found[path] = Stale(path, run, tuple(causes))
    return list(found.values())


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
