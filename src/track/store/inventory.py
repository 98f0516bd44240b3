"""Inventory: everything that the record of a remote names, in an order that needs little memory."""

from collections.abc import Iterator
from typing import NamedTuple

from track.store.known import Known
from track.store.recipe import OF_WHOLE, RECIPE
from track.store.segment import Held, PackSize

_COLUMNS = "o.digest, p.digest, o.form, o.flags, o.offset, o.stored, o.length"


class Content(NamedTuple):
    """A pack, and what the index names in it, by offset; nothing, for a pack of chunks."""

    pack: PackSize
    held: list[Held]


def by_pack(known: Known) -> Iterator[Content]:
    """Every pack with what is in it; those of which the index names nothing come last."""
    rows = known.ask(
        f"SELECT {_COLUMNS}, p.size FROM objects o JOIN packs p ON p.id = o.pack ORDER BY o.pack, o.offset, o.digest"
    )
    content: Content | None = None
    for *columns, size in rows:
        held = Held(*columns)
        if content is None or content.pack.digest != held.pack:
            if content is not None:
                yield content
            content = Content(PackSize(columns[1], size), [])
        content.held.append(held)
    if content is not None:
        yield content
    yield from (Content(pack, []) for pack in bare_packs(known))


def bare_packs(known: Known) -> list[PackSize]:
    """Packs of which the index names nothing, sorted: those of chunks."""
    query = "SELECT digest, size FROM packs WHERE id NOT IN (SELECT pack FROM objects) ORDER BY digest"
    return [PackSize(*row) for row in known.ask(query)]


def places_like(known: Known, held: Held) -> list[Held]:
    """Every place of an object, or of the recipe that describes it where that is what `held` is; itself among them."""
    query = f"SELECT {_COLUMNS} FROM objects o LEFT JOIN packs p ON p.id = o.pack WHERE o.digest = ?"
    found = map(Held._make, known.ask(query, (held.digest,)))
    return [one for one in found if _only_describes(one) == _only_describes(held)]


def _only_describes(held: Held) -> bool:
    return held.form == RECIPE and held.flags == OF_WHOLE


def everything(known: Known) -> Iterator[Held]:
    """Every entry, sorted by digest."""
    query = f"SELECT {_COLUMNS} FROM objects o LEFT JOIN packs p ON p.id = o.pack ORDER BY o.digest"
    return map(Held._make, known.ask(query))


def recipes_of_chunks(known: Known) -> Iterator[Held]:
    """Every recipe that is a place to have its object from."""
    query = f"SELECT {_COLUMNS} FROM places o JOIN packs p ON p.id = o.pack WHERE o.form = {RECIPE}"
    return map(Held._make, known.ask(query))
