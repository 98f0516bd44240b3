"""A folder of this machine, or of a share that is mounted, as a place.

It is read through dvc-objects' `LocalFileSystem` and written through `track.publish`, so that what a push acknowledged
survives a power cut.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dvc_objects.fs.base import FileSystem
from dvc_objects.fs.local import LocalFileSystem

from track.errors import NotAStore, RemoteError, RemoteUnreachable, TrackError
from track.model.digest import Digest
from track.model.expressions import expression
from track.model.names import display
from track.progress import Moved, unheard
from track.publish import (
    Batch,
    create,
    make_directories,
    make_directory,
    publish_bytes,
    publish_new,
    remove,
    rename,
    stage,
    sweep,
    sync_directory,
    sync_file,
    write_all,
)
from track.store.backends.filesystem import READ, FilesystemPlace, changed, too_large
from track.store.hashing import hash_fd, hash_one_of_many
from track.store.layout import PROBES
from track.store.pieces import Pieces
from track.store.place import GET_LIMIT, Staged, Upload
from track.store.whole import staged_copy
from track.system import naming, read_at, start_writeback

_STAGING = "staging"
_STAGED = expression(r"[0-9]+\.[0-9]+\.[0-9a-f]+\.[0-9a-f]+")  # as `publish.stage` names them


class FolderPlace(FilesystemPlace):
    """A folder of this machine or of a mounted share. What was put there is durable."""

    def __init__(self, root: Path) -> None:
        """`root` is absolute."""
        filesystem: FileSystem = LocalFileSystem()  # type: ignore[no-untyped-call]  # dvc-objects left it without types
        super().__init__(filesystem, str(root), display(str(root)))
        self.root = root
        self._staging = root / _STAGING
        mode = root.stat().st_mode
        self._file_mode = mode & 0o444
        self._directory_mode = stat.S_IMODE(mode)

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey, DamagedObject."""
        if self._refuse_other_kinds(key) > GET_LIMIT:
            raise too_large(self.url, key, GET_LIMIT)
        return super().get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes | memoryview:
        """So many bytes at an offset, fewer where the end comes sooner. Raises NoSuchKey."""
        size = self._refuse_other_kinds(key)  # asked for more, Python makes room for all of it first
        with self.asking(key):
            fd = os.open(self.path(key), READ)
            try:
                return read_at(fd, max(0, min(length, size - offset)), offset)
            finally:
                os.close(fd)

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key, read and hashed by this thread alone. Raises NoSuchKey."""
        self._refuse_other_kinds(key)
        with self.asking(key):
            fd = os.open(self.path(key), READ)
            try:
                return hash_one_of_many(fd)
            finally:
                os.close(fd)

    def _refuse_other_kinds(self, key: str) -> int:
        """The size in bytes, 0 where nothing is; links, pipes, devices and folders are no objects.

        None of them is followed, waited for, or read without an end.
        """
        try:
            status = os.lstat(self.path(key))
        except (FileNotFoundError, NotADirectoryError):
            return 0
        if not stat.S_ISREG(status.st_mode):
            raise RemoteError(
                f"{self.url}: {key} is not a file", hint="whoever looks after it: remove it, then track push"
            )
        return status.st_size

    @property
    def comes_in_parts(self) -> bool:
        """No: a whole file may share its blocks with ours."""
        return False

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy a file into `staging`, sharing blocks where the filesystem can, and hash the copy. Raises NoSuchKey."""
        self._refuse_other_kinds(key)
        with self.asking(key):
            fd = os.open(self.path(key), READ)
        try:
            size = os.fstat(fd).st_size
            if size > limit:
                raise too_large(self.url, key, limit)
            return Staged(*staged_copy(fd, size, staging), size)
        finally:
            os.close(fd)

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there; durable when it returns."""
        self.counter.one()
        target = Path(self.path(key))
        self.prepare(target.parent)
        publish_bytes(target, data, mode=self._file_mode | stat.S_IWUSR)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has, durably; of two at once, one is told False."""
        self.counter.one()
        target = Path(self.path(key))
        self.prepare(target.parent)
        self.prepare(self._staging)
        staged = stage(self._staging)
        publish_bytes(staged, data, mode=self._file_mode | stat.S_IWUSR)
        try:
            is_new = publish_new(staged, target)
        except BaseException:
            with suppress(OSError, TrackError):
                remove(staged)
            raise
        sync_directory(target.parent)
        return is_new

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        self.counter.one()
        with suppress(FileNotFoundError):
            remove(self.path(key))

    def upload(self) -> Upload:
        """Many files, staged beside each other and made final at once."""
        self.prepare(self._staging)
        sweep(self._staging)
        return _FolderUpload(self, self._staging, self._file_mode)

    def prepare(self, directory: Path) -> None:
        """Make a directory of the store, durable, with the rights of its root: a shared folder stays shared."""
        for made in make_directories(directory, mode=self._directory_mode & 0o777):
            if stat.S_IMODE(made.stat().st_mode) != self._directory_mode:
                with suppress(PermissionError):
                    os.chmod(made, self._directory_mode)
            sync_directory(made.parent)


class _FolderUpload:
    """Copies into the folder's staging, hashes the copy as it is there, and publishes all with one sync."""

    def __init__(self, place: FolderPlace, staging: Path, mode: int) -> None:
        self._place = place
        self._staging = staging
        self._mode = mode
        self._staged: dict[Path, Path] = {}
        self._replacing: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for staged in (*self._staged.values(), *self._replacing.values()):
            with suppress(OSError, TrackError):
                remove(staged)

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        del moved  # the whole is copied by the kernel
        self._place.counter.one()
        target = Path(self._place.path(key))
        if not replace and _is_there(target, source.stat().st_size, digest):
            return 0
        staged, size = self._copied(source, digest)
        (self._replacing if replace or target.exists() else self._staged)[target] = staged
        return size

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        del moved
        self._place.counter.one()
        target = Path(self._place.path(key))
        if not replace and _is_there(target, pieces.size, digest):
            return 0
        staged = self._written(pieces, digest)
        (self._replacing if replace or target.exists() else self._staged)[target] = staged
        return pieces.size

    def _written(self, pieces: Pieces, digest: bytes) -> Path:
        """A file in staging with these bytes, hashed as they are there; none is left where that could not be.

        Raises DamagedObject.
        """
        staged = stage(self._staging)
        fd = create(staged, readable=True)
        try:
            try:
                with naming(staged):
                    for piece in pieces.parts:
                        write_all(fd, piece)
                        start_writeback(fd)
                    found = hash_one_of_many(fd)
            finally:
                os.close(fd)
            if found != digest:
                raise changed(staged)
        except BaseException:
            with suppress(OSError, TrackError):
                remove(staged)  # a disk that is full needs what it takes
            raise
        return staged

    def _copied(self, source: Path, digest: bytes) -> tuple[Path, int]:
        """A copy in staging that has the digest, and its size in bytes. Raises DamagedObject."""
        fd = os.open(source, READ)
        try:
            size = os.fstat(fd).st_size
            staged, found = staged_copy(fd, size, self._staging)
        finally:
            os.close(fd)
        if found != digest:
            remove(staged)
            raise changed(source)
        return staged, size

    def commit(self) -> None:
        batch = Batch()
        staged, self._staged = self._staged, {}
        replacing, self._replacing = self._replacing, {}
        for target, source in staged.items():
            self._place.prepare(target.parent)
            batch.add(source, target, mode=self._mode)
        batch.commit()
        for target, source in replacing.items():
            self._place.prepare(target.parent)
            _replace(source, target, self._mode)


def open_folder(folder: Path) -> FolderPlace:
    """The place at an absolute path.

    Raises:
        RemoteUnreachable: there is no such folder.
        NotAStore: something else than a folder is there.
    """
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        raise _gone(folder, error) from error
    if not stat.S_ISDIR(mode):
        raise NotAStore(f"{display(str(folder))} is a file, not a folder", hint="track remote add NAME FOLDER")
    return FolderPlace(folder)


def make_folder(folder: Path) -> bool:
    """Make the folder of a new remote below a parent that exists; whether it was made, False when it is there.

    Raises:
        RemoteUnreachable: its parent does not exist.
        StoreUnwritable: it cannot be made.
    """
    try:
        make_directory(folder)
    except FileExistsError:
        return False
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RemoteUnreachable(
            f"{display(str(folder.parent))} is not a folder, so no remote can be made in it",
            hint=f"mkdir -p {display(str(folder.parent))}   or mount what should be there",
        ) from error
    sync_directory(folder.parent)
    return True


def is_empty_folder(folder: Path) -> bool:
    """Whether nothing is in a folder, but what a try left: to make a store in it, or to see what may be done there."""
    try:
        return all(_is_left_of_a_try(folder / name) for name in os.listdir(folder))
    except OSError as error:
        raise _gone(folder, error) from error


def _is_left_of_a_try(path: Path) -> bool:
    if f"{path.name}/" not in (PROBES, f"{_STAGING}/") or path.is_symlink() or not path.is_dir():
        return False
    inside = os.listdir(path)
    return all(map(_STAGED.fullmatch, inside)) if path.name == _STAGING else not inside


def _is_there(target: Path, size: int, digest: bytes) -> bool:
    """Whether a target exists and is what its name says; an earlier push may have left it without an index."""
    try:
        fd = os.open(target, READ)
    except OSError:
        return False
    try:
        return os.fstat(fd).st_size == size and hash_fd(fd, size) == digest
    except OSError:
        return False
    finally:
        os.close(fd)


def _replace(source: Path, target: Path, mode: int) -> None:
    """Put a staged file in the place of a damaged one, durably."""
    os.chmod(source, mode)
    fd = os.open(source, READ)
    try:
        sync_file(fd, target)
    finally:
        os.close(fd)
    rename(source, target)
    sync_directory(target.parent)


def _gone(folder: Path, error: OSError) -> RemoteError:
    place = display(str(folder))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return RemoteUnreachable(
            f"the folder {place} is not there", hint="is it mounted?   to see every remote: track remote list"
        )
    return RemoteUnreachable(f"the folder {place} cannot be read: {(error.strerror or str(error)).lower()}")
