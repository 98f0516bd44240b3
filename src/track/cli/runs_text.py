"""How runs are shown: in a line, in full, and as a document."""

import shlex
from collections.abc import Iterator

from track.cli import late
from track.cli.render import duration_text, size_text
from track.model.names import display, text_of
from track.model.record import Record, Used


def row(found: "late.run_find.Found") -> tuple[str, ...]:
    """A run as a row of a table."""
    record = found.record
    took = duration_text(record.seconds) if record.seconds is not None else ""
    where = {"journal": "in the journal only", "shared": f"shared at {display(found.remote or '')}"}.get(
        found.place, ""
    )
    where += f", seen {found.seen:%Y-%m-%d %H:%M}" if found.seen is not None else ""
    return record.short, f"{record.started:%Y-%m-%d %H:%M}", found.status, took, display(record.name), where


def lines(found: "late.run_find.Found") -> Iterator[str]:
    """Everything known of a run, a fact a line."""
    record = found.record
    yield f"run {display(record.name)}  {record.id}"
    yield f"  {found.status}{_took(record)}, {record.started:%Y-%m-%d %H:%M:%S} UTC"
    if record.by:
        yield f"  by {display(record.by)}"
    if record.command:
        yield f"  $ {display(shlex.join(record.command))}"
    yield from _revision(record)
    for name in ("folder", "description", "parent"):
        if (fact := getattr(record, name)) not in (None, "/"):
            yield f"  {name}: {display(fact)}"
    if record.tags:
        yield f"  tags: {display(' '.join(record.tags))}"
    for title in ("params", "metadata", "environment"):
        facts = getattr(record, title)
        if facts:
            yield f"  {title}"
            yield from (f"    {display(str(name))} = {display(str(fact))}" for name, fact in facts.items())
    if record.metrics:
        yield "  metrics (last)"
        yield from (f"    {display(name)} = {metric.last:g}" for name, metric in record.metrics.items())
    if record.events is not None:
        yield f"  events  {record.events.count:,}: track events {record.short}"
    if record.alerts:
        yield "  alerts"
        yield from (f"    {display(name)}: {display(state)}" for name, state in record.alerts.items())
    dropped = sum(series.dropped for series in (record.points, record.events) if series is not None)
    if dropped:
        yield f"  a full queue dropped {dropped:,} points and events"
    for category in ("input", "output", "code"):
        used = record.of(category)
        if used:
            yield f"  {category}"
            yield from (f"    {_used(one)}" for one in used)
    if found.place == "journal":
        yield "  (in the journal of this clone only: track runs keep)"
    elif found.place == "shared":
        yield f"  (shared at {display(found.remote or '')}, in no commit here{_seen(found)})"
    elif found.place == "living":
        yield f"  (not ended; what it logged: track metrics show {record.short}, track events {record.short})"


def _seen(found: "late.run_find.Found") -> str:
    return "" if found.seen is None else f"; last seen alive {found.seen:%Y-%m-%d %H:%M:%S} UTC"


def document(found: "late.run_find.Found") -> dict[str, object]:
    """A run as a document."""
    record = found.record
    revision = record.revision
    return {
        "id": record.id,
        "name": record.name,
        "folder": record.folder,
        "status": found.status,
        "place": found.place,
        "remote": found.remote,
        "seen": None if found.seen is None else found.seen.isoformat(),
        "started": record.started.isoformat(),
        "ended": None if record.ended is None else record.ended.isoformat(),
        "seconds": record.seconds,
        "by": record.by,
        "command": list(record.command),
        "cwd": record.cwd,
        "exit": record.exit,
        "parent": record.parent,
        "tags": list(record.tags),
        "description": record.description,
        "metadata": dict(record.metadata),
        "params": dict(record.params),
        "environment": dict(record.environment),
        "revision": None
        if revision is None
        else {
            "commit": revision.commit,
            "tree": revision.tree,
            "dirty": revision.dirty,
            "code": None if revision.code is None else str(revision.code),
            "patch": None if revision.patch is None else str(revision.patch),
            "omitted": [text_of(path) for path in revision.omitted],
        },
        "metrics": {
            name: {"last": one.last, "min": one.min, "max": one.max, "mean": one.mean, "count": one.count}
            for name, one in record.metrics.items()
        },
        "points": None if record.points is None else {"count": record.points.count, "dropped": record.points.dropped},
        "events": None if record.events is None else {"count": record.events.count, "dropped": record.events.dropped},
        "alerts": dict(record.alerts),
        "artifacts": [
            {
                "category": one.category,
                "path": None if one.path is None else text_of(one.path),
                "name": one.name,
                "digest": str(one.digest),
                "size": one.size,
                "kind": one.kind,
                "type": one.type,
                "how": one.how,
            }
            for one in record.artifacts
        ],
    }


def _took(record: Record) -> str:
    took = f" in {duration_text(record.seconds)}" if record.seconds is not None else ""
    return took + (f", exit code {record.exit}" if record.exit else "")


def _revision(record: Record) -> Iterator[str]:
    revision = record.revision
    if revision is None:
        return
    where = f"at {revision.commit[:12]}" if revision.commit else "before the first commit"
    yield f"  code {where}{', with uncommitted changes' if revision.dirty and revision.commit else ''}"
    if revision.omitted:
        yield f"    left out: {display(' '.join(text_of(path) for path in revision.omitted))}"


def _used(used: Used) -> str:
    slash = "/" if used.kind == "directory" else ""
    return f"{display(used.called)}{slash}  {used.digest.short}  {size_text(used.size)}  {used.how}"
