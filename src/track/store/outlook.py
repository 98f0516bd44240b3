"""Outlook: which parts of which packs are read when several objects are read one after another.

How much has to come for a part is told by the size of its pack and how many chunks it has, before its table is here.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from track.store.chunked import ChunkedRecipe, NeededPack
from track.store.description import CHUNK_LIMIT

STEP = 8 << 20
"""Bytes of a pack that are looked at together; a stretch that needs more is several steps ..."""
_STEPS_MOST = 1 << 20
"""... unless a recipe makes more than so many of them: then each stretch is one."""

_LOOKED_AT = 64


class Step(NamedTuple):
    """Chunks that are read one after another, `times` over; `position` is about what comes from packs before them."""

    pack: NeededPack
    first: int
    chunks_count: int
    times: int
    position: int

    @property
    def numbers(self) -> range:
        """The entries in the table of the pack."""
        return range(self.first, self.first + self.chunks_count)


class Outlook:
    """The steps in which objects are read, in order."""

    def __init__(self, recipes: Iterable[ChunkedRecipe]) -> None:
        """They are read in this order."""
        self.steps: list[Step] = []
        self._objects: dict[bytes, range] = {}
        self._of: dict[bytes, array[int]] = {}
        position = 0
        for recipe in recipes:
            begin = len(self.steps)
            for step in _steps(recipe):
                self._of.setdefault(step.pack.digest, array("q")).append(len(self.steps))
                self.steps.append(step._replace(position=position))
                position += _size(step.pack, step.chunks_count)
            self._objects[recipe.digest] = range(begin, len(self.steps))

    @property
    def packs(self) -> Iterable[NeededPack]:
        """Every pack that is read of."""
        return (self.steps[numbers[0]].pack for numbers in self._of.values())

    def needed(self, pack: NeededPack) -> Iterator[int]:
        """The entries of a pack that are read, each once."""
        end = 0
        for step in sorted((self.steps[at] for at in self._of[pack.digest]), key=lambda step: step.first):
            yield from range(max(end, step.first), step.first + step.chunks_count)
            end = max(end, step.first + step.chunks_count)

    def about_bytes(self, pack: NeededPack) -> int:
        """About how many bytes of a pack are read."""
        return _size(pack, sum(1 for _ in self.needed(pack)))

    def of_object(self, digest: bytes) -> range:
        """The numbers of the steps of an object."""
        return self._objects[digest]

    def of_pack(self, pack: bytes, number: int, distance: int) -> Iterator[int]:
        """The numbers of the steps that need a pack, from one on, as far as so many bytes come meanwhile."""
        numbers = self._of[pack]
        end = self.steps[number].position + distance
        for at in range(bisect_left(numbers, number), len(numbers)):
            if self.steps[numbers[at]].position > end:
                return
            yield numbers[at]

    def is_needed_again(self, pack: bytes, number: int, entry: int) -> bool:
        """Whether an entry of a pack is read in one of the next steps that need the pack, after a step."""
        numbers = self._of[pack]
        begin = bisect_right(numbers, number)
        return any(entry in self.steps[at].numbers for at in numbers[begin : begin + _LOOKED_AT])


def _size(pack: NeededPack, chunks_count: int) -> int:
    """About how many bytes of a pack so many chunks are."""
    return chunks_count * min(pack.table_offset // pack.entries_count, CHUNK_LIMIT)


def _steps(recipe: ChunkedRecipe) -> Iterator[Step]:
    sizes = (_size(recipe.packs[one.pack], one.chunks_count) for one in recipe.stretches)
    is_split = len(recipe.stretches) + sum(sizes) // STEP < _STEPS_MOST
    for stretch in recipe.stretches:
        pack, first, count = recipe.packs[stretch.pack], stretch.first, stretch.chunks_count
        if not is_split or stretch.times > 1:
            yield Step(pack, first, count, stretch.times, 0)
            continue
        most = max(1, STEP // max(1, _size(pack, 1)))
        for at in range(first, first + count, most):
            yield Step(pack, at, min(most, first + count - at), 1, 0)
