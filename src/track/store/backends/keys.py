"""Keys: what opens a store whose files are sealed, and who has it. Its libraries are loaded when one is opened."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from track.errors import BadCredentials, Conflict, IntegrityError, RemoteError, UsageError
from track.model.names import display
from track.publish import make_directories, publish_bytes, publish_new, stage, sync_directory
from track.store.address import Access
from track.store.description import Description, Encryption, dump_description, parse_description
from track.store.layout import DESCRIPTION
from track.store.place import Place
from track.store.turn import in_turn

_TRIES = 3
_LIBRARIES = {"pyrage", "cryptography"}


def open_sealed(place: Place, description: Description, access: Access) -> Place:
    """The place as its store is used: through what seals and opens its files, where the store is encrypted.

    Raises:
        IntegrityError: it is not sealed with the key that the configuration says.
        BadCredentials: no identity of the person here opens it.
        RemoteError: the library for that is not installed.
    """
    found = None if description.encryption is None else description.encryption.key_id
    if access.key_id not in (None, found):
        what = "is not encrypted" if found is None else f"is encrypted with another key, {found}"
        raise IntegrityError(
            f"the store at {place.url} {what}; the configuration says {access.key_id}. Nothing was sent or read",
            hint="somebody put another store there; restore its store.toml from a copy\n"
            "if the store was made anew, and you know by whom: track remote remove NAME, then track remote add",
        )
    if description.encryption is None:
        return place
    age = _library(place.url, "age")
    identities = age.read_identities(_identity_of(place.url, access), place.url)
    key = age.unwrap(description.encryption.keys, description.id, identities, place.url)
    sealing = _library(place.url, "sealing").Sealing(key, description.id)
    if sealing.key_id != found:
        raise IntegrityError(
            f"store.toml at {place.url} has another key than it says, so somebody changed it",
            hint="restore its store.toml from another copy of the store",
        )
    sealed: Place = _library(place.url, "sealed").SealedPlace(place, sealing, access.staging)
    return sealed


def new_encryption(url: str, store_id: str, recipients: Sequence[str], access: Access) -> Encryption:
    """A new key for a store, wrapped for each of the recipients, of whom the person here has to be one.

    Raises:
        UsageError: one of them is no recipient.
        BadCredentials: no identity of the person here is one of them.
        RemoteError: the library for that is not installed.
    """
    age = _library(url, "age")
    keys = age.wrap(key := os.urandom(32), store_id, dict.fromkeys(map(age.recipient_of, recipients)))
    identities = age.read_identities(source := _identity_of(url, access))
    try:
        age.unwrap(keys, store_id, identities, url)
    except BadCredentials as error:
        own = next(iter(age.recipients_of(identities)), '"$(cat YOUR.pub)"')
        raise BadCredentials(
            f"you could not read {url} yourself: no identity in {display(str(source))} is one of its recipients; "
            "nothing was made",
            hint=f"say your own as well: --encrypt {own}{''.join(f' --encrypt {key.recipient}' for key in keys)}",
        ) from error
    return Encryption(_library(url, "sealing").Sealing(key, store_id).key_id, keys)


def recipients_at(place: Place) -> tuple[str, ...]:
    """Who can open the store at a place, as far as its server says; empty where it is not encrypted."""
    description = parse_description(place.get(DESCRIPTION), place.url)
    return () if description.encryption is None else tuple(key.recipient for key in description.encryption.keys)


def add_recipients(place: Place, recipients: Sequence[str], access: Access) -> tuple[str, ...]:
    """Have more recipients open the store at a place, all that is in it too; those that could not before.

    Raises:
        UsageError: one of them is no recipient, or the store is not encrypted.
        BadCredentials: no identity of the person here opens it.
        RemoteError: it cannot be written, or others, of a version that takes no turns, change it at the same time.
        Locked: others are changing it for too long.
    """
    age = _library(place.url, "age")
    wanted = tuple(dict.fromkeys(map(age.recipient_of, recipients)))
    _sealing_of(place, found := parse_description(place.get(DESCRIPTION), place.url))
    added: dict[str, None] = {}
    with in_turn(place, conditions=found.abilities.conditions) as turn:
        for _ in range(_TRIES):
            description = parse_description(place.get(DESCRIPTION), place.url)
            sealing = _sealing_of(place, description)
            has = {key.recipient for key in sealing.keys}
            lacking = [one for one in wanted if one not in has]
            if not lacking:
                return tuple(added)
            identities = age.read_identities(_identity_of(place.url, access), place.url)
            key = age.unwrap(sealing.keys, description.id, identities, place.url)
            keys = (*sealing.keys, *age.wrap(key, description.id, lacking))
            turn.keep()
            place.put(DESCRIPTION, dump_description(description._replace(encryption=sealing._replace(keys=keys))))
            added |= dict.fromkeys(lacking)
    raise RemoteError(
        f"{place.url}: store.toml is changed by others at the same time", hint="run the same command again"
    )


def _sealing_of(place: Place, description: Description) -> Encryption:
    if description.encryption is None:
        raise UsageError(
            f"{place.url} is not encrypted; that is decided when a store is made",
            hint="name an empty place: track remote add NAME PLACE --encrypt RECIPIENT",
        )
    return description.encryption


def own_recipients(path: Path) -> tuple[str, ...]:
    """The recipients that belong to the identities in a file; none for a key of SSH, whose public half is beside it.

    Raises:
        BadCredentials: there is no identity in it.
        RemoteError: the library for that is not installed.
    """
    age = _library("", "age")
    found: tuple[str, ...] = age.recipients_of(age.read_identities(path))
    return found


def make_identity(path: Path) -> str:
    """Write a new identity into a new file that only its owner reads; the recipient that belongs to it.

    Raises:
        Conflict: something is there already.
        RemoteError: the library for that is not installed.
        DiskFull, StoreUnwritable: it cannot be written.
    """
    text, recipient = _library("", "age").new_identity()
    make_directories(path.parent, mode=0o700)
    staged = stage(path.parent)
    publish_bytes(staged, text.encode(), mode=0o600)
    if not publish_new(staged, path):
        raise Conflict(
            f"{display(str(path))} is there already; nothing was changed",
            hint="track remote identity   shows whose it is",
        )
    sync_directory(path.parent)
    return str(recipient)


def _identity_of(url: str, access: Access) -> Path:
    if access.identity is None:
        raise BadCredentials(f"{url} is encrypted, and nobody said with which identity it is opened")
    return access.identity


def _library(url: str, module: str) -> ModuleType:
    """A module here that needs a library which need not be there."""
    try:
        return import_module(f"track.store.backends.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES:
            raise
        what = f"{url} is encrypted, and the library for that" if url else "the library for encrypted remotes"
        raise RemoteError(f"{what} is not installed", hint="pip install 'track-data[age]'") from error
