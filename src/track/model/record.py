"""Record: what is known for good about one run: who executed what, with which code, from what, and what came out.

A record never changes once it is in the Git history; what people say later about what a run made are labels of
pointers. How a record stands in a file is in `record_file`.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from track.model.amounts import NUMBER_LIMIT
from track.model.digest import Digest
from track.model.names import RUNS, name_of, text_of
from track.model.run_words import (
    CATEGORIES,
    ENDED,
    HOWS,
    LIVING,
    LOGS,
    PACKAGES,
    is_folder,
    is_run_id,
    is_run_name,
)


class Used(NamedTuple):
    """An artifact that a run used or made: a tracked path (`path`), or something saved to the run alone (`name`).

    `kind` is file or directory, `size` in bytes. `how` is one of HOWS. `address` says where it came from or went to
    outside, for what was mapped: kind of place -> address. `metadata` is what people say of it: text, numbers and truth
    values by name.
    """

    category: str
    digest: Digest
    size: int
    path: bytes | None = None
    name: str | None = None
    kind: str = "file"
    type: str | None = None
    how: str = "declared"
    address: tuple[tuple[str, str], ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()

    @property
    def shown(self) -> str:
        """The path or name, as text."""
        return text_of(self.path) if self.path is not None else self.name or ""

    @property
    def called(self) -> str:
        """What a person calls it: as `shown`, but a named artifact by its name and partitions."""
        return (name_of(self.path) if self.path is not None else None) or self.shown

    @property
    def is_log(self) -> bool:
        """Whether it is what a command said: of its own run, or with the run before a slash, of another."""
        return self.path is None and self.shown.rpartition("/")[2] in LOGS


class Revision(NamedTuple):
    """The code that a run saw.

    `commit` is what was checked out (None before the first), `tree` the Git tree of the working directory without
    pointers, records, ignore and attribute files; `dirty` says whether that differs from the commit's. `code` is the
    same tree as a directory artifact, `patch` what differs as text. `omitted` are files left out of it.
    """

    commit: str | None
    tree: str
    dirty: bool
    code: Digest | None = None
    patch: Digest | None = None
    omitted: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric in short: its last, least, greatest and mean value, and how many were logged."""

    last: float
    min: float
    max: float
    mean: float
    count: int


@dataclass(frozen=True, slots=True)
class Series:
    """Points or events kept as one object: how many, how many were dropped by a full queue, and where."""

    count: int
    object: Digest
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run; a draft while it lives, for good when it has ended.

    Times are aware, in UTC, to the microsecond; `seconds` is how long it took by a clock that nobody sets. `by` is
    Git's identity of who started it. `exit` is the command's code, None for a run inside a program. `metadata` and
    `params` hold text, numbers and truth values. `environment` holds text, truth values, lists of text, and for
    `packages` the digest of the list. `alerts` say in which state each was left. `extra` keeps what a later version
    wrote.

    Raises:
        ValueError: it cannot be; every reason is named.
    """

    id: str
    name: str
    status: str
    started: datetime
    ended: datetime | None = None
    seconds: float | None = None
    folder: str = "/"
    by: str = ""
    command: tuple[str, ...] = ()
    cwd: str = "."
    exit: int | None = None
    task: str | None = None
    parent: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    revision: Revision | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Summary] = field(default_factory=dict)
    points: Series | None = None
    events: Series | None = None
    alerts: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Used, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put the artifacts in order, and check that these facts go together."""
        order = sorted(set(self.artifacts), key=_place_in_file)
        object.__setattr__(self, "artifacts", tuple(order))
        problems = tuple(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def has_ended(self) -> bool:
        """Whether it is no draft any more."""
        return self.status in ENDED

    @property
    def short(self) -> str:
        """The last 8 hex digits of the id, for people."""
        return self.id[-8:]

    def named(self) -> Iterator[tuple[Digest, str, int]]:
        """Every digest in it that stands for bytes, each once, with its kind (file or directory) and size, 0 where it
        is not said: artifacts, the code and its patch, the lists of packages, series and events.
        """
        found = {used.digest: (used.kind, used.size) for used in self.artifacts}
        if self.revision is not None and self.revision.code is not None:
            found.setdefault(self.revision.code, ("directory", 0))
        others = [self.revision.patch if self.revision is not None else None]
        others += [series.object for series in (self.points, self.events) if series is not None]
        for name in PACKAGES:
            if isinstance(packages := self.environment.get(name), str):
                with suppress(ValueError):  # what a later version says there
                    others.append(Digest.parse(packages))
        for digest in others:
            if digest is not None:
                found.setdefault(digest, ("file", 0))
        yield from ((digest, kind, size) for digest, (kind, size) in found.items())

    def of(self, category: str) -> tuple[Used, ...]:
        """The artifacts of one category, in their order."""
        return tuple(used for used in self.artifacts if used.category == category)


def run_id(now_ms: int, noise: bytes) -> str:
    """A UUIDv7 (RFC 9562) from a time in ms since 1970 and 10 random bytes; later times sort later."""
    if len(noise) != 10 or not 0 <= now_ms < 1 << 48:
        raise ValueError("a run id is made of 48 bits of time and 10 random bytes")
    raw = bytearray(now_ms.to_bytes(6, "big") + noise)
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def record_path(run: str, started: datetime) -> bytes:
    """Where the record of a run lies: by month, its name sorts by time and is never used twice."""
    at = started.astimezone(UTC)
    return RUNS + f"{at:%Y}/{at:%m}/{at:%Y%m%dT%H%M%SZ}-{run[-8:]}.toml".encode("ascii")


def _place_in_file(used: Used) -> tuple[Any, ...]:
    # Total, so that one run has one record: what compares equal here is equal, and a set has no order of its own.
    place = used.category, used.path is None, used.path or b"", used.name or "", used.digest, used.how
    content = used.kind, used.size, used.type is None, used.type or ""
    return *place, *content, used.address, tuple(map(repr, used.metadata))


def _problems(record: Record) -> Iterator[str]:
    if not is_run_id(record.id):
        yield f"id {record.id!r} is not a UUIDv7"
    if record.parent is not None and not is_run_id(record.parent):
        yield f"parent {record.parent!r} is not a UUIDv7"
    if not is_run_name(record.name):
        yield f"name {record.name!r} is not letters, digits, blanks and -_/.:"
    if not is_folder(record.folder):
        yield f"folder {record.folder!r} does not begin with a slash, or has an empty part"
    if record.status not in LIVING + ENDED:
        yield f"status is {record.status!r}, not one of {', '.join(LIVING + ENDED)}"
    for name, when in (("started", record.started), ("ended", record.ended)):
        if when is not None and when.utcoffset() is None:
            yield f"{name} has no time zone"
    for table, facts in (("metadata", record.metadata), ("params", record.params)):
        for name, fact in facts.items():
            if not isinstance(fact, str | int | float | bool):
                yield f"{name} in [{table}] is neither text, a number nor a truth value"
    for used in record.artifacts:
        yield from (f"{used.shown or used.category} {why}" for why in _troubles(used))


def _troubles(used: Used) -> Iterator[str]:
    if used.category not in CATEGORIES:
        yield f"has the category {used.category!r}, not one of {', '.join(CATEGORIES)}"
    if (used.path is None) == (used.name is None):
        yield "has neither a path nor a name, or both"
    if used.kind not in ("file", "directory"):
        yield f"is a {used.kind!r}, not a file or directory"
    if used.how not in HOWS:
        yield f"is known as {used.how!r}, not one of {', '.join(HOWS)}"
    if not 0 <= used.size <= NUMBER_LIMIT:
        yield f"has a size of {used.size}"
    for name, fact in used.metadata:
        if not isinstance(fact, str | int | float | bool):
            yield f"has metadata {name} that is neither text, a number nor a truth value"
