"""Converting: files of another tool give way to pointers, in an order in which nothing is lost wherever it ends.

A pointer is durable and staged before the file that it takes the place of goes. What is interrupted is begun again
with the same command: what is done already is found to be so.
"""

import os
import stat
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from track import publish
from track.errors import AlreadyInGit, Conflict, InsideArtifact, NameTooLong, UnsavedWork
from track.flows import setup
from track.flows.contents import StoreContents
from track.flows.ignoring import ignore, line_of
from track.flows.pointers import exists, owner_of, pointer_at, write_pointer
from track.history import index
from track.history.rewriting import files_in
from track.model.manifest import Entry
from track.model.names import display, pointer_path, typed
from track.model.pointer import Pointer
from track.project import Project
from track.worktree.place import Placer
from track.worktree.reading import read_whole, stat_of

_NAME_LIMIT = 255


class Conversion(NamedTuple):
    """An artifact that gets a pointer; `replaces` is the file that goes then, if any.

    `links` are replaced by what these entries say; with a `stand_in`, also a file that has those bytes.
    """

    path: bytes
    pointer: Pointer
    replaces: bytes | None
    links: tuple[tuple[bytes, Entry], ...] = ()
    stand_in: bytes | None = None


class Known(NamedTuple):
    """What Git says of paths that are to become artifacts, asked once for all of them.

    `ignored` are those whose pointer it ignores; `in_git` names a file that it has itself, for each at or above one.
    """

    ignored: frozenset[bytes]
    in_git: Mapping[bytes, bytes]


def ask_git(project: Project, paths: Iterable[bytes]) -> Known:
    """What Git says of these paths, with two processes however many there are.

    Raises:
        GitFailed: it cannot read its index.
    """
    targets = {pointer_path(path): path for path in paths}
    ignored = project.git.ignored(list(targets))
    wanted = set(targets.values())
    in_git: dict[bytes, bytes] = {}
    for file in project.git.stream("ls-files", "-z") if wanted else ():
        above = file
        while above:
            if above in wanted:
                in_git.setdefault(above, file)
            above = above.rpartition(b"/")[0]
    return Known(frozenset(targets[target] for target in ignored), in_git)


def refuse_unfit(project: Project, path: bytes, known: Known, digest: bytes | None = None) -> None:
    """Refuse a path that cannot become an artifact, or is one with another content than this `digest`.

    Raises:
        InsideArtifact, NameTooLong, Conflict: why not.
    """
    name = path.rpartition(b"/")[2]
    if len(pointer_path(name)) > _NAME_LIMIT:
        raise NameTooLong(
            f"{display(path)} has a name of {len(name)} bytes: no pointer fits beside it", hint="rename it"
        )
    if (owner := owner_of(project, path)) is not None:
        raise InsideArtifact(
            f"{display(path)} lies inside the artifact {display(owner)}", hint=f"track ls {typed(owner)}"
        )
    present = pointer_at(project, pointer_path(path))
    if digest is not None and present is not None and present.digest != digest:
        raise Conflict(
            f"{display(path)} has a pointer of track that names another version",
            hint=f"keep one of the two: git rm --cached {typed(pointer_path(path))} takes track's out",
        )
    if present is None and path in known.ignored:
        raise Conflict(
            f"Git ignores {display(pointer_path(path))}, so the pointer would be in no commit",
            hint=f"see which line does: git check-ignore -v {typed(pointer_path(path))}",
        )


def refuse_below(path: bytes, others: Container[bytes]) -> None:
    """Refuse a path below one of these, which become artifacts. Raises InsideArtifact."""
    above = path
    while above := above.rpartition(b"/")[0]:
        if above in others:
            raise InsideArtifact(
                f"{display(path)} lies inside {display(above)}, which becomes an artifact, too",
                hint="keep one of the two: dvc remove      takes a file of DVC's out",
            )


def refuse_git(path: bytes, known: Known) -> None:
    """Refuse what Git has itself. Raises AlreadyInGit."""
    if (in_git := known.in_git.get(path)) is not None:
        raise AlreadyInGit(
            f"{display(in_git)} is in Git itself",
            hint=f"let Git forget it, keeping the file: git rm -r --cached -- {typed(path)}",
        )


def uncommitted(project: Project, files: Sequence[bytes]) -> set[bytes]:
    """Those of these files that are not in the last commit as they stand here: removing them would lose something.

    Their bytes are compared: what Git keeps of a file's times says nothing after a copy, or a `touch`.
    """
    if not files:
        return set()
    head = project.git.head()
    if head is None:
        return set(files)
    wanted = set(files)
    committed = {path: file.oid for path, file in files_in(project.git, head).items() if path in wanted}
    contents = dict(project.git.blobs(sorted(set(committed.values()))))
    return {
        path
        for path in files
        if path not in committed or not _is_same(setup.read(project, path), contents[committed[path]])
    }


def _is_same(here: bytes | None, committed: bytes) -> bool:
    """Whether a file holds what is committed, with the line ends that Git writes here."""
    return here is not None and here.replace(b"\r\n", b"\n") == committed.replace(b"\r\n", b"\n")


def not_committed(file: bytes) -> UnsavedWork:
    """The error for a file that would go, and is not in the last commit as it stands."""
    return UnsavedWork(
        f"{display(file)} is not in the last commit as it stands, and importing replaces it",
        hint=f"git add {typed(file)}; git commit",
    )


def convert(project: Project, conversions: Sequence[Conversion], *, stage: bool) -> tuple[bytes, ...]:
    """Write the pointers, have Git ignore the data, and remove what they take the place of; the paths staged, sorted.

    The project's lock is held, and the store's, and everything the pointers name is in the store.

    Raises:
        Locked, GitFailed, DiskFull, StoreUnwritable: the same call goes on.
    """
    for one in conversions:
        target = pointer_path(one.path)
        if pointer_at(project, target) != one.pointer:
            write_pointer(project, target, one.pointer, make_folders=True)
    ignores = ignore(project, [one.path for one in conversions])
    without_other_lines(project, [one.path for one in conversions])
    staged = sorted({*(pointer_path(one.path) for one in conversions), *ignores})
    if stage:
        index.stage(project.git, staged)
    make_plain(project, conversions)
    gone = sorted({one.replaces for one in conversions if one.replaces is not None})
    for file in gone:
        if exists(project, file):
            with project.gate.parent(file) as (folder, name):
                publish.remove(name, dir_fd=folder)
    if stage:
        index.stage(project.git, gone)
    return tuple(sorted({*staged, *gone})) if stage else ()


def without_other_lines(project: Project, paths: Iterable[bytes]) -> None:
    """Take the lines out of ignore files by which another tool said the same, where its spelling is not ours."""
    by_file: dict[bytes, list[bytes]] = {}
    for path in paths:
        folder, _, name = path.rpartition(b"/")
        if line_of(name) != b"/" + name:
            by_file.setdefault(folder + b"/.gitignore" if folder else b".gitignore", []).append(b"/" + name)
    for file, lines in by_file.items():
        before = setup.read(project, file) or b""
        after = setup.without_lines(before, lines)
        if after != before:
            with project.gate.parent(file) as (fd, name):
                publish.publish_bytes(name, after, dir_fd=fd)


def make_plain(project: Project, conversions: Sequence[Conversion]) -> None:
    """Replace links that lead out, and what stands in for content, by the content; what is neither any more stays."""
    links = [(path, entry, one.stand_in) for one in conversions for path, entry in one.links]
    if not links:
        return
    staging = project.worktree_state / "staging"
    with Placer(project.gate, StoreContents(project), staging) as placer:
        staged = placer.make([(path, entry) for path, entry, _ in links])
        for made, (path, _, stand_in) in zip(staged, links, strict=True):
            with project.gate.parent(path) as (fd, name):
                try:
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISLNK(found.st_mode):
                    is_replaced = stand_in is None
                else:
                    is_replaced = stand_in is not None and read_whole(fd, name) == stand_in
            if is_replaced:
                placer.place(made, stat_of(found))
