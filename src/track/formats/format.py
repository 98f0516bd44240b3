"""Format: one way between a Python object and bytes, and how it says that it cannot."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from track.errors import MalformedContent, NoFormat


class Format(NamedTuple):
    """One way between objects and bytes: `write` gives the bytes of an object that it `takes`, `read` the object.

    `type` is the media type that stands in records, `suffix` what a file of it ends with. `write` raises, ValueError
    for instance, what would not come back as it was; `read` what is something else; what it says is told.
    `maps` says that `read` also takes the path of a file, and maps it into memory. What `runs` calls what its bytes
    name, as pickle does, and is only used by who allows that, on both sides.
    """

    type: str
    suffix: str
    takes: Callable[[object], bool]
    write: Callable[[object], bytes]
    read: Callable[[bytes | Path], object]
    maps: bool = False
    runs: bool = False


def kind_of(obj: object) -> str:
    """The type of an object as people say it: `numpy.ndarray`, `dict`."""
    cls = type(obj)
    top = cls.__module__.partition(".")[0]
    return cls.__qualname__ if top == "builtins" else f"{top}.{cls.__qualname__}"


def cannot_keep(obj: object, why: str) -> NoFormat:
    """The error for an object that a format would change, or cannot write."""
    return NoFormat(
        f"this {kind_of(obj)} cannot be kept: {why}",
        hint="save it as a file in a format of your choice, or with allow_pickle=True",
    )


def not_this(type: str, why: object, of: str | None = None, bare: str = "") -> MalformedContent:
    """The error for content, that of what `of` names, that is not of its type; `bare` is how its bytes are had."""
    hint = f"its bytes as they are: {bare}" if bare else None
    return MalformedContent(f"{of or 'the content'} is no {type}: {why}", hint=hint)


def bytes_of(content: bytes | Path) -> bytes:
    """The content, read when it is a file."""
    return content if isinstance(content, bytes) else content.read_bytes()
