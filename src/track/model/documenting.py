"""Documenting: what a pointer or a record says, as a document."""

from typing import Any

from track.model.document import name_in
from track.model.names import text_of
from track.model.pointer import Pointer
from track.model.record import Record, Used


def pointer_document(pointer: Pointer) -> dict[str, Any]:
    """What the file of a pointer says. `based_on` is a list of `name` and `digest`."""
    return {
        "kind": pointer.kind,
        "digest": str(pointer.digest),
        "size": pointer.size,
        "executable": pointer.executable,
        "files": pointer.files,
        "rows": pointer.rows,
        "value": pointer.value,
        "type": pointer.type,
        "run": pointer.run,
        "tags": list(pointer.tags),
        "labels": pointer.labels,
        "partitions": pointer.partitions,
        "schema": pointer.schema,
        "based_on": [{"name": text_of(path), "digest": str(digest)} for path, digest in pointer.based_on.items()],
    }


def record_document(record: Record) -> dict[str, Any]:
    """What a record says of its run. A metric is its last value; `metrics.NAME.max` and the like are the others.

    Artifacts have name, category, digest, size, type, kind, how and metadata; `user` is the name in `by`.
    """
    revision = record.revision
    artifacts = [_artifact(used) for used in record.artifacts]
    return {
        "id": record.id,
        "name": record.name,
        "folder": record.folder,
        "status": record.status,
        "started": record.started,
        "ended": record.ended,
        "seconds": record.seconds,
        "by": record.by,
        "user": name_in(record.by),
        "command": " ".join(record.command),
        "cwd": record.cwd,
        "exit": record.exit,
        "task": record.task,
        "parent": record.parent,
        "tags": record.tags,
        "description": record.description,
        "metadata": record.metadata,
        "params": record.params,
        "metrics": _metrics(record),
        "environment": record.environment,
        "alerts": record.alerts,
        "commit": revision.commit if revision is not None else None,
        "tree": revision.tree if revision is not None else None,
        "dirty": revision.dirty if revision is not None else None,
        "artifacts": artifacts,
        "inputs": [each for each in artifacts if each["category"] == "input"],
        "outputs": [each for each in artifacts if each["category"] == "output"],
    }


def _metrics(record: Record) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, one in record.metrics.items():
        numbers |= {f"{name}.{which}": getattr(one, which) for which in ("last", "min", "max", "mean", "count")}
    return numbers | {name: one.last for name, one in record.metrics.items()}


def _artifact(used: Used) -> dict[str, Any]:
    return {
        "category": used.category,
        "name": used.shown,
        "digest": str(used.digest),
        "size": used.size,
        "type": used.type,
        "kind": used.kind,
        "how": used.how,
        "metadata": dict(used.metadata),
    }
