"""Meaning: the one thing that words mean that may be a path, a named artifact, a run or a commit; never guessed."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from track.errors import OutsideRepository, UnknownPath, UnknownRevision, UsageError
from track.flows.candidates import ambiguous, of_commit, of_run
from track.flows.named_place import place_named
from track.flows.run_find import Found, known_runs, runs_called, runs_with_digits, unclear_run
from track.flows.sides import ref_names
from track.flows.version_ids import SavedMeant, of_version, place_of, versions_with_id
from track.flows.view import Located
from track.history.catalog_view import Version
from track.model.names import typed
from track.model.nearest import like, nearest
from track.project import Project


class CommitMeant(NamedTuple):
    """A commit, by its full id."""

    id: str


def meaning(
    project: Project,
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
) -> Located | Found | CommitMeant | SavedMeant:
    """The artifact, run or commit that words mean: `[REV:]PATH`, `[REV:]NAME[@VERSION]`, a run, a revision, or the id
    of a version, as `track find` prints it.

    With partitions it is always a name. What is called so is meant before what has an id that begins so.

    Raises:
        UnknownPath, UnknownRevision, OutsideRepository: nothing is called so, with the nearest names.
        UsageError: several things are; each is listed with words that mean it alone.
        UnknownRun: it is a run of which several records tell otherwise.
        MalformedPointer, NewerFormat: the pointer that is meant cannot be read.
    """
    if partitions or time is not None or every:
        return place_named(project, words, partitions, time, every=every)
    runs, commit = _called_so(project, words)
    others = [*(of_run(run.record) for run in runs), *([of_commit(commit)] if commit is not None else [])]
    try:
        return place_named(project, words, others=others)
    except (UnknownPath, UnknownRevision, OutsideRepository) as error:
        unknown = error
    versions: list[Version] = []
    if not others:
        runs = runs_with_digits(project, words)
        with suppress(UnknownRevision):
            commit = project.git.resolve(words)
        versions = versions_with_id(project, words)
        others = [*(of_run(run.record) for run in runs), *([of_commit(commit)] if commit is not None else [])]
        others += map(of_version, versions)
    if len(others) == len(runs) and (unclear := unclear_run(words, runs)) is not None:
        raise unclear
    if len(others) > 1:
        raise ambiguous(words, others)
    if versions:
        return place_of(project, versions[0])
    if runs:
        return runs[0]
    if commit is not None:
        return CommitMeant(commit)
    raise _with_runs(project, words, unknown)


def _called_so(project: Project, words: str) -> tuple[list[Found], str | None]:
    """The runs of exactly this name or id, newest first, and the commit of a branch, a tag or another revision.

    Digits of an id mean something only where nothing is called so, and are not looked at.
    """
    try:
        commit = None if words.strip("0123456789abcdef") == "" else project.git.resolve(words)
    except UnknownRevision:
        commit = None
    return runs_called(project, words), commit


def _with_runs(project: Project, words: str, error: UsageError) -> UsageError:
    """The same error with the nearest runs, else branches and tags, where no artifact is called nearly so."""
    hint = error.hint or ""
    if isinstance(error, UnknownPath) and not error.details and "did you mean" not in hint:
        near = like(words, sorted(known_runs(project, lambda id, called: False)[1]))
        if near:
            error.hint = f"did you mean the run {' or '.join(map(typed, near))} ?"
        elif (ref := nearest(words, ref_names(project))) is not None:
            error.hint = ref
        elif hint == "track ls":
            error.hint = "artifacts: track ls      runs: track runs list      commits: track log"
    return error
