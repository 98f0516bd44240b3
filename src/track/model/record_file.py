"""The file of a record: TOML with one spelling, one fact a line, so that a reviewer can comment on `lr = 0.1`.

The head comes first, then the tables metadata, params, revision, environment, metrics, series, events, alerts, then
an `[[input]]`, `[[output]]` or `[[code]]` for each artifact, then what a later version added.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from track.errors import MalformedRecord, NewerFormat
from track.model import toml
from track.model.digest import Digest
from track.model.names import display, path_of, text_of
from track.model.record import Record, Revision, Series, Summary, Used
from track.model.run_words import CATEGORIES

RECORD_LIMIT = 16 << 20
"""Bytes of a record at most: a run may name a hundred thousand files."""

_HEAD = (
    *("id", "name", "folder", "status", "started", "ended", "seconds", "by", "command", "cwd", "exit", "task"),
    *("parent", "tags", "description"),
)
_TABLES = ("metadata", "params", "revision", "environment", "metrics", "series", "events", "alerts")
_REVISION = ("commit", "tree", "dirty", "code", "patch", "omitted")
_USED = ("path", "name", "digest", "size", "kind", "type", "how", "address", "metadata")


def dump_record(record: Record) -> bytes:
    """The bytes of a record's file, of which there is one spelling. ValueError for what TOML cannot say."""
    parts = [f"{toml.key(name)} = {toml.value(fact)}\n" for name, fact in _head(record).items()]
    parts += [f"{toml.key(name)} = {toml.value(fact)}\n" for name, fact in record.extra.items() if not _is_table(fact)]
    tables: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("metadata", record.metadata),
        ("params", record.params),
        ("revision", _revision_facts(record.revision)),
        ("environment", record.environment),
        ("metrics", {name: asdict(summary) for name, summary in record.metrics.items()}),
        ("series", _series_facts(record.points)),
        ("events", _series_facts(record.events)),
        ("alerts", record.alerts),
    )
    for name, rows in tables:
        if rows:
            keeps_order = name not in ("metrics", "alerts")
            chosen = rows if keeps_order else dict(sorted(rows.items()))
            parts.append(toml.table(name, chosen, ordered=True))
    parts += [toml.table(used.category, _used_facts(used), ordered=True, array=True) for used in record.artifacts]
    for name, fact in record.extra.items():
        if isinstance(fact, Mapping):
            parts.append(toml.table(name, fact, ordered=True))
        elif _is_table(fact):
            parts += [toml.table(name, each, ordered=True, array=True) for each in fact]
    return "".join(parts).encode("utf-8")


def parse_record(data: bytes, name: bytes | str) -> Record:
    """The record in the bytes of a file; `name` is only for messages.

    Raises:
        NewerFormat: a later version of track wrote it.
        MalformedRecord: it is not TOML, or what it says cannot be.
    """
    document = _document(data, name)
    version = document.pop("format", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _malformed(name, "format is not a number from 1 on")
    if version > 1:
        raise NewerFormat(
            f"{display(name)} has format {version}; this version of track reads format 1",
            hint="upgrade track: pip install --upgrade track-data",
        )
    try:
        return _record(document)
    except (ValueError, TypeError, OverflowError) as error:
        raise _malformed(name, str(error)) from None


def _head(record: Record) -> dict[str, object]:
    head: dict[str, object] = {"id": record.id, "name": record.name, "folder": record.folder, "status": record.status}
    head["started"] = _time_fact(record.started)
    if record.ended is not None:
        head["ended"] = _time_fact(record.ended)
    optional = {
        "seconds": record.seconds,
        "by": record.by or None,
        "command": list(record.command) or None,
        "cwd": record.cwd if record.cwd != "." else None,
        "exit": record.exit,
        "task": record.task,
        "parent": record.parent,
        "tags": list(record.tags) or None,
        "description": record.description,
    }
    head.update((name, fact) for name, fact in optional.items() if fact is not None)
    return head


def _time_fact(when: datetime) -> toml.Written:
    return toml.Written(when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))


def _revision_facts(revision: Revision | None) -> dict[str, object]:
    if revision is None:
        return {}
    facts: dict[str, object] = {"commit": revision.commit} if revision.commit is not None else {}
    facts |= {"tree": revision.tree, "dirty": revision.dirty}
    facts |= {name: str(fact) for name in ("code", "patch") if (fact := getattr(revision, name)) is not None}
    if revision.omitted:
        facts["omitted"] = [text_of(path) for path in revision.omitted]
    return facts


def _series_facts(series: Series | None) -> dict[str, object]:
    if series is None:
        return {}
    facts: dict[str, object] = {"count": series.count, "object": str(series.object)}
    return facts | ({"dropped": series.dropped} if series.dropped else {})


def _used_facts(used: Used) -> dict[str, object]:
    facts: dict[str, object] = {"path": text_of(used.path)} if used.path is not None else {"name": used.name}
    facts |= {"digest": str(used.digest), "size": used.size}
    facts |= {"kind": used.kind} if used.kind != "file" else {}
    facts |= {"type": used.type} if used.type is not None else {}
    facts["how"] = used.how
    facts |= {"address": dict(used.address)} if used.address else {}
    return facts | ({"metadata": dict(used.metadata)} if used.metadata else {})


def _is_table(fact: object) -> bool:
    return isinstance(fact, Mapping) or (
        isinstance(fact, list | tuple) and bool(fact) and all(isinstance(each, Mapping) for each in fact)
    )


def _document(data: bytes, name: bytes | str) -> dict[str, Any]:
    if len(data) > RECORD_LIMIT:
        raise _malformed(name, f"it is larger than a record may be ({RECORD_LIMIT >> 20} MiB)")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(name, f"line {data.count(10, 0, error.start) + 1} is not UTF-8") from None
    if re.search("^(?:<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE):
        raise _malformed(name, "a merge conflict is in it")
    try:
        return toml.read(text)
    except RecursionError:
        raise _malformed(name, "it is nested too deeply") from None
    except ValueError as error:
        raise _malformed(name, f"it is not TOML: {error}") from None


def _malformed(name: bytes | str, why: str) -> MalformedRecord:
    return MalformedRecord(
        f"{display(name)} is not the record of a run: {display(why)}",
        hint="records are never edited; git log -- FILE tells which commit has it as it was",
    )


def _record(document: dict[str, Any]) -> Record:
    facts = dict(document)
    head = {name: facts.pop(name) for name in _HEAD if name in facts}
    tables = {name: _mapping(facts.pop(name, {}), name) for name in _TABLES}
    artifacts = tuple(
        _used(category, row) for category in CATEGORIES for row in _rows(facts.pop(category, []), category)
    )
    for name in ("id", "name", "status"):
        _check(head.get(name), str, name)
    for name in ("folder", "by", "cwd", "task", "parent", "description"):
        _check(head.get(name, ""), str, name)
    for name in ("command", "tags"):
        head[name] = _texts(head.get(name, []), name)
    for name in ("started", "ended"):
        if name in head or name == "started":
            head[name] = _time(head.get(name), name)
    if "exit" in head:
        _check(head["exit"], int, "exit")
    if "seconds" in head:
        head["seconds"] = _number(head["seconds"], "seconds")
    return Record(
        **head,
        metadata=tables["metadata"],
        params=tables["params"],
        revision=_revision(tables["revision"]) if tables["revision"] else None,
        environment=tables["environment"],
        metrics={name: _summary(fact, name) for name, fact in tables["metrics"].items()},
        points=_series(tables["series"], "series"),
        events=_series(tables["events"], "events"),
        alerts={name: _check(fact, str, name) for name, fact in tables["alerts"].items()},
        artifacts=artifacts,
        extra=facts,
    )


def _mapping(fact: object, name: str) -> dict[str, Any]:
    return dict(_check(fact, dict, name))


def _rows(fact: object, name: str) -> Iterator[dict[str, Any]]:
    for row in _check(fact, list, name):
        yield _mapping(row, name)


def _check(fact: Any, kind: type, name: str) -> Any:
    if not isinstance(fact, kind) or (kind is int and isinstance(fact, bool)):
        said = {str: "text", int: "a whole number", bool: "a truth value", list: "a list", dict: "a table"}[kind]
        raise ValueError(f"{name} is missing" if fact is None else f"{name} is not {said}")
    return fact


def _number(fact: object, name: str) -> float:
    if isinstance(fact, bool) or not isinstance(fact, int | float):
        raise ValueError(f"{name} is missing" if fact is None else f"{name} is not a number")
    return float(fact)


def _texts(fact: object, name: str) -> tuple[str, ...]:
    return tuple(_check(each, str, name) for each in _check(fact, list, name))


def _time(fact: object, name: str) -> datetime:
    if not isinstance(fact, datetime) or fact.utcoffset() is None:
        raise ValueError(f"{name} is missing" if fact is None else f"{name} is not a time with its zone")
    return fact.astimezone(UTC)


def _digest(fact: object, name: str) -> Digest:
    try:
        return Digest.parse(_check(fact, str, name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _revision(facts: dict[str, Any]) -> Revision:
    _known(facts, _REVISION, "revision")
    return Revision(
        commit=_check(facts["commit"], str, "commit") if "commit" in facts else None,
        tree=_check(facts.get("tree"), str, "tree"),
        dirty=_check(facts.get("dirty"), bool, "dirty"),
        code=_digest(facts["code"], "code") if "code" in facts else None,
        patch=_digest(facts["patch"], "patch") if "patch" in facts else None,
        omitted=tuple(path_of(each) for each in _texts(facts.get("omitted", []), "omitted")),
    )


def _summary(fact: object, name: str) -> Summary:
    facts = _mapping(fact, name)
    _known(facts, ("last", "min", "max", "mean", "count"), name)
    last, least, greatest, mean = (_number(facts.get(key), f"{name}.{key}") for key in ("last", "min", "max", "mean"))
    return Summary(last, least, greatest, mean, _check(facts.get("count"), int, f"{name}.count"))


def _series(facts: dict[str, Any], name: str) -> Series | None:
    if not facts:
        return None
    _known(facts, ("count", "object", "dropped"), name)
    count, dropped = (_check(fact, int, name) for fact in (facts.get("count"), facts.get("dropped", 0)))
    return Series(count, _digest(facts.get("object"), f"object of {name}"), dropped)


def _used(category: str, facts: dict[str, Any]) -> Used:
    _known(facts, _USED, category)
    address = _mapping(facts.get("address", {}), "address")
    return Used(
        category,
        _digest(facts.get("digest"), f"digest of an {category}"),
        _check(facts.get("size"), int, "size"),
        path=path_of(_check(facts["path"], str, "path")) if "path" in facts else None,
        name=_check(facts["name"], str, "name") if "name" in facts else None,
        kind=_check(facts.get("kind", "file"), str, "kind"),
        type=_check(facts["type"], str, "type") if "type" in facts else None,
        how=_check(facts.get("how", "declared"), str, "how"),
        address=tuple((key, _check(fact, str, key)) for key, fact in address.items()),
        metadata=tuple(_mapping(facts.get("metadata", {}), "metadata").items()),
    )


def _known(facts: dict[str, Any], names: tuple[str, ...], where: str) -> None:
    """A later version marks what it adds here by its format, so that nothing is lost when a record is written again."""
    unknown = sorted(set(facts) - set(names))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} in {where} means nothing in format 1")
