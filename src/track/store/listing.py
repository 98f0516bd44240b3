"""The list of what is in a remote, for places that cannot be asked: a web server's folder that is only read.

A file beside `store.toml` that names every key of the index, of the roots and of the tombstones. Who writes to the
remote makes it once (`track remote publish`), and every push afterwards makes it anew at its end. It is an
accelerator for readers: nobody who can list the place itself ever looks at it.

    track-listing 1
    SIZE SP MODIFIED SP KEY                  one a line, sorted by key; bytes, and whole seconds by the remote's clock
    blake3:HEX                               the digest of all lines before
"""

from collections.abc import Iterable

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.model.expressions import expression
from track.store.around import bare
from track.store.layout import INDEX, LISTING, ROOTS, TOMBSTONES
from track.store.place import Listed, Place

LISTED = (INDEX, ROOTS, TOMBSTONES)
"""What it names: what is below these."""

_HEAD = "track-listing 1"
_LINE = expression(r"(0|[1-9][0-9]{0,18}) (0|[1-9][0-9]{0,11}) ([A-Za-z0-9._/-]{1,1000})")
_ROUNDS = 3


def dump_listing(keys: Iterable[Listed]) -> bytes:
    """The text of a list; keys that no remote of ours has are left out."""
    lines = sorted((one.key, f"{one.size} {int(one.modified_s)} {one.key}") for one in keys)
    body = "".join(f"{line}\n" for line in (_HEAD, *(text for _, text in lines if _LINE.fullmatch(text))))
    return f"{body}{digest_of(body.encode())}\n".encode()


def parse_listing(data: bytes) -> list[Listed]:
    """What a list names.

    Raises:
        DamagedObject: it is no list, or not whole.
        NewerFormat: written by a later version of track.
    """
    head, _, rest = data.partition(b"\n")
    if head != _HEAD.encode():
        if head.startswith(b"track-listing "):
            raise NewerFormat(f"{LISTING} of the remote is of a later version", hint="install a newer version of track")
        raise _no_list("it does not begin as one")
    body, mark, last = data.rpartition(b"blake3:")
    if not mark or (mark + last).rstrip(b"\n") != str(digest_of(body)).encode():
        raise _no_list("it is not whole")
    found = []
    for line in rest[: len(body) - len(head) - 1].decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or not match[3].startswith(LISTED):
            raise _no_list("a line names no key")
        found.append(Listed(match[3], int(match[1]), float(match[2])))
    return found


def publish_listing(place: Place) -> int:
    """Write the list of a place that can be asked; how many keys it names.

    Two at once both write what they see, and look again afterwards: the last of them has seen what the other wrote.

    Raises:
        RemoteError: the place does not answer, or refuses.
    """
    place, _ = bare(place)  # those who read it cannot open what is sealed either
    written: list[Listed] | None = None
    for _ in range(_ROUNDS):
        there = _all(place)
        if there == written:
            break
        place.put(LISTING, dump_listing(there))
        written = there
    return len(written or [])


def _all(place: Place) -> list[Listed]:
    return sorted(one for prefix in LISTED for one in place.list(prefix))


def _no_list(why: str) -> DamagedObject:
    return DamagedObject(
        f"{LISTING} of the remote is no list of what is in it: {why}", hint="track remote publish NAME"
    )
