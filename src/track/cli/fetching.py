"""Fetching: how the manifests that verbs which ask lack come from a remote, where `--fetch` says so."""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TypeVar

from track.cli import late
from track.cli.passing import show_passed
from track.cli.session import count_text, note, progress, size_text
from track.errors import MissingObject, TrackError
from track.model.pointer import Pointer

_Answer = TypeVar("_Answer")


def bring_manifests(
    project: "late.project.Project", lacking: Iterable[tuple[bytes, Pointer]], paths: Sequence[bytes] = ()
) -> bool:
    """Bring the manifests of these versions, by path, or of the parts at `paths`; whether anything came."""
    versions = [late.reach.Version(path, pointer, ()) for path, pointer in lacking]
    # What speaks to remotes is large, and loaded only when it is asked for.
    received = import_module("track.flows.manifests").bring_manifests(
        project, versions, paths=paths, progress=progress()
    )
    if received is None:
        return False
    show_passed(received.passed)
    note(f"{count_text(len(versions), 'manifest')}, {size_text(received.fetched_bytes)}, fetched")
    return True


def refresh(project: "late.project.Project") -> Sequence[TrackError]:
    """Ask every remote what it has; why some could not be asked."""
    failed: Sequence[TrackError] = import_module("track.flows.refresh").refresh_all(project)
    return failed


def answer(project: "late.project.Project", words: str, ask: Callable[[], _Answer], fetches: bool) -> _Answer:
    """What `ask` says of `[REV:]PATH`; when the manifest there is lacking, and `fetches`, it comes first."""
    try:
        return ask()
    except MissingObject:
        if not fetches:
            raise
    side, path = late.view.place(project, words)
    located = late.view.locate(side, path)
    bring_manifests(project, [(located.artifact, located.pointer)], [located.path] if located.inner else ())
    return ask()
