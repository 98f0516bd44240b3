"""Series: the points of metrics and the events that a run logged, as columns in one object.

Columns are arrays of 8 bytes a cell in little-endian order. Whole numbers are written as differences to the one
before, then the first bytes of all cells, then the second bytes, and so on, and that is compressed with zlib: like
next to like, as in Blosc and Parquet. The standard library reads and writes it, a million points in 8 MB.
"""

import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from typing import Any, NamedTuple, TypeAlias

from track.errors import MalformedSeries, NewerFormat
from track.model.canonical import canonical_json, parse_json
from track.model.record import Summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    Whole: TypeAlias = "array[int]"
    Numbers: TypeAlias = "array[float]"
else:  # no Python before 3.12 knows what is in an array, and whoever asks for the types of `Points` has to get some
    Whole = Numbers = array

NAME_LIMIT = 255
"""Bytes of a metric's name at most."""
MAGIC = b"track-series "
_VERSION = b"1"
_LEVEL = 6
_CELL = 8
_RATIO_LIMIT = 1100
"""zlib makes no more than 1,032 bytes of one; what claims more is not worth a try."""
_HEAD_LIMIT = 64 << 20


class Point(NamedTuple):
    """One value of a metric: its step, the time since the run began in seconds, and when, in µs since 1970 (UTC)."""

    step: int
    time: float
    stamp: int
    value: float


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one metric in the order in which they were logged, as columns of equal length.

    `steps` and `stamps` (µs since 1970, UTC) are whole numbers of 64 bits, `times` (seconds since the run began) and
    `values` floating-point numbers.
    """

    steps: Whole
    stamps: Whole
    times: Numbers
    values: Numbers

    def __len__(self) -> int:
        """How many points there are."""
        return len(self.values)

    def __iter__(self) -> Iterator[Point]:
        """The points, one by one."""
        return map(Point, self.steps, self.times, self.stamps, self.values)

    @property
    def summary(self) -> Summary:
        """What a record says of them. ValueError when there are none."""
        try:
            mean = math.fsum(self.values) / len(self)
        except OverflowError:
            mean = math.fsum(value / len(self) for value in self.values)
        return Summary(self.values[-1], min(self.values), max(self.values), mean, len(self))


class Event(NamedTuple):
    """Something that a run said: when, in µs since 1970 (UTC), and what."""

    stamp: int
    text: str


def points_of(rows: Iterable[Point]) -> Points:
    """Points as columns. Raises OverflowError for a step or stamp of more than 64 bits."""
    listed = list(rows)
    return Points(
        array("q", [row.step for row in listed]),
        array("q", [row.stamp for row in listed]),
        array("d", [row.time for row in listed]),
        array("d", [row.value for row in listed]),
    )


def is_metric_name(name: str) -> bool:
    """Whether `name` may be that of a metric: text of one line without blanks at its ends, at most 255 bytes."""
    return (
        name.isprintable()
        and bool(name)
        and name == name.strip()
        and len(name) <= NAME_LIMIT
        and len(name.encode("utf-8")) <= NAME_LIMIT
    )


def dump_points(metrics: Mapping[str, Points], origin: int) -> bytes:
    """The object of these metrics; `origin` is when the run began, in µs since 1970."""
    blocks: list[bytes] = []
    listed: list[dict[str, object]] = []
    for name in sorted(metrics):
        points = metrics[name]
        columns = (
            ("steps", *_whole(points.steps)),
            ("stamps", *_whole(points.stamps)),
            ("times", *_times(points, origin)),
            ("values", "plain", _packed(points.values)),
        )
        listed.append({"name": name, "count": len(points), "columns": _listed(columns)})
        blocks += [block for _, _, block in columns]
    return _with_head({"kind": "points", "origin": str(origin), "metrics": listed}, blocks)


def parse_points(data: bytes, name: str = "the object") -> dict[str, Points]:
    """The metrics in an object, by name; `name` is only for messages.

    Raises:
        NewerFormat: a later version of track wrote it.
        MalformedSeries: it is no such object.
    """
    head, body = _head_of(data, name, "points")
    try:
        blocks = _Blocks(body)
        origin = int(head["origin"])
        found: dict[str, Points] = {}
        for row in head["metrics"]:
            columns = _columns(row, blocks)
            stamps = _whole_of(columns["stamps"])
            points = Points(
                _whole_of(columns["steps"]),
                stamps,
                _times_of(columns["times"], stamps, origin),
                _floats(_raw(columns["values"])),
            )
            if not is_metric_name(row["name"]) or row["name"] in found or not len(points):
                raise ValueError(f"the metric {row['name']!r}")
            found[row["name"]] = points
        blocks.end()
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, zlib.error) as error:
        raise _malformed(name, error) from None
    return found


def dump_events(events: Sequence[Event]) -> bytes:
    """The object of these events, in their order."""
    texts = [event.text.encode("utf-8", "backslashreplace") for event in events]
    columns = (
        ("stamps", *_whole(array("q", [event.stamp for event in events]))),
        ("lengths", *_whole(array("q", map(len, texts)))),
    )
    text = zlib.compress(b"".join(texts), _LEVEL)
    head = {
        "kind": "events",
        "count": len(events),
        "columns": _listed(columns),
        "text": [sum(map(len, texts)), len(text)],
    }
    return _with_head(head, [*(block for _, _, block in columns), text])


def parse_events(data: bytes, name: str = "the object") -> tuple[Event, ...]:
    """The events in an object, in their order; `name` is only for messages.

    Raises:
        NewerFormat: a later version of track wrote it.
        MalformedSeries: it is no such object.
    """
    head, body = _head_of(data, name, "events")
    try:
        blocks = _Blocks(body)
        columns = _columns(head, blocks)
        stamps, lengths = _whole_of(columns["stamps"]), _whole_of(columns["lengths"])
        size, stored = head["text"]
        text = _inflated(blocks.take(stored), size)
        blocks.end()
        if min(lengths, default=0) < 0 or sum(lengths) != size:
            raise ValueError("lengths")
        ends = list(accumulate(lengths))
        return tuple(
            Event(stamp, text[end - length : end].decode("utf-8"))
            for stamp, length, end in zip(stamps, lengths, ends, strict=True)
        )
    except (ValueError, KeyError, TypeError, OverflowError, zlib.error) as error:
        raise _malformed(name, error) from None


# ---- columns ----


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as it is stored: how it is spelled, how many cells it has, its bytes."""

    spelling: str
    count: int
    block: bytes


class _Blocks:
    """The blocks behind a head, in their order."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        if not isinstance(size, int) or not 0 <= size <= len(self._body) - self._at:
            raise ValueError("a column is cut off")
        self._at += size
        return bytes(self._body[self._at - size : self._at])

    def end(self) -> None:
        if self._at != len(self._body):
            raise ValueError("more follows than it tells")


def _columns(row: Mapping[str, Any], blocks: _Blocks) -> dict[str, _Column]:
    count = row["count"]
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError("count")
    return {name: _Column(spelling, count, blocks.take(size)) for name, spelling, size in row["columns"]}


def _listed(columns: Iterable[tuple[str, str, bytes]]) -> list[list[object]]:
    return [[name, spelling, len(block)] for name, spelling, block in columns]


def _whole(numbers: "array[int]") -> tuple[str, bytes]:
    """Whole numbers as differences; as they are where a difference has more than 64 bits."""
    if not numbers:
        return "plain", _packed(numbers)
    try:
        return "steps", _packed(array("q", [numbers[0], *map(sub, numbers[1:], numbers)]))
    except OverflowError:
        return "plain", _packed(numbers)


def _whole_of(column: _Column) -> "array[int]":
    cells = array("q", _native(_raw(column)))
    if column.spelling == "steps":
        return array("q", accumulate(cells))
    if column.spelling == "plain":
        return cells
    raise ValueError(f"the spelling {column.spelling!r}")


def _times(points: Points, origin: int) -> tuple[str, bytes]:
    """Seconds since the run began: how far they are from the stamps in µs, where that says them exactly."""
    try:
        micros = [round(time * 1e6) for time in points.times]
        offsets = array("q", [micro - (stamp - origin) for micro, stamp in zip(micros, points.stamps, strict=True)])
    except (OverflowError, ValueError):
        return "plain", _packed(points.times)
    if array("d", [micro / 1e6 for micro in micros]) != points.times:
        return "plain", _packed(points.times)
    spelling, block = _whole(offsets)
    return ("behind", block) if spelling == "steps" else ("plain", _packed(points.times))


def _times_of(column: _Column, stamps: "array[int]", origin: int) -> "array[float]":
    if column.spelling == "plain":
        return _floats(_raw(column))
    if column.spelling != "behind":
        raise ValueError(f"the spelling {column.spelling!r}")
    offsets = accumulate(array("q", _native(_raw(column))))
    return array("d", [(offset + (stamp - origin)) / 1e6 for offset, stamp in zip(offsets, stamps, strict=True)])


def _packed(cells: "array[int] | array[float]") -> bytes:
    raw = _native(cells.tobytes())
    return zlib.compress(b"".join(raw[place::_CELL] for place in range(_CELL)), _LEVEL)


def _raw(column: _Column) -> bytes:
    """The cells of a column, side by side again."""
    planes = _inflated(column.block, column.count * _CELL)
    raw = bytearray(len(planes))
    for place in range(_CELL):
        raw[place::_CELL] = planes[place * column.count : (place + 1) * column.count]
    return bytes(raw)


def _inflated(block: bytes, size: int) -> bytes:
    if not isinstance(size, int) or not 0 <= size <= len(block) * _RATIO_LIMIT:
        raise ValueError("a column is shorter than it tells")
    inflating = zlib.decompressobj()
    found = inflating.decompress(block, size + 1)
    if len(found) != size or not inflating.eof or inflating.unused_data:
        raise ValueError("a column has another length than it tells")
    return found


def _floats(raw: bytes) -> "array[float]":
    cells = array("d", _native(raw))
    if not all(map(math.isfinite, cells)):
        raise ValueError("a number that is not finite")
    return cells


def _native(raw: bytes) -> bytes:
    """Cells in this machine's order, or from it."""
    if struct.pack("=H", 1) == struct.pack("<H", 1):
        return raw
    cells = array("q", raw)
    cells.byteswap()
    return cells.tobytes()


# ---- head ----


def _with_head(head: Mapping[str, object], blocks: Iterable[bytes]) -> bytes:
    return b"".join((MAGIC, _VERSION, b"\n", canonical_json(head), b"\n", *blocks))


def _head_of(data: bytes, name: str, kind: str) -> tuple[dict[str, Any], memoryview]:
    first = data.find(b"\n")
    if not data.startswith(MAGIC) or not 0 < first <= len(MAGIC) + 20:
        raise _malformed(name, "it does not begin as one")
    version = data[len(MAGIC) : first]
    if version != _VERSION:
        raise NewerFormat(
            f"{name} has format {version.decode('ascii', 'replace')}; this version of track reads format 1",
            hint="upgrade track: pip install --upgrade track-data",
        )
    end = data.find(b"\n", first + 1, first + 1 + _HEAD_LIMIT)
    try:
        head = parse_json(data[first + 1 : max(end, 0)].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _malformed(name, error) from None
    if not isinstance(head, dict) or head.get("kind") != kind:
        raise _malformed(name, f"it holds no {kind}")
    return head, memoryview(data)[end + 1 :]


def _malformed(name: str, why: object) -> MalformedSeries:
    return MalformedSeries(
        f"{name} is not what a run logged: {why}", hint="bring it again: track fetch, or track verify to see more"
    )
