"""What a store says about itself: `store.toml`, the same in a local store and at a remote."""

import re
from typing import Any, Literal, NamedTuple

from track.errors import NewerFormat, NotAStore
from track.model import toml

FORMAT = 1
_ID = re.compile("[0-9a-f]{32}")


class Chunking(NamedTuple):
    """How large objects are cut at a remote: part of the format, for equal content must give equal chunks.

    FastCDC of 2020 with its published gear table; sizes in bytes. `seed` is 0: no keyed table. `normalisation` is how
    many bits the mask has more before the average size, and fewer after it; 0 where a store does not say, because it
    was made before anything was cut: then large objects go there as files of their own, which all versions read.
    """

    algorithm: str = "fastcdc-2020"
    seed: int = 0
    minimum_bytes: int = 16 << 10
    average_bytes: int = 64 << 10
    maximum_bytes: int = 256 << 10
    normalisation: int = 0


CHOSEN = Chunking(normalisation=2)
"""How stores that are made today cut; decision 0006 says why."""


class Abilities(NamedTuple):
    """What the server of a remote can do, as far as somebody tried. See decision 0008.

    `conditions`: of two that create one key at once, one is told; None where it was not tried. `listing`: a list of
    what is there is kept for those who read through a server that cannot be asked.
    """

    conditions: bool | None = None
    listing: bool = False


class Description(NamedTuple):
    """A store's identity (32 hex digits), whether a group shares it, how it cuts large objects, what its server can."""

    id: str
    shared: Literal["", "group"] = ""
    chunking: Chunking = Chunking()
    abilities: Abilities = Abilities()


def dump_description(description: Description) -> bytes:
    """The canonical text of `store.toml`."""
    chunking = description.chunking
    lines = ["# A store of track, data versioning that lives in Git", "[store]", f"format = {FORMAT}"]
    lines.append(f'id = "{description.id}"')
    if description.shared:
        lines.append(f'shared = "{description.shared}"')
    lines += ["", "[chunks]", f'algorithm = "{chunking.algorithm}"', f"seed = {chunking.seed}"]
    lines += [f"minimum = {chunking.minimum_bytes}", f"average = {chunking.average_bytes}"]
    lines.append(f"maximum = {chunking.maximum_bytes}")
    if chunking.normalisation:
        lines.append(f"normalisation = {chunking.normalisation}")
    if description.abilities != Abilities():
        lines += ["", "[server]"]
        conditions, listing = description.abilities
        lines += [] if conditions is None else [f"conditions = {str(conditions).lower()}"]
        lines += ["listing = true"] if listing else []
    lines.append("")
    return "\n".join(lines).encode()


def parse_description(content: bytes, place: str) -> Description:
    """Read `store.toml`; `place` is for the message. Keys that are not known are left alone.

    Raises:
        NotAStore: it is not the description of a store.
        NewerFormat: written by a later version of track.
    """
    try:
        table = toml.read(content[: 1 << 16].decode())
        store = table["store"]
        written = store["format"]
        if type(written) is not int:
            raise ValueError("format is not a number")
        if written > FORMAT:
            hint = "install a newer version of track"
            raise NewerFormat(f"the store at {place} has format {written}; this version knows {FORMAT}", hint=hint)
        return _description(store, table.get("chunks", {}), table.get("server", {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "restore its store.toml from another copy of the store, or use another place"
        raise NotAStore(f"store.toml at {place} cannot be read: {error}", hint=hint) from error


def _description(store: dict[str, Any], chunks: dict[str, Any], server: dict[str, Any]) -> Description:
    identity, shared = store["id"], store.get("shared", "")
    if not isinstance(identity, str) or _ID.fullmatch(identity) is None:
        raise ValueError("id is not 32 hex digits")
    if shared not in ("", "group"):
        raise ValueError(f"shared = {shared!r}")
    usual = Chunking()
    chunking = Chunking(
        str(chunks.get("algorithm", usual.algorithm)),
        int(chunks.get("seed", usual.seed)),
        int(chunks.get("minimum", usual.minimum_bytes)),
        int(chunks.get("average", usual.average_bytes)),
        int(chunks.get("maximum", usual.maximum_bytes)),
        int(chunks.get("normalisation", usual.normalisation)),
    )
    conditions = server.get("conditions")
    abilities = Abilities(conditions if isinstance(conditions, bool) else None, server.get("listing") is True)
    return Description(identity, shared, chunking, abilities)
