"""How a collection is told: what went, what waits, what stays and for whom, and what left it behind."""

import time
from collections.abc import Sequence

from track.cli import late
from track.cli.passing import documents_of, show_passed
from track.cli.session import count_text, emit, hint, note, size_text, warn
from track.model.names import display, text_of
from track.model.policy import widest

SHOWN = 20
"""Lines of one kind at most."""


def show_sources(sources: "Sequence[late.leftovers.Source]") -> None:
    """A line for each artifact that left something behind."""
    for source in sources[:SHOWN]:
        emit(_line(source))
    if len(sources) > SHOWN:
        emit(f"… and {len(sources) - SHOWN:,} more: track gc -n --json")


def _line(source: "late.leftovers.Source") -> str:
    size = f"{count_text(source.objects_count, 'object')}  {size_text(source.object_bytes)}"
    if not source.path:
        return f"(named by no commit that Git still has)  {size}"
    day = time.strftime("%Y-%m-%d", time.gmtime(source.committed))
    versions = count_text(source.versions_count, "version")
    if source.is_reached:
        return (
            f"{display(source.path)}  {versions}  {size}  made by {source.commit[:10]} of {day} "
            f"({display(source.subject)[:60]}), which the keep policy passes over"
        )
    return (
        f"{display(source.path)}  {versions}  {size}  last named by {source.commit[:10]} of {day} "
        f"({display(source.subject)[:60]}), which no ref and no reflog reaches"
    )


def document_of_sources(sources: "Sequence[late.leftovers.Source]") -> list[dict[str, object]]:
    """The same for `--json`."""
    return [
        {
            "path": text_of(source.path) if source.path else None,
            "versions": source.versions_count,
            "objects": source.objects_count,
            "object_bytes": source.object_bytes,
            "commit": source.commit or None,
            "committed": source.committed or None,
            "subject": source.subject or None,
            "in_history": source.is_reached,
        }
        for source in sources
    ]


def show_remote(done: "late.gc_remote.CollectedRemote") -> None:
    """What happened at a remote, or would."""
    show_sources(done.sources)
    for lost in done.lost[:SHOWN]:
        warn(f"what {display(lost.name)} needs is neither here nor at the remote ({lost.digest.short})")
    if done.is_stopped:
        warn(f"nobody knows what is below it: nothing {'would be' if done.is_dry else 'was'} deleted")
        hint("track push                       in the clone that has it, sends it again")
        hint("track gc --remote --force        gives up what only it names")
        return
    would = "would be " if done.is_dry else ""
    at = f"at {display(done.remote)} ({display(done.url)})"
    if done.deleted_count:
        emit(f"{count_text(done.deleted_count, 'file')}, {size_text(done.deleted_bytes)}, {would}deleted {at}")
    if done.condemned_count:
        emit(
            f"{count_text(done.condemned_count, 'file')}, {size_text(done.condemned_bytes)}, {would}condemned {at}: "
            "the same command deletes them a day later, unless they are needed again"
        )
    if not done.deleted_count and not done.condemned_count:
        emit(f"nothing {'would be' if done.is_dry else 'is'} condemned or deleted {at}")
    _show_rest(done)


def show_by_reflogs(held: "late.needed.ByReflogs", policy: str, *, now_s: float, grace_days: int) -> None:
    """Which versions stay for reflogs alone, how old their entries are, and how they are let go of sooner."""
    if not held.versions_count:
        return
    newest, oldest = (max(0, int(now_s - when_s)) for when_s in (held.last_s, held.first_s))
    ages = _age(newest) if _age(newest) == _age(oldest) else f"{_age(newest)} to {_age(oldest)}"
    note(
        f"{count_text(held.versions_count, 'version')} that `{display(policy)}` passes over: kept, for git reflog has "
        f"entries of them, {ages} old, and those of the last {count_text(grace_days, 'day')} count (gc.grace)"
    )
    hint("git reflog expire --expire=now --all      lets go of them now: git reset can go back to none of them then")


def _age(seconds: int) -> str:
    for length, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return count_text(seconds // length, word)
    return count_text(seconds, "second")


def _show_rest(done: "late.gc_remote.CollectedRemote") -> None:
    if done.waiting_count and done.next_s is not None and done.next_s > done.now_s:
        hours = max(1, round((done.next_s - done.now_s) / 3600))
        note(f"{count_text(done.waiting_count, 'file')} condemned: the first may go in {count_text(hours, 'hour')}")
    if done.spared_count:
        note(f"{count_text(done.spared_count, 'file')} condemned before: needed again, and kept")
    if done.copied_count:
        are = "would be" if done.is_dry else "is" if done.copied_count == 1 else "are"
        note(f"{count_text(done.copied_count, 'object')} among them {are} kept in new packs")
    if done.chunks_count:
        are, size = "would be" if done.is_dry else "are", size_text(done.chunks_bytes)
        note(f"{size} in {done.chunks_count:,} chunks of large files among them {are} kept in new packs")
    if done.young_count:
        note(
            f"{count_text(done.young_count, 'file')}, {size_text(done.young_bytes)}, written less than a day ago: kept"
        )
    if done.among_live_count:
        note(f"{size_text(done.among_live_bytes)} among what is needed in the same packs: kept")
    if done.partly_bytes:
        size = size_text(done.partly_bytes)
        note(f"about {size} of large files beside pieces that are needed: kept until that is most of a pack")
    for keeper in done.keepers[:SHOWN]:
        day = time.strftime("%Y-%m-%d", time.gmtime(keeper.modified_s))
        versions = count_text(keeper.versions_count, "version")
        who = f"clone {keeper.clone[:8]}, which pushed last on {day},"
        if keeper.versions_count:
            note(f"{who} needs {versions} that nothing here keeps: kept")
        if widest((done.own, keeper.keep)) != done.own:
            note(f"{who} keeps `{keeper.keep}` of the history (its gc.keep): so does this collection")
    if done.keepers:
        hint("track gc --remote --forget CLONE     when a clone is gone for good")
    if done.given_up_count:
        what = count_text(done.given_up_count, "version")
        now = "is" if done.given_up_count == 1 else "are"
        note(f"{what} of the history {'would be' if done.is_dry else now} given up: kept is `{done.keep}`")
    show_by_reflogs(done.by_reflogs, str(done.keep), now_s=done.now_s, grace_days=done.grace_days)
    if done.unheld_count:
        note(
            f"{count_text(done.unheld_count, 'version')} that `{done.keep}` passes over: kept, for fewer than "
            f"{count_text(done.min_copies, 'other place')} verifiably hold all of it (store.min_copies)"
        )
        hint("track push OTHER-REMOTE HEAD COMMIT…      makes another copy")
        hint("track gc --remote --min-copies 0      gives them up all the same, for good")
    show_passed(done.passed)
    if done.is_dry:
        note("nothing was changed (--dry-run)")


def document_of_reflogs(held: "late.needed.ByReflogs") -> dict[str, object]:
    """The same for `--json`; times are in seconds since 1970."""
    return {"versions": held.versions_count, "first": held.first_s or None, "last": held.last_s or None}


def document_of_remote(done: "late.gc_remote.CollectedRemote") -> dict[str, object]:
    """The same for `--json`."""
    return {
        "remote": display(done.remote),
        "url": display(done.url),
        "dry_run": done.is_dry,
        "keep": str(done.keep),
        "given_up": done.given_up_count,
        "unheld": {"versions": done.unheld_count, "copies": done.min_copies},
        "by_reflogs": document_of_reflogs(done.by_reflogs),
        "passed": documents_of(done.passed),
        "files": done.files_count,
        "deleted": {"files": done.deleted_count, "bytes": done.deleted_bytes},
        "spared": done.spared_count,
        "condemned": {"files": done.condemned_count, "bytes": done.condemned_bytes},
        "waiting": {"files": done.waiting_count, "next": done.next_s},
        "copied": {"objects": done.copied_count, "bytes": done.copied_bytes},
        "chunks": {"chunks": done.chunks_count, "bytes": done.chunks_bytes},
        "young": {"files": done.young_count, "bytes": done.young_bytes},
        "among_live": {"objects": done.among_live_count, "bytes": done.among_live_bytes},
        "partly": {"bytes": done.partly_bytes},
        "now": done.now_s,
        "clones": [
            {"clone": one.clone, "versions": one.versions_count, "pushed": one.modified_s, "keep": str(one.keep)}
            for one in done.keepers
        ],
        "lost": [{"name": one.name, "digest": str(one.digest)} for one in done.lost],
        "stopped": done.is_stopped,
        "sources": document_of_sources(done.sources),
    }
