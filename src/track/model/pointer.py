"""Pointer: the TOML file that stands for one version of an artifact.

The reader takes any TOML that says the right things, and keeps what it does not know; the writer has one spelling. It
begins with `[artifact]`; its tables come in the order artifact, schema, tags, labels, partitions, based_on, others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomli

from track.errors import ConflictedPointer, MalformedPointer, NewerFormat, NotAPointer
from track.model import toml
from track.model.amounts import NUMBER_LIMIT
from track.model.canonical import canonical_json, parse_json
from track.model.digest import Digest, digest_of
from track.model.expressions import expression
from track.model.names import display, path_of, text_of, typed

KINDS = ("file", "directory", "value")
POINTER_LIMIT = 1 << 20

_BEGINNING = expression(rb"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*\[[ \t]*artifact[ \t]*\]")
_OURS = ("kind", "digest", "size", "executable", "files", "rows", "value", "json", "type", "run")
_TABLES = ("artifact", "schema", "tags", "labels", "partitions", "based_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One version of an artifact.

    `size` is in bytes: of the file, or of all files of a directory; 0 for a value. `executable` is a file's bit (files
    inside a directory have theirs in the manifest). `files` (files and links) is there
    for directories alone, `value` for values. `labels` hold whatever TOML can say; `based_on` is path -> digest.
    `extra` keeps what a later version wrote: table -> its content, and under "artifact" the unknown keys of that table.

    Raises:
        ValueError: it cannot be; every reason is named.
    """

    kind: str
    digest: Digest
    size: int = 0
    executable: bool = False
    files: int | None = None
    rows: int | None = None
    value: object = None
    type: str | None = None
    run: str | None = None
    tags: tuple[str, ...] = ()
    schema: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    partitions: Mapping[str, str] = field(default_factory=dict)
    based_on: Mapping[bytes, Digest] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put the tags in order, and check that these facts go together."""
        object.__setattr__(self, "tags", tuple(sorted(set(self.tags))))
        problems = tuple(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))


def parse_pointer(data: bytes, name: bytes | str) -> Pointer:
    """The pointer in the bytes of a file; `name` is only for messages: its path from the top, or text as it stands.

    Raises:
        NotAPointer: it does not begin with `[artifact]`: somebody else's file.
        NewerFormat: a later version of track wrote it.
        MalformedPointer: it is not TOML, or what it says cannot be.
    """
    if _BEGINNING.match(data) is None:
        raise NotAPointer(
            f"not a pointer of track: {display(name)} does not begin with [artifact]",
            hint="it is left alone; to track the data beside it, rename it or the data"
            + (f"\nif it was a pointer: git checkout HEAD -- {typed(name)}" if isinstance(name, bytes) else ""),
        )
    document = _document(data, name)
    artifact = document["artifact"]
    if not isinstance(artifact, dict):
        raise _malformed(name, data, "artifact", "[artifact] is not a table")
    version = artifact.pop("format", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _malformed(name, data, "format", "format is not a number from 1 on")
    if version > 1:
        raise NewerFormat(
            f"{_line_of(name, data, 'format')} has format {version}; this version of track reads format 1",
            hint="upgrade track: pip install --upgrade track-data",
        )
    try:
        return _pointer(document)
    except _BadFact as error:
        raise _malformed(name, data, error.key, str(error)) from None
    except ValueError as error:
        key = str(error).partition(" ")[0]
        raise _malformed(name, data, key, str(error)) from None


def dump_pointer(pointer: Pointer) -> bytes:
    """The bytes of the pointer's file, of which there is one spelling. ValueError for what TOML cannot say."""
    artifact: dict[str, object] = {"kind": pointer.kind, "digest": str(pointer.digest)}
    if pointer.kind == "value":
        artifact.update(_value_fact(pointer.value))
    else:
        artifact["size"] = pointer.size
    if pointer.executable:
        artifact["executable"] = True
    optional = {"files": pointer.files, "rows": pointer.rows, "type": pointer.type, "run": pointer.run}
    artifact.update((name, fact) for name, fact in optional.items() if fact is not None)
    ordered = {name: artifact[name] for name in _OURS if name in artifact}
    ordered.update(pointer.extra.get("artifact", {}))
    parts = [toml.table("artifact", ordered, ordered=True).lstrip("\n")]
    for name, rows, keeps_order in (
        ("schema", pointer.schema, True),
        ("tags", dict.fromkeys(pointer.tags, True), False),
        ("labels", pointer.labels, False),
        ("partitions", pointer.partitions, True),
        ("based_on", {text_of(path): str(digest) for path, digest in pointer.based_on.items()}, False),
    ):
        if rows:
            parts.append(toml.table(name, rows, ordered=keeps_order))
    for name, content in pointer.extra.items():
        if name != "artifact":
            parts.extend(_extra_tables(name, content))
    return "".join(parts).encode("utf-8")


def value_digest(value: object) -> Digest:
    """The digest of a value artifact: over its RFC 8785 JSON. ValueError for what JSON cannot say."""
    return digest_of(canonical_json(value))


class _BadFact(ValueError):
    """A key of the file and what is wrong with it."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key} {why}")
        self.key = key


def _document(data: bytes, name: bytes | str) -> dict[str, Any]:
    if len(data) > POINTER_LIMIT:
        raise MalformedPointer(
            f"{display(name)} is larger than a pointer may be ({POINTER_LIMIT >> 20} MiB)", hint=_restoring(name)
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedPointer(f"{display(name)}, line {line}: not UTF-8", hint=_restoring(name)) from None
    try:
        return toml.read(text)
    except toml.LongKey as error:
        raise MalformedPointer(f"{display(name)} has {error}", hint=_restoring(name)) from None
    except RecursionError:
        raise MalformedPointer(f"{display(name)} is nested too deeply", hint=_restoring(name)) from None
    except tomli.TOMLDecodeError as error:
        mark = re.search("^(?:<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE)
        if mark is not None:
            line = text.count("\n", 0, mark.start()) + 1
            raise ConflictedPointer(
                f"{display(name)}, line {line}: a merge conflict is in it", hint=_taking_one_side(name)
            ) from None
        raise MalformedPointer(f"{display(name)} is not TOML: {display(str(error))}", hint=_restoring(name)) from None
    except ValueError as error:
        raise MalformedPointer(f"{display(name)} is not TOML: {display(str(error))}", hint=_restoring(name)) from None


def _restoring(name: bytes | str) -> str:
    return f"git checkout HEAD -- {typed(name)}   brings the committed one back"


def _taking_one_side(name: bytes | str) -> str:
    path = typed(name)
    return (
        f"track merge {path} --take ours\n"
        f"track merge {path} --take theirs\n"
        f"git checkout HEAD -- {path}   when Git is not merging"
    )


def _malformed(name: bytes | str, data: bytes, key: str, why: str) -> MalformedPointer:
    return MalformedPointer(f"{_line_of(name, data, key)}: {display(why)}", hint=_restoring(name))


def _line_of(name: bytes | str, data: bytes, key: str) -> str:
    """The file and the line on which a key stands; the file alone where that is not known."""
    pattern = rb"^[ \t]*\[{0,2}[\"']?" + re.escape(key.encode("utf-8", "replace")) + rb"\b"
    found = re.search(pattern, data, re.MULTILINE)
    return display(name) if found is None else f"{display(name)}, line {data[: found.start()].count(10) + 1}"


def _pointer(document: dict[str, Any]) -> Pointer:
    artifact = dict(document["artifact"])
    facts: dict[str, Any] = {"kind": _text(artifact, "kind"), "digest": _digest(artifact, "digest")}
    if facts["kind"] == "value":
        facts["value"] = _value(artifact)
    else:
        facts["size"] = _number(artifact, "size")
    if "executable" in artifact:
        facts["executable"] = _truth(artifact, "executable")
    for name in ("files", "rows"):
        if name in artifact:
            facts[name] = _number(artifact, name)
    for name in ("type", "run"):
        if name in artifact:
            facts[name] = _text(artifact, name)
    unknown = artifact
    based_on = _table(document, "based_on")
    extra: dict[str, Any] = {"artifact": unknown} if unknown else {}
    extra.update((name, content) for name, content in document.items() if name not in _TABLES)
    return Pointer(
        **facts,
        tags=_tags(document),
        schema=_texts(document, "schema"),
        labels=_table(document, "labels"),
        partitions=_texts(document, "partitions"),
        based_on={_path(name): _digest({name: fact}, name) for name, fact in based_on.items()},
        extra=extra,
    )


def _text(facts: dict[str, Any], key: str) -> str:
    fact = facts.pop(key, None)
    if not isinstance(fact, str):
        raise _BadFact(key, "is missing" if fact is None else "is not text")
    return fact


def _truth(facts: dict[str, Any], key: str) -> bool:
    fact = facts.pop(key)
    if not isinstance(fact, bool):
        raise _BadFact(key, "is neither true nor false")
    return fact


def _number(facts: dict[str, Any], key: str) -> int:
    fact = facts.pop(key, None)
    if isinstance(fact, bool) or not isinstance(fact, int):
        raise _BadFact(key, "is missing" if fact is None else "is not a whole number")
    return fact


def _digest(facts: dict[str, Any], key: str) -> Digest:
    try:
        return Digest.parse(_text(facts, key))
    except _BadFact:
        raise
    except ValueError as error:
        raise _BadFact(key, f"is not a digest: {error}") from None


def _path(text: str) -> bytes:
    try:
        return path_of(text)
    except ValueError as error:
        raise _BadFact(text, f"is not a path: {error}") from None


def _value(artifact: dict[str, Any]) -> object:
    if "json" not in artifact:
        if "value" not in artifact:
            raise _BadFact("value", "is missing")
        return artifact.pop("value")
    if "value" in artifact:
        raise _BadFact("json", "and value are both there")
    text = _text(artifact, "json")
    try:
        return parse_json(text)
    except ValueError:
        raise _BadFact("json", "is not RFC 8785 JSON") from None


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise _BadFact(name, "is not a table")
    return table


def _texts(document: dict[str, Any], name: str) -> dict[str, str]:
    table = _table(document, name)
    for key, fact in table.items():
        if not isinstance(fact, str):
            raise _BadFact(key, f"in [{name}] is not text")
    return table


def _tags(document: dict[str, Any]) -> tuple[str, ...]:
    table = _table(document, "tags")
    for key, fact in table.items():
        if fact is not True:
            raise _BadFact(key, "in [tags] is not true")
    return tuple(sorted(table))


def _value_fact(value: object) -> dict[str, object]:
    """How a value stands in the file: as TOML where that says the same, else as its JSON."""
    try:
        text = toml.value(value)
        said = tomli.loads(f"value = {text}")["value"]
        if canonical_json(said) == canonical_json(value):
            return {"value": toml.Written(text)}
    except (ValueError, RecursionError):
        pass
    return {"json": canonical_json(value).decode("utf-8")}


def _extra_tables(name: str, content: object) -> Iterator[str]:
    if isinstance(content, Mapping):
        yield toml.table(name, content, ordered=True)
    elif isinstance(content, list | tuple) and content and all(isinstance(each, Mapping) for each in content):
        for each in content:
            yield toml.table(name, each, ordered=True, array=True)
    else:
        raise ValueError(f"{name} is not a table")


def _problems(pointer: Pointer) -> Iterator[str]:
    if pointer.kind not in KINDS:
        yield f"kind is {pointer.kind!r}, not one of {', '.join(KINDS)}"
    if not isinstance(pointer.digest, Digest):
        yield "digest is not a Digest"
    for name, number in (("size", pointer.size), ("files", pointer.files), ("rows", pointer.rows)):
        if number is not None and not 0 <= number <= NUMBER_LIMIT:
            yield f"{name} is {number}, not from 0 to 2**63 - 1"
    unknown = pointer.extra.get("artifact", {})
    for name in _OURS if isinstance(unknown, Mapping) else ():
        if name in unknown:
            yield f"{name} has no meaning for a {pointer.kind}"
    if (pointer.files is None) == (pointer.kind == "directory"):
        yield "files is there for a directory, and for nothing else"
    if pointer.executable and pointer.kind != "file":
        yield "executable is there for a file, and for nothing else"
    if pointer.kind == "value":
        if pointer.size:
            yield "size is not there for a value"
        if pointer.digest != value_digest(pointer.value):
            yield "digest is not that of the value"
    elif pointer.value is not None:
        yield "value is there for a value, and for nothing else"
