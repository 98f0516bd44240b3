"""Pieces: what only a purged object was made of leaves packs of chunks that other objects need, too.

Such a pack is written anew without them, with every recipe that names it, as a collection does with one that is mostly
dead. What nothing names is dead here: no push is under way, and every object but the purged ones counts as needed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from track.errors import DamagedObject, MissingObject, NewerFormat
from track.progress import Progress, silent
from track.store.chunk_reading import load_table
from track.store.chunk_rewriting import rewrite_scattered
from track.store.chunked import NeededPack, parse_needed_table
from track.store.dead_file import REWRITE_LIMIT, DeadFile
from track.store.inventory import bare_packs
from track.store.known import Known
from track.store.layout import PACKS, pack_key
from track.store.marks import AllBut
from track.store.needing import every_recipe
from track.store.objects import Store
from track.store.place import NoSuchKey, Place
from track.store.salt import SIZE
from track.store.scattered import RECIPES_LIMIT, Scattered, Used
from track.store.segment import Held
from track.store.survey import in_threads


class Uses(NamedTuple):
    """Which chunks the recipes of what is purged name, and which those of all other objects do."""

    own: Used
    others: Used

    def has_own(self, pack: bytes) -> bool:
        """Whether a pack that both name has chunks that what is purged names alone."""
        needed, own = self.own.of(pack)
        other, others = self.others.of(pack)
        return needed != other or any(mine and not theirs for mine, theirs in zip(own, others, strict=True))


class TakenOut(NamedTuple):
    """The packs of which nothing is needed any more, now that what is needed of them lies in new ones.

    `kept` cannot be written anew, and have pieces of what is purged; `doubtful` ones have pieces that no recipe names.
    """

    packs: frozenset[bytes]
    kept: frozenset[bytes]
    doubtful: frozenset[bytes]


def uses_of(place: Place, known: Known, objects: frozenset[bytes]) -> Uses:
    """What the recipes of these objects name, and what all others do.

    Raises:
        MissingObject: a recipe cannot be read, so that nobody knows its packs.
        NewerFormat: one is of a later version.
        RemoteError: the remote does not answer.
    """
    uses = Uses(Used(), Used())
    for held, recipe in every_recipe(place, known):
        if recipe is None:
            raise _unreadable(place, held)
        (uses.own if held.digest in objects else uses.others).add(recipe)
    return uses


def _unreadable(place: Place, held: Held) -> MissingObject:
    return MissingObject(
        f"the recipe of blake3:{held.digest.hex()} cannot be read at {place.url}, so nobody knows its packs",
        hint="where the data is: track repair --remote NAME      sends it again",
    )


def take_out(
    place: Place, known: Known, store: Store, objects: frozenset[bytes], uses: Uses, *, is_lost: bool,
    keep: Callable[[], None], progress: Progress = silent,
) -> TakenOut:  # fmt: skip
    """Give what others need of packs with pieces of these objects new packs, named in the index beside the old ones.

    Where a recipe `is_lost`, nobody knows which pieces were of it: so whatever no recipe names goes, too. `keep` is
    called before anything is written. Interrupted, the same again goes on.

    Raises:
        MissingObject: a recipe cannot be read any more.
        RemoteError: the remote does not answer, or does not take a new pack.
        DiskFull, StoreUnwritable: no space for a new pack here.
    """
    own = set(uses.own.every())
    gone = own - set(uses.others.every())
    shared = {pack for pack in own - gone if uses.has_own(pack)}
    unnamed = _with_unnamed(place, known, uses.others) - shared if is_lost else set[bytes]()
    gone |= {pack for pack in unnamed if pack not in uses.others}
    taking = _Taking(place, known, store, objects, keep)
    left = taking.take(shared | unnamed - gone, uses.others, progress)
    return TakenOut(frozenset(gone | taking.gone), frozenset(left & shared), frozenset(left - shared))


class _Taking:
    """Packs on their way out: a part at a time, so that recipes have room in memory."""

    def __init__(
        self, place: Place, known: Known, store: Store, objects: frozenset[bytes], keep: Callable[[], None]
    ) -> None:
        self._place, self._known, self._store, self._keep = place, known, store, keep
        self._marks = AllBut(objects)
        listed = {one.key for one in place.list(PACKS)}
        self._missing = {pack for pack, _ in known.every_pack() if pack_key(pack) not in listed}
        self.gone: set[bytes] = set()

    def take(self, packs: set[bytes], used: Used, progress: Progress) -> set[bytes]:
        """Those of the packs that have to stay."""
        sizes = dict(self._known.every_pack())
        left = {pack for pack in packs if sizes[pack] > REWRITE_LIMIT}
        waiting = packs - left
        while waiting:
            named_from = self._named_from(waiting)
            sizes = dict(self._known.every_pack())
            self.gone |= waiting - named_from.keys()  # what named them has another recipe by now
            chosen = _part(named_from, sizes)
            done = self._rewrite({pack: named_from[pack] for pack in chosen}, used, sizes, progress)
            left |= chosen - done
            self.gone |= done
            waiting &= named_from.keys() - chosen
        return left

    def _named_from(self, packs: set[bytes]) -> dict[bytes, frozenset[bytes]]:
        """In which packs the recipes lie that name these, and that do not go already."""
        found: dict[bytes, set[bytes]] = defaultdict(set)
        for held, recipe in every_recipe(self._place, self._known):
            if held.pack is None or held.pack in self.gone or not self._marks.kept([held.digest]):
                continue
            if recipe is None:  # it was read before; what it names would pass for what nothing names
                raise _unreadable(self._place, held)
            for pack in recipe.packs:
                if pack.digest in packs:
                    found[pack.digest].add(held.pack)
        return {pack: frozenset(names) for pack, names in found.items()}

    def _rewrite(
        self, named_from: Mapping[bytes, frozenset[bytes]], used: Used, sizes: Mapping[bytes, int], progress: Progress
    ) -> frozenset[bytes]:
        """Write these packs anew with all recipes that name them; those that nothing needs any more."""
        chunks = tuple(_file(pack, sizes[pack], used) for pack in sorted(named_from))
        recipes = tuple(_file(pack, sizes[pack], used) for pack in sorted(frozenset().union(*named_from.values())))
        scattered = Scattered(chunks, recipes, sum(one.live_count for one in chunks), 0, named_from)
        done = rewrite_scattered(
            self._place, self._known, self._store, self._marks, scattered, keep=self._keep,
            stay=frozenset({None, *self.gone, *self._missing}), progress=progress,
        )  # fmt: skip
        return done.packs


def _part(named_from: Mapping[bytes, frozenset[bytes]], sizes: Mapping[bytes, int]) -> set[bytes]:
    """So many packs as have their recipes in memory at once, one at least."""
    chosen: set[bytes] = set()
    recipes = frozenset[bytes]()
    for pack, names in sorted(named_from.items()):
        if not chosen or sum(sizes[one] for one in recipes | names) <= RECIPES_LIMIT:
            chosen.add(pack)
            recipes |= names
    return chosen


def _file(pack: bytes, size: int, used: Used) -> DeadFile:
    named = used.of(pack)[1] if pack in used else bytearray()
    live = named.count(1)
    return DeadFile(pack, True, size, len(named) - live, live, False)


def _with_unnamed(place: Place, known: Known, used: Used) -> set[bytes]:
    """The packs with chunks that no recipe names, beside their salt: a collection took the recipes that did."""

    def has_unnamed(name: bytes) -> bool:
        pack, named = used.of(name)
        if len(named) != pack.entries_count:  # a recipe names more than there is
            return True
        return not all(named) and _has_more(place, pack, named)

    every = used.every()
    partly = {name for name, is_partly in zip(every, in_threads(has_unnamed, every), strict=True) if is_partly}
    return partly | {pack.digest for pack in bare_packs(known) if pack.digest not in used}


def _has_more(place: Place, pack: NeededPack, named: Iterable[int]) -> bool:
    """Whether a pack has more than what is named, and its salt."""
    try:
        entries = parse_needed_table(load_table(place, pack), pack)
    except NoSuchKey:
        return False
    except (DamagedObject, NewerFormat):
        return True
    return any(entry.length != SIZE and not is_used for entry, is_used in zip(entries, named, strict=True))
