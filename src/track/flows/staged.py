"""Staged: whether the pointers that a commit is about to bring stand for data that somebody can have."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from track.errors import MissingObject, NotAPointer, TrackError
from track.flows.keep import scan_of
from track.flows.look import look
from track.flows.pointers import content_at
from track.flows.reach import Version, known_at_remotes, objects_below
from track.flows.run_secrets import told_secrets, what_to_do
from track.history import filtered, log, staging
from track.history.staging import Staged
from track.model.names import data_path, display, is_named_pointer, is_pointer_path, is_record_path, pointer_path, typed
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.store.purge_notes import purged_at, told

_LOOKED_AT = 16 << 20
"""So many bytes of changed files are read to find out whether data is newer than its pointer; of more, it may be."""


class Finding(NamedTuple):
    """Something that a commit should not bring: what, and what to do about it."""

    path: bytes
    text: str
    hint: str


class Checked(NamedTuple):
    """What was found in Git's index. `stale` are artifacts whose data on disk is newer than the staged pointer."""

    findings: tuple[Finding, ...]
    stale: tuple[bytes, ...]
    pointers_count: int


def check(project: Project) -> Checked:
    """Look at what the next commit changes; nothing is written, no remote is asked."""
    changed = staging.staged_changes(project.git)
    pointers = staging.pointers_among(changed)
    findings: list[Finding] = []
    versions: list[tuple[Staged, Version]] = []
    contents = dict(project.git.blobs(sorted({file.blob for file in pointers})))
    for file in pointers:
        try:
            pointer = parse_pointer(contents[file.blob], display(file.path))
        except NotAPointer:
            findings += _spoiled(project, file, contents[file.blob])
            continue
        except TrackError as error:
            findings.append(Finding(file.path, error.message, error.hint or f"git diff --cached {typed(file.path)}"))
            continue
        if pointer.kind != "value":
            path = file.path if is_named_pointer(file.path) else data_path(file.path)
            versions.append((file, Version(path, pointer, ())))
    findings += _nowhere(project, versions)
    findings += _secret(project, changed)
    findings += _too_large(project, changed)
    return Checked(tuple(findings), tuple(_stale(project, (version for _, version in versions))), len(pointers))


def _spoiled(project: Project, file: Staged, content: bytes) -> Iterator[Finding]:
    """What is no pointer, and was one, or was to be one before a merge; else it is somebody else's file."""
    shown, again = display(file.path), f"git add --renormalize {typed(file.path)}"
    if _is_pointer_on_disk(project, file.path):
        changed = _filtered(project, file.path, again)
        if changed is not None:
            yield Finding(file.path, changed.message, changed.hint or "")
        else:  # as Git goes by the time of a file, it may take what a filter made of it for the same
            yield Finding(file.path, f"{shown} is no pointer as it is staged, and is one on disk", again)
        return
    has_marks = b"[artifact]" in content and any(line.startswith(b"<<<<<<< ") for line in content.splitlines())
    if has_marks or _committed_at(project, file.path) is not None:
        why = "has the marks of a merge in it" if has_marks else "is no pointer any more"
        yield Finding(file.path, f"{shown} {why}", f"git checkout HEAD -- {typed(file.path)}   or take one side")


def _is_pointer_on_disk(project: Project, path: bytes) -> bool:
    with suppress(TrackError):
        here = content_at(project, path)
        return here is not None and any(_parsed(here))
    return False


def _filtered(project: Project, path: bytes, again: str) -> TrackError | None:
    """The trouble of a pointer that a filter of Git's changes on its way into the index; None where none does."""
    with suppress(TrackError):
        return filtered.trouble(project.git, [path], again=again)
    return None


def _nowhere(project: Project, versions: Sequence[tuple[Staged, Version]]) -> Iterator[Finding]:
    """Pointers whose data is not here, not known to be at a remote, and in no commit that is here already."""
    files = {bytes(version.pointer.digest) for _, version in versions if version.pointer.kind == "file"}
    absent = project.store.absent(files) if files else set()
    for _, version in versions:
        if version.pointer.kind == "directory" and not _is_whole(project, version):
            absent.add(bytes(version.pointer.digest))
    absent -= known_at_remotes(project, absent) if absent else set()
    if not absent:
        return
    absent -= _committed(project)
    purged = purged_at(project.store_path) if absent else {}
    for file, version in versions:
        if bytes(version.pointer.digest) in absent:
            shown, path = display(file.path), typed(version.path)
            if (purge := purged.get(bytes(version.pointer.digest))) is not None:
                yield Finding(file.path, f"{shown} stands for data that {told(purge)}", f"track rm --cached {path}")
                continue
            hint = f"where the data is: track add {path}, or there track push, and here track fetch"
            yield Finding(file.path, f"{shown} stands for data that is neither here nor known to be at a remote", hint)


def _secret(project: Project, changed: Sequence[Staged]) -> Iterator[Finding]:
    """Pointers and records in which the value of a secret stands that HEAD does not have there."""
    ours = [file for file in changed if is_pointer_path(file.path) or is_record_path(file.path)]
    blobs = dict(project.git.blobs(sorted({file.blob for file in ours})))
    contents = {file.path: blobs[file.blob] for file in ours}

    def before(path: bytes) -> bytes:
        return project.git.run("cat-file", "blob", b"HEAD:" + path, check=False)

    for path, whose in told_secrets(project, contents, before):
        yield Finding(path, f"{display(path)} has {whose} in it", what_to_do(path))


def _is_whole(project: Project, version: Version) -> bool:
    """Whether every object of a directory is here; what the version committed before has is not asked for again."""
    before = _before(project, version.path)
    if before is not None and project.store.absent([before]):
        before = None
    try:
        return not project.store.absent(objects_below(version, project.store.read_many, beside=before))
    except TrackError:
        return False


def _before(project: Project, path: bytes) -> bytes | None:
    """The digest that a directory artifact has in HEAD."""
    pointer = None if is_named_pointer(path) else _committed_at(project, pointer_path(path))
    return bytes(pointer.digest) if pointer is not None and pointer.kind == "directory" else None


def _committed_at(project: Project, name: bytes) -> Pointer | None:
    """The pointer that HEAD has in the file `name`; None when it has none there."""
    if project.git.head() is None:
        return None
    found = project.git.run("cat-file", "blob", b"HEAD:" + name, check=False)
    return next(_parsed(found), None)


def _committed(project: Project) -> set[bytes]:
    """The digests of every pointer that the parents of the next commit, or remote-tracking refs, ever had."""
    remotes = project.git.run("for-each-ref", "--format=%(objectname)", "refs/remotes").decode("ascii").split()
    revs = list(dict.fromkeys([*staging.parents(project.git), *remotes]))
    events = log.history(project.git, revs, every_side=True)
    known = sorted({event.blob for event in events if event.blob is not None})
    return {bytes(pointer.digest) for _, content in project.git.blobs(known) for pointer in _parsed(content)}


def _parsed(content: bytes) -> Iterator[Pointer]:
    with suppress(TrackError):
        yield parse_pointer(content, "")


def _too_large(project: Project, changed: Sequence[Staged]) -> Iterator[Finding]:
    """Files that are staged straight into Git and larger than the setting allows."""
    most = project.config.size("hooks.max-file-size")
    for path, size in staging.sizes(project.git, changed).items() if most and changed else ():
        if size > most:
            name = typed(path)
            yield Finding(
                path,
                f"{display(path)} ({size:,} bytes) would go into Git itself, where it stays for good",
                f"git rm --cached {name} && track add {name}   or allow it: track config hooks.max-file-size SIZE",
            )


def _stale(project: Project, versions: Iterable[Version]) -> Iterator[bytes]:
    """Artifacts whose data is not what their staged pointer says any more."""
    for version in versions:
        if is_named_pointer(version.path):
            continue
        with suppress(TrackError):  # what cannot be looked at now stops no commit
            if _is_stale(project, version):
                yield version.path


def _is_stale(project: Project, version: Version) -> bool:
    seen = scan_of(project, version.path)
    if seen.kind == "missing" or seen.errors:
        return False
    if seen.unchanged and seen.root == version.pointer.digest:
        return False
    if sum(item.stat.size for _, item in seen.changed) > _LOOKED_AT:
        return True
    try:
        return look(project, version.path, version.pointer).state in ("M", "S")
    except MissingObject:
        return False
