"""Sampling: some of the objects of the store, chosen by chance, to be looked at in place of all."""

import re
from random import Random
from typing import NamedTuple

from track.errors import UsageError
from track.model.names import display
from track.project import Project

_PART = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")


class Portion(NamedTuple):
    """How much to look at: so many objects, or so many percent of them; one of the two is None."""

    objects: int | None
    percent: float | None


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
    count = portion.objects if portion.objects is not None else -(-len(every) * (portion.percent or 0) // 100)
    chosen = random.sample(every, min(len(every), int(count)))
    return Sample(tuple(sorted(chosen)), len(every), sum(length for _, length in every))
