"""How versions in the history, and what commits did, are shown: in lines, and as documents."""

from collections.abc import Iterator
from datetime import UTC, datetime

from track.cli import late
from track.cli.render import size_text
from track.cli.session import paint
from track.model.names import display, name_of, text_of

_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed"}


def version_lines(version: "late.logged.Version", name: str | None = None) -> Iterator[str]:
    """A version below its commit; `name` says which of several it is."""
    yield _head(version.commit, version.authored, version.author, version.subject)
    yield "  " + _did(version, name)


def version_document(version: "late.logged.Version") -> dict[str, object]:
    """A version with its commit as a document."""
    return {
        "commit": version.commit,
        "parents": list(version.parents),
        "author": version.author,
        "email": version.email,
        "date": _date(version.authored),
        "subject": version.subject,
        **_change_document(version),
    }


def commit_lines(found: "late.logged.CommitLogged") -> Iterator[str]:
    """A commit, and below it what it did, a line each."""
    commit = found.commit
    yield _head(found.id, commit.authored, commit.author, commit.subject)
    yield from ("  " + _did(one, name_of(one.path) or display(one.path)) for one in found.versions)
    yield from ("  " + _run(one) for one in found.runs)


def commit_document(found: "late.logged.CommitLogged") -> dict[str, object]:
    """A commit and what it did as a document."""
    commit = found.commit
    return {
        "commit": found.id,
        "parents": list(commit.parents),
        "author": commit.author,
        "email": commit.email,
        "date": _date(commit.authored),
        "subject": commit.subject,
        "artifacts": [_change_document(one) for one in found.versions],
        "runs": [_run_document(one) for one in found.runs],
        "absent": found.absent_count,
    }


def _head(commit: str, authored: int, author: str, subject: str) -> str:
    date = datetime.fromtimestamp(authored, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{paint(commit[:12], 'yellow')}  {date} UTC  {display(author)}  {display(subject)}"


def _date(authored: int) -> str:
    return datetime.fromtimestamp(authored, UTC).isoformat().replace("+00:00", "Z")


def _did(version: "late.logged.Version", name: str | None = None) -> str:
    pointer = version.pointer
    moved = f" from {display(version.renamed_from)}" if version.renamed_from is not None else ""
    said = [f"{version.op} {_WORDS[version.op]}{moved}"] + ([name] if name is not None else [])
    if version.trouble is not None:
        said.append(version.trouble)
    elif pointer is not None:
        said.append(pointer.digest.short)
        said.append(display(str(pointer.value)) if pointer.kind == "value" else size_text(pointer.size))
        said += [f"{pointer.files:,} files"] if pointer.files is not None else []
        said += [f"tag {display(tag)}" for tag in pointer.tags]
    if version.before is not None and pointer is not None:
        said += _deltas(version)
    return "  ".join(said)


def _deltas(version: "late.logged.Version") -> list[str]:
    assert version.before is not None and version.pointer is not None
    if version.before.digest == version.pointer.digest:
        return ["same content"]
    sign = "+" if version.size_delta >= 0 else "-"
    said = [f"({sign}{size_text(abs(version.size_delta))}" + _files(version) + ")"]
    if version.counts is not None:
        signs = zip("+~-", version.counts, strict=True)
        said.append(" ".join(f"{mark}{count:,}" for mark, count in signs if count))
    return said


def _files(version: "late.logged.Version") -> str:
    return f", {version.files_delta:+,} files" if version.files_delta else ""


def _change_document(version: "late.logged.Version") -> dict[str, object]:
    pointer, counts = version.pointer, version.counts
    return {
        "op": version.op,
        "path": text_of(version.path),
        "name": name_of(version.path),
        "renamed_from": None if version.renamed_from is None else text_of(version.renamed_from),
        "digest": str(pointer.digest) if pointer else None,
        "kind": pointer.kind if pointer else None,
        "size": pointer.size if pointer else None,
        "files": pointer.files if pointer else None,
        "tags": list(pointer.tags) if pointer else [],
        "partitions": dict(pointer.partitions) if pointer else {},
        "size_delta": version.size_delta,
        "files_delta": version.files_delta,
        "added": counts[0] if counts else None,
        "modified": counts[1] if counts else None,
        "deleted": counts[2] if counts else None,
        "trouble": version.trouble,
    }


def _run(one: "late.logged.RunLogged") -> str:
    record = one.record
    if record is None:
        return f"{one.op} {_WORDS[one.op]}  run  {display(one.path)}  {one.trouble}"
    return f"{one.op} {_WORDS[one.op]}  run {display(record.name)}  {record.short}  {record.status}"


def _run_document(one: "late.logged.RunLogged") -> dict[str, object]:
    record = one.record
    return {
        "op": one.op,
        "path": text_of(one.path),
        "id": None if record is None else record.id,
        "name": None if record is None else record.name,
        "status": None if record is None else record.status,
        "trouble": one.trouble,
    }
