"""Checking a remote: is everything there that its index names, and is it what its name says."""

from collections import deque
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.store.known import Known
from track.store.layout import INDEX, OBJECTS, PACKS, ROOTS, object_key, pack_digest, pack_key, roots_name, segment_name
from track.store.needing import note_bad_chunks, unnamed_packs
from track.store.pack import RAW
from track.store.pack_inside import Inside
from track.store.pack_there import look_inside_there
from track.store.place import NoSuchKey, Place
from track.store.recipe import OF_WHOLE, RECIPE
from track.store.roots import parse_roots
from track.store.segment import Held, parse_segment
from track.store.survey import THREADS, in_threads, survey
from track.store.tombstones import read_tombstones, together
from track.store.verified import Round, unlimited


class Problem(NamedTuple):
    """One thing that is wrong at a remote; `digests` are the objects that are lost by it, as far as this place goes.

    `recipes` are objects of which only the recipe is lost by it: they are there, and come whole, not in parts.
    """

    key: str
    what: str
    digests: tuple[bytes, ...] = ()
    recipes: tuple[bytes, ...] = ()

    @property
    def lost(self) -> tuple[bytes, ...]:
        """Everything that cannot be had from there."""
        return self.digests + self.recipes


class Checked(NamedTuple):
    """What was looked at, and every problem, sorted by key. Sizes in bytes; the totals are of everything there is.

    `unneeded` are packs of chunks that are bad and that no recipe which can be read needs.
    """

    objects_count: int
    packs_count: int
    read_bytes: int
    problems: tuple[Problem, ...]
    total_count: int = 0
    total_bytes: int = 0
    unneeded: tuple[bytes, ...] = ()


def check(
    place: Place,
    known: Known,
    *,
    read_all: bool,
    deep: bool = False,
    turn: Round | None = None,
    progress: Progress = silent,
) -> Checked:
    """Bring the record up to date, then look at every pack and object that it names, as far as `turn` says.

    With `read_all` everything is read and hashed, the index and the roots entries too; without, it is only looked
    whether packs and objects are there in their size. `deep`: every entry of every pack is expanded and hashed. What
    is bad is noted in the record, what is good again is no longer.

    Raises:
        RemoteError: the remote does not answer.
    """
    problems = [Problem(key, "damaged") for key in survey(place, known).damaged]
    if read_all:
        problems += check_index(place, {problem.key for problem in problems})
    checking = _Checking(place, known, turn or unlimited(), deep=deep)
    files = checking.files()
    progress.begin("checking", size_bytes=sum(one.size for one in files) if read_all else 0, count=len(files))
    try:
        if read_all:
            problems += checking.read(files, progress)
        else:
            problems += checking.look(files, progress)
        problems += [Problem(pack_key(pack), "missing") for pack in sorted(unnamed_packs(place, known))]
        problems, unneeded = _by_object(place, known, problems)
    finally:
        progress.end()
    if unplaced := tuple(sorted(known.unplaced())):
        problems.append(Problem(INDEX.rstrip("/"), "missing", unplaced))
    costly = _that_cost(problems, (known.lost() | {*unplaced}) - _purged(place))
    counts = (checking.objects_count, checking.packs_count, checking.read_bytes)
    return Checked(*counts, tuple(sorted(costly)), checking.total_count, checking.total_bytes, unneeded)


class _File(NamedTuple):
    """A pack, or an object that is a file of its own, as the index names it."""

    digest: bytes
    size: int
    is_pack: bool

    @property
    def key(self) -> str:
        return pack_key(self.digest) if self.is_pack else object_key(self.digest)


class _Checking:
    """One check under way."""

    def __init__(self, place: Place, known: Known, turn: Round, *, deep: bool) -> None:
        self._place, self._known, self._turn, self._is_deep = place, known, turn, deep
        self._inside = known.counts()
        self._bad_before = known.bad_packs() | known.lost()
        self.objects_count = self.packs_count = self.read_bytes = 0
        self.total_count = self.total_bytes = 0

    def files(self) -> list[_File]:
        """Every file in the order of the turn."""
        files = [_File(pack, size, True) for pack, size in self._known.every_pack()]
        files += [_File(held.digest, held.length, False) for held in self._known.inside(None)]
        self.total_count = sum(self._inside.get(file.digest, 0) if file.is_pack else 1 for file in files)
        self.total_bytes = sum(file.size for file in files)
        order = self._turn.ordered([file.key.encode() for file in files], [file.size for file in files])
        self._turn.forget_others()
        return [files[number] for number in order]

    def read(self, files: list[_File], progress: Progress) -> Iterator[Problem]:
        """Read file after file, several at a time, until the time is over."""
        flying: deque[tuple[_File, Future[Inside | None]]] = deque()
        rest = iter(files)
        with ThreadPoolExecutor(THREADS) as threads:
            try:
                while True:
                    while len(flying) < THREADS and (file := self._next(rest)) is not None:
                        flying.append((file, threads.submit(self._looked, file)))
                    if not flying:
                        return
                    file, future = flying.popleft()
                    yield from self._judged(file, future.result())
                    self.read_bytes += file.size
                    progress.advance(size_bytes=file.size, count=1)
            finally:
                for _, future in flying:
                    future.cancel()

    def look(self, files: list[_File], progress: Progress) -> Iterator[Problem]:
        """Only look whether they are there, in two listings."""
        sizes = {one.key: one.size for prefix in (PACKS, OBJECTS) for one in self._place.list(prefix)}
        for file in files:
            found = _there(sizes, file.key, file.size, self._held(file) if sizes.get(file.key) != file.size else ())
            self._note(file, found)
            yield from found
            progress.advance(count=1)

    def _next(self, rest: Iterator[_File]) -> _File | None:
        """The next file; None when there is none, or the time is over."""
        file = next(rest, None)
        if file is not None and self._turn.is_over():
            for left in (file, *rest):
                self._turn.leave(left.key.encode(), left.size)
            return None
        return file

    def _looked(self, file: _File) -> Inside | None:
        """Runs in a thread: what is there, read once unless it is a bad pack; None when nothing is."""
        with suppress(NoSuchKey):
            if not (file.is_pack and self._is_deep):
                digest = self._place.digest(file.key)
                if digest == file.digest or not file.is_pack:
                    return Inside(digest)
            return look_inside_there(self._place, file.digest, file.size)
        return None

    def _judged(self, file: _File, inside: Inside | None) -> list[Problem]:
        found: list[Problem] = []
        if inside is None:
            found = [_lost(file.key, "missing", self._held(file))]
        elif file.is_pack and (self._is_deep or inside.digest != file.digest):
            found = _wrong_in_pack(file, inside, self._held(file))
        elif inside.digest != file.digest:
            found = [Problem(file.key, "damaged", (file.digest,))]
        self._note(file, found)
        return found

    def _held(self, file: _File) -> list[Held]:
        if not file.is_pack:
            return [Held(file.digest, None, RAW, 0, 0, 0, file.size)]
        return self._known.inside(file.digest)

    def _note(self, file: _File, found: list[Problem]) -> None:
        """Note in the record what is bad, and what is good again."""
        self.packs_count += file.is_pack
        self.objects_count += self._inside.get(file.digest, 0) if file.is_pack else 1
        if not found:
            self._turn.note(file.key.encode())
        else:
            self._turn.note_bad(file.key.encode())
        if file.digest in self._bad_before:
            self._known.note_repaired(*(([file.digest], ()) if file.is_pack else ((), [file.digest])))
        pack = file.digest if file.is_pack else None
        self._known.note_bad((digest, pack) for problem in found for digest in problem.lost)


def _purged(place: Place) -> frozenset[bytes]:
    """What was removed for good there: nobody has lost it, whatever a purge that was cut short left behind."""
    with suppress(DamagedObject, NewerFormat):
        return frozenset(together(read_tombstones(place)).purged)
    return frozenset()


def check_index(place: Place, found: Container[str] = ()) -> list[Problem]:
    """Every index segment and roots entry that is not what it should be, read anew whatever is known of it.

    Those `found` before are left out.
    """
    keys = [one.key for prefix in (INDEX, ROOTS) for one in place.list(prefix)]
    known_ones = [key for key in keys if key not in found and (segment_name(key) or roots_name(key))]
    answers = in_threads(lambda key: _is_sound(place, key), known_ones)
    return [Problem(key, "damaged") for key, is_sound in zip(known_ones, answers, strict=True) if not is_sound]


def _is_sound(place: Place, key: str) -> bool:
    try:
        if (name := segment_name(key)) is not None:
            parse_segment(place.get(key), name)
            return True
        entry = parse_roots(place.get(key), key)
        writer = roots_name(key)
        return writer is not None and entry.is_complete and entry.writer == writer.writer
    except DamagedObject:
        return False
    except NoSuchKey:  # removed meanwhile
        return True


def _that_cost(problems: Iterable[Problem], lost: set[bytes]) -> Iterator[Problem]:
    """Problems by which something is lost; not those of a pack whose objects are whole in another one too."""
    for problem in problems:
        digests = tuple(digest for digest in problem.digests if digest in lost)
        if digests or problem.recipes or not problem.digests:
            yield problem._replace(digests=digests)


def _by_object(place: Place, known: Known, problems: Iterable[Problem]) -> tuple[list[Problem], tuple[bytes, ...]]:
    """The problems, those of packs of chunks with the objects that are lost by them; and the packs that nothing needs.

    No index says what is in such a pack: the recipes say who needs it.
    """
    named = [(pack_digest(problem.key) if not problem.lost else None, problem) for problem in problems]
    lost = note_bad_chunks(place, known, [pack for pack, _ in named if pack is not None])
    told = [problem if pack is None else problem._replace(digests=lost[pack]) for pack, problem in named]
    unneeded = tuple(pack for (pack, _), one in zip(named, told, strict=True) if pack is not None and not one.lost)
    return [one for (pack, _), one in zip(named, told, strict=True) if pack is None or one.lost], unneeded


def _there(sizes: dict[str, int], key: str, length: int, held: Iterable[Held]) -> list[Problem]:
    """Nothing when a key is there in its size."""
    if sizes.get(key) == length:
        return []
    what = "missing" if key not in sizes else f"{sizes[key]} bytes long instead of {length}"
    return [_lost(key, what, held)]


def _lost(key: str, what: str, held: Iterable[Held]) -> Problem:
    """A problem by which all of these are lost."""
    objects: list[bytes] = []
    recipes: list[bytes] = []
    for one in held:
        (recipes if one.form == RECIPE and one.flags == OF_WHOLE else objects).append(one.digest)
    return Problem(key, what, tuple(objects), tuple(recipes))


def _wrong_in_pack(file: _File, inside: Inside, held: list[Held]) -> list[Problem]:
    """A problem that names the objects which cannot be had from a pack as they should.

    A pack that has lost its own table, or its name, counts as lost whole: only the index still explains it.
    """
    lost = [one for one in held if one.digest not in inside.sound]
    if inside.digest != file.digest:
        return [_lost(file.key, "damaged", lost or held)]
    if inside.is_newer:
        return []
    has_bad_chunks = not held and bool(inside.lost)
    return [_lost(file.key, "damaged", lost)] if lost or has_bad_chunks else []
