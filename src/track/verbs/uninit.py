"""Uninit: take track out of a working tree again and leave plain files."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from track import publish
from track.errors import Conflict, NotAPointer, TrackError, UnsavedWork
from track.flows import setup
from track.flows.ignoring import heed
from track.flows.look import differences
from track.flows.plain import Linked, linked, make_plain, sync_working_files
from track.flows.reach import Version, objects_below
from track.flows.remotes import default_name
from track.history import drivers, hooks, index
from track.history.left_out import is_sparse, left_out
from track.history.pointers_here import pointers_here
from track.model import manifest
from track.model.names import data_path, display, is_named_pointer, typed
from track.model.pointer import Pointer, parse_pointer
from track.progress import Progress, silent
from track.project import CONFIG, EXCLUDED, IN_STEP, STORE_LINK, Project
from track.store.clients import clients, forget
from track.store.known import Known


@dataclass(frozen=True, slots=True)
class Uninitialised:
    """What an uninit did. Paths are from the top of the working tree, sorted.

    `removed` and `changed` are files of track and lines in files; `staged` are those of them whose earlier change was
    staged and not committed. `plain` were links into the store. `store` was removed; none when it stays. `lost_count`
    objects of `lost_bytes` were nowhere else.
    """

    root: Path
    removed: tuple[bytes, ...]
    changed: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    plain: tuple[bytes, ...]
    store: Path | None
    lost_count: int
    lost_bytes: int


def uninit(
    project: Project,
    *,
    force: bool = False,
    keep_store: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Uninitialised:
    """Remove pointers, lines, links and the store; every working file stays, as a plain file.

    The store goes only when every object in it is in a working file, whose bytes are hashed for this, or confirmed at
    a remote; it stays when other worktrees or other repositories use it. Interrupted, the same call finishes.

    Raises:
        Conflict: a sparse checkout leaves out files of track, which would stay in Git.
        UnsavedWork: the store has bytes that are nowhere else, and neither `force` nor `keep_store` was asked for.
        MissingObject, DamagedObject: a working file is a link to an object that is gone or damaged; nothing changed.
        Locked: another `track` works here.
    """
    with project.lock():
        _refuse_halves(project)
        pointers = project.pointers()
        store_goes = not keep_store and _is_ours_alone(project)
        links = [link for path in _places(pointers) for link in linked(project, path)]
        lost = _only_in_store(project, pointers, links, progress) if store_goes else {}
        if lost and not force and not dry_run:
            raise UnsavedWork(
                f"the store holds {len(lost):,} objects ({sum(lost.values()):,} bytes) that no working file has: "
                "older versions, or data that is not checked out",
                hint=f"{_sends_all(project)}\n"
                "track uninit --keep-store   leaves the store where it is\n"
                "track uninit --force        gives them up",
            )
        staged = _staged_only(project, pointers)
        if dry_run:
            taken = setup.take(project, dry_run=True)
            removed, changed = tuple(sorted({*pointers, *taken.removed})), taken.changed
        else:
            removed, changed = _remove(project, pointers, links, store_goes)
            staged = tuple(sorted({*removed, *changed} & set(staged)))
            index.stage(project.git, staged)
        store = project.store_path if store_goes else None
        plain = tuple(link.path for link in links)
        return Uninitialised(project.root, removed, changed, staged, plain, store, len(lost), sum(lost.values()))


def _refuse_halves(project: Project) -> None:
    """Raise Conflict where a sparse checkout leaves out a pointer or the settings: Git would go on with them."""
    if not is_sparse(project.git):
        return
    here = pointers_here(project.git)
    apart = [path for path, content in here.found if path in here.left_out and not _is_foreign(path, content)]
    if not os.path.lexists(os.path.join(os.fsencode(project.root), CONFIG)):
        apart += left_out(project.git, [CONFIG])
    if count := len(apart) + here.lacking_count:
        first = f", such as {display(min(apart))}" if apart else ""
        raise Conflict(
            f"this sparse checkout leaves out {count:,} {'file' if count == 1 else 'files'} of track{first}: "
            "taken out here, track would stay in Git with them",
            hint="git sparse-checkout disable   brings them; then track uninit",
        )


def _is_foreign(path: bytes, content: bytes) -> bool:
    try:
        parse_pointer(content, path)
    except NotAPointer:
        return True
    except TrackError:
        return False
    return False


def _sends_all(project: Project) -> str:
    """The command after which a remote has every version of the history, not only the latest ones."""
    name = default_name(project)
    if name is None:
        return "track remote add origin FOLDER   names a remote that can have them"
    return f"track push {typed(name)} $(git rev-list --all)   sends every version that a commit has"


def _remove(
    project: Project, pointers: dict[bytes, Pointer], links: list[Linked], store_goes: bool
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Take everything out, bytes last named first safe: files plain, then the store, then what speaks of them."""
    for link in links:
        make_plain(project, link)
    sync_working_files(project)
    if store_goes:
        _remove_store(project)
    elif project.config.text("store.path") is not None:
        with suppress(OSError, TrackError):  # a store that may only be read
            forget(project.store.rooms, project.git.common_dir)
    ignored = heed(project, _places(pointers))
    for path in pointers:
        _remove_file(project, path)
    taken = setup.take(project)
    if not _has_other_worktrees(project):
        drivers.uninstall(project.git)
        hooks.uninstall(project.git, remember=False)
    emptied = [path for path in ignored if setup.read(project, path) is None]
    _remove_link(project)
    _remove_state(project, store_goes)
    removed = {*pointers, *emptied, *taken.removed}
    changed = {*ignored, *taken.changed} - removed
    return tuple(sorted(removed)), tuple(sorted(changed))


def _places(pointers: dict[bytes, Pointer]) -> list[bytes]:
    return [data_path(path) for path in pointers if not is_named_pointer(path)]


def _is_ours_alone(project: Project) -> bool:
    """Whether nobody else needs the store: it is in the Git directory, and no other worktree or clone uses it."""
    if project.config.text("store.path") is not None:
        return False
    if any(client != project.git.common_dir.resolve() for client in clients(project.store.rooms)):
        return False
    return not _has_other_worktrees(project)


def _has_other_worktrees(project: Project) -> bool:
    """Whether track is set up in another working tree of this repository."""
    listed = project.git.run("worktree", "list", "--porcelain").split(b"\n")
    others = [line.removeprefix(b"worktree ") for line in listed if line.startswith(b"worktree ")]
    here = os.fsencode(project.root)
    return any(other != here and os.path.lexists(os.path.join(other, CONFIG)) for other in others)


def _only_in_store(
    project: Project, pointers: dict[bytes, Pointer], links: list[Linked], progress: Progress
) -> dict[bytes, int]:
    """Return the objects that neither a working file nor a remote has, with their sizes in bytes."""
    project.close()
    with suppress(FileNotFoundError):  # without its rows every working file is hashed
        publish.remove(project.worktree_state / "stat.db")
    rest = dict(project.store.objects())
    for digest in (link.digest for link in links):
        rest.pop(digest, None)
    for path, pointer in pointers.items():
        if rest and not is_named_pointer(path):
            for digest in _held(project, data_path(path), pointer, progress):
                rest.pop(digest, None)
    for record in sorted((project.state / "remotes").glob("*.db")):
        with Known(record) as known:
            for digest in known.present(rest):
                rest.pop(digest, None)
    return rest


def _held(project: Project, path: bytes, pointer: Pointer, progress: Progress) -> Iterator[bytes]:
    """Give the objects of an artifact's version that its working copy holds, and what it holds beside them."""
    if not _is_there(project, path, pointer):
        return
    try:
        pairs = differences(project, path, pointer, progress=progress)
        if pointer.kind == "file":
            held = {bytes(pointer.digest)} if not pairs else set[bytes]()
        elif not pairs:
            held = objects_below(Version(path, pointer, ()), project.store.read_many)
        else:
            other = {old.path for old, _ in pairs if old is not None}
            entries = manifest.walk(project.store.read, pointer.digest)
            held = {entry.digest for entry in entries if entry.path not in other}
    except TrackError:  # what cannot be compared holds nothing that we may rely on
        return
    yield from held
    yield from (new.digest for _, new in pairs if new is not None and new.digest)


def _is_there(project: Project, path: bytes, pointer: Pointer) -> bool:
    """Return whether a working copy is there, and of the kind that the pointer names."""
    try:
        mode = os.lstat(os.path.join(os.fsencode(project.root), path)).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) if pointer.kind == "directory" else stat.S_ISREG(mode)


def _staged_only(project: Project, pointers: dict[bytes, Pointer]) -> tuple[bytes, ...]:
    """Return our files whose state in the index is not in HEAD, and is what is on disk: an uncommitted set-up."""
    git = project.git
    ours = {*pointers, *setup.LINES, CONFIG, *(path.rpartition(b"/")[0] + b"/" + setup.IGNORE for path in pointers)}
    if git.head() is None:
        staged = git.run("ls-files", "-z")
    else:
        staged = git.run("diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD")
    unstaged = set(git.run("diff-files", "--name-only", "-z").split(b"\0"))
    return tuple(sorted((ours & set(staged.split(b"\0"))) - unstaged))


def _remove_store(project: Project) -> None:
    """Remove the store at once for whoever looks, then its bytes."""
    path = project.store_path
    project.close()
    aside = publish.stage(project.state / "staging")
    with suppress(FileNotFoundError):
        publish.rename(path, aside)
    publish.remove_tree(aside)


def _remove_file(project: Project, path: bytes) -> None:
    with suppress(FileNotFoundError), project.gate.parent(path, own=True) as (folder, name):
        publish.remove(name, dir_fd=folder)
    while b"/" in path and is_named_pointer(path + b"/x.track"):
        path = path.rpartition(b"/")[0]
        with suppress(OSError), project.gate.parent(path, own=True) as (folder, name):
            publish.remove_directory(name, dir_fd=folder)


def _remove_link(project: Project) -> None:
    if project.link_state() == "fine":
        publish.remove_tree(project.root / os.fsdecode(STORE_LINK))
    exclude = project.git.common_dir / "info" / "exclude"
    with suppress(FileNotFoundError):
        before = exclude.read_bytes()
        after = setup.without_lines(before, EXCLUDED)
        if after != before:
            publish.publish_bytes(exclude, after)


def _remove_state(project: Project, store_goes: bool) -> None:
    """Remove what this clone keeps for itself; what other worktrees need stays."""
    project.close()
    if store_goes:
        publish.remove_tree(project.state)
    elif project.worktree_state != project.state:
        publish.remove_tree(project.worktree_state)
    else:
        for name in ("stat.db", "stat.db-wal", "stat.db-shm", "verified.db", IN_STEP, "came", "no-hooks"):
            publish.remove_tree(project.state / name)
