"""Shown: what `track show` prints of one artifact version, one run or one commit."""

from track.cli import runs_text
from track.cli.commits_text import commit_document, commit_lines
from track.cli.fetching import answer
from track.cli.missing_text import say_what_is_missing
from track.cli.partitions import partitions_of
from track.cli.session import count_text, emit, emit_json, note, opened, paint, size_text, table
from track.flows.logged import CommitLogged
from track.flows.run_find import Found
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import display, text_of, typed
from track.verbs.show import SavedShown, Shown, show

_MODES = {"f": "file", "x": "executable file", "l": "link", "d": "empty directory"}


def ask(
    words: str, partitions: tuple[str, ...], time: str | None, *, every: bool, fetches: bool, as_json: bool
) -> None:
    """Find what is called so, as the command's arguments say, and print it."""
    asked = partitions_of(partitions)
    with opened() as project:
        found = answer(project, words, lambda: show(project, words, asked, time, every=every), fetches)
    if isinstance(found, Found):
        _show_run(found, as_json)
    elif isinstance(found, CommitLogged):
        _show_commit(found, as_json)
    elif isinstance(found, SavedShown):
        _show_saved(found, as_json)
    elif as_json:
        emit_json("show", {"what": "artifact", **_document(found)})
    else:
        emit(paint(display(found.name) if found.name else display(found.path), "bold"))
        table([["", name, text] for name, text in _rows(found)])
        say_what_is_missing(found.is_cut and found.created is not None, found.absent_count)


def _show_run(found: Found, as_json: bool) -> None:
    if as_json:
        emit_json("show", {"what": "run", **runs_text.document(found)})
        return
    for line in runs_text.lines(found):
        emit(line)


def _show_saved(found: SavedShown, as_json: bool) -> None:
    run, used = found.run.record, found.used
    name = used.called
    if as_json:
        facts: dict[str, object] = {"name": name, "run": run.id, "category": used.category, "kind": used.kind}
        facts |= {
            "digest": str(used.digest),
            "size": used.size,
            "type": used.type,
            "how": used.how,
            "metadata": dict(used.metadata),
        }
        emit_json("show", {"what": "saved", **facts, "is_here": found.is_here, "is_pushed": found.is_pushed})
        return
    emit(paint(display(name), "bold"))
    rows = [("of run", f"{display(run.name)} ({run.short}), its {used.category}"), ("kind", used.kind)]
    rows += [("digest", str(used.digest)), ("size", f"{size_text(used.size)} ({used.size:,} bytes)")]
    rows += [("type", display(used.type))] if used.type else []
    rows += [(f"label {display(key)}", display(str(value))) for key, value in used.metadata]
    rows.append(("made", f"{run.ended or run.started:%Y-%m-%d %H:%M} UTC{f' by {display(run.by)}' if run.by else ''}"))
    rows.append(("bytes", _whereabouts(found.is_here, found.is_pushed)))
    table([["", title, text] for title, text in rows])
    if found.run.place != "commit":
        note(f"as a file: track runs get {run.id} {typed(name)}")


def _show_commit(found: CommitLogged, as_json: bool) -> None:
    if as_json:
        emit_json("show", {"what": "commit", **commit_document(found)})
        return
    for line in commit_lines(found):
        emit(line)
    if not found.versions and not found.runs:
        note("it did nothing to artifacts and runs")
    say_what_is_missing(False, found.absent_count)


def _rows(found: Shown) -> list[tuple[str, str]]:
    pointer = found.pointer
    rows = [("at", display(found.where)), ("pointer", display(found.pointer_path))]
    if found.entry is not None:
        rows += _entry_rows(found.entry, found)
    else:
        kind = "executable file" if pointer.executable else pointer.kind
        rows += [("kind", kind), ("digest", str(pointer.digest))]
        if pointer.kind == "value":
            rows.append(("value", display(str(pointer.value))))
        else:
            rows.append(("size", f"{size_text(pointer.size)} ({pointer.size:,} bytes)"))
        optional = (("files", pointer.files), ("rows", pointer.rows))
        rows += [(name, f"{number:,}") for name, number in optional if number is not None]
        rows += [(name, display(text)) for name, text in (("type", pointer.type), ("made by run", pointer.run)) if text]
        rows += [("tags", " ".join(map(display, pointer.tags)))] if pointer.tags else []
        rows += [(f"label {display(key)}", display(str(value))) for key, value in sorted(pointer.labels.items())]
        rows += [(f"partition {display(key)}", display(value)) for key, value in pointer.partitions.items()]
        rows += [("based on", f"{display(path)} {digest.short}") for path, digest in sorted(pointer.based_on.items())]
        rows += [("column", f"{display(name)} {display(kind)}") for name, kind in pointer.schema.items()]
    if found.created is not None and found.commit is not None:
        who = f" by {display(found.user)}" if found.user else ""
        rows.append(("made", f"{found.created:%Y-%m-%d %H:%M} UTC{who}, first in {found.commit[:12]}"))
    else:
        rows.append(("made", "not committed yet"))
    is_value = pointer.kind == "value"
    rows.append(("bytes", "in the pointer itself" if is_value else _whereabouts(found.is_here, found.is_pushed)))
    return rows


def _entry_rows(entry: Entry, found: Shown) -> list[tuple[str, str]]:
    rows = [("artifact", f"{display(found.artifact)}/ ({count_text(found.pointer.files or 0, 'file')})")]
    rows.append(("kind", _MODES[entry.mode]))
    if entry.mode != "d":
        rows += [("digest", str(Digest(entry.digest))), ("size", f"{size_text(entry.size)} ({entry.size:,} bytes)")]
    return rows


def _whereabouts(is_here: bool, is_pushed: bool | None) -> str:
    here = "in the store" if is_here else "not in the store"
    if is_pushed is None:
        return f"{here}, no remote is set up"
    return f"{here}, {'at a remote' if is_pushed else 'not known to be at a remote'}"


def _document(found: Shown) -> dict[str, object]:
    pointer, entry = found.pointer, found.entry
    inside = None
    if entry is not None:
        digest = None if entry.mode == "d" else str(Digest(entry.digest))
        inside = {"path": text_of(entry.path), "mode": entry.mode, "size": entry.size, "digest": digest}
    return {
        "where": found.where,
        "path": text_of(found.path),
        "artifact": text_of(found.artifact),
        "pointer": text_of(found.pointer_path),
        "name": found.name,
        "kind": pointer.kind,
        "digest": str(pointer.digest),
        "executable": pointer.executable,
        "size": pointer.size,
        "files": pointer.files,
        "rows": pointer.rows,
        "value": pointer.value,
        "type": pointer.type,
        "run": pointer.run,
        "tags": list(pointer.tags),
        "labels": {key: _plain(value) for key, value in pointer.labels.items()},
        "partitions": dict(pointer.partitions),
        "schema": dict(pointer.schema),
        "based_on": {text_of(path): str(digest) for path, digest in pointer.based_on.items()},
        "entry": inside,
        "is_here": found.is_here,
        "is_pushed": found.is_pushed,
        "created": None if found.created is None else found.created.isoformat(),
        "user": found.user,
        "commit": found.commit,
        "is_cut": found.is_cut,
        "absent": found.absent_count,
    }


def _plain(value: object) -> object:
    """A label's value as JSON can say it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
