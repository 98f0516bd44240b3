"""Intake: large objects that a remote has in chunks come into a store that keeps chunks, too, and are cut as they come.

Nothing is put together on the disk: an object is read through its recipe, chunk by chunk, those that are here from the
disk, and what the store lacks of it is all that is written. It is cut, hashed and compressed as a file that is added,
so that what is alike is there once however the remote cuts, and it has to be the object before a recipe says so.
Packs are final a few at a time: who goes on after an interruption has what came as chunks that are here.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from track.progress import Progress, Share
from track.store.assembly import Assembled
from track.store.chunk_reading import recipes_there
from track.store.chunked import ChunkedRecipe
from track.store.objects import Store
from track.store.place import Place
from track.store.segment import Held
from track.store.slabs import Broken, Source
from track.store.streams import Streamed, Streams
from track.store.tables import Tables, TablesUnusable
from track.store.windows import HORIZON
from track.store.writer import Writer

_OBJECTS_AT_ONCE = 256
_STRETCHES_AT_ONCE = 100_000


class Intake:
    """Takes objects from one remote; used in one thread, by way of `run`."""

    def __init__(
        self,
        place: Place,
        store: Store,
        writer: Writer,
        tables: Tables,
        progress: Progress,
        *,
        is_cut_alike: bool = True,
    ) -> None:
        """`writer` cuts; `tables` are those of the remote, which may cut otherwise than the store (not alike)."""
        self._place, self._store, self._writer = place, store, writer
        self._tables, self._progress, self._is_cut_alike = tables, progress, is_cut_alike
        self._lost: list[Assembled] = []
        self._is_anew = False
        self.received_bytes = 0
        """What came from the remote, as it travelled."""

    def run(self, groups: Iterable[list[Held]]) -> Iterator[Assembled]:
        """Each of the objects whose recipes these are, a pack of recipes at a time.

        Raises:
            RemoteError: the remote does not answer.
            DiskFull, StoreUnwritable: the disk is in the way.
        """
        some: dict[bytes, tuple[Held, ChunkedRecipe]] = {}
        stretches = 0
        for held, recipe in recipes_there(self._place, groups, self._lose):
            some.setdefault(held.digest, (held, recipe))
            stretches += len(recipe.stretches)
            if len(some) >= _OBJECTS_AT_ONCE or stretches >= _STRETCHES_AT_ONCE:
                yield from self._taken(some)
                some, stretches = {}, 0
        yield from self._taken(some)
        yield from self._lost

    def _lose(self, held: Held, is_damaged: bool) -> None:
        self._lost.append(Assembled(held, None, is_damaged, frozenset()))

    def _taken(self, left: dict[bytes, tuple[Held, ChunkedRecipe]]) -> Iterator[Assembled]:
        """Those that are left, until none is: what is broken there is told, what is damaged here is had anew."""
        share = Share(sum(recipe.length for _, recipe in left.values()))
        while left:
            try:
                yield from self._cut(self._together(left), left, share)
            except Broken as broken:
                if broken.bad_here is not None:
                    self._writer.doubt(broken.bad_here)
                    continue
                held, _ = left.pop(broken.digest)
                yield Assembled(held, None, broken.is_damaged, broken.bad_packs)
            except TablesUnusable as unusable:
                self._begin_anew(unusable.error)
        self._progress.advance(size_bytes=share.rest())

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """Go on without what was kept of the remote's tables, which is damaged; raises what is not that, or again."""
        if self._is_anew or isinstance(error, sqlite3.OperationalError):
            raise error
        self._tables.begin_anew()
        self._is_anew = True

    def _together(self, left: dict[bytes, tuple[Held, ChunkedRecipe]]) -> list[tuple[Held, ChunkedRecipe]]:
        """Those that are had next. Chunks that are cut otherwise than here are only found in objects that are here:
        large ones that share packs come one after another."""
        found: list[tuple[Held, ChunkedRecipe]] = []
        packs: set[bytes] = set()
        for held, recipe in left.values():
            names = {pack.digest for pack in recipe.packs}
            if not self._is_cut_alike and recipe.length > HORIZON and packs & names:
                break
            found.append((held, recipe))
            packs |= names
        return found

    def _cut(
        self,
        together: list[tuple[Held, ChunkedRecipe]],
        left: dict[bytes, tuple[Held, ChunkedRecipe]],
        share: Share,
    ) -> Iterator[Assembled]:
        """Some of those that are left, one after another; which is whole is left no more. Raises Broken."""
        taken: list[ChunkedRecipe] = []
        with ExitStack() as stack:
            here = self._writer.chunks_here()
            if here is not None:
                stack.enter_context(here)
            streams = stack.enter_context(Streams(self._place, self._store, self._tables, here, share.moved))
            streams.fresh = self._writer.fresh
            streams.plan(recipe for _, recipe in together)
            streams.check_room(is_cut_alike=self._is_cut_alike)
            sources = [Source(held.digest, Streamed(streams, recipe), recipe.length) for held, recipe in together]
            coming = self._writer.cut_coming(sources)
            try:
                for digest in coming:
                    self._progress.advance(size_bytes=share.take())
                    if digest:
                        held, recipe = left.pop(digest)
                        taken.append(recipe)
                        yield Assembled(held, None, False, frozenset(), is_placed=True)
            finally:
                coming.close()  # nobody reads the tables any more
                self.received_bytes += streams.received_bytes
                with streams.there() as there:
                    for recipe in taken:
                        there.note_object(recipe)
