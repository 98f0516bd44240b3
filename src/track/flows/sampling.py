"""Sampling: some of the objects of the store, chosen by chance, to be looked at in place of all; and for how long."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from track.errors import UsageError
from track.model.expressions import expression
from track.model.names import display
from track.project import Project

_TIME = expression(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?(s|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = expression(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")


class Portion(NamedTuple):
    """How much to look at: so many objects, or so many percent of them; one of the two is None."""

    objects: int | None
    percent: float | None

    def first_of(self, sizes: Sequence[int]) -> int:
        """How many files of these sizes, beginning with the first: so many, or until they have so much of the bytes.

        At least one, if any.
        """
        if self.objects is not None:
            return min(len(sizes), self.objects)
        wanted = sum(sizes) * (self.percent or 0) / 100
        return next((count for count, had in enumerate(accumulate(sizes), 1) if had >= wanted), len(sizes))

    def of(self, count: int) -> int:
        """How many of so many; at least one, if any."""
        wanted = self.objects if self.objects is not None else int(-(-count * (self.percent or 0) // 100))
        return min(count, wanted)


def time_of(text: str) -> float:
    """The seconds of what a person typed: `90`, `30s`, `10m`, `2h` or `1d`.

    Raises:
        UsageError: it is no time, or none at all.
    """
    found = _TIME.fullmatch(text)
    if found is None or not float(found[1]):
        raise UsageError(f"not a time: {display(text)}", hint="--max-time 10m   (s, m, h and d are known)")
    return float(found[1]) * _SECONDS[found[2]]


class Sample(NamedTuple):
    """The objects that were chosen with their lengths in bytes, sorted; and how many there are of how many bytes."""

    chosen: tuple[tuple[bytes, int], ...]
    total_count: int
    total_bytes: int


def portion_of(text: str) -> Portion:
    """What a person typed: `100` objects, or `5%` of them.

    Raises:
        UsageError: it is neither, is nothing, or more than all.
    """
    part = _PART.fullmatch(text)
    if part is not None and 0 < float(part[1]) <= 100:
        return Portion(None, float(part[1]))
    if text.isascii() and text.isdigit() and int(text) > 0:
        return Portion(int(text), None)
    raise UsageError(f"not a portion: {display(text)}", hint="--sample 5% or --sample 1000 (objects)")


def sample(project: Project, portion: Portion, random: Random) -> Sample:
    """Choose among all objects of the store, each with the same chance, whatever its size; at least one, if any."""
    every = sorted(dict(project.store.objects()).items())
    chosen = random.sample(every, portion.of(len(every)))
    return Sample(tuple(sorted(chosen)), len(every), sum(length for _, length in every))
