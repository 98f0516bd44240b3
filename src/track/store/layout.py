"""Where things lie in a remote: keys, and what a key says. A listing is hostile input: only these forms exist."""

from typing import NamedTuple

from track.model.expressions import expression
from track.store.segment import Name

DESCRIPTION = "store.toml"
LISTING = "listing"
"""The list of what is in a remote, for those that cannot be asked; `store/listing.py` says how it is written."""
INDEX = "index/"
ROOTS = "roots/"
TOMBSTONES = "tombstones/"
OBJECTS = "objects/"
PACKS = "packs/"
QUARANTINE = "quarantine/"
"""Below it, what a repair found bad, under its key with dashes; nothing there is ever read as data."""
PROBES = "probe/"
"""Below it, what a check of the remote writes and deletes again; nothing there is ever read as data."""
RUNS = "runs/"
"""Below it, by clone, the records of runs that were shared and that no commit need have."""
TURNS = "turns/"
"""Below it, who replaces the description now; nothing there is ever read as data."""
CLAIM = ".claim"
"""Behind the key of a roots entry: what a push is about to send, until the entry itself is there."""

_SEGMENT = expression(r"index/([0-9]|[1-9][0-9]|1[0-9]{2})-([0-9a-f]{64})")
_ROOTS = expression(r"roots/([0-9a-f]{32})/([0-9]{8})-([0-9a-f]{8})")
_RUNS = expression(r"runs/([0-9a-f]{32})/([0-9]{8})-([0-9a-f]{8})")
_WITHDRAWN = expression(r"runs/[0-9a-f]{32}/withdrawn-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_TOMBSTONE = expression(r"tombstones/[0-9]{8}-[0-9a-f]{8}")
_OBJECT = expression(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")
_PACK = expression(r"packs/([0-9a-f]{2})/([0-9a-f]{62})\.pack")


class RootsKey(NamedTuple):
    """Which roots entry: the clone that wrote it, its number there, and a nonce against two at once."""

    writer: str
    number: int
    nonce: str

    def __str__(self) -> str:
        """The key."""
        return f"{ROOTS}{self.writer}/{self.number:08}-{self.nonce}"


class RunsKey(NamedTuple):
    """Which file of shared runs: the clone that wrote it, its number there, and a nonce against two at once."""

    writer: str
    number: int
    nonce: str

    def __str__(self) -> str:
        """The key."""
        return f"{RUNS}{self.writer}/{self.number:08}-{self.nonce}"


def object_key(digest: bytes) -> str:
    """The key of an object that is a file of its own."""
    text = digest.hex()
    return f"{OBJECTS}{text[:2]}/{text[2:]}"


def pack_key(digest: bytes) -> str:
    """The key of a pack."""
    text = digest.hex()
    return f"{PACKS}{text[:2]}/{text[2:]}.pack"


def segment_key(name: Name) -> str:
    """The key of an index segment."""
    return f"{INDEX}{name}"


def segment_name(key: str) -> Name | None:
    """The segment that a key names, or None for any other key."""
    match = _SEGMENT.fullmatch(key)
    return Name(int(match[1]), bytes.fromhex(match[2])) if match else None


def roots_name(key: str) -> RootsKey | None:
    """The roots entry that a key names, or None for any other key."""
    match = _ROOTS.fullmatch(key)
    return RootsKey(match[1], int(match[2]), match[3]) if match else None


def claim_name(key: str) -> RootsKey | None:
    """The roots entry that a claim's key will become, or None for any other key."""
    return roots_name(key.removesuffix(CLAIM)) if key.endswith(CLAIM) else None


def runs_name(key: str) -> RunsKey | None:
    """The file of shared runs that a key names, or None for any other key."""
    match = _RUNS.fullmatch(key)
    return RunsKey(match[1], int(match[2]), match[3]) if match else None


def withdrawn_key(writer: str, run: str) -> str:
    """The key of the mark that a clone took this run back."""
    return f"{RUNS}{writer}/withdrawn-{run}"


def withdrawn_run(key: str) -> str | None:
    """The run that was taken back when a key is the mark of that, or None for any other key."""
    match = _WITHDRAWN.fullmatch(key)
    return match[1] if match else None


def is_tombstone(key: str) -> bool:
    """Whether a key is that of a tombstone."""
    return _TOMBSTONE.fullmatch(key) is not None


def object_digest(key: str) -> bytes | None:
    """The object that a key names, or None for any other key."""
    match = _OBJECT.fullmatch(key)
    return bytes.fromhex(match[1] + match[2]) if match else None


def pack_digest(key: str) -> bytes | None:
    """The pack that a key names, or None for any other key."""
    match = _PACK.fullmatch(key)
    return bytes.fromhex(match[1] + match[2]) if match else None
