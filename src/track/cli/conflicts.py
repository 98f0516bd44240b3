"""Conflicts in words, a line each."""

from collections.abc import Iterable

from track.model.digest import Digest
from track.model.manifest_merge import PathConflict
from track.model.merge import FactConflict
from track.model.names import display

_WHY = {
    "both changed it": "both changed",
    "both added it": "both added",
    "ours removed it": "theirs changed, ours removed",
    "theirs removed it": "ours changed, theirs removed",
    "file and folder": "a file on one side, a folder on the other",
    "mode": "the same bytes, another kind of file",
}


def told(facts: Iterable[FactConflict], paths: Iterable[PathConflict]) -> list[str]:
    """A line for each conflict; names come through `display`."""
    said = [f"{display(one.what)}: ours {_value(one.ours)}, theirs {_value(one.theirs)}" for one in facts]
    return said + [f"{display(one.path)}: {_WHY[one.why]}" for one in paths]


def _value(value: object) -> str:
    if value is None:
        return "(none)"
    return value.short if isinstance(value, Digest) else display(str(value))
