"""Segments: the text of a pointer, edited table by table, so that what was not meant stays byte for byte."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from track.errors import TrackError
from track.model import toml
from track.model.expressions import expression
from track.model.pointer import Pointer, dump_pointer, parse_pointer

_ORDER = ("artifact", "schema", "tags", "labels", "partitions", "based_on")
_HEADER = expression(r"""(?m)^[ \t]*\[{1,2}[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')""")


class _Segment(NamedTuple):
    """A stretch of the text that begins with the header of a table, or of one inside it."""

    name: str
    text: str


def edit(content: bytes, pointer: Pointer, *, labels: Mapping[str, Any], tags: Sequence[str]) -> bytes:
    """The text of a pointer file with these labels and tags; the other tables stay byte for byte as they are.

    `pointer` is what `content` says. A file that is written in so strange a way that this cannot be done is written
    anew, and says the same.
    """
    wanted = replace(pointer, labels=labels, tags=tuple(tags))
    new_labels = toml.table("labels", wanted.labels)
    changes_labels = new_labels != toml.table("labels", pointer.labels)  # as text: in Python, 1 equals true
    if not changes_labels and wanted.tags == pointer.tags:
        return content
    if content == dump_pointer(pointer):  # as track writes it: so is the one that is wanted
        return dump_pointer(wanted)
    segments = _segments(content.decode("utf-8"))
    if changes_labels:
        segments = _put(segments, "labels", new_labels if wanted.labels else "")
    if wanted.tags != pointer.tags:
        rows = dict.fromkeys(wanted.tags, True)
        segments = _put(segments, "tags", toml.table("tags", rows) if rows else "")
    edited = "".join(segment.text for segment in segments).encode("utf-8")
    try:
        if parse_pointer(edited, "edited") == wanted:
            return edited
    except TrackError:
        pass  # a header that was none, inside a text of several lines
    return dump_pointer(wanted)


def _segments(text: str) -> list[_Segment]:
    headers = list(_HEADER.finditer(text))
    ends = [*(found.start() for found in headers[1:]), len(text)]
    begins = [0, *ends[:-1]]
    return [
        _Segment(found[1] or found[2] or found[3] or "", text[begin:end])
        for found, begin, end in zip(headers, begins, ends, strict=True)
    ]


def _put(segments: list[_Segment], name: str, table: str) -> list[_Segment]:
    """The segments with this table in place of those of its name, or where it belongs."""
    at = next((place for place, segment in enumerate(segments) if segment.name == name), None)
    rest = [segment for segment in segments if segment.name != name]
    if at is None:
        after = _ORDER[: _ORDER.index(name)]
        at = 1 + max((place for place, segment in enumerate(rest) if segment.name in after), default=0)
    before, behind = rest[:at], rest[at:]
    if table:
        before = [*before, _Segment(name, _spaced(table, before, behind))]
    elif not behind and before:
        last = before[-1]
        before[-1] = last._replace(text=last.text.rstrip("\n") + "\n")
    return [*before, *behind]


def _spaced(table: str, before: list[_Segment], behind: list[_Segment]) -> str:
    """A table with one empty line around it."""
    text = table.lstrip("\n")
    if before and not before[-1].text.endswith("\n\n"):
        text = "\n" * (1 if before[-1].text.endswith("\n") else 2) + text
    return text + "\n" if behind and not behind[0].text.startswith("\n") else text
