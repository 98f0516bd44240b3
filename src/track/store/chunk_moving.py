"""Moving chunks from some packs to others, in a local store or at a remote, and what recipes say of them then."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from track.store.chunked import ChunkedRecipe, NeededPack, Stretch
from track.store.pack import PackEntry, PackWriter, SealedPack, dump_table
from track.store.salt import add_salt


class _Moved(NamedTuple):
    """Of each entry of a pack: the number of its new pack (-1: it was not used), its number there, its length."""

    packs: "array[int]"
    numbers: "array[int]"
    lengths: "array[int]"


class _Run(NamedTuple):
    """As a stretch, of a pack that is not numbered yet."""

    pack: NeededPack
    first: int
    chunks_count: int
    times: int
    length: int


class Moving:
    """Chunks on their way from some packs to others; used in one thread."""

    def __init__(
        self, staging: Path, adopt: Callable[[SealedPack, NeededPack], None], *, is_salted: bool = False
    ) -> None:
        """`adopt` is given each new pack when it is full, with what recipes say of it; salted ones have new names."""
        self._staging, self._adopt, self._is_salted = staging, adopt, is_salted
        self._pack = PackWriter(staging)
        self._count = 0
        self._new: list[NeededPack] = []
        self.moved: dict[bytes, _Moved] = {}

    def take(
        self, name: bytes, entries: Sequence[PackEntry], used: Sequence[int], stored: Sequence[bytes | memoryview]
    ) -> None:
        """Take the used entries of a pack (1 in `used`), whose bytes, in the same order, the caller has verified."""
        moved = _Moved(array("q"), array("q"), array("q"))
        for entry, data, is_used in zip(entries, stored, used, strict=True):
            moved.packs.append(len(self._new) if is_used else -1)
            moved.numbers.append(self._count)
            moved.lengths.append(entry.length)
            if is_used:
                self._pack.add_entry(entry, bytes(data))
                self._count += 1
                if self._pack.is_full:
                    self.seal()
        self.moved[name] = moved

    def seal(self) -> None:
        """Give away the open pack, when anything is in it."""
        if self._is_salted and self._pack.size:
            add_salt(self._pack)
        sealed, self._pack, self._count = self._pack.seal(), PackWriter(self._staging), 0
        if sealed is not None:
            table = blake3(dump_table(sealed.entries)).digest()
            self._new.append(NeededPack(sealed.name, table, sealed.table_offset, len(sealed.entries)))
            self._adopt(sealed, self._new[-1])

    def abandon(self) -> None:
        """Drop the open pack."""
        self._pack.abandon()

    def relocated(self, recipe: ChunkedRecipe) -> ChunkedRecipe:
        """The same object, of the packs in which its chunks are now."""
        runs = [run for stretch in recipe.stretches for run in self._runs(recipe.packs[stretch.pack], stretch)]
        packs = sorted({run.pack for run in runs})
        number = {pack: at for at, pack in enumerate(packs)}
        stretches = tuple(Stretch(number[run.pack], *run[1:]) for run in runs)
        return ChunkedRecipe(recipe.digest, recipe.length, tuple(packs), stretches)

    def _runs(self, pack: NeededPack, stretch: Stretch) -> Iterator[_Run]:
        moved = self.moved.get(pack.digest)
        if moved is None:
            yield _Run(pack, *stretch[1:])
            return
        runs: list[_Run] = []
        for old in range(stretch.first, stretch.first + stretch.chunks_count):
            assert moved.packs[old] >= 0, "a chunk that a recipe names was not moved with its pack"
            new, number, length = self._new[moved.packs[old]], moved.numbers[old], moved.lengths[old]
            last = runs[-1] if runs else None
            if last is not None and last.pack == new and last.first + last.chunks_count == number:
                runs[-1] = last._replace(chunks_count=last.chunks_count + 1, length=last.length + length)
            else:
                runs.append(_Run(new, number, 1, 1, length))
        if len(runs) == 1:
            yield runs[0]._replace(times=stretch.times, length=stretch.length)
        else:
            for _ in range(stretch.times):
                yield from runs
