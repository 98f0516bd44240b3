"""Cards: what people write about a named artifact or a partition of it, in Markdown, beside its pointers."""

from collections.abc import Mapping
from typing import NamedTuple

from track.errors import UsageError
from track.flows.named import text_at
from track.flows.sides import Side
from track.model.names import beside_versions, display
from track.project import Project

CARD_LIMIT = 1 << 20
"""A card has at most so many bytes; it is read by people, and lies in Git."""

_FILE = b"card.md"


class Card(NamedTuple):
    """A card: its text, the path of its file, and the partitions that it is about (none: the whole artifact)."""

    text: str
    path: bytes
    partitions: dict[str, str]


def card_path(name: str, partitions: Mapping[str, str]) -> bytes:
    """Where the card of an artifact, or of a partition of it, lies."""
    return beside_versions(name, _FILE, partitions)


def card_bytes(text: str) -> bytes:
    """A card's text as it lies in its file: UTF-8, ending with a line feed.

    Raises:
        UsageError: it is empty, too large, or no text.
    """
    try:
        content = text.rstrip("\n").encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        raise UsageError("the card is not UTF-8", hint="a card is text, written in Markdown") from None
    if content == b"\n":
        raise UsageError("the card is empty", hint="track card NAME --remove     takes a card away")
    if len(content) > CARD_LIMIT:
        raise UsageError(
            f"the card has {len(content):,} bytes, more than {CARD_LIMIT:,}",
            hint="put what is long as an artifact of its own, and name it in the card",
        )
    return content


def card_of(project: Project, side: Side, name: str, partitions: Mapping[str, str]) -> Card | None:
    """The card of these partitions at a side, else of fewer of them, at last of the whole artifact; None without one.

    Raises:
        UsageError: its file is no text.
    """
    left = dict(partitions)
    while True:
        path = card_path(name, left)
        if (content := text_at(project, side, path)) is not None:
            try:
                return Card(content.decode("utf-8"), path, left)
            except UnicodeDecodeError:
                raise UsageError(f"{display(path)} is not UTF-8", hint="a card is text, written in Markdown") from None
        if not left:
            return None
        left.popitem()
