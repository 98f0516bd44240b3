"""Plain: working files that are links into the store become files of their own again."""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from track import publish
from track.errors import DamagedObject
from track.model.names import display
from track.project import Project
from track.store.hashing import hash_fd
from track.system import process_tag, sync_fd, sync_filesystem
from track.worktree.listing import object_digest

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Linked(NamedTuple):
    """A working file that is a link to a whole object of the store, symbolic or hard."""

    path: bytes
    digest: bytes


def linked(project: Project, artifact: bytes) -> Iterator[Linked]:
    """Give the links into the store in an artifact's working copy; other links are data and left out."""
    finder = _Finder(project)
    folder, _, name = artifact.rpartition(b"/")
    try:
        with project.gate.directory(folder) as fd:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                if digest := finder.digest(fd, folder, name, status):
                    yield Linked(artifact, digest)
                return
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from finder.below(artifact)


def make_plain(project: Project, link: Linked) -> None:
    """Replace a link by a verified copy of what it links to, which its owner may write; durable when it returns.

    Raises:
        MissingObject, DamagedObject: the store does not have it whole; the link stays.
        DiskFull: there is no room for the copy; the link stays.
    """
    with project.gate.parent(link.path) as (folder, name):
        source = os.open(project.store.open_verified(link.digest), _READ)
        temporary = b"." + name[:150] + b".track-" + f"{process_tag()}.{os.urandom(4).hex()}".encode()
        try:
            size = os.fstat(source).st_size
            target = publish.create(temporary, dir_fd=folder, readable=True)
            try:
                publish.copy_range(source, target, size)
                if hash_fd(target, size) != link.digest:
                    raise DamagedObject(
                        f"the copy for {display(link.path)} is not what was copied; nothing was replaced"
                    )
                sync_fd(target)
            finally:
                os.close(target)
            publish.rename(temporary, name, source_dir_fd=folder, target_dir_fd=folder)
        except BaseException:
            _forget(temporary, folder)
            raise
        finally:
            os.close(source)
        publish.sync_directory(b".", dir_fd=folder)


def sync_working_files(project: Project) -> None:
    """Make every working file durable: placed files are not synced one by one."""
    with project.gate.directory(b"") as top:
        if not sync_filesystem(top) and hasattr(os, "sync"):
            os.sync()


def _forget(temporary: bytes, folder: int) -> None:
    try:
        publish.remove(temporary, dir_fd=folder)
    except FileNotFoundError:
        return


class _Finder:
    """Knows the store's whole objects by path and by inode."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.root = os.fsencode(project.root)
        self.objects = os.fsencode(project.store.rooms.objects)
        self.inodes = {}
        for digest, path in project.store.wholes():
            status = path.lstat()
            self.inodes[status.st_dev, status.st_ino] = digest

    def below(self, folder: bytes) -> Iterator[Linked]:
        """Give the links in a folder and the folders in it."""
        inner = []
        with self.project.gate.directory(folder) as fd:
            for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                path = folder + b"/" + name
                if stat.S_ISDIR(status.st_mode):
                    inner.append(path)
                elif digest := self.digest(fd, folder, name, status):
                    yield Linked(path, digest)
        for path in inner:
            yield from self.below(path)

    def digest(self, fd: int, folder: bytes, name: bytes, status: os.stat_result) -> bytes:
        """Return the digest of the object that a file is a link to; empty when it is none."""
        if stat.S_ISLNK(status.st_mode):
            target = os.path.join(self.root, folder, os.readlink(name, dir_fd=fd))
            return object_digest(os.path.normpath(target), self.objects)
        return self.inodes.get((status.st_dev, status.st_ino), b"") if status.st_nlink > 1 else b""
