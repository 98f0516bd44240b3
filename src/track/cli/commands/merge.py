"""`track merge`: settle artifacts that both sides of a Git merge changed."""

import sys

import click

from track.cli import late
from track.cli.conflicts import told
from track.cli.session import count_text, emit, emit_json, hint, note, opened, progress, warn
from track.model.manifest_merge import PathConflict
from track.model.merge import FactConflict, Side
from track.model.names import display, text_of, typed

_HELP = """Settle artifacts that both sides of a merge, rebase, cherry-pick or stash changed.

\b
  track merge                                        try again what is in conflict, as after a pull
  track merge images                                 one artifact: what is still in conflict?
  track merge images --take theirs                   settle all its conflicts with what theirs has
  track merge images --take ours cats/1.png dogs     only those at these paths inside it
  track merge images --take ours --whole             the artifact as ours has it, nothing of theirs
  track merge -n images --take theirs                show what would happen

Git merges pointers by itself when track is installed: labels key by key, directories path by path. What both sides
changed is a conflict. Only conflicts are settled with one side; what else either side did stays. When nothing is left,
the pointer is written and staged, and the data brought in step; then git commit, or git rebase --continue, goes on.

In a rebase, ours is the branch that you rebase onto, and theirs the commit of yours that is being replayed.

\b
Exit codes: 0 settled; 2 nothing in conflict at a path; 3 not a project; 4 a manifest is not here (track pull);
6 something is still in conflict, or was settled by hand, or the project is locked; 7 damaged data.
"""


@click.command("merge", help=_HELP, short_help="settle data that both sides of a merge changed")
@click.argument("paths", nargs=-1, metavar="[PATH [INSIDE]...]", type=click.UNPROCESSED)
@click.option("--take", type=click.Choice(["ours", "theirs"]), help="Settle conflicts with what this side has.")
@click.option("--whole", is_flag=True, help="Take the artifact as that side has it, nothing of the other.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would happen, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], take: Side | None, whole: bool, dry_run: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.merge.merge(project, paths, take=take, whole=whole, dry_run=dry_run, progress=progress())
    if as_json:
        emit_json("merge", _document(done))
    else:
        _show(done)
    if not done.is_settled:
        sys.exit(max((one.trouble.exit_code for one in done.artifacts if one.trouble is not None), default=6))


def _show(done: "late.merge.Merged") -> None:
    if not done.artifacts:
        note("no artifact is in conflict")
        return
    for artifact in done.artifacts:
        if artifact.is_settled:
            emit(f"{_title(artifact)}  {_settled(artifact, done.dry_run)}")
            continue
        count = len(artifact.facts) + len(artifact.paths)
        if artifact.trouble is not None:
            emit(f"{_title(artifact)}  in conflict: {artifact.trouble.message}")
            if artifact.trouble.hint:
                hint(artifact.trouble.hint)
        else:
            emit(f"{_title(artifact)}  in conflict: {count_text(count, 'conflict')}")
        for line in told(artifact.facts, artifact.paths):
            emit(f"  {line}")
        if artifact.trouble is None:
            for side in ("ours", "theirs"):
                hint(f"track merge {typed(artifact.path)} --take {side}")
    for artifact in done.artifacts:
        if artifact.unplaced is not None:
            warn(f"the data of {_title(artifact)} was left as it is: {artifact.unplaced.message}")
            hint(artifact.unplaced.hint or f"track checkout {typed(artifact.path)}")
    _say_next(done)


def _say_next(done: "late.merge.Merged") -> None:
    if done.dry_run:
        note("nothing was changed (--dry-run)")
    elif done.is_settled:
        goes_on = done.operation in ("rebase", "cherry-pick", "revert")
        note(f"staged; then: git {done.operation} --continue" if goes_on else "staged; then: git commit")


def _title(artifact: "late.merge.MergedArtifact") -> str:
    is_folder = artifact.pointer is not None and artifact.pointer.kind == "directory"
    return display(artifact.path) + ("/" if is_folder else "")


def _settled(artifact: "late.merge.MergedArtifact", dry_run: bool) -> str:
    word = "would be settled" if dry_run else "settled"
    if artifact.pointer is None:
        return f"{word}: not tracked any more; its data, if it is here, stays"
    counts = (
        ("+", artifact.added_count),
        ("~", artifact.modified_count),
        ("-", artifact.removed_count),
    )
    signs = " ".join(f"{sign}{count:,}" for sign, count in counts if count)
    return f"{word}, for ours {signs} files" if signs and artifact.pointer.kind == "directory" else word


def _document(done: "late.merge.Merged") -> dict[str, object]:
    return {
        "dry_run": done.dry_run,
        "operation": done.operation,
        "settled": done.is_settled,
        "artifacts": [
            {
                "path": text_of(artifact.path),
                "settled": artifact.is_settled,
                "digest": str(artifact.pointer.digest) if artifact.pointer else None,
                "facts": [_fact(one) for one in artifact.facts],
                "paths": [_path(one) for one in artifact.paths],
                "chosen": artifact.chosen_count,
                "added": artifact.added_count,
                "modified": artifact.modified_count,
                "removed": artifact.removed_count,
                "trouble": artifact.trouble.message if artifact.trouble else None,
                "unplaced": artifact.unplaced.message if artifact.unplaced else None,
            }
            for artifact in done.artifacts
        ],
    }


def _fact(conflict: FactConflict) -> dict[str, object]:
    return {"what": conflict.what, "ours": _said(conflict.ours), "theirs": _said(conflict.theirs)}


def _said(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _path(conflict: PathConflict) -> dict[str, object]:
    return {"path": text_of(conflict.path), "why": conflict.why}
