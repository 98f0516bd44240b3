"""`track import-dvc`: what DVC tracks becomes artifacts."""

import click

from track.cli import late
from track.cli.hooking import ensure_hooks
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, refuse, size_text, warn
from track.errors import UsageError
from track.model.names import display, text_of, typed

_HELP = """Make artifacts of what DVC tracks, and replace its pointers by ours; DVC's own folder is only read.

\b
  track import-dvc -n           read and check everything, write nothing
  track import-dvc              all that DVC tracks here
  track import-dvc data/        what lies there
  track import-dvc --fetch      read DVC's remotes in place, too
  track import-dvc --history with-track
                                another branch, in all of whose commits DVC's pointers are ours

Bytes come from the working tree and from DVC's cache, and each is checked against its MD5 before it is believed. What
is missing, damaged or changed since is listed, and left to DVC as it is. With --fetch what is not here is read from
DVC's remotes, where our own remotes of that kind would be read without asking; --from names any other place.
A .dvc file goes when all it names is in the store; dvc.yaml and dvc.lock stay, for they are of pipelines. Description,
labels, type, meta and what a stage was made from come along. Interrupted, run it again.

\b
Exit codes: 0 done; 1 something cannot become an artifact, or what reads YAML is not installed; 2 wrong usage; 3 not a
project; 4 objects of DVC's are not here; 5 a remote of DVC's does not answer; 6 changed since, not committed, or in the
way; 7 damaged, or no file of DVC's.
"""


@click.command("import-dvc", help=_HELP, short_help="make artifacts of what DVC tracks")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--fetch", is_flag=True, help="Read what is not here from DVC's remotes.")
@click.option("--from", "places", multiple=True, metavar="PLACE", help="A folder or URL where DVC has objects.")
@click.option("--history", metavar="BRANCH", help="Make this branch, of the history of HEAD; change nothing else.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("-n", "--dry-run", is_flag=True, help="Read and check everything, write nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    paths: tuple[str, ...],
    fetch: bool,
    places: tuple[str, ...],
    history: str | None,
    no_stage: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    if history is not None:
        if paths or no_stage:
            raise UsageError("a history is imported as a whole", hint=f"track import-dvc --history {typed(history)}")
        _history(history, places, fetch=fetch, dry_run=dry_run, as_json=as_json)
        return
    with opened() as project:
        done = late.import_dvc.import_dvc(
            project, paths, places=places, fetch=fetch, stage=not no_stage, dry_run=dry_run, progress=progress()
        )
        if done.artifacts and not dry_run:
            ensure_hooks(project)
    if as_json:
        emit_json("import-dvc", _document(done))
    else:
        _show(done)
    refuse([one.error for one in done.refused])


def _history(branch: str, places: tuple[str, ...], *, fetch: bool, dry_run: bool, as_json: bool) -> None:
    with opened() as project:
        done = late.import_dvc_history.import_dvc_history(
            project, branch, places=places, fetch=fetch, dry_run=dry_run, progress=progress()
        )
    if as_json:
        emit_json("import-dvc", _history_document(done))
    else:
        _show_history(done)
    refuse([one.error for one in done.left])


def _show_history(done: "late.import_dvc_history.ImportedHistory") -> None:
    versions = count_text(done.versions_count, "version")
    commits = count_text(done.commits_count, "commit")
    for one in done.left:
        warn(f"{display(one.file)} stays DVC's in {count_text(one.commits_count, 'commit')}")
    if done.is_dry:
        emit(f"{display(done.branch)}  {versions} in {commits} would be imported")
        note("nothing was written (--dry-run)")
        return
    emit(f"{display(done.branch)}  {versions} in {commits}, of which {done.new_count:,} are new")
    hint(f"look at it, and go there: git log --stat {typed(done.branch)}; git checkout {typed(done.branch)}")


def _history_document(done: "late.import_dvc_history.ImportedHistory") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "branch": done.branch,
        "tip": done.tip,
        "commits": done.commits_count,
        "new_commits": done.new_count,
        "versions": done.versions_count,
        "stored_bytes": done.stored_bytes,
        "left": [
            {"file": text_of(one.file), "commits": one.commits_count, "message": one.error.message} for one in done.left
        ],
    }


def _show(done: "late.import_dvc.ImportedDvc") -> None:
    for one in done.artifacts:
        emit(_line(one, done.is_dry))
        for text in one.left_out:
            warn(f"{display(one.path)}: {text}")
    for path, why in done.passed:
        note(f"{display(path)} {why}")
    if not done.artifacts and not done.refused:
        emit("nothing here is tracked by DVC")
    for file in done.pipelines:
        note(f"{display(file)} stays, with its pipeline: parameters, metrics and plots in it are DVC's")
    if done.is_dry:
        note("nothing was written (--dry-run)")
    elif done.staged:
        note(f"{count_text(len(done.staged), 'file')} staged: git commit records the import")
    if any(not one.is_here for one in done.artifacts) and not done.is_dry:
        hint("what was not in the working tree is in the store now: track checkout")


def _line(one: "late.import_dvc.ImportedArtifact", dry_run: bool) -> str:
    name = display(one.path) + ("/" if one.kind == "directory" else "")
    parts = [name, size_text(one.size)]
    if one.files is not None:
        parts.append(count_text(one.files, "file"))
    parts.append("unchanged" if not one.is_changed else "would be imported" if dry_run else "imported")
    parts.append(f"{'would replace' if dry_run else 'replaces'} {display(one.file)}" if one.is_replaced else "")
    return "  ".join(filter(None, parts))


def _document(done: "late.import_dvc.ImportedDvc") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "stored_bytes": done.stored_bytes,
        "staged": [text_of(path) for path in done.staged],
        "pipelines": [text_of(path) for path in done.pipelines],
        "left_to_git": [{"path": text_of(path), "why": why} for path, why in done.passed],
        "artifacts": [
            {
                "path": text_of(one.path),
                "file": text_of(one.file),
                "kind": one.kind,
                "digest": str(one.digest),
                "size": one.size,
                "files": one.files,
                "changed": one.is_changed,
                "replaced": one.is_replaced,
                "here": one.is_here,
                "left_out": list(one.left_out),
            }
            for one in done.artifacts
        ],
        "refused": [
            {
                "file": text_of(one.file),
                "path": text_of(one.path) if one.path is not None else None,
                "error": type(one.error).__name__,
                "message": one.error.message,
                "details": list(one.error.details),
            }
            for one in done.refused
        ],
    }
