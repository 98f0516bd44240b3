"""Which artifact words mean that may be a path or a name: told apart, and never guessed where they are both."""

from collections.abc import Mapping
from datetime import date

from track.errors import OutsideRepository, TrackError, UnknownPath, UnknownRevision, UsageError
from track.flows import view
from track.flows.named import Names
from track.flows.named_versions import NamedVersion, asked_of, choose
from track.flows.sides import Side
from track.flows.view import Located
from track.model.names import display, is_named_pointer, is_pointer_path, typed
from track.project import Project


def place_named(
    project: Project,
    words: str,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    *,
    every: bool = False,
) -> Located:
    """What `[REV:]PATH` or `[REV:]NAME[@VERSION]` means, with partitions always a name.

    A path that begins with `./`, `../` or `/` is never a name, and what has a `@VERSION` that is no path is always
    one. The path of a named artifact's pointer means exactly that version.

    Raises:
        UnknownPath, UnknownRevision: it means nothing, with the nearest names.
        UsageError: it is a path and a name, or may mean several versions.
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
        return _by_name(project, words, error)
    if not is_named_pointer(located.artifact):
        if not located.inner and not name.startswith(("./", "../", "/")) and _is_name(side, name):
            before = f"{rev}:" if colon else ""
            raise UsageError(
                f"`{display(words)}` is a tracked path and a named artifact",
                hint=f"{typed(f'{before}./{name}')}      means the path\n"
                f"{typed(f'{words}@latest')}      means the name",
            )
        return located
    if is_named_pointer(path) and is_pointer_path(path):
        return located
    return _located(choose(project, asked_of(words)))


def _by_name(project: Project, words: str, error: TrackError) -> Located:
    """What is meant if it is a name; the error of the path where it looks like one and is no name either."""
    try:
        return _located(choose(project, asked_of(words)))
    except UnknownPath as other:
        if "@" in words or other.details or "did you mean" in (other.hint or ""):
            raise
        raise error from None


def _is_name(side: Side, name: str) -> bool:
    has = Names(side).found.get(name)
    return has is not None and bool(has.places)


def _located(one: NamedVersion) -> Located:
    return Located(Side(one.where, ()), one.path, one.pointer, b"")
