"""`track verify`: is every byte what its digest says?"""

import sys
from datetime import UTC, datetime

import click

from track.cli import late
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit, emit_json, hint, note, opened, paint, progress, size_text, table
from track.model.names import display, text_of

_HELP = """Read and hash everything: your data against its pointers, the store, and what the pointers need of it.

\b
  track verify                      everything that is here
  track verify images data/a.csv    these, and their objects in the store
  track verify --remote origin      everything that the remote has
  track verify --max-time 10m       for so long, and the next time go on from there
  track verify --sample 5%          some objects of the store; `--sample 1000` for so many
  track verify --remote origin --quick   only whether everything is there, in its size
  track verify --history            also whether what older versions need is here, or with --remote there
  track verify --json               for scripts

What was verified longest ago comes first, and what was never verified before that; a run that is stopped loses at
most a few seconds. With --remote, --sample takes packs and large objects that come first in that order, so many or
until they have so much of its bytes; of the store here it takes objects by chance.

No stat is believed and no size taken for a digest. A pack or a large object is whole when its bytes have the digest
that names it; --deep also expands and hashes every object in every pack, and follows the manifests and recipes of
every version of every branch and tag. --history looks at the versions of every commit, for what is missing: what was
pushed once and somebody deleted, what was never pushed. What a policy gave up is not missed. A bad object is put into
the store's quarantine; nothing is deleted. Data that is not checked out is not missed. `track repair` brings back what
is damaged or missing.

\b
Words: damaged (other bytes than recorded, and no edit explains it), missing (in the store, and as far as is known
at every remote), modified (data that differs from its pointer, as an edit makes it differ).

\b
Exit codes: 0 nothing is wrong; 1 data is modified, nothing worse; 2 wrong usage; 3 not a project;
4 objects are missing; 5 the remote is not there; 7 something is damaged.
"""
_SHOWN = 50


@click.command("verify", help=_HELP, short_help="check every byte against its digest")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("--remote", metavar="NAME", help="Verify this remote instead of what is here.")
@click.option("--sample", metavar="N%|N", help="Read only so much, and no data.")
@click.option("--max-time", metavar="TIME", help="Begin nothing more after 30s, 10m, 2h, 1d; the next time goes on.")
@click.option("--deep", is_flag=True, help="Expand packed objects one by one, and follow every manifest and recipe.")
@click.option("--quick", is_flag=True, help="With --remote: read nothing, ask whether everything is there.")
@click.option("--history", is_flag=True, help="Look for what the versions of every commit need, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    paths: tuple[str, ...],
    remote: str | None,
    sample: str | None,
    max_time: str | None,
    deep: bool,
    quick: bool,
    history: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    if paths and remote is not None:
        raise click.UsageError("--remote looks at the whole remote: give no paths with it")
    if sample is not None and paths:
        raise click.UsageError("--sample is about the whole store: give no paths with it")
    if quick and (remote is None or deep):
        raise click.UsageError("--quick is for a remote, and not together with --deep")
    if history and (paths or sample is not None):
        raise click.UsageError("--history is about everything: give no paths with it, and no --sample")
    portion = late.sampling.portion_of(sample) if sample is not None else None
    max_s = late.sampling.time_of(max_time) if max_time is not None else None
    with opened() as project:
        verified = late.verify.verify(
            project,
            paths,
            remote=remote,
            portion=portion,
            max_s=max_s,
            deep=deep,
            quick=quick,
            history=history,
            progress=progress(),
        )
    if as_json:
        emit_json("verify", _document(verified))
    else:
        _show(verified, history=history)
    if verified.exit_code:
        sys.exit(verified.exit_code)


def _show(verified: "late.verify.Verified", *, history: bool) -> None:
    table([_row(problem) for problem in verified.problems[:_SHOWN]])
    if len(verified.problems) > _SHOWN:
        emit(f"… and {len(verified.problems) - _SHOWN:,} more: track verify --json")
    for step in dict.fromkeys(problem.next_step for problem in verified.problems[:_SHOWN]):
        hint(step)
    if recent_count := verified.fetchable_count - verified.old_count:
        note(f"{count_text(recent_count, 'object')} not here, but at a remote (track fetch)")
    if verified.old_count and history:
        lost = count_text(verified.old_count, "object")
        note(f"{lost} of older versions not here, but at a remote, as far as is known here")
        hint("track verify --remote NAME --history asks one")
    elif verified.old_count:
        lost = count_text(verified.old_count, "object")
        note(f"{lost} of older versions not here any more, but at a remote (track repair)")
    if verified.unasked_count:
        note(f"{count_text(verified.unasked_count, 'object')} not here, never asked for; no remote was asked")
        hint("track pull PATH brings what you need   to ask one: track verify --remote NAME")
    if verified.is_quick:
        note("existence only: nothing was read, so that damage does not show")
    if verified.unpushed_count:
        versions = count_text(verified.unpushed_count, "version")
        note(f"{versions} at HEAD or staged never came there whole (track push {display(verified.remote or '')})")
    if verified.unread_count:
        versions = count_text(verified.unread_count, "version")
        which = "" if history else " at HEAD or staged"
        note(f"whether everything that {versions}{which} need is there was not looked at")
    say_what_is_missing(verified.is_cut, verified.absent_count)
    if verified.left_count:
        when = datetime.fromtimestamp(verified.oldest_s, UTC).date().isoformat() if verified.oldest_s else "never"
        left = f"{count_text(verified.left_count, 'file')}, {size_text(verified.left_bytes)}"
        note(f"the time was over before {left}, verified last: {when}; the next time begins there")
    where = f"at {display(verified.remote)}" if verified.remote else "here"
    what = count_text(verified.objects_count, "object")
    if verified.remote and verified.read_bytes and not verified.objects_count:
        what = "chunks of large files"  # no index says in which objects they are
    looked = f"{what} {where}, {size_text(verified.read_bytes)} read"
    if verified.total_count:
        share = _share(verified)
        every = f"{count_text(verified.total_count, 'object')}, {size_text(verified.total_bytes or 0)}"
        looked += f" ({share:.1%} of {every})"
    if not verified.remote:
        looked = f"{count_text(verified.artifacts_count, 'artifact')}, {looked}"
    wrong = f"{count_text(len(verified.problems), 'problem')}" if verified.problems else "nothing is wrong"
    emit(f"{looked}: {wrong}")


def _share(verified: "late.verify.Verified") -> float:
    """How much a sample was: of the objects here, each of which has the same chance; of a remote's bytes, if read."""
    if verified.remote and not verified.is_quick:
        return verified.read_bytes / max(1, verified.total_bytes or 0)
    return verified.objects_count / max(1, verified.total_count or 0)


def _row(problem: "late.findings.Problem") -> list[str]:
    colour = "red" if problem.kind != "modified" else "yellow"
    digest = problem.digest.short if problem.digest else ""
    return [paint(problem.kind, colour), display(problem.path), digest, problem.what]


def _document(verified: "late.verify.Verified") -> dict[str, object]:
    return {
        "remote": verified.remote,
        "artifacts": verified.artifacts_count,
        "files": verified.files_count,
        "objects": verified.objects_count,
        "read_bytes": verified.read_bytes,
        "total_objects": verified.total_count,
        "total_bytes": verified.total_bytes,
        "fetchable": verified.fetchable_count,
        "fetchable_old": verified.old_count,
        "never_asked": verified.unasked_count,
        "left_files": verified.left_count,
        "left_bytes": verified.left_bytes,
        "left_verified": verified.oldest_s,
        "existence_only": verified.is_quick,
        "unpushed": verified.unpushed_count,
        "unread": verified.unread_count,
        "absent": verified.absent_count,
        "is_cut": verified.is_cut,
        "problems": [
            {
                "kind": problem.kind,
                "path": text_of(problem.path),
                "digest": str(problem.digest) if problem.digest else None,
                "what": problem.what,
                "next": problem.next_step,
            }
            for problem in verified.problems
        ],
    }
