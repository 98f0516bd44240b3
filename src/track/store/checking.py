"""Checking a remote: is everything there that its index names, and is it what its name says."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.progress import Progress, silent
from track.store.known import Known
from track.store.layout import INDEX, OBJECTS, PACKS, object_key, pack_key
from track.store.pack import FOOTER_LENGTH, PackEntry, expand_entry, parse_footer, parse_table
from track.store.place import NoSuchKey, Place
from track.store.recipe import RECIPE
from track.store.segment import Held
from track.store.survey import in_threads, survey


class Problem(NamedTuple):
    """One thing that is wrong at a remote; `digests` are the objects that are lost by it, as far as this place goes."""

    key: str
    what: str
    digests: tuple[bytes, ...] = ()


class Checked(NamedTuple):
    """What was looked at, and every problem, sorted by key. Sizes in bytes."""

    objects_count: int
    packs_count: int
    read_bytes: int
    problems: tuple[Problem, ...]


def check(place: Place, known: Known, *, read_all: bool, progress: Progress = silent) -> Checked:
    """Bring the record up to date, then look at every pack and object that it names.

    With `read_all` everything is read and hashed; without, it is only looked whether it is there in its size. What is
    bad is noted in the record, what is good again is no longer.

    Raises:
        RemoteError: the remote does not answer.
    """
    problems = [Problem(key, "damaged") for key in survey(place, known).damaged]
    packs, wholes = known.every_pack(), known.inside(None)
    size = sum(size for _, size in packs) + sum(held.length for held in wholes)
    progress.begin("checking", size_bytes=size if read_all else 0, count=len(packs) + len(wholes))
    sizes = {} if read_all else {one.key: one.size for prefix in (PACKS, OBJECTS) for one in place.list(prefix)}
    objects = len(wholes)
    try:
        for pack, length in packs:
            held = known.inside(pack)
            objects += sum(one.form != RECIPE for one in held)
            found = _check_pack(place, pack, held) if read_all else _there(sizes, pack_key(pack), length, held)
            _note(known, held, pack, found)
            problems += found
            progress.advance(size_bytes=length, count=1)
        for at in range(0, len(wholes), 64):
            part = wholes[at : at + 64]
            for one, found in zip(
                part, in_threads(lambda one: _check_whole(place, one, sizes, read_all), part), strict=True
            ):
                _note(known, [one], None, found)
                problems += found
                progress.advance(size_bytes=one.length, count=1)
    finally:
        progress.end()
    if unplaced := tuple(sorted(known.unplaced())):
        problems.append(Problem(INDEX.rstrip("/"), "missing", unplaced))
    costly = _that_cost(problems, known.lost() | {*unplaced})
    return Checked(objects, len(packs), size if read_all else 0, tuple(sorted(costly)))


def _that_cost(problems: Iterable[Problem], lost: set[bytes]) -> Iterator[Problem]:
    """Problems by which something is lost; not those of a pack whose objects are whole in another one too."""
    for problem in problems:
        digests = tuple(digest for digest in problem.digests if digest in lost)
        if digests or not problem.digests:
            yield problem._replace(digests=digests)


def _note(known: Known, held: Iterable[Held], pack: bytes | None, found: list[Problem]) -> None:
    lost = {digest for problem in found for digest in problem.digests}
    if pack is None:
        known.note_repaired((), (one.digest for one in held if one.digest not in lost))
    else:
        known.note_repaired([pack], ())
    known.note_bad((digest, pack) for digest in lost)


def _there(sizes: dict[str, int], key: str, length: int, held: Iterable[Held]) -> list[Problem]:
    """Nothing when a key is there in its size."""
    if sizes.get(key) == length:
        return []
    what = "missing" if key not in sizes else f"{sizes[key]} bytes long instead of {length}"
    return [Problem(key, what, tuple(one.digest for one in held))]


def _check_whole(place: Place, held: Held, sizes: dict[str, int], read_all: bool) -> list[Problem]:
    key = object_key(held.digest)
    if not read_all:
        return _there(sizes, key, held.length, [held])
    try:
        return [] if place.digest(key) == held.digest else [Problem(key, "damaged", (held.digest,))]
    except NoSuchKey:
        return [Problem(key, "missing", (held.digest,))]


def _check_pack(place: Place, pack: bytes, held: list[Held]) -> list[Problem]:
    """Read a pack whole; a problem that names the objects which cannot be had from it as they should.

    A pack that has lost its own table, or its name, counts as lost whole: only the index still explains it.
    """
    key = pack_key(pack)
    try:
        data = place.get(key)
    except NoSuchKey:
        return [Problem(key, "missing", tuple(one.digest for one in held))]
    entries = _entries(data, key)
    view = memoryview(data)
    good = {entry.digest for entry in entries or () if _is_good(entry, view)}
    lost = tuple(one.digest for one in held if one.digest not in good)
    if not lost and blake3(data, max_threads=blake3.AUTO).digest() != pack:
        lost = tuple(one.digest for one in held)
    return [Problem(key, "damaged", lost)] if lost else []


def _entries(data: bytes, key: str) -> list[PackEntry] | None:
    try:
        footer = parse_footer(data[-FOOTER_LENGTH:], len(data), key)
        table = data[footer.table_offset : footer.table_offset + footer.table_length]
        return parse_table(table, footer, key)
    except (DamagedObject, NewerFormat):
        return None


def _is_good(entry: PackEntry, pack: memoryview) -> bool:
    stored = pack[entry.offset : entry.offset + entry.stored_length]
    try:
        expand_entry(entry, stored, "the remote")
    except DamagedObject:
        return False
    except NewerFormat:
        return blake3(stored).digest() == entry.stored_digest
    return True
