"""Packs at a remote: read whole, sent, and named in its index."""

from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from track.errors import DamagedObject, NewerFormat
from track.publish import remove
from track.store.known import Known
from track.store.layout import pack_key
from track.store.marks import Needed
from track.store.pack import FOOTER_LENGTH, PackEntry, SealedPack, expand_entry, parse_footer, parse_table
from track.store.pack_inside import AT_ONCE, Inside, look_inside
from track.store.place import NoSuchKey, Place
from track.store.segment import Held, PackSize
from track.store.survey import publish_segment

_TRIES = 3


def live_entries(place: Place, known: Known, marks: Needed, pack: bytes) -> list[tuple[PackEntry, bytes]]:
    """What is needed of a pack, with its stored bytes, each verified.

    Raises DamagedObject, NewerFormat; NoSuchKey when it is not there.
    """
    entries = named_entries(place, known, pack)
    live = marks.kept([entry.digest for entry, _ in entries])
    return [(entry, stored) for entry, stored in entries if entry.digest in live and is_sound(entry, stored)]


def read_pack(place: Place, pack: bytes) -> list[tuple[PackEntry, bytes]]:
    """Every entry of a pack with its stored bytes, which are not verified. Raises DamagedObject, NoSuchKey.

    What is not as its name says is asked for again: what was altered on its way would be written anew in place of what
    is sound.
    """
    key = pack_key(pack)
    for _ in range(_TRIES):
        data = place.get(key)
        if blake3(data).digest() == pack:
            break
    footer = parse_footer(data[-FOOTER_LENGTH:], len(data), key)
    table = data[footer.table_offset : footer.table_offset + footer.table_length]
    entries = parse_table(table, footer, key)
    return [(entry, data[entry.offset : entry.offset + entry.stored_length]) for entry in entries]


def named_entries(place: Place, known: Known, pack: bytes) -> list[tuple[PackEntry, bytes]]:
    """Every entry of a pack that the index names there, with its stored bytes, which are not verified.

    Not its salt, and no recipe that left the index because a pack that it names is gone. Raises as `read_pack` does.
    """
    named = {(held.digest, held.offset) for held in known.inside(pack)}
    return [(entry, stored) for entry, stored in read_pack(place, pack) if (entry.digest, entry.offset) in named]


def is_sound(entry: PackEntry, stored: bytes) -> bool:
    """True; raises DamagedObject when the bytes are not those of the entry, in whatever form they are."""
    with suppress(NewerFormat):
        expand_entry(entry, stored, "the remote")
        return True
    if blake3(stored).digest() != entry.stored_digest:
        raise DamagedObject(f"blake3:{entry.digest.hex()} is damaged at the remote")
    return True


def look_inside_there(place: Place, pack: bytes, size: int) -> Inside:
    """What is in a pack that should have `size` bytes, read once. Raises NoSuchKey."""
    key = pack_key(pack)
    at_once = AT_ONCE if place.comes_in_parts else 0  # requests to a folder cost less than room for a whole pack
    if size > at_once:
        found = place.size(key)
        if found is None:
            raise NoSuchKey(key)
        size = found
    return look_inside(lambda at, length: place.get_range(key, at, length), size, key, at_once=at_once)


def send_pack(place: Place, path: Path, name: bytes) -> None:
    """Send a pack that lies in staging; the local copy goes, whatever happens."""
    try:
        with place.upload() as upload:
            upload.put_file(pack_key(name), path, name)
            upload.commit()
    finally:
        remove(path)


def held_in(sealed: SealedPack, *, without: bytes) -> list[Held]:
    """What the index says of what is in a pack, apart from one object."""
    return [
        Held(entry.digest, sealed.name, entry.form, entry.flags, entry.offset, entry.stored_length, entry.length)
        for entry in sealed.entries
        if entry.digest != without
    ]


def publish_pack(place: Place, known: Known, sealed: SealedPack, *, without: bytes) -> None:
    """Send a pack, and say in the index what is in it, apart from one object; the local copy goes."""
    send_pack(place, sealed.path, sealed.name)
    publish_segment(place, known, held_in(sealed, without=without), [PackSize(sealed.name, sealed.size)])
