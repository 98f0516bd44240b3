"""Declaration: what is agreed of a named artifact before its versions: its keys, its time, its type.

    # .track/artifacts/rides/@declaration.toml
    [declaration]
    keys = ["region"]
    time = "day"
    type = "text/csv"

Fixed order, a fact a line; what is not agreed is not there, and what a later version wrote is kept.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import tomli

from track.errors import ConflictedPointer, MalformedPointer, NewerFormat, UsageError
from track.model import toml
from track.model.expressions import expression
from track.model.moments import GRANULARITIES, floored, moment_of
from track.model.names import beside_versions, display, typed

FILE = b"declaration.toml"
KEYS_LIMIT = 10
TIME = "time"
"""The key under which the time of a partition stands."""
RESERVED = ("alias", "domain", "latest", "name", "partitions", "project", "tag", "time", "time_partition", "version")
"""What no key may be called: these words have a meaning beside keys, here or in Flyte."""

_KEY = expression(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_CONFLICT = expression(rb"^(?:<<<<<<<|=======|>>>>>>>)", re.MULTILINE)
_OURS = ("format", "keys", "time", "strict", "type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is agreed of a named artifact.

    `keys` are its partition keys in the order in which they lie on disk, `time` the granularity of its time (None: it
    has no time). With `strict` a version must give every key. `type` is the media type of versions that say none.

    Raises:
        ValueError: it cannot be; every reason is named.
    """

    keys: tuple[str, ...] = ()
    time: str | None = None
    strict: bool = False
    type: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that these facts go together."""
        problems = tuple(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def order(self) -> tuple[str, ...]:
        """All keys in the order in which they lie on disk; the time is the last."""
        return (*self.keys, TIME) if self.time is not None else self.keys


def declaration_path(name: str) -> bytes:
    """Where the declaration of a named artifact lies. Raises UsageError for what is no name."""
    return beside_versions(name, FILE)


def dump_declaration(declaration: Declaration) -> bytes:
    """The bytes of its file, of which there is one spelling."""
    facts: dict[str, object] = {"keys": list(declaration.keys)}
    if declaration.time is not None:
        facts["time"] = declaration.time
    if declaration.strict:
        facts["strict"] = True
    if declaration.type is not None:
        facts["type"] = declaration.type
    return toml.table("declaration", facts | dict(declaration.extra), ordered=True).lstrip("\n").encode("utf-8")


def parse_declaration(data: bytes, path: bytes) -> Declaration:
    """The declaration in the bytes of the file at `path`.

    Raises:
        NewerFormat: a later version of track wrote it.
        ConflictedPointer: a merge left both sides in it.
        MalformedPointer: it is not what `dump_declaration` writes, or says what cannot be.
    """
    try:
        document = toml.parse(data)
    except (ValueError, RecursionError, tomli.TOMLDecodeError) as error:
        if _CONFLICT.search(data) is not None:
            raise ConflictedPointer(
                f"a merge conflict is in {display(path)}",
                hint=f"write into it what both sides agreed, then: git add {typed(path)}",
            ) from None
        raise _malformed(path, f"is not TOML: {error}") from None
    facts = document.get("declaration")
    if not isinstance(facts, dict):
        raise _malformed(path, "has no table [declaration]")
    version = facts.get("format", 1)
    if isinstance(version, int) and version > 1:
        raise NewerFormat(
            f"{display(path)} has format {version}; this version of track reads format 1",
            hint="upgrade track: pip install --upgrade track-data",
        )
    keys, time, strict, kind = facts.get("keys", []), facts.get("time"), facts.get("strict", False), facts.get("type")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _malformed(path, "keys is not a list of text")
    if not isinstance(time, str | None) or not isinstance(kind, str | None) or not isinstance(strict, bool):
        raise _malformed(path, "time and type are text, and strict is true or false")
    extra = {name: fact for name, fact in facts.items() if name not in _OURS}
    try:
        return Declaration(keys=tuple(keys), time=time, strict=strict, type=kind, extra=extra)
    except ValueError as error:
        raise _malformed(path, str(error)) from None


def partition_text(key: str, value: object) -> str:
    """The text that a value of a partition is: text itself, of numbers and truth values as in JSON, of dates ISO.

    Raises:
        UsageError: it is none of these, empty, or holds what cannot be seen.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return moment_of(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise UsageError(
            f"the partition {display(key)} is a {type(value).__name__}",
            hint="a partition is text; numbers, true, false and dates are written as text",
        )
    return _visible(value, f"the partition {display(key)}")


def artifact_name(text: str) -> str:
    """The name of a named artifact as a person may give it, in Unicode's composed form.

    Raises:
        UsageError: a part is empty or no name, or it holds what is neither a letter, a digit nor one of `._-` and
            blanks inside.
    """
    if not text:
        raise UsageError("not a name for an artifact: it is empty", hint="a name such as rides, or models/churn")
    name = _visible(text, "the name")
    for letter in name:
        if unicodedata.category(letter)[0] not in "LMN" and letter not in "._-/ ":
            raise UsageError(
                f"not a name for an artifact: '{display(text)}' has `{display(letter)}` in it",
                hint="letters, digits and . _ - make a name, with / between its parts; partitions are given apart",
            )
    if any(part != part.strip() for part in name.split("/")):
        raise UsageError(f"not a name for an artifact: '{display(text)}' has a blank at an end", hint="leave it out")
    beside_versions(name, FILE)
    return name


def alias_name(text: str) -> str:
    """The alias of a version as a person may give it: one part of a name, and none of the words that mean a version.

    Raises:
        UsageError: it is none.
    """
    alias = artifact_name(text)
    if "/" in alias or alias.lower() in ("latest", "head"):
        raise UsageError(f"not an alias: '{display(text)}'", hint="an alias is one word such as prod, and not `latest`")
    return alias


def ordered(declaration: Declaration, given: Mapping[str, object], time: str | date | None = None) -> dict[str, str]:
    """The partitions that a person gave, as text, the time floored, in the order in which they lie on disk.

    Raises:
        UsageError: a key is not among those declared, or a value cannot be.
    """
    known = set(declaration.order)
    found: dict[str, str] = {}
    for key, value in given.items():
        if key == TIME and time is None and declaration.time is not None and isinstance(value, str | date):
            time = value
        elif key in known - {TIME}:
            found[key] = partition_text(key, value)
        else:
            raise UndeclaredKey(key)
    if time is not None:
        if declaration.time is None:
            raise UndeclaredKey(TIME)
        found[TIME] = floored(time, declaration.time)
    return {key: found[key] for key in declaration.order if key in found}


class UndeclaredKey(Exception):
    """A partition key that an artifact does not have; whoever knows its name says so to a person."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def check_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """The keys as given.

    Raises:
        UsageError: there are more than ten, one is twice there, reserved, or no word.
    """
    found = tuple(keys)
    problems = tuple(_key_problems(found))
    if problems:
        raise UsageError("; ".join(problems), hint="a key is a word such as region; an artifact has at most ten")
    return found


def trouble_of_key(key: str) -> str | None:
    """Why nothing can be partitioned by such a key; None where it can."""
    return next(_key_problems((key,)), None)


def _visible(text: str, what: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not UTF-8: '{display(text)}'", hint="write it in letters") from None
    if not text:
        raise UsageError(f"{what} is empty", hint="give it, or leave it out")
    if not text.isprintable():
        raise UsageError(
            f"{what} holds a character that cannot be seen: '{display(text)}'", hint="leave that character out"
        )
    return unicodedata.normalize("NFC", text)


def _key_problems(keys: tuple[str, ...]) -> Iterator[str]:
    if len(keys) > KEYS_LIMIT:
        yield f"{len(keys)} partition keys, more than {KEYS_LIMIT}"
    for key in dict.fromkeys(keys):
        if key.lower() in RESERVED:
            yield f"`{display(key)}` is reserved and cannot be a partition key"
        elif _KEY.fullmatch(key) is None:
            yield f"`{display(key)}` cannot be a partition key: it is no word of a-z, 0-9, _ and -"
        if keys.count(key) > 1:
            yield f"the partition key `{display(key)}` is there {keys.count(key)} times"


def _problems(declaration: Declaration) -> Iterator[str]:
    yield from _key_problems(declaration.keys)
    if declaration.time is not None and declaration.time not in GRANULARITIES:
        yield f"time is {declaration.time!r}, not one of {', '.join(GRANULARITIES)}"


def _malformed(path: bytes, why: str) -> MalformedPointer:
    return MalformedPointer(
        f"{display(path)} {display(why)}", hint=f"git checkout HEAD -- {typed(path)}   brings the committed one back"
    )
