"""What a store says about itself: `store.toml`, the same in a local store and at a remote."""

import base64
from typing import Any, Literal, NamedTuple

from track.errors import NewerFormat, NotAStore
from track.model import toml
from track.model.expressions import expression
from track.model.names import display

FORMAT = 1
SEALED_FORMAT = 2
"""What the description of a store says whose files are sealed, so that a version that cannot open them refuses it."""
SEALING = 1
"""How files are sealed; decision 0016."""
CIPHER = "aes-256-gcm"
SUMS = ("crc32", "sha256", "md5")
"""Sums of a body that a server may look at, the quickest first."""
"""Sums of a body that a server may look at, the one that costs least first."""
CHUNK_LIMIT = 16 << 20
"""Bytes; no chunk of any store is larger, whatever a recipe or a table says."""

RECIPIENT = expression(r"age1[a-z0-9]{1,4000}|ssh-(rsa|ed25519) [A-Za-z0-9+/=]{1,4000}")
"""What a recipient looks like: a public key of age, or one of SSH without its comment."""
_ID = expression("[0-9a-f]{32}")
_LIMIT = 1 << 20


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
    what is there is kept for those who read through a server that cannot be asked. `sums`: which sum of a body the
    server was seen to hold against what arrived, one of `SUMS`; empty where none was. See decision 0023.
    """

    conditions: bool | None = None
    listing: bool = False
    sums: str = ""


class WrappedKey(NamedTuple):
    """The key of a store for one recipient: a public key of age or SSH, and the file of age that only it opens."""

    recipient: str
    wrapped: bytes


class Encryption(NamedTuple):
    """How the files of a store are sealed: which key (its fingerprint, 32 hex digits), and who has it."""

    key_id: str
    keys: tuple[WrappedKey, ...]


class Description(NamedTuple):
    """A store's identity (32 hex digits), whether a group shares it, how it cuts large objects, what its server can.

    `encryption` is None where files lie as they are.
    """

    id: str
    shared: Literal["", "group"] = ""
    chunking: Chunking = Chunking()
    abilities: Abilities = Abilities()
    encryption: Encryption | None = None


def dump_description(description: Description) -> bytes:
    """The canonical text of `store.toml`."""
    chunking = description.chunking
    written = FORMAT if description.encryption is None else SEALED_FORMAT
    lines = ["# A store of track, data versioning that lives in Git", "[store]", f"format = {written}"]
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
        conditions, listing, sums = description.abilities
        lines += [] if conditions is None else [f"conditions = {str(conditions).lower()}"]
        lines += ["listing = true"] if listing else []
        lines += [f'sums = "{sums}"'] if sums else []
    if description.encryption is not None:
        lines += _sealing_lines(description.encryption)
    lines.append("")
    return "\n".join(lines).encode()


def _sealing_lines(encryption: Encryption) -> list[str]:
    lines = ["", "[encryption]", f"format = {SEALING}", f'cipher = "{CIPHER}"', f'key_id = "{encryption.key_id}"']
    for key in encryption.keys:
        lines += ["", "[[encryption.keys]]", f'recipient = "{key.recipient}"']
        lines.append(f'wrapped = "{base64.b64encode(key.wrapped).decode()}"')
    return lines


def parse_description(content: bytes, place: str) -> Description:
    """Read `store.toml`; `place` is for the message. Keys that are not known are left alone.

    Raises:
        NotAStore: it is not the description of a store.
        NewerFormat: written by a later version of track.
    """
    try:
        table = toml.parse(content[:_LIMIT])
        if not isinstance(store := table.get("store"), dict):
            raise ValueError(
                "it does not say that it is the description of a store" if content.strip() else "it is empty"
            )
        written = store["format"]
        if type(written) is not int:
            raise ValueError("format is not a number")
        known = SEALED_FORMAT if "encryption" in table else FORMAT
        if written == SEALED_FORMAT > known:
            raise ValueError("it says that the store is encrypted, and not how: it was cut off before that")
        if written > known:
            raise _newer(f"the store at {place} has format {written}; this version knows {known}")
        if written < known:
            raise ValueError("it is encrypted, and its format says that it is not")
        sealing = _encryption(table["encryption"], place) if "encryption" in table else None
        return _description(store, table.get("chunks", {}), table.get("server", {}))._replace(encryption=sealing)
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "restore its store.toml from another copy of the store, or use another place"
        raise NotAStore(f"store.toml at {place} cannot be read: {toml.fault(error)}", hint=hint) from error


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
    sums = next((name for name in SUMS if server.get("sums") == name), "")
    abilities = Abilities(conditions if isinstance(conditions, bool) else None, server.get("listing") is True, sums)
    return Description(identity, shared, chunking, abilities)


def _encryption(table: dict[str, Any], place: str) -> Encryption:
    if type(table["format"]) is not int or not isinstance(table["cipher"], str):
        raise ValueError("encryption says no format or no cipher")
    if table["format"] > SEALING or table["cipher"] != CIPHER:
        how = display(f"{table['format']}, {table['cipher']}")
        raise _newer(f"the store at {place} is encrypted in a way ({how}) that this version does not know")
    if not isinstance(table["key_id"], str) or _ID.fullmatch(table["key_id"]) is None:
        raise ValueError("key_id is not 32 hex digits")
    keys = [
        WrappedKey(_recipient(one["recipient"]), base64.b64decode(one["wrapped"], validate=True))
        for one in table["keys"]
    ]
    return Encryption(table["key_id"], tuple(keys))


def _recipient(text: object) -> str:
    if not isinstance(text, str) or RECIPIENT.fullmatch(text) is None:
        raise ValueError("a recipient is none")
    return text


def _newer(message: str) -> NewerFormat:
    return NewerFormat(message, hint="install a newer version of track")
