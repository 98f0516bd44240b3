"""Candidates: what words may mean that several things are called by, each with words that mean it alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import MalformedPointer, TrackError, UsageError
from track.model.names import display, is_named_pointer, parse_artifact_name, typed
from track.model.record import Record, Used
from track.project import Project

_LISTED = 10


class Candidate(NamedTuple):
    """One thing that words may mean: its `kind`, the `words` that mean nothing else, and what these mean."""

    kind: str
    words: str
    meaning: str


def of_path(before: str, name: str) -> Candidate:
    """The tracked path `name`, at the revision `before` (with its colon) if any."""
    return Candidate("tracked path", f"{before}./{name}", "the path")


def of_name(words: str) -> Candidate:
    """The named artifact."""
    return Candidate("named artifact", f"{words}@latest", "the name")


def of_run(record: Record) -> Candidate:
    """A run."""
    return Candidate("run", record.id, f"the run of {record.started:%Y-%m-%d %H:%M} UTC")


def of_commit(commit: str) -> Candidate:
    """A commit."""
    return Candidate("commit", commit[:12], "the commit")


def of_saved(record: Record, used: Used) -> Candidate:
    """What a run saved to itself alone, or used or made at a path where nothing is tracked any more."""
    did = "used" if used.category == "input" else "saved" if used.path is None else "made"
    name = used.called
    return Candidate(
        "saved artifact",
        f"{record.id}:{name}",
        f"what the run {display(record.name)} of {record.started:%Y-%m-%d %H:%M} UTC {did}",
    )


def refuse_several(project: Project, item: str, artifacts: Iterable[bytes], runs: Iterable[Record]) -> None:
    """Refuse a word that an artifact of the working tree is called by, its path or name, and something else as well.

    Raises:
        UsageError: it means several things; each is listed with words that mean it alone.
    """
    if item.startswith(("./", "../", "/")):
        return
    try:
        path = project.relative(item)
    except TrackError:
        return
    called = set()
    for artifact in artifacts:
        if artifact == path:
            called.add(of_name(item) if is_named_pointer(artifact) else of_path("", item))
        elif is_named_pointer(artifact):
            with suppress(MalformedPointer):
                called |= {of_name(item)} if parse_artifact_name(artifact) == item else set()
    others = [of_run(run) for run in runs if item in (run.name, run.id)]
    if called and len(called) + len(others) > 1:
        raise ambiguous(item, [*sorted(called, key=lambda one: one.kind, reverse=True), *others])


def ambiguous(words: str, candidates: Sequence[Candidate]) -> UsageError:
    """The error for words that mean several things, which are listed."""
    counts = Counter(one.kind for one in candidates)
    said = [f"a {kind}" if count == 1 else f"{count} {kind}s" for kind, count in counts.items()]
    shown = candidates[:_LISTED]
    lines = [f"{typed(one.words)}      means {one.meaning}" for one in shown]
    lines += [f"and {len(candidates) - len(shown):,} more"] * (len(shown) < len(candidates))
    return UsageError(
        f"`{display(words)}` is {', '.join(said[:-1])}{' and ' if said[:-1] else ''}{said[-1]}", hint="\n".join(lines)
    )
