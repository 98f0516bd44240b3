"""Merge: what two versions made of a third, in one version again; whatever cannot be merged is named.

A pointer merges fact by fact, its content (kind, digest and all that is said of these bytes) as one unit. Directories
whose contents went apart merge path by path: `manifest_merge` does that, and its result comes here as a root.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

from track.model import toml
from track.model.digest import Digest
from track.model.names import text_of
from track.model.node import Root
from track.model.pointer import Pointer

Side: TypeAlias = Literal["ours", "theirs"]
Content: TypeAlias = Literal["same", "ours", "theirs", "apart"]


class FactConflict(NamedTuple):
    """A fact that both sides changed: `what` is like "content" or "label ticket"; None where it is not said."""

    what: str
    ours: object
    theirs: object


class MergedPointer(NamedTuple):
    """A merged pointer. In each of `conflicts`, sorted but for the content, it says what the side asked for says."""

    pointer: Pointer
    conflicts: tuple[FactConflict, ...]


def content_of(base: Pointer | None, ours: Pointer, theirs: Pointer) -> Content:
    """Which side's content the merged version has: `same` is both, `apart` that each side changed it."""
    if _content(ours) == _content(theirs):
        return "same"
    if base is not None and _content(base) == _content(ours):
        return "theirs"
    return "ours" if base is not None and _content(base) == _content(theirs) else "apart"


def merge_pointers(
    base: Pointer | None, ours: Pointer, theirs: Pointer, *, content: Root | None = None, take: Side = "ours"
) -> MergedPointer:
    """Merge two versions that come from `base` (none: each side began by itself); conflicts stand as `take` says.

    `content` is the merged manifest of two directories whose content is `apart`.
    """
    facts = _Facts(take)
    merged = _with_content(facts, base, ours, theirs, content)
    was = base or replace(ours, tags=(), labels={}, partitions={}, based_on={}, extra={})
    unknown = [{name: table for name, table in one.extra.items() if name != "artifact"} for one in (was, ours, theirs)]
    extra = facts.table("table ", *unknown, deep=True)
    if merged.extra:
        extra = {**merged.extra, **extra}
    pointer = replace(
        merged,
        tags=tuple({*ours.tags} & {*theirs.tags} | ({*ours.tags} ^ {*theirs.tags}) - {*was.tags}),
        labels=facts.table("label ", was.labels, ours.labels, theirs.labels, deep=True),
        partitions=facts.table("partition ", was.partitions, ours.partitions, theirs.partitions),
        based_on=facts.table("based on ", was.based_on, ours.based_on, theirs.based_on),
        extra=extra,
    )
    return MergedPointer(pointer, tuple(sorted(facts.conflicts, key=lambda one: (one.what != "content", one.what))))


_ABSENT = object()
_Table: TypeAlias = Mapping[Any, Any]


class _Facts:
    """Merges facts three ways, and notes those that both sides changed."""

    def __init__(self, take: Side) -> None:
        self.take = take
        self.conflicts: list[FactConflict] = []

    def fact(self, what: str, base: object, ours: object, theirs: object) -> object:
        """One fact; `_ABSENT` is none."""
        if _same(ours, theirs) or _same(base, theirs):
            return ours
        if _same(base, ours):
            return theirs
        return self.conflict(what, ours, theirs)

    def conflict(self, what: str, ours: object, theirs: object) -> object:
        """Note a conflict, and return what stands meanwhile."""
        said = (None if one is _ABSENT else one for one in (ours, theirs))
        self.conflicts.append(FactConflict(what, *said))
        return ours if self.take == "ours" else theirs

    def table(self, what: str, was: _Table, now: _Table, other: _Table, *, deep: bool = False) -> dict[Any, Any]:
        """A table key by key; `deep` does so with the tables in it too."""
        found: dict[Any, Any] = {}
        for key in _order(was, now, other):
            base, ours, theirs = (side.get(key, _ABSENT) for side in (was, now, other))
            name = what + (text_of(key) if isinstance(key, bytes) else key)
            if deep and isinstance(ours, Mapping) and isinstance(theirs, Mapping) and not _same(ours, theirs):
                before = base if isinstance(base, Mapping) else {}
                inner = self.table(name + ".", before, ours, theirs, deep=True)
                if inner or not (ours and theirs):
                    found[key] = inner
            elif (value := self.fact(name, base, ours, theirs)) is not _ABSENT:
                found[key] = value
        return found


def _with_content(facts: _Facts, base: Pointer | None, ours: Pointer, theirs: Pointer, content: Root | None) -> Pointer:
    """The pointer with the merged content and what is said of it; `extra` has the unknown keys of [artifact] alone."""
    whose = content_of(base, ours, theirs) if content is None else "apart"
    if whose == "apart" and content is None:
        stands = facts.conflict("content", ours.digest, theirs.digest)
        taken = ours if stands is ours.digest else theirs
        return replace(taken, extra=_artifact(taken))
    if whose == "same" and (ours.size, ours.files) != (theirs.size, theirs.files):  # one of them is wrong
        facts.conflict("content", ours.size, theirs.size)
    taken = theirs if whose == "theirs" else ours
    if whose == "apart" and content is not None:
        taken = Pointer(kind="directory", digest=Digest(content.digest), size=content.size, files=content.files)
    elif whose == "same":
        taken = _said_of_same(facts.take, ours, theirs)
    kind = facts.fact(
        "type", *(_ABSENT if one is None or one.type is None else one.type for one in (base, ours, theirs))
    )
    unknown = facts.table("artifact ", _unknown(base), _unknown(ours), _unknown(theirs))
    if whose in ("ours", "theirs"):
        _refuse_stale(facts, base, *((ours, theirs) if whose == "theirs" else (theirs, ours)))
    return replace(
        taken,
        type=kind if isinstance(kind, str) else None,
        executable=_executable(taken, base, ours, theirs),
        extra={"artifact": unknown} if unknown else {},
    )


def _said_of_same(take: Side, ours: Pointer, theirs: Pointer) -> Pointer:
    """What is said of content that both have: the smaller run stays, and what only one side says."""
    runs = [one.run for one in (ours, theirs) if one.run is not None]
    said = max((ours, theirs), key=lambda one: (one.rows is not None, bool(one.schema), one.rows, str(one.schema)))
    stands = ours if take == "ours" else theirs
    value = min((ours.value, theirs.value), key=repr)
    return replace(stands, run=min(runs, default=None), rows=said.rows, schema=said.schema, value=value)


def _refuse_stale(facts: _Facts, base: Pointer | None, kept: Pointer, changed: Pointer) -> None:
    """Unknown keys may speak of the content: one that the side with the old content changed is a conflict."""
    before, now, other = _unknown(base), _unknown(kept), _unknown(changed)
    named = {conflict.what for conflict in facts.conflicts}
    for key in _order(before, now, other):
        what = f"artifact {key}"
        old, new, theirs = (one.get(key, _ABSENT) for one in (before, now, other))
        if not _same(old, new) and not _same(new, theirs) and what not in named:
            facts.conflict(what, new, theirs)


def _executable(taken: Pointer, base: Pointer | None, ours: Pointer, theirs: Pointer) -> bool:
    if taken.kind != "file" or ours.kind != theirs.kind:
        return taken.executable
    if base is None or base.kind != "file":
        return ours.executable or theirs.executable
    return ours.executable if base.executable == theirs.executable else theirs.executable


def _content(pointer: Pointer) -> tuple[str, bytes]:
    return pointer.kind, pointer.digest


def _unknown(pointer: Pointer | None) -> Mapping[str, object]:
    found = {} if pointer is None else pointer.extra.get("artifact", {})
    return found if isinstance(found, Mapping) else {}


def _artifact(pointer: Pointer) -> dict[str, object]:
    unknown = _unknown(pointer)
    return {"artifact": unknown} if unknown else {}


def _same(a: object, b: object) -> bool:
    """Whether two facts say the same; 1, 1.0 and true do not."""
    if a is _ABSENT or b is _ABSENT:
        return a is b
    return a == b if isinstance(a, bytes) or isinstance(b, bytes) else toml.value(a) == toml.value(b)


def _order(base: _Table, ours: _Table, theirs: _Table) -> list[Any]:
    """The keys of the merged table: in the order that both sides have, else that of the base and the others sorted."""
    if list(ours) == list(theirs):
        return [*ours, *(key for key in base if key not in ours)]
    return [*base, *sorted({*ours, *theirs} - {*base})]
