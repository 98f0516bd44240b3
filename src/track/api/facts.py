"""Facts: what a `track://` URL asks for, and what fsspec is told of what is there."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote

from track.flows.pinned import Pinned
from track.model.canonical import canonical_json
from track.model.manifest import Entry


class Asked:
    """A path that was asked for: the path itself, what stood behind it, and what that means."""

    __slots__ = ("bare", "partitions", "query", "rev")

    def __init__(self, bare: str, query: str, rev: str | None, partitions: dict[str, str]) -> None:
        """Of the parts of a URL."""
        self.bare, self.rev, self.partitions = bare, rev, partitions
        self.query = quote(query, safe="?&=%@:+,~^{}") if query else ""


def right_in(asked: Asked, entries: Iterator[Entry]) -> Iterator[dict[str, Any]]:
    """What is right in a directory, of the entries of all of it, sorted."""
    last = None
    for entry in entries:
        first, slash, _ = entry.path.partition(b"/")
        name = f"{asked.bare}/{os.fsdecode(first)}{asked.query}"
        if slash or entry.mode == "d":
            if name != last:
                yield folder_of(name)
            last = name
        else:
            yield {"name": name, "size": entry.size, "type": "file", "digest": f"blake3:{entry.digest.hex()}"}


def fact_of(name: str, pinned: Pinned) -> dict[str, Any]:
    """What fsspec wants to know of what is pinned."""
    if pinned.is_directory:
        return folder_of(name)
    if pinned.entry is not None:
        size = pinned.entry.size
    else:  # a value, read as its JSON and a line's end
        size = len(canonical_json(pinned.pointer.value)) + 1
    return {"name": name, "size": size, "type": "file", "digest": str(pinned.digest)}


def folder_of(name: str) -> dict[str, Any]:
    """What fsspec wants to know of a folder."""
    return {"name": name, "size": 0, "type": "directory"}


def split_url(text: str) -> tuple[str, str]:
    """(the path, what stands from the last `?` on), where that is made of `key=value` and no pattern."""
    bare, mark, query = text.rpartition("?")
    pairs = query.split("&")
    if mark and all("=" in pair and not pair.startswith("=") and "/" not in pair.partition("=")[0] for pair in pairs):
        return bare, mark + query
    return text, ""


def rev_of(query: str, otherwise: str | None) -> str | None:
    """The revision behind a `?`."""
    return dict(parse_qsl(query[1:])).get("rev", otherwise)
