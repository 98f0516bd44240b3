"""`track status`: what differs between data, pointers, index and HEAD, and what no remote has."""

import sys

import click

from track.cli import late
from track.cli.session import (
    count_text,
    emit,
    emit_bytes,
    emit_json,
    opened,
    paint,
    progress,
    refuse,
    size_text,
    table,
    tell_still_here,
)
from track.model.names import display, text_of, typed

_HELP = """Show what differs between your data, its pointers, Git's index and HEAD, and what no remote has.

\b
  track status                everything
  track status data/          what lies below a folder
  track status --exit-code    for scripts: 1 when anything differs

No file is read unless its stat changed since it was last hashed, and no remote is asked.

\b
Letters: A new, M modified, D missing (a pointer: deleted), U in conflict, S out of step (the data is another saved
version than its pointer says), ? cannot be read. With --porcelain each line is INDEX, POINTER, DATA, PUSHED and the
path: INDEX compares the index with HEAD, POINTER the pointer file with the index, DATA the data with the pointer, and
PUSHED is P, N (not pushed) or - (no remote). A dot means the same.

\b
Exit codes: 0 done; 1 something differs and --exit-code was given; 2 wrong usage; 3 not a project;
6 a pointer has the marks of a merge, 7 it cannot be read (everything else is shown all the same).
"""
_WORDS = {"A": "new", "M": "modified", "D": "missing", "U": "in conflict", "S": "out of step", "?": "cannot be read"}


@click.command("status", help=_HELP, short_help="what changed, and what is not pushed")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--porcelain", is_flag=True, help="Print one line an artifact that differs, in a form that stays.")
@click.option("-z", "nul", is_flag=True, help="End lines with NUL and leave paths as they are; implies --porcelain.")
@click.option("--exit-code", is_flag=True, help="Return 1 when anything differs.")
def command(*, paths: tuple[str, ...], as_json: bool, porcelain: bool, nul: bool, exit_code: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.status.status(project, paths, progress=progress())
        tell_still_here(project)
    if as_json:
        emit_json("status", _document(found))
    elif porcelain or nul:
        emit_bytes(b"".join(_porcelain(artifact, nul) for artifact in found.artifacts if _is_listed(artifact)))
    else:
        _show(found)
    refuse([artifact.malformed for artifact in found.artifacts if artifact.malformed is not None])
    if exit_code and found.changed:
        sys.exit(1)


def _is_listed(artifact: "late.status.ArtifactStatus") -> bool:
    return artifact.is_changed or (artifact.pushed is False and not artifact.is_away)


def _porcelain(artifact: "late.status.ArtifactStatus", nul: bool) -> bytes:
    pushed = "-" if artifact.pushed is None else "P" if artifact.pushed else "N"
    letters = f"{artifact.staged}{artifact.unstaged}{artifact.data}{pushed} ".encode()
    if nul:
        return letters + artifact.path + b"\0"
    return letters + text_of(artifact.path).replace("\n", "\\x0a").encode() + b"\n"


def _show(found: "late.status.Status") -> None:
    present = [artifact for artifact in found.artifacts if not _is_gone(artifact)]
    size_bytes = sum(artifact.size for artifact in present)
    where = f"on branch {display(found.branch)}" if found.branch else "not on a branch"
    emit(f"{where}, {count_text(len(present), 'artifact')}, {size_text(size_bytes)}")
    if found.operation:
        emit(f"Git is in the middle of a {found.operation}")
    _section(
        "in conflict",
        "track merge PATH --take ours|theirs",
        [["U", _title(artifact), ""] for artifact in found.artifacts if artifact.staged == "U"],
    )
    _section(
        "pointers staged for the next commit",
        "",
        [[artifact.staged, _title(artifact), ""] for artifact in found.artifacts if artifact.staged not in ".U"],
        deleted="deleted",
    )
    _section(
        "pointers not staged",
        f"git add {_one_or([typed(one.pointer) for one in found.artifacts if one.unstaged not in '.U'], 'POINTER…')}",
        [[artifact.unstaged, _title(artifact), ""] for artifact in found.artifacts if artifact.unstaged not in ".U"],
        deleted="deleted",
    )
    _section(
        "data that differs from its pointer",
        _ways(
            [artifact for artifact in found.artifacts if _differs(artifact) and not _is_purged(artifact)],
            found.has_remote,
        ),
        [[artifact.data, _title(artifact), _what(artifact)] for artifact in found.artifacts if _differs(artifact)],
    )
    _say_partly(found)
    _say_purged(found)
    _say_unpushed(found)
    if found.left_out_count:
        emit(
            f"this sparse checkout leaves out {count_text(found.left_out_count, 'pointer')}"
            "  (git sparse-checkout add FOLDER brings those of a folder)"
        )
    if not found.changed:
        empty = not found.artifacts and not found.left_out_count
        emit("nothing differs" + ("; nothing is tracked yet: track add PATH" if empty else ""))


def _differs(artifact: "late.status.ArtifactStatus") -> bool:
    """Whether its data is not as its pointer says, apart from a pointer in conflict."""
    return artifact.data != "." and (artifact.staged, artifact.data) != ("U", "?")


def _is_purged(artifact: "late.status.ArtifactStatus") -> bool:
    """Whether nothing brings back what is missing."""
    return artifact.data == "D" and bool(artifact.purged)


def _one_or(names: list[str], many: str) -> str:
    """The name, when there is one, so that the hint can be pasted; else what stands for one of them."""
    return names[0] if len(names) == 1 else many


def _ways(differing: "list[late.status.ArtifactStatus]", has_remote: bool) -> str:
    """Both ways on for data that differs from its pointer: to record it, and to have it as recorded."""
    differing = [artifact for artifact in differing if artifact.data != "?"]  # neither way is open: the error says more
    if not differing:
        return ""
    path = _one_or([typed(artifact.path) for artifact in differing], "PATH")
    force, comes = "", "brings the recorded version back"
    if any(artifact.data == "M" for artifact in differing):
        force, comes = "--force ", f"{comes}, edits go to the trash"
    if all(artifact.data == "D" for artifact in differing):
        if not all(artifact.is_stored for artifact in differing):
            where = "" if has_remote else "track remote add NAME URL says where it is; then: "
            return f"{where}track pull {path} brings it"
        return f"track checkout {path} {comes}"
    if all(artifact.data == "S" for artifact in differing):
        return f"track checkout {path} {comes}; track add --force {path} records what is here"
    return f"track add {path} records it; track checkout {force}{path} {comes}"


def _is_gone(artifact: "late.status.ArtifactStatus") -> bool:
    """Whether it has no pointer any more, but in HEAD or the index."""
    return artifact.unstaged == "D" or (artifact.staged, artifact.unstaged) == ("D", ".")


def _section(title: str, hint: str, rows: list[list[str]], *, deleted: str = _WORDS["D"]) -> None:
    if not rows:
        return
    emit("")
    emit(paint(title, "bold") + (f"  ({hint})" if hint else ""))
    words = _WORDS | {"D": deleted}
    table([["", f"{row[0]} {words[row[0]]}", *row[1:]] for row in rows])


def _title(artifact: "late.status.ArtifactStatus") -> str:
    if artifact.name is not None:
        return display(artifact.name)
    return display(artifact.path) + ("/" if artifact.kind == "directory" else "")


def _what(artifact: "late.status.ArtifactStatus") -> str:
    """What is known of how the data differs."""
    look = artifact.look
    if artifact.trouble:
        return artifact.trouble
    if look is None:
        return ""
    if look.holds is not None:
        return f"holds {look.holds.short}, the pointer says {artifact.digest.short if artifact.digest else '?'}"
    counts = (("+", look.added_count), ("~", look.modified_count), ("-", look.removed_count))
    return " ".join(f"{sign}{count:,}" for sign, count in counts if count) if artifact.kind == "directory" else ""


def _say_partly(found: "late.status.Status") -> None:
    """What was never placed differs from nothing, and is said all the same."""
    partly = [
        (artifact, artifact.look)
        for artifact in found.artifacts
        if artifact.look and artifact.look.absent_count and not artifact.is_away
    ]
    if away := found.away:
        emit("")
        emit(paint("not here, never asked for", "bold") + "  (track pull PATH brings it)")
        table([["", _title(one), size_text(one.size)] for one in away], right=(2,))
    if not partly:
        return
    emit("")
    emit(paint("partly checked out", "bold") + "  (track pull PATH brings the rest)")
    table([["", _title(one), f"{look.absent_count:,} of {one.files or 0:,} files not here"] for one, look in partly])


def _say_purged(found: "late.status.Status") -> None:
    purged = [one for one in found.artifacts if one.purged]
    if not purged:
        return
    emit("")
    emit(paint("removed for good", "bold") + "  (track rm --cached PATH lets the name go)")
    table([["", _title(one), display(one.purged)] for one in purged])


def _say_unpushed(found: "late.status.Status") -> None:
    if not found.has_remote:
        return
    unpushed = found.unpushed
    if unpushed:
        size_bytes = sum(artifact.size for artifact in unpushed)
        emit("")
        emit(f"not pushed: {count_text(len(unpushed), 'artifact')}, {size_text(size_bytes)}  (track push)")


def _document(found: "late.status.Status") -> dict[str, object]:
    return {
        "branch": found.branch,
        "head": found.head,
        "operation": found.operation,
        "has_remote": found.has_remote,
        "left_out": found.left_out_count,
        "artifacts": [
            {
                "path": text_of(artifact.path),
                "name": artifact.name,
                "pointer": text_of(artifact.pointer),
                "kind": artifact.kind,
                "digest": str(artifact.digest) if artifact.digest else None,
                "size": artifact.size,
                "files": artifact.files,
                "staged": artifact.staged,
                "unstaged": artifact.unstaged,
                "data": artifact.data,
                "added": artifact.look.added_count if artifact.look else 0,
                "modified": artifact.look.modified_count if artifact.look else 0,
                "removed": artifact.look.removed_count if artifact.look else 0,
                "away": artifact.is_away,
                "absent": artifact.look.absent_count if artifact.look else 0,
                "holds": str(artifact.look.holds) if artifact.look and artifact.look.holds else None,
                "pushed": artifact.pushed,
                "purged": artifact.purged or None,
                "trouble": artifact.trouble,
            }
            for artifact in found.artifacts
        ],
    }
