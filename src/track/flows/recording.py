"""Recording: after files were placed, the rows say what is here and which version that is."""

from track.flows.nodes import saved_if_possible
from track.flows.plan import Plan
from track.flows.staying import stat_of_none
from track.model import manifest
from track.model.digest import Digest
from track.model.manifest import Entry
from track.project import Project
from track.worktree.rows import RowEdit
from track.worktree.stat_cache import Recorded


def record(project: Project, found: Plan, stats: dict[bytes, bytes], now_ns: int) -> None:
    """Give the stat cache the rows of one artifact, with the packed `stats` of what was placed, at `now_ns`.

    Where only parts were placed, what is here is a version of its own: its manifest goes into the store.
    """
    cache, here, base = project.stat_cache, found.here, found.base
    if base is not None:
        here.seen.renew()
        if found.is_done and (base == found.pointer.digest or not found.pairs):
            return
    edit = RowEdit((lambda folder: cache.row(found.path, folder)) if base is not None else lambda _: None)
    changed: dict[bytes, Entry | None] = {}
    for old, new in found.pairs:
        if entry := new or old:
            changed[entry.path] = new
        if old is not None and new is not None and "d" in (old.mode, new.mode):  # one became the other
            edit.drop(old.path)
            edit.drop_folder(old.path)
    changed.update(found.writes)
    for path in sorted(changed):
        _edit(found, edit, (path, changed[path]), stats)
    rows, gone = edit.finish(now_ns or here.seen.clock.now_ns, cache.boot)
    nodes: dict[Digest, bytes] = {}
    recorded = Recorded(found.pointer.kind, _root(project, found, nodes))
    with saved_if_possible(project, nodes):
        if base is None:
            cache.replace(found.path, recorded, rows)
        else:
            cache.update(found.path, recorded, rows, gone=gone, base=base)


def _edit(found: Plan, edit: RowEdit, change: tuple[bytes, Entry | None], stats: dict[bytes, bytes]) -> None:
    path, entry = change
    if entry is None:
        edit.drop(path)
        edit.drop_folder(path)
    elif entry.mode == "d":
        edit.put_folder(path)
    elif path in found.withheld:
        edit.put(_name(found, path), stat_of_none(entry), entry.digest)
    elif path in stats:
        edit.put(_name(found, path), stats[path], entry.digest)
    elif (local := found.here.at(path)) is not None:
        seen_ns = found.here.seen.clock.now_ns
        edit.put(_name(found, path), found.here.packed(local), entry.digest, seen_ns=seen_ns)


def _name(found: Plan, path: bytes) -> bytes:
    return path or found.path.rpartition(b"/")[2]


def _root(project: Project, found: Plan, nodes: dict[Digest, bytes]) -> Digest:
    """The digest of what is here; new nodes of its manifest go into `nodes`."""
    if not found.parts:
        return found.pointer.digest
    if found.base is None:
        root = manifest.build((new for _, new in found.pairs if new is not None), nodes.__setitem__)
    else:
        changes = {entry.path: pair[1] for pair in found.pairs if (entry := pair[1] or pair[0]) is not None}
        root = manifest.update(project.store.read, bytes(found.base), changes, nodes.__setitem__)
    return Digest(root.digest)
