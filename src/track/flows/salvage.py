"""Salvage: bytes that a store has lost are looked for wherever else they may be, and taken when they are right.

Working data comes first, here and in the other working trees of the repository: it costs no transfer. Then the remotes
are asked, the default one first. Whatever is taken is hashed on its way into the local store.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track import publish
from track.errors import TrackError
from track.flows.keep import scan_of
from track.flows.remotes import Named, all_named, connected, default_name
from track.history import log
from track.history.naming import repository_at
from track.model.digest import digest_of
from track.model.manifest import Entry, build
from track.model.names import data_path, display, is_named_pointer
from track.model.pointer import parse_pointer
from track.progress import Progress, silent
from track.project import Project
from track.store.cutting import writing
from track.store.hashing import hash_fd
from track.store.pack import SMALL
from track.store.purged import purged_in
from track.store.whole import staged_copy
from track.store.writer import Writer
from track.worktree.reading import open_checked, read_small, stat_of
from track.worktree.scan import Scan


class Unasked(NamedTuple):
    """A remote that could not be asked, and why."""

    name: str
    why: str


class Salvage:
    """One search. `found` says of each digest where a right copy is; with `dry_run` nothing is stored."""

    def __init__(self, project: Project, *, dry_run: bool, progress: Progress = silent) -> None:
        """Nothing was looked for yet."""
        self._project, self._dry_run, self._progress = project, dry_run, progress
        self._wanted: set[bytes] = set()
        self.found: dict[bytes, str] = {}
        self.unasked: list[Unasked] = []

    def from_working_trees(self, digests: set[bytes]) -> None:
        """Take what of these is the content of a working file, or a manifest node of working data."""
        self._wanted = digests - self.found.keys() - purged_in(self._project.store.rooms).keys()
        if not self._wanted:
            return
        with writing(self._project.store) as writer:
            self._from_tree(self._project, "the working tree", writer)
            for top in _other_trees(self._project):
                if self._wanted:
                    with suppress(TrackError, OSError), Project.open(top) as other:
                        self._from_tree(other, f"the working tree at {display(str(top))}", writer)
            writer.commit()

    def from_remotes(self, digests: set[bytes], *, but: str | None = None) -> None:
        """Take what of these a remote has whole, each from the first that has it; `but` is not asked."""
        wanted = digests - self.found.keys() - purged_in(self._project.store.rooms).keys()
        for named in _in_order(self._project):
            if not wanted or named.name == but:
                continue
            try:
                with connected(self._project, named, sending=False) as remote:
                    came = set(remote.known.present(wanted))
                    if came and not self._dry_run:
                        fetched = remote.fetch(self._project.store, wanted, progress=self._progress)
                        came = wanted - fetched.missing - fetched.damaged
            except TrackError as error:
                self.unasked.append(Unasked(named.name, error.message))
                continue
            self.found |= dict.fromkeys(came, f"remote `{display(named.name)}`")
            wanted -= came

    def _from_tree(self, project: Project, where: str, writer: Writer) -> None:
        for name, content in log.pointers_in_worktree(project.git):
            if self._wanted and not is_named_pointer(name):
                with suppress(TrackError, OSError):  # what is wrong with one artifact leaves the others
                    pointer = parse_pointer(content, name)
                    if pointer.kind != "value":
                        self._from_artifact(project, data_path(name), where, writer)

    def _from_artifact(self, project: Project, path: bytes, where: str, writer: Writer) -> None:
        seen = scan_of(project, path)
        if seen.kind not in ("file", "directory"):
            return
        _settle(project, seen)
        for entry in seen.entries():
            if entry.digest in self._wanted and entry.mode != "d":
                whole = path + b"/" + entry.path if seen.kind == "directory" else path
                with suppress(TrackError, OSError):
                    if self._take(project, whole, entry, writer):
                        self._note(entry.digest, where)
        if seen.kind == "directory" and self._wanted:
            build(
                (entry for entry in seen.entries() if entry.digest),
                lambda digest, node: self._node(digest, node, where, writer),
            )

    def _node(self, digest: bytes, node: bytes, where: str, writer: Writer) -> None:
        if digest in self._wanted:
            if not self._dry_run:
                writer.add_known(digest, node)
            self._note(digest, where)

    def _note(self, digest: bytes, where: str) -> None:
        self._wanted.discard(digest)
        self.found[digest] = where

    def _take(self, project: Project, path: bytes, entry: Entry, writer: Writer) -> bool:
        """Store the content of a file, or the target of a link, if it has the digest; whether it has."""
        with project.gate.parent(path) as (folder, name):
            seen = stat_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
            if seen.size < SMALL:
                data = read_small(folder, name, seen, path=path)
                is_right = digest_of(data) == entry.digest
                if is_right and not self._dry_run:
                    writer.add_known(entry.digest, data)
                return is_right
            with open_checked(folder, name, seen, path=path) as content:
                if self._dry_run:
                    return bool(hash_fd(content, seen.size) == entry.digest)
                staged, digest = staged_copy(content, seen.size, self._project.store.rooms.staging)
        if digest != entry.digest:
            publish.remove(staged)
            return False
        writer.adopt_whole(staged, digest, seen.size)
        return True


def _settle(project: Project, seen: Scan) -> None:
    """Hash what no row vouches for."""
    for folder in seen.folders:
        with project.gate.directory(seen.place(folder)) as fd:
            for item in folder.items():
                with suppress(TrackError):
                    path = seen.shown(item)
                    if item.stat.size < SMALL:
                        folder.settle(item.number, digest_of(read_small(fd, item.name, item.stat, path=path)))
                    else:
                        with open_checked(fd, item.name, item.stat, path=path) as content:
                            folder.settle(item.number, hash_fd(content, item.stat.size))


def _other_trees(project: Project) -> list[Path]:
    """The other working trees of the repository that can be reached."""
    with suppress(TrackError):
        trees = repository_at(project.git, project.git.common_dir).worktrees
        return [tree.top for tree in trees if tree.top is not None and tree.top != project.root]
    return []


def _in_order(project: Project) -> list[Named]:
    default = default_name(project)
    return sorted(all_named(project), key=lambda named: (named.name != default, named.folder is None, named.name))
