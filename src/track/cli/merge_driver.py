"""`track-hook merge`: what Git runs to merge a pointer, as configured by `track.history.drivers`.

It ends with 0 when the merged pointer is in place of ours, with 1 when both sides are in it between marks, and with
anything else when it touched nothing; then Git's own merge of lines takes over. No remote is asked.
"""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from track import publish
from track.cli.conflicts import told
from track.errors import NotAPointer, TrackError
from track.flows.merging import Outcome, merge_texts
from track.model.marks import marked
from track.model.names import data_path, display, is_named_pointer, typed

_UNTOUCHED = 2
_LISTED = 20


def run(name: str, arguments: Sequence[str]) -> int:
    """Merge the files BASE OURS THEIRS of the pointer at PATH, with marks of SIZE signs, into OURS.

    `arguments` are Git's %O %A %B %L %P.
    """
    if len(arguments) != 5:
        _say("usage: track-hook merge BASE OURS THEIRS SIZE PATH")
        return _UNTOUCHED
    try:
        return _merge(*arguments)
    except NotAPointer:
        return _UNTOUCHED
    except (TrackError, OSError) as error:
        _say(f"{display(arguments[4])}: {error.message if isinstance(error, TrackError) else error}")
        if isinstance(error, TrackError):
            _explain(error)
        return _UNTOUCHED
    except Exception as error:  # never 0: Git would take ours for the merged one
        _say(f"{display(arguments[4])}: a bug in track, {type(error).__name__}: {error}")
        return _UNTOUCHED


def _merge(base: str, ours: str, theirs: str, size: str, path: str) -> int:
    """Merge; raises when nothing was touched."""
    texts = tuple(Path(name).read_bytes() for name in (base, ours, theirs))
    name = path.encode("utf-8", "surrogateescape")
    with _Opened() as opened:
        try:
            outcome = merge_texts(opened.read, (texts[0], texts[1], texts[2]), name)
            with opened.kept(outcome):
                _replace(ours, outcome.text(texts[1], texts[2], _number(size)))
        except NotAPointer:
            raise
        except TrackError as error:  # what cannot be merged is left to somebody, both sides whole
            if texts[1] == texts[2]:
                raise
            _replace(ours, marked(texts[1], texts[2], _number(size)))
            _say(f"{display(name)} cannot be merged: {error.message}")
            _explain(error)
            return 1
    if outcome.is_clean:
        return 0
    if _is_asked_by_a_person(opened, size, path):
        _tell(outcome, path)
    return 1


class _Opened:
    """The project, loaded and opened when a manifest has to be read: most merges of pointers need none."""

    def __init__(self) -> None:
        self._project: Any = None

    def __enter__(self) -> "_Opened":
        return self

    def __exit__(self, *_: object) -> None:
        if self._project is not None:
            self._project.close()

    @property
    def project(self) -> Any:
        if self._project is None:
            self._project = import_module("track.project").Project.open(None)
        return self._project

    def kept(self, outcome: Outcome) -> AbstractContextManager[None]:
        """What `track.flows.unmerged.kept` does, where there is something to keep."""
        if not outcome.nodes:
            return nullcontext()
        keeping: AbstractContextManager[None] = import_module("track.flows.unmerged").kept(self.project, outcome)
        return keeping

    def read(self, digest: bytes) -> bytes:
        """A manifest node."""
        node: bytes = self.project.store.read(digest)
        return node


def _replace(path: str, content: bytes) -> None:
    """Put the result in place of Git's file of our side, at once or not at all; Git itself keeps it from there."""
    publish.publish_bytes(path, content, durable=False)


def _number(size: str) -> int:
    return int(size) if size.isdecimal() else 7


def _is_asked_by_a_person(opened: _Opened, size: str, path: str) -> bool:
    """Whether this is the merge that somebody asked for, and not one of common ancestors, which has longer marks."""
    if _number(size) <= 7:
        return True
    said = opened.project.git.run("check-attr", "-z", "conflict-marker-size", "--", path).split(b"\0")
    return bool(said[2:3] == [size.encode()])


def _tell(outcome: Outcome, path: str) -> None:
    pointer = path.encode("utf-8", "surrogateescape")
    artifact = pointer if is_named_pointer(pointer) else data_path(pointer)
    name = typed(artifact)
    if outcome.trouble is not None:
        _say(f"{display(artifact)} changed on both sides, and a manifest is not here: {outcome.trouble.message}")
        _say(f"  track pull, then: track merge {name}")
        return
    count = len(outcome.paths) + len(outcome.facts)
    _say(f"{display(artifact)}: {count:,} conflict{'s' if count > 1 else ''}")
    lines = told(outcome.facts, outcome.paths)
    for line in lines[:_LISTED]:
        _say(f"  {line}")
    if len(lines) > _LISTED:
        _say(f"  and {len(lines) - _LISTED:,} more")
    _say(f"  settle it: track merge {name} --take ours|theirs{' [PATH]...' if outcome.paths else ''}")


def _explain(error: TrackError) -> None:
    for line in (*error.details, *(error.hint or "").splitlines()):
        _say(f"  {line}")


def _say(text: str) -> None:
    sys.stderr.write(f"track: {text}\n")
    sys.stderr.flush()
