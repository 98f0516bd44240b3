"""Which artifact words mean that may be a path or a name: told apart, and never guessed where they are both."""

from collections.abc import Mapping, Sequence
from datetime import date

from track.errors import OutsideRepository, TrackError, UnknownPath, UnknownRevision, UsageError
from track.flows import view
from track.flows.candidates import Candidate, ambiguous, of_name, of_path
from track.flows.named import Names
from track.flows.named_versions import NamedVersion, asked_of, choose
from track.flows.sides import Side
from track.flows.view import Located
from track.model.names import artifact_pointer, is_named_pointer, is_pointer_path
from track.project import Project


def place_named(
    project: Project,
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
    others: Sequence[Candidate] = (),
) -> Located:
    """What `[REV:]PATH` or `[REV:]NAME[@VERSION]` means, with partitions always a name.

    A path that begins with `./`, `../` or `/` is never a name, and what has a `@VERSION` that is no path is always
    one. The path of a named artifact's pointer means exactly that version. `others` are what else is called so.

    Raises:
        UnknownPath, UnknownRevision: it means nothing, with the nearest names.
        UsageError: it is a path and a name, or one of `others` as well, or may mean several versions.
    """
    if partitions or time is not None or every:
        return _located(choose(project, asked_of(words, partitions, time, every=every)))
    rev, colon, name = words.rpartition(":")
    try:
        side, path = view.place(project, words)
        located = view.locate(side, path)
    except (UnknownPath, UnknownRevision, OutsideRepository) as error:
        if name.startswith(("./", "../", "/")):
            raise
        located = _by_name(project, words, error)
        if others and words == name and "@" not in name:
            raise ambiguous(words, [of_name(words), *others]) from None
        return located
    is_name = is_named_pointer(located.artifact)
    if is_name and is_named_pointer(path):
        return located if is_pointer_path(path) else _located(choose(project, asked_of(words)))
    if not name.startswith(("./", "../", "/")):
        candidates = [] if is_name else [of_path(f"{rev}:" if colon else "", name)]
        candidates += [of_name(words)] if is_name or _is_name(side, name) else []
        if len(candidates) + len(others) > 1:
            raise ambiguous(words, [*candidates, *others])
    return _located(choose(project, asked_of(words))) if is_name else located


def _by_name(project: Project, words: str, error: TrackError) -> Located:
    """What is meant if it is a name; the error of the path where it looks like one and is no name either."""
    asked = asked_of(words)
    try:
        artifact_pointer(asked.name)
    except UsageError:  # no artifact can be called so
        raise error from None
    try:
        return _located(choose(project, asked))
    except UnknownPath as other:
        if "@" in words or other.details or "did you mean" in (other.hint or ""):
            raise
        raise error from None


def _is_name(side: Side, name: str) -> bool:
    has = Names(side).found.get(name)
    return has is not None and bool(has.places)


def _located(one: NamedVersion) -> Located:
    return Located(Side(one.where, ()), one.path, one.pointer, b"")
