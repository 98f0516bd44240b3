"""Working data against its pointers: every file is read, and an edit is told from bytes that changed by themselves."""

from collections.abc import Iterator, Sequence

from track.errors import ChangedWhileAdding, DamagedObject, MalformedManifest, MissingObject, TrackError
from track.flows.findings import Findings
from track.flows.keep import scan_of
from track.flows.rehash import rehash
from track.model.manifest import Entry, build, walk
from track.model.names import is_named_pointer, typed
from track.model.pointer import Pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.verified import Round


def check_data(
    project: Project, path: bytes, pointer: Pointer, found: Findings, *, turn: Round, progress: Progress = silent
) -> None:
    """Working data must be what its pointer says; what is not checked out is not looked for.

    Where `turn` ends on the way, what was read by then is compared, and the artifact comes first the next time.
    """
    if pointer.kind == "value" or is_named_pointer(path):
        return
    left = turn.left_count
    try:
        seen = rehash(project, path, turn=turn, progress=progress)
    except ChangedWhileAdding as error:
        found.add("modified", path, error.message, pointer.digest, f"track verify {typed(path)}")
        return
    except TrackError as error:
        found.add("damaged", path, error.message, pointer.digest, f"track checkout -- {typed(path)}")
        return
    for trouble in seen.errors:
        found.add("modified", path, trouble.message, pointer.digest, "track status")
    if seen.kind == "missing":
        return
    if seen.kind != pointer.kind:
        what = f"is a {seen.kind}, the pointer says {pointer.kind}"
        found.add("modified", path, what, pointer.digest, "track status")
        return
    if turn.left_count == left:
        whole = build(seen.entries(), lambda *_: None)
        found.read_bytes += whole.size
        if whole.digest == pointer.digest:
            found.in_place.add((path, pointer.digest))
            return
        entries = seen.entries()
    else:
        entries = iter([entry for entry in seen.entries() if entry.digest])
        found.read_bytes += sum(entry.size for entry in seen.entries() if entry.digest)
    try:
        pairs = list(_differences(_recorded(project, pointer), entries))
    except (MissingObject, DamagedObject, MalformedManifest):
        what = "differs from its pointer; its manifest is not here to say where"
        found.add("modified", path, what, pointer.digest, f"track fetch -- {typed(path)}")
        return
    if not pairs and pointer.kind == "file" and turn.left_count == left:
        found.in_place.add((path, pointer.digest))
    _judge(project, path, pairs, found)


def _recorded(project: Project, pointer: Pointer) -> Iterator[Entry]:
    if pointer.kind == "file":
        return iter([Entry(b"", "f", pointer.size or 0, pointer.digest)])
    return walk(project.store.read, pointer.digest)


def _differences(recorded: Iterator[Entry], seen: Iterator[Entry]) -> Iterator[tuple[Entry | None, Entry]]:
    """(as recorded, as it is) of what is there and differs."""
    old = next(recorded, None)
    for new in seen:
        while old is not None and old.path < new.path and new.path and old.path:
            old = next(recorded, None)
        if old is not None and (old.path == new.path or not old.path):
            if old.digest != new.digest or (old.path and old.mode != new.mode):
                yield old, new
        elif new.mode != "d":
            yield None, new


def _judge(project: Project, path: bytes, pairs: Sequence[tuple[Entry | None, Entry]], found: Findings) -> None:
    """Tell an edit, which a file's stat shows, from bytes that changed behind everybody's back."""
    believed = {entry.path: entry.digest for entry in scan_of(project, path).entries()}
    for old, new in pairs:
        place = path + b"/" + new.path if old is None or old.path else path
        if old is None:
            found.add("modified", place, "is not in the recorded version", None, "track status")
        elif old.digest == new.digest:
            found.add("modified", place, "has another mode than recorded", old.digest, "track status")
        elif believed.get(new.path) == old.digest:
            what = "has other bytes than recorded, though its stat says that nobody wrote to it"
            found.add("damaged", place, what, old.digest, f"track checkout --force -- {typed(place)}")
        else:
            found.add("modified", place, "was modified", old.digest, "track status")
