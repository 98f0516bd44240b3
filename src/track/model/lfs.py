"""What Git LFS writes: its pointers, which stand in Git in place of content, and its lines in `.gitattributes`."""

import hashlib
from typing import NamedTuple

from track.errors import MalformedContent
from track.model.expressions import expression
from track.model.names import display

LIMIT = 1024
"""Git LFS itself takes nothing longer for a pointer of its own."""

_BEGINNING = expression(
    rb"version (?:https://git-lfs\.github\.com/spec/v1|https://hawser\.github\.com/spec/v1|http://git-media\.io/v/2)\n"
)
_SHA256 = expression(r"sha256:([0-9a-f]{64})")
_SIZE = expression(r"0|[1-9][0-9]{0,18}")
_OURS = ("filter=lfs", "diff=lfs", "merge=lfs", "-text", "lockable", "-lockable")
_NAME = "oid"  # a library's word


class LfsPointer(NamedTuple):
    """What a pointer of Git LFS says of the content: its SHA-256 in hex, and its size in bytes."""

    sha256: str
    size: int


class Hashing:
    """Whether bytes that are given in pieces are those that a pointer means."""

    def __init__(self, pointer: LfsPointer) -> None:
        self._pointer = pointer
        self._hash = hashlib.sha256(usedforsecurity=False)
        self.size = 0

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._hash.update(piece)
        self.size += len(piece)

    def holds(self) -> bool:
        """Whether these are the bytes, and as many."""
        return self._hash.hexdigest() == self._pointer.sha256 and self.size == self._pointer.size


def is_lfs_pointer(data: bytes) -> bool:
    """Whether Git LFS would take this for a pointer of its own, sound or not."""
    return len(data) < LIMIT and _BEGINNING.match(data) is not None


def parse_lfs_pointer(data: bytes, name: bytes | str) -> LfsPointer:
    """What a pointer of Git LFS says.

    Raises:
        MalformedContent: it is none, or the content that it means went through a program on its way.
    """
    facts: dict[str, str] = {}
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        key, _, value = line.partition(" ")
        if key.startswith("ext-"):
            raise _malformed(name, "its content went through the extension " + display(key[4:]))
        if key in facts:
            raise _malformed(name, f"{display(key)} stands there twice")
        facts[key] = value
    found = _SHA256.fullmatch(facts.get(_NAME, ""))
    if not is_lfs_pointer(data) or found is None:
        raise _malformed(name, "it names no SHA-256")
    if _SIZE.fullmatch(facts.get("size", "")) is None:
        raise _malformed(name, "it says no size")
    return LfsPointer(found[1], int(facts["size"]))


def object_key(sha256: str) -> str:
    """Where the object lies below the folder in which Git LFS keeps them."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def without_lfs(attributes: bytes) -> bytes:
    """The content of a `.gitattributes` without what gives files to Git LFS; every other byte stays."""
    kept = []
    for line in attributes.splitlines(keepends=True):
        words = line.decode("utf-8", "surrogateescape").split()
        if "filter=lfs" not in words[1:] or words[0].startswith("#"):
            kept.append(line)
            continue
        others = [word for word in words[1:] if word not in _OURS]
        if others:
            pattern = line[: len(line) - len(line.lstrip())] + line.split()[0]
            end = line[len(line.rstrip(b"\r\n")) :]
            kept.append(b" ".join([pattern, *(word.encode("utf-8", "surrogateescape") for word in others)]) + end)
    return b"".join(kept)


def _malformed(name: bytes | str, why: str) -> MalformedContent:
    return MalformedContent(
        f"{display(name)} is no pointer of Git LFS that can be read: {why}", hint="look at it: git show :FILE"
    )
