"""`track import-lfs`: what Git LFS keeps becomes artifacts."""

import click

from track.cli import late
from track.cli.hooking import ensure_hooks
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, refuse, size_text, warn
from track.errors import UsageError
from track.model.names import display, text_of, typed

_HELP = """Make artifacts of the files that Git LFS keeps, each with a pointer of ours; its own folder is only read.

\b
  track import-lfs -n           read and check everything, write nothing
  track import-lfs              all that Git LFS keeps here
  track import-lfs models/      what lies there
  track import-lfs --fetch      have Git LFS fetch first what is not here
  track import-lfs --history with-track
                                another branch, in all of whose commits its pointers are ours

Content comes from the working tree and from the folder of Git LFS, and each byte is checked against its SHA-256 before
it is believed. What is missing, damaged or changed is listed, and left to Git LFS as it is. Git forgets the imported
files, which stay where they are; when nothing is left to Git LFS, the lines of .gitattributes go that give files to it.
Interrupted, run it again. No network but with --fetch.

\b
Exit codes: 0 done; 1 Git LFS could not fetch; 2 wrong usage; 3 not a project; 4 objects are not here; 6 changed since,
in the way, or a shallow clone has no whole history; 7 damaged.
"""


@click.command("import-lfs", help=_HELP, short_help="make artifacts of what Git LFS keeps")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--fetch", is_flag=True, help="Have Git LFS fetch first what is not here.")
@click.option("--history", metavar="BRANCH", help="Make this branch, of the history of HEAD; change nothing else.")
@click.option("-n", "--dry-run", is_flag=True, help="Read and check everything, write nothing, say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], fetch: bool, history: str | None, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    if history is not None:
        if paths:
            raise UsageError("a history is imported as a whole", hint=f"track import-lfs --history {typed(history)}")
        _history(history, fetch=fetch, dry_run=dry_run, as_json=as_json)
        return
    with opened() as project:
        done = late.import_lfs.import_lfs(project, paths, fetch=fetch, dry_run=dry_run, progress=progress())
        if done.artifacts and not dry_run:
            ensure_hooks(project)
    if as_json:
        emit_json("import-lfs", _document(done))
    else:
        _show(done)
    refuse([error for _, error in done.refused])


def _history(branch: str, *, fetch: bool, dry_run: bool, as_json: bool) -> None:
    with opened() as project:
        done = late.import_lfs_history.import_lfs_history(
            project, branch, fetch=fetch, dry_run=dry_run, progress=progress()
        )
    if as_json:
        emit_json("import-lfs", _history_document(done))
    else:
        _show_history(done)
    refuse([one.error for one in done.left])


def _show_history(done: "late.import_lfs_history.ImportedLfsHistory") -> None:
    versions = count_text(done.versions_count, "version")
    commits = count_text(done.commits_count, "commit")
    for one in done.left:
        warn(f"{display(one.path)} stays with Git LFS in {count_text(one.commits_count, 'commit')}")
    if done.is_dry:
        emit(f"{display(done.branch)}  {versions} in {commits} would be imported")
        note("nothing was written (--dry-run)")
        return
    emit(f"{display(done.branch)}  {versions} in {commits}, of which {done.new_count:,} are new")
    hint(f"look at it, and go there: git log --stat {typed(done.branch)}; git checkout {typed(done.branch)}")


def _history_document(done: "late.import_lfs_history.ImportedLfsHistory") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "branch": done.branch,
        "tip": done.tip,
        "commits": done.commits_count,
        "new_commits": done.new_count,
        "versions": done.versions_count,
        "stored_bytes": done.stored_bytes,
        "left": [
            {"path": text_of(one.path), "commits": one.commits_count, "message": one.error.message} for one in done.left
        ],
    }


def _show(done: "late.import_lfs.ImportedLfs") -> None:
    how = "would be imported" if done.is_dry else "imported"
    for one in done.artifacts:
        emit(f"{display(one.path)}  {size_text(one.size)}  {how}")
    if not done.artifacts and not done.refused:
        emit("nothing here is kept by Git LFS")
    for path in done.attributes:
        note(f"{display(path)} {'would give' if done.is_dry else 'gives'} nothing to Git LFS any more")
    if done.is_dry:
        note("nothing was written (--dry-run)")
        return
    if done.staged:
        note(f"{count_text(len(done.staged), 'file')} staged: git commit records the import")
    if any(not one.is_here for one in done.artifacts):
        hint("what was not in the working tree is in the store now: track checkout")


def _document(done: "late.import_lfs.ImportedLfs") -> dict[str, object]:
    return {
        "dry_run": done.is_dry,
        "stored_bytes": done.stored_bytes,
        "staged": [text_of(path) for path in done.staged],
        "attributes": [text_of(path) for path in done.attributes],
        "artifacts": [
            {"path": text_of(one.path), "digest": str(one.digest), "size": one.size, "here": one.is_here}
            for one in done.artifacts
        ],
        "refused": [
            {
                "path": text_of(path),
                "error": type(error).__name__,
                "message": error.message,
                "details": list(error.details),
            }
            for path, error in done.refused
        ],
    }
