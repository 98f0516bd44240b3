"""`track store`: files by paths of one's own."""

import os
import sys
from typing import Any

import click

from track.cli import late
from track.cli.hooking import ensure_hooks
from track.cli.session import emit, emit_bytes, emit_json, note, opened, progress, refuse, size_text, table
from track.errors import UsageError
from track.model.labels import label_of
from track.model.names import display, text_of

_HELP = """Keep files by paths of your own, beside the working tree and not in it.

\b
  track store put out.csv data/predictions_7.csv     a file, at this path of the store
  track store get data/predictions_7.csv out.csv     and back
  track store ls data                                what is there
  track store info data/predictions_7.csv            how large, since when, by whom
  track store rm data/predictions_7.csv              let it go; older versions stay

Each file is a named artifact without partitions, so `track find`, `log`, `lineage`, `push` and `pull` know it by its
path, and each put is a version: a pointer below .track/artifacts, committed with the code.

\b
Exit codes: 0 done; 1 a file that cannot be read; 2 wrong usage, or nothing is there; 3 not a project; 4 the bytes are
nowhere; 5 remote; 6 something else stands at the target, or locked; 7 damaged, or a pointer that cannot be read.
"""

_PUT_HELP = """Put a file at a path of the store, `-` for what is piped in, and stage the pointer of this version.

\b
  track store put out.csv data/predictions_7.csv
  track store put out.csv data/ --label ticket=AB-7         below that folder, under its own name
  pg_dump db | track store put - dumps/db.sql               what is piped in

The same content once more changes nothing. In a run, it is one of its outputs.

\b
Exit codes: 0 done; 1 a file that cannot be read as it stands; 2 wrong usage, or nothing is there to put; 3 not a
project; 6 changed while it was read, or a place of track's own; 7 a pointer that cannot be read.
"""

_GET_HELP = """Copy a file of the store to a place that is not tracked, by default to its own name here; `-` prints it.

\b
  track store get data/predictions_7.csv
  track store get data/predictions_7.csv /tmp/old.csv --rev v1
  track store get data/predictions_7.csv - | head

Every byte is checked, and what is not here comes from a remote. A target of the right content is left alone. In a run,
it is one of its inputs.

\b
Exit codes: 0 done; 1 the target cannot be written; 2 nothing is there, or no such revision; 3 not a project; 4 the
bytes are nowhere; 5 remote; 6 something else stands at the target; 7 damaged, or a place of track's own.
"""

_LS_HELP = """List the files of the store, of all of it or below a folder.

\b
  track store ls
  track store ls data
  track store ls data --rev v1 --json

\b
Exit codes: 0 done; 2 no such revision, or not a folder's path; 3 not a project; 7 a pointer that cannot be read, after
the others were listed.
"""

_INFO_HELP = """Show what is known of a file of the store: size, digest, type, when, by whom, and the run that made it.

\b
  track store info data/predictions_7.csv
  track store info data/predictions_7.csv --rev v1 --json

\b
Exit codes: 0 done; 2 nothing is there, or no such revision; 3 not a project; 7 a pointer that cannot be read.
"""

_RM_HELP = """Remove a file of the store from the next version: its pointer, staged.

\b
  track store rm data/predictions_7.csv
  track store rm -n data/predictions_7.csv        say what would go

Older versions stay in Git's history and in the store, and `track restore last` brings it back.

\b
Exit codes: 0 done; 1 it cannot be removed; 2 nothing is there; 3 not a project; 6 locked; 7 a pointer that cannot be
read.
"""

_REV = click.option("--rev", metavar="REV", help="As of this revision.")
_DRY_RUN = click.option("-n", "--dry-run", is_flag=True, help="Change nothing, say what would be done.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("store", help=_HELP, short_help="keep files by paths of your own, as in a data store")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("put", help=_PUT_HELP, short_help="put a file at a path of the store")
@click.argument("source", metavar="FILE", type=click.UNPROCESSED)
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the version; may be repeated.")
@click.option("--type", "media_type", metavar="TYPE", help="The media type, where the name does not say it; it stays.")
@_DRY_RUN
@_JSON
def put_command(
    *, source: str, path: str, labels: tuple[str, ...], media_type: str | None, dry_run: bool, as_json: bool
) -> None:
    """Translate, call the verb, show."""
    content = late.put.Content(stream=sys.stdin.buffer) if source == "-" else late.put.Content((source,))
    if source != "-" and os.path.isdir(source):
        raise UsageError(
            f"`{display(source)}` is a folder, and the store holds files",
            hint="put the files in it one by one, or the whole of it as a directory artifact: track put NAME FOLDER",
        )
    if path.endswith("/") and source != "-":
        path += os.path.basename(source)
    remarks = late.put.Remarks(tuple(map(label_of, labels)), type=media_type)
    with opened() as project:
        place = late.store_place.store_place(project, path)
        run = os.environ.get(late.run_start.RUN_ID)
        done = late.put.put(
            project, place.name, content, remarks=remarks, run=run, dry_run=dry_run, progress=progress()
        )
        if not dry_run:
            ensure_hooks(project)
    if as_json:
        emit_json("store put", _put_document(done, dry_run))
        return
    would = "would be " if dry_run else ""
    state = "unchanged" if not done.is_changed else f"{would}new" if done.is_new else f"{would}changed"
    emit("  ".join([display(done.name), done.digest.short, size_text(done.size), state]))
    if dry_run:
        note("nothing was written (--dry-run)")
    elif done.is_changed:
        note(f"{display(done.pointer)} staged: git commit records this version")


@command.command("get", help=_GET_HELP, short_help="copy a file of the store out")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@click.argument("target", required=False, metavar="[TARGET]", type=click.UNPROCESSED)
@_REV
@click.option("--force", is_flag=True, help="Replace a file that stands there.")
def get_command(*, path: str, target: str | None, rev: str | None, force: bool) -> None:
    """Translate, call the verb, show."""
    reader = os.environ.get(late.run_start.RUN_ID)
    with opened() as project:
        pinned = late.store_get.store_get(project, path, rev=rev)
        if target == "-":
            with late.version_open.version_open(project, pinned, reader=reader, progress=progress()) as content:
                while piece := content.read(1 << 20):
                    emit_bytes(piece)
            return
        to = pinned.filename if target is None else target
        done = late.version_download.version_download(
            project, pinned, to, force=force, reader=reader, progress=progress()
        )
    did = "copied" if done.placed else "there already:"
    note(f"{did} {pinned.shown} to {display(str(done.target))} ({size_text(pinned.pointer.size)})")


@command.command("ls", help=_LS_HELP, short_help="list the files of the store")
@click.argument("folder", required=False, metavar="[FOLDER]", type=click.UNPROCESSED)
@_REV
@_JSON
def ls_command(*, folder: str | None, rev: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.store_list.store_list(project, folder, rev=rev)
    if as_json:
        emit_json("store ls", {"objects": [_document(one) for one in found.objects]})
    else:
        table([_row(one) for one in found.objects], right=(1,))
        if not found.objects:
            note("nothing is in the store" + (f" below {display(folder)}" if folder else ""))
    refuse(found.refused)


@command.command("info", help=_INFO_HELP, short_help="what is known of a file of the store")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@_REV
@_JSON
def info_command(*, path: str, rev: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.store_info.store_info(project, path, rev=rev)
    if as_json:
        emit_json("store info", _document(found))
        return
    facts = (
        ("path", found.path),
        ("size", size_text(found.size)),
        ("digest", str(found.digest)),
        ("type", found.type),
        ("modified", _when(found)),
        ("by", found.user),
        ("run", found.run),
        ("commit", found.commit),
        ("pointer", text_of(found.pointer)),
    )
    table([[name, display(fact)] for name, fact in facts if fact])


@command.command("rm", help=_RM_HELP, short_help="remove a file of the store")
@click.argument("path", metavar="PATH", type=click.UNPROCESSED)
@_DRY_RUN
@_JSON
def rm_command(*, path: str, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        place = late.store_place.store_place(project, path, is_there=True)
        done = late.rm.rm(project, [place.path], dry_run=dry_run)
    if as_json:
        emit_json("store rm", {"dry_run": dry_run, "path": place.name, "step": done.step})
        return
    emit(f"{display(place.name)}  {'would be ' if dry_run else ''}removed")
    note("nothing was changed (--dry-run)" if dry_run else "staged: git commit records it")
    if not dry_run:
        note(f"to bring it back: track restore {done.step}")


def _row(one: "late.data_store.StoreObject") -> list[str]:
    return [display(one.path), size_text(one.size), _when(one), one.digest.short, display(one.user)]


def _when(one: "late.data_store.StoreObject") -> str:
    return f"{one.last_modified:%Y-%m-%d %H:%M}" if one.commit is not None or one.run is not None else "not committed"


def _document(one: "late.data_store.StoreObject") -> dict[str, Any]:
    return {
        "path": one.path,
        "size": one.size,
        "last_modified": one.last_modified.isoformat(),
        "digest": str(one.digest),
        "type": one.type,
        "user": one.user,
        "run": one.run,
        "commit": one.commit,
        "pointer": text_of(one.pointer),
    }


def _put_document(done: "late.put.Put", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "path": done.name,
        "pointer": text_of(done.pointer),
        "digest": str(done.digest),
        "size": done.size,
        "new": done.is_new,
        "changed": done.is_changed,
        "stored_bytes": done.stored_bytes,
        "staged": [text_of(path) for path in done.staged],
        "run": done.run,
    }
