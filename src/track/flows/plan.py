"""Plan: what has to change in the working tree so that an artifact is a version, and what would be lost by it.

Nothing is changed here. The rows say which version was placed last; what differs between that one and the one
wanted has to change, and what was edited since:

- what is here already stays;
- what would be replaced or removed must be saved, in the store or whole at a remote, or it is unsaved work;
- an edit of a file that is the same in both versions stays, as it does in Git, unless the path was asked for;
- when the version wanted is the one that was placed last, edits are what differs: those that are saved make way, the
  others stay where nobody asked for them, as in Git, too, and `leaves` says so;
- files that no version knows stay. When there are no rows to tell, so do all that are saved nowhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from track.errors import InsideArtifact, MissingObject, SpecialFile, UnknownPath
from track.flows.here import Here, Local, is_under
from track.flows.partly import entries_of, placed_version
from track.flows.reach import known_at_remotes
from track.flows.staying import Leaves, Ways
from track.flows.totals import refuse_other_totals
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.model.names import check_entry_path, display, typed
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.parts import covers
from track.worktree.scan import Item, scan

Pair = tuple[Entry | None, Entry | None]

_MANY = 9


@dataclass(slots=True)
class Plan:
    """What to do for one artifact. Paths are relative to it; a file artifact is the entry with an empty path.

    `base` is the version that its rows describe, None without rows. `pairs` are (as the rows say, as wanted) where
    they differ; without rows every entry wanted. `writes` are the entries to place and `removes` what goes;
    `replaced` is what a write finds in its place. `stays` are local edits left alone. `lost` is unsaved work, or
    with force `given_up`: it goes into the trash; or `kept`, where it may stay, and then `unsaved` is what it is and
    `withheld` what could not come because of it. With `is_left`, the artifact stays as it is altogether, rows and all.
    """

    path: bytes
    pointer: Pointer
    parts: tuple[bytes, ...]
    here: Here
    base: Digest | None
    pairs: list[Pair] = field(default_factory=list)
    writes: dict[bytes, Entry] = field(default_factory=dict)
    replaced: dict[bytes, Local] = field(default_factory=dict)
    removes: dict[bytes, Local] = field(default_factory=dict)
    empties: set[bytes] = field(default_factory=set)
    stays: set[bytes] = field(default_factory=set)
    lost: list[bytes] = field(default_factory=list)
    given_up: list[bytes] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    unsaved: dict[bytes, Local] = field(default_factory=dict)
    withheld: set[bytes] = field(default_factory=set)
    absent: set[bytes] = field(default_factory=set)
    is_left: bool = False
    within: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Make `within` of the parts: whether a path is among many of them is asked often."""
        self.within = frozenset(self.parts)

    @property
    def is_done(self) -> bool:
        """Whether nothing in the working tree has to change."""
        is_there = bool(self.parts) or self.here.seen.kind == self.pointer.kind
        return self.is_left or (is_there and not (self.writes or self.removes or self.empties))


def plan(
    project: Project,
    path: bytes,
    pointer: Pointer,
    *,
    parts: Sequence[bytes] = (),
    asked: bool = False,
    force: bool = False,
    leaves: Leaves = "nothing",
) -> Plan:
    """What it takes to make the data at `path`, or the `parts` inside it, what `pointer` says.

    `asked` says that a person named the path, so that edits in it are what should go. With `force`, files that no
    version knows go, too, and nothing counts as lost, but as given up. `leaves` says what stays instead of being lost.

    Raises:
        MissingObject: a node of the manifest is not here.
        MalformedManifest, MalformedPointer, DamagedObject: it cannot be believed; nothing was changed.
        UnknownPath: the artifact has nothing at one of the parts that were asked for.
        Unreadable, ForbiddenPath, ChangedWhileAdding: what is here cannot be looked at.
    """
    if asked:
        _refuse_unknown(project, path, pointer, parts)
    seen = scan(project.gate, path, project.stat_cache, state=project.worktree_state)
    for error in seen.errors:
        if not isinstance(error, SpecialFile | InsideArtifact | MissingObject):
            raise error
    base = seen.root if seen.root is not None and seen.kind == pointer.kind else None
    found = Plan(path, pointer, tuple(parts), Here(project, seen), base)
    if pointer.kind == "file":
        found.pairs = [(None, Entry(b"", "x" if pointer.executable else "f", pointer.size, pointer.digest))]
    else:
        refuse_other_totals(project, path, pointer)
        found.pairs = _pairs(project, found)
    _Decision(project, found, asked=asked, force=force, leaves=leaves).run()
    if pointer.kind == "file":
        refuse_other_totals(project, path, pointer)
    return found


def _pairs(project: Project, found: Plan) -> list[Pair]:
    """(as the rows say, as wanted) where they differ; the rows are not believed when their manifest is not here."""
    read, target = project.store.read, bytes(found.pointer.digest)
    if found.base is not None:
        try:
            pairs = manifest.compare(read, bytes(found.base), target)
            return [pair for pair in pairs if is_under(_path_of(pair), found.within)]
        except MissingObject:
            if project.store.absent([target]):
                raise
            found.base = None
    return [(None, entry) for entry in entries_of(read, target, found.parts)]


class _Decision:
    """Fills a plan: what to write, what to remove, what is lost."""

    def __init__(self, project: Project, found: Plan, *, asked: bool, force: bool, leaves: Leaves) -> None:
        self.project = project
        self.plan = found
        self.here = found.here
        self.force = force
        self.leaves = leaves
        self.ways = Ways()
        self.overwrites = asked or force or found.base is None or found.base == found.pointer.digest
        self.differing = {_path_of(pair) for pair in found.pairs}

    def run(self) -> None:
        found, kind = self.plan, self.here.seen.kind
        self.here.settle(self._is_of_interest)
        if kind not in ("missing", found.pointer.kind):
            self._clear_the_place()
        for old, new in found.pairs:
            if new is None and old is not None:
                self._drop(old)
        for _, new in found.pairs:
            if new is not None:
                self._want(new)
        if kind == found.pointer.kind == "directory":
            if found.base is not None:
                self._local_edits()
            if self.force or found.base is None or self.leaves == "interrupted":
                self._extras()
        self._weigh()

    def _is_of_interest(self, item: Item) -> bool:
        """Not read: files that no version knows, and sure edits that stay; unless they are in the way."""
        if self.plan.base is None or item.path in self.differing or item.why in ("touched", "doubtful"):
            return True
        return (item.why == "resized" and self.overwrites) or (item.why == "new" and self.leaves == "interrupted")

    def _clear_the_place(self) -> None:
        """A file stands where a folder should, or the reverse, or a link: all of it has to go."""
        if self.here.seen.kind == "directory":
            self.plan.removes.update((local.path, local) for local in self.here.below(b""))
            self.plan.empties.update(folder[:-1] for folder in self.here.folders_below(b""))
        elif (local := self.here.itself()) is not None:
            self.plan.removes[b""] = local

    def _drop(self, old: Entry) -> None:
        """An entry of the version placed last that the one wanted does not have."""
        if old.mode == "d":
            self.plan.empties.add(old.path)
            return
        local = self.here.at(old.path, sure=True)
        if local is not None:
            self.plan.removes[old.path] = local
            self.ways.going(old.path)
        elif self.here.is_folder(folder := old.path.rpartition(b"/")[0]) and folder:
            self.plan.empties.add(folder)  # the file went before an interruption, its folder did not

    def _want(self, new: Entry) -> None:
        """An entry of the version wanted."""
        if new.mode == "d":
            if not self.here.is_folder(new.path):
                if self.here.seen.kind == "directory":
                    if (local := self.here.at(new.path, sure=True)) is not None:
                        self._make_way(local, new.path)
                    self._clear(new.path)
                self.plan.writes[new.path] = new
            return
        local = self.here.at(new.path, sure=True) if self.here.seen.kind == self.plan.pointer.kind else None
        if local is not None and local.is_like(new):
            return
        self.plan.writes[new.path] = new
        if local is not None:
            self.plan.replaced[new.path] = local
        elif new.path and self.here.seen.kind == "directory":
            self._clear(new.path)

    def _clear(self, path: bytes) -> None:
        """What stands in the way of a new name: a folder there, or a file where a folder above it should be."""
        if self.here.is_folder(path):
            for inner in self.here.below(path):
                self._make_way(self.here.at(inner.path, sure=True) or inner, path)
            self.plan.empties.update(folder[:-1] for folder in self.here.folders_below(path))
        folder = path.rpartition(b"/")[0]
        while folder and not self.here.is_folder(folder):
            local = self.here.at(folder, sure=True)
            if local is not None:
                self._make_way(local, path)
                return
            folder = folder.rpartition(b"/")[0]

    def _make_way(self, local: Local, wanted: bytes) -> None:
        self.plan.removes.setdefault(local.path, local)
        self.ways.block(local.path, wanted)

    def _local_edits(self) -> None:
        """What differs from the rows and is the same in both versions."""
        for was, now in self.here.seen.changes():
            path = _path_of((was, now))
            if path in self.differing or was is None or not is_under(path, self.plan.within):
                continue
            if (now is None and not self._stands_in(path)) or self.overwrites:
                self._want(was)
            else:
                self.plan.stays.update([path] if was.mode != "d" else [])

    def _stands_in(self, path: bytes) -> bool:
        """Whether something else stands at a path of which the file is gone."""
        if self.here.is_folder(path):
            return bool(self.here.below(path))
        folder = path.rpartition(b"/")[0]
        return any(self.here.at(folder[:end]) is not None for end in _ends(folder))

    def _extras(self) -> None:
        """Files and empty folders that the version wanted does not have: all of them by force, else those saved."""
        wanted = {entry.path for _, entry in self.plan.pairs if entry is not None}
        found = self.here.extras() if self.plan.base is not None else self.here.below(b"")
        going = [
            local
            for local in found
            if local.path not in wanted
            and is_under(local.path, self.plan.within)
            and check_entry_path(local.path) is None  # a repository inside is nobody's to remove
        ]
        unsaved = set() if self.force else unsaved_among(self.project, going)
        for local in going:
            if self.force:  # its digest is its name in the trash
                self.plan.removes.setdefault(local.path, self.here.at(local.path, sure=True) or local)
            elif local.digest and local.digest not in unsaved:
                self.plan.removes.setdefault(local.path, local)
                self.ways.going(local.path)
        for _, now in self.here.seen.changes():
            if now is not None and now.mode == "d" and now.path not in wanted and is_under(now.path, self.plan.within):
                self.plan.empties.add(now.path)

    def _weigh(self) -> None:
        """Which of what goes is unsaved, and which of what comes is not here."""
        found = self.plan
        going = [*found.removes.values(), *found.replaced.values()]
        unsaved = unsaved_among(self.project, going)
        if self.force:
            found.given_up += sorted({local.path for local in going if local.digest in unsaved})
        elif lost := sorted(local.path for local in going if not local.digest or local.digest in unsaved):
            self._leave(lost)
        needed = {entry.digest for entry in found.writes.values() if entry.mode != "d"}
        found.absent = self.project.store.absent(needed) if needed else set()

    def _leave(self, lost: list[bytes]) -> None:
        """Let these stay, where that is allowed; else they are lost."""
        found = self.plan
        is_in_place = self._is_in_place()
        if self.leaves == "nothing" or (self.leaves == "edits" and not is_in_place):
            found.lost += lost
            return
        if is_in_place:
            found.stays.update(lost)
        else:
            found.kept += lost
            here = found.removes | found.replaced
            found.unsaved.update((path, here[path]) for path in lost)
        if found.here.seen.kind == found.pointer.kind == "directory":
            found.withheld = self.ways.stay(lost, found.writes, found.removes)
            for path in found.withheld:
                del found.writes[path]
                found.replaced.pop(path, None)
            found.empties = {folder for folder in found.empties if not covers(found.withheld, folder)}
        else:
            found.is_left = True
            for going in (found.writes, found.removes, found.replaced, found.empties):
                going.clear()

    def _is_in_place(self) -> bool:
        """Whether the pointer is the one whose version was placed last, whatever became of that."""
        return placed_version(self.project, self.plan.path) == self.plan.pointer.digest


def unsaved_among(project: Project, going: Iterable[Local]) -> set[bytes]:
    """The contents that are neither in the store nor whole at a remote."""
    digests = {local.digest for local in going if local.digest}
    unsaved = project.store.absent(digests) if digests else set()
    return unsaved - known_at_remotes(project, unsaved) if unsaved else unsaved


def _ends(folder: bytes) -> Iterator[int]:
    yield from (at for at, byte in enumerate(folder + b"/") if byte == 0x2F)


def _path_of(pair: Pair) -> bytes:
    entry = pair[0] or pair[1]
    assert entry is not None
    return entry.path


def _refuse_unknown(project: Project, path: bytes, pointer: Pointer, parts: Sequence[bytes]) -> None:
    for part in _parts_unknown(project, pointer, parts):
        shown = display(path + b"/" + part)
        raise UnknownPath(f"{shown} is not in that version of {display(path)}", hint=f"track ls {typed(path)}")


def _parts_unknown(project: Project, pointer: Pointer, parts: Sequence[bytes]) -> Iterator[bytes]:
    """The parts at which a version has nothing; of many, the manifest is read once."""
    read, root = project.store.read, bytes(pointer.digest)
    if pointer.kind != "directory" or len(parts) < _MANY:
        yield from (part for part in parts if pointer.kind != "directory" or not any(manifest.walk(read, root, part)))
        return
    left = set(parts)
    for entry in manifest.walk(read, root):
        path = entry.path
        while path and left:
            left.discard(path)
            path = path.rpartition(b"/")[0]
    yield from sorted(left)
