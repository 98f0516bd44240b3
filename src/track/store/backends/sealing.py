"""How files are sealed that leave the machine: in blocks, so that a piece of a file is had and opened by itself.

A sealed file is its bytes cut into blocks of 64 KiB, the last of them shorter (an empty file is one empty block):

    salt 16 | the bytes, encrypted with AES-256-GCM | tag 16                 for each block

The salt is the same in every block of a file: a keyed digest of the key that the file lies at and of its content. So
the same file is sealed to the same bytes, and a transfer that was broken off goes on; and a content that is another
has another salt. Each file has an encryption key of its own, derived from where it lies and from its salt; the nonce is
the number of the block and whether it is the last, as in the STREAM of age. So what is changed, cut off, put in another
order, or put where something else was, is noticed. Decision 0016 has the reasons.
"""

import base64
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import NamedTuple

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

BLOCK = 64 << 10
SALT = TAG = 16
OVERHEAD = SALT + TAG
SEALED_BLOCK = BLOCK + OVERHEAD
KEY_LENGTH = 32
_CONTEXT = "track sealed store 1: "


class Opened(NamedTuple):
    """What came out of sealed blocks. In the place of a block that was not right, which `bad` counts, is noise."""

    data: bytes
    bad: int


class Sealing:
    """Seals and opens the files of one store, and their names. Every method may be called from several threads."""

    def __init__(self, key: bytes, store_id: str) -> None:
        """`key` is the secret of the store, 32 bytes."""
        material = key + bytes.fromhex(store_id)

        def derived(purpose: str, length: int = 32) -> bytes:
            return blake3(material, derive_key_context=_CONTEXT + purpose).digest(length)

        self._contents, self._salts, self._noise = derived("contents"), derived("salts"), derived("noise")
        self._names = AESSIV(derived("names", 64))
        self.key_id = derived("fingerprint", 16).hex()
        """Says which key it is, and nothing about it; 32 hex digits."""

    def salt(self, name: str, digest: bytes) -> bytes:
        """The salt of a file of this content, to lie at `name`."""
        return blake3(_framed(name) + digest, key=self._salts).digest(SALT)

    def seal(self, name: str, salt: bytes, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """The sealed blocks of a file of these pieces, of any length."""
        cipher = self.cipher(name, salt)
        number, held = 0, b""
        for piece in pieces:
            view = memoryview(piece)
            at = 0
            if held:
                at = BLOCK - len(held)
                held += view[:at]
                if at >= len(view):
                    continue
                yield salt + cipher.encrypt(_nonce(number, is_last=False), held, None)
                number += 1
            while len(view) - at > BLOCK:  # the last block of all is told by being the last
                yield salt + cipher.encrypt(_nonce(number, is_last=False), view[at : at + BLOCK], None)
                number, at = number + 1, at + BLOCK
            held = bytes(view[at:])
        yield salt + cipher.encrypt(_nonce(number, is_last=True), held, None)

    def open(self, name: str, data: bytes | memoryview, *, first: int = 0, has_end: bool = True) -> Opened:
        """What is in the sealed blocks of a file, of which `first` is the number of the first.

        `has_end` says that the file ends where `data` does; else they are whole blocks, and it may.
        """
        opening, found = Opening(self, name, first), BytesIO()
        for block in opening.blocks(data, has_end=has_end):
            found.write(block)
        return Opened(found.getvalue(), opening.bad)

    def name(self, folder: str, name: str) -> str:
        """The sealed name of what is called `name` in a folder: letters and digits, the same whenever it is asked."""
        sealed = self._names.encrypt(name.encode(), [folder.encode()])
        return base64.b32encode(sealed).rstrip(b"=").decode().lower()

    def named(self, folder: str, sealed: str) -> str | None:
        """The name that is sealed so in a folder; None for what this store did not name."""
        try:
            raw = base64.b32decode(sealed.upper() + "=" * (-len(sealed) % 8))
            name = self._names.decrypt(raw, [folder.encode()]).decode()
        except (ValueError, InvalidTag):
            return None
        return name if self.name(folder, name) == sealed else None

    def noise(self, name: str, number: int, length: int) -> bytes:
        """What stands in the place of a bad block: as many bytes, which no content has there, as zeros it may."""
        return blake3(_framed(name) + number.to_bytes(8, "big"), key=self._noise).digest(length)

    def cipher(self, name: str, salt: bytes) -> AESGCM:
        """What encrypts the blocks of one file."""
        return AESGCM(blake3(_framed(name) + salt, key=self._contents).digest())


class Opening:
    """One sealed file that is opened, from a block on, in as many pieces as it comes in."""

    def __init__(self, sealing: Sealing, name: str, first: int = 0) -> None:
        """`first` is the number of the block that comes first."""
        self._sealing, self._name, self._number = sealing, name, first
        self._salt: bytes | None = None
        self._cipher: AESGCM | None = None
        self._is_over = False
        self.bad = 0
        """How many blocks were not what they should be, and gave noise; cut-off ends count."""

    def blocks(self, data: bytes | memoryview, *, has_end: bool) -> Iterator[bytes]:
        """The bytes of each of these blocks, which go on where the ones before ended; all but the last are whole.

        `has_end` says that the file ends where they do. A block that is too short to be one gives noise, too, and so
        does whatever stands behind the last one: at least a byte.
        """
        view = memoryview(data)
        if has_end and not view and not self._is_over:
            self.bad += 1  # the end was cut off
        for at in range(0, len(view), SEALED_BLOCK):
            block = view[at : at + SEALED_BLOCK]
            is_end = has_end and at + len(block) == len(view)
            found = self._opened(block, is_end) if not self._is_over else None
            self._number += 1
            if found is None:
                self.bad += 1
                length = len(block) - OVERHEAD if len(block) >= OVERHEAD else len(block)
                yield self._sealing.noise(self._name, self._number - 1, max(1, length))
                continue
            if is_end and not self._is_over:
                self.bad += 1  # what was read is right, and not all
            yield found

    def _opened(self, block: memoryview, is_end: bool) -> bytes | None:
        """The bytes of a block; None when it is not what it should be. Sets whether it was the last of the file."""
        if len(block) < OVERHEAD:
            return None
        salt = bytes(block[:SALT])
        if salt == self._salt and self._cipher is not None:
            cipher = self._cipher
        elif self._salt is None:
            cipher = self._sealing.cipher(self._name, salt)
        else:
            return None  # of another content that lay here
        ends = (True,) if len(block) < SEALED_BLOCK else (True, False) if is_end else (False, True)
        for is_last in ends:
            try:
                found = cipher.decrypt(_nonce(self._number, is_last=is_last), block[SALT:], None)
            except InvalidTag:
                continue
            self._salt, self._cipher, self._is_over = salt, cipher, is_last
            return found
        return None


def sealed_size(size: int) -> int:
    """Bytes of a sealed file, of the bytes that are in it."""
    return size + OVERHEAD * max(1, -(-size // BLOCK))


def plain_size(sealed: int) -> int:
    """Bytes in a sealed file, of its own; 0 for a length that no sealed file has."""
    blocks, rest = divmod(sealed, SEALED_BLOCK)
    if rest and (rest < OVERHEAD or (rest == OVERHEAD and blocks)):
        return 0
    return blocks * BLOCK + max(0, rest - OVERHEAD)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _framed(name: str) -> bytes:
    encoded = name.encode()
    return len(encoded).to_bytes(4, "big") + encoded
