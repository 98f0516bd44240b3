"""The key of a sealed store, wrapped with age for each recipient, and opened with an identity of the person here."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyrage  # type: ignore[import-untyped]  # it has no types

from track.errors import BadCredentials, DamagedObject, UsageError
from track.model.names import display
from track.store.backends.sealing import KEY_LENGTH
from track.store.description import RECIPIENT, WrappedKey

_HEAD = b"track-key 1\n"
_IDENTITY_LIMIT = 1 << 20
MAKE_ONE = "to make one: track remote identity --new"


class Identities(NamedTuple):
    """The identities in a file of the person here."""

    source: Path
    found: tuple[Any, ...]


def recipient_of(text: str) -> str:
    """A recipient as it is written down: without what stands behind a public key of SSH.

    Raises:
        UsageError: it is none.
    """
    words = text.split()
    written = " ".join(words[:2]) if words and words[0].startswith("ssh-") else text.strip()
    if RECIPIENT.fullmatch(written) is not None:
        try:
            _parsed(written)
            return written
        except (pyrage.RecipientError, ValueError) as error:
            raise _no_recipient(text, str(error)) from error
    secret = text.strip().upper().startswith("AGE-SECRET-KEY")
    raise _no_recipient("AGE-SECRET-KEY-…" if secret else text, "that is the secret half" if secret else "")


def wrap(key: bytes, store_id: str, recipients: Iterable[str]) -> tuple[WrappedKey, ...]:
    """The key of a store, for each of the recipients alone."""
    content = _HEAD + bytes.fromhex(store_id) + key
    return tuple(WrappedKey(one, bytes(pyrage.encrypt(content, [_parsed(one)]))) for one in recipients)


def unwrap(keys: Sequence[WrappedKey], store_id: str, identities: Identities, url: str) -> bytes:
    """The key of a store.

    Raises:
        BadCredentials: none of the identities opens it.
        DamagedObject: what one of them opens is the key of no store, or of another one.
    """
    for key in keys:
        try:
            content = bytes(pyrage.decrypt(key.wrapped, list(identities.found)))
        except pyrage.DecryptError:
            continue
        if len(content) != len(_HEAD) + 16 + KEY_LENGTH or content[: len(_HEAD) + 16] != _HEAD + bytes.fromhex(
            store_id
        ):
            raise DamagedObject(
                f"store.toml at {url} has the key of another store, so somebody changed it",
                hint="restore its store.toml from another copy of the store",
            )
        return content[-KEY_LENGTH:]
    own = next(iter(recipients_of(identities)), '"$(cat YOUR.pub)"')
    raise BadCredentials(
        f"{url} is encrypted, and no identity in {display(str(identities.source))} is one of its recipients",
        details=tuple(f"recipient {key.recipient}" for key in keys),
        hint="name another file: export TRACK_AGE_IDENTITY=FILE\n"
        f"or have one of them add you: track remote recipients add NAME {own}",
    )


def read_identities(path: Path, url: str = "") -> Identities:
    """The identities in a file, to open the place at `url` with: secret keys of age, one a line, or one key of SSH.

    Raises:
        BadCredentials: there is no such file, it cannot be read, or it has no identity in it.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_IDENTITY_LIMIT)
    except OSError as error:
        if url and isinstance(error, FileNotFoundError):
            raise BadCredentials(
                f"{url} is encrypted, and you have no identity here to open it with: {display(str(path))} is not there",
                hint="you have one elsewhere: export TRACK_AGE_IDENTITY=FILE\n"
                "you have none: track remote identity --new\n"
                "  and send what that prints to somebody who reads the remote: track remote recipients add NAME age1…",
            ) from error
        raise BadCredentials(
            f"the identity file {display(str(path))} cannot be read: {(error.strerror or str(error)).lower()}",
            hint=f"name another one: export TRACK_AGE_IDENTITY=FILE\n{MAKE_ONE}",
        ) from error
    if content.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")):
        raise _no_identity(path, "it is protected with a passphrase, which track does not ask for")
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return Identities(path, (pyrage.ssh.Identity.from_buffer(content),))
        lines = [line.strip() for line in content.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, ValueError) as error:
        raise _no_identity(path, display(str(error))) from error
    if not found:
        raise _no_identity(path, "there is no key in it")
    return Identities(path, tuple(found))


def new_identity() -> tuple[str, str]:
    """A new identity: what goes into a file, and the recipient that belongs to it."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# public key: {recipient}\n{identity}\n", recipient


def recipients_of(identities: Identities) -> tuple[str, ...]:
    """The recipients that belong to the identities, as far as they can be told from them."""
    return tuple(str(one.to_public()) for one in identities.found if hasattr(one, "to_public"))


def _parsed(recipient: str) -> Any:
    kind = pyrage.ssh if recipient.startswith("ssh-") else pyrage.x25519
    return kind.Recipient.from_str(recipient)


def _no_recipient(text: str, why: str) -> UsageError:
    return UsageError(
        f"`{display(text[:80])}` is no recipient{': ' + why if why else ''}",
        hint='give a public key: age1…, or "$(cat ~/.ssh/id_ed25519.pub)"',
    )


def _no_identity(path: Path, why: str) -> BadCredentials:
    return BadCredentials(
        f"the identity file {display(str(path))} cannot be used: {why}",
        hint=f"it holds AGE-SECRET-KEY-1…, or is a key of SSH without a passphrase; {MAKE_ONE}",
    )
