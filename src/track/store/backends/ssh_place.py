"""A folder of a server that SSH reaches, as a place: SFTP, and what a push acknowledged is on the server's disk.

Files are written into `staging`, brought to the disk, and renamed, as in a folder of this machine. A line that breaks
is made again, and what was asked is asked again: nothing is different when it is done twice.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncssh
from blake3 import blake3

from track.errors import RemoteUnreachable, TrackError
from track.model.digest import Digest
from track.model.names import display
from track.progress import Moved, unheard
from track.publish import create, remove, stage, write_all
from track.store.backends.filesystem import READ, Counter, changed, too_large
from track.store.backends.ssh_connection import Found, Opened, SshFilesystem, TooLong, gathered
from track.store.backends.ssh_failure import ASKING_FAILURES, Bound, explain
from track.store.backends.ssh_line import Line
from track.store.hashing import read_ahead
from track.store.pieces import Pieces, cut_up
from track.store.place import GET_LIMIT, Listed, NoSuchKey, Staged, Upload
from track.system import is_dead, naming, process_tag, start_writeback
from track.work import hash_threads

_STAGING = "staging"
_PIECE = 4 << 20
_PIECES_AHEAD = 2
_FOLDERS_AT_ONCE = 16
_NAMES_AT_ONCE = 64
_STRANGERS_S = 24 * 3600.0
"""By the server's clock; what others left in staging is taken for dead after it."""
_Answer = TypeVar("_Answer")


class ServerPlace:
    """A folder of a server. What was put there is durable, where the server can say so: OpenSSH can."""

    comes_in_parts = True

    def __init__(self, bound: Bound, root: str) -> None:
        """For `open_server`; `root` is the path of the folder as the server takes it. Nothing is asked yet."""
        self.url = bound.url
        self.counter = Counter()
        self.root = root
        self.mode = 0o755
        """Of the folder itself, and so of what is made in it."""
        self._line = Line(bound)
        self._clock_s = 0.0

    @property
    def identity(self) -> str:
        """As whom we come, and to which server."""
        connection = self.connection()
        durable = "" if connection.syncs else "; it does not say when data is on its disk"
        who = display(f"{connection.user} at {connection.host}, port {connection.port}")
        by = f", by {display(connection.known_by)}" if connection.known_by else ""
        return f"{who}{by}; its key is {connection.fingerprint}{durable}"

    @property
    def requests_count(self) -> int:
        """How many requests were made so far."""
        return self.counter.count

    # Asking.

    def connection(self) -> SshFilesystem:
        """The connection, made where there is none. Raises RemoteError."""
        return self._line.connection()

    def ask(self, key: str, operation: str, work: Callable[[SshFilesystem], _Answer]) -> _Answer:
        """The answer to some work, which is begun again when the line breaks. Raises NoSuchKey, TrackError."""
        if operation != "list":  # which counts as one, however many folders it goes through
            self.counter.one()
        try:
            return self._line.ask(work)
        except asyncssh.SFTPNoSuchFile as error:
            if operation == "write":
                raise explain(error, self._line.bound, operation=operation, key=key) from error
            raise NoSuchKey(key) from error
        except TooLong as error:
            raise too_large(self.url, key, GET_LIMIT) from error
        except ASKING_FAILURES as error:
            raise explain(error, self._line.bound, operation=operation, key=key) from error

    # Reading.

    def get(self, key: str) -> bytes:
        """The bytes of a key. Raises NoSuchKey, DamagedObject."""
        path = self.path(key)
        return self.ask(key, "read", lambda c: c.run(c.read_file(path, limit=GET_LIMIT)))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """So many bytes at an offset, fewer where the end comes sooner. Raises NoSuchKey."""
        path = self.path(key)
        return self.ask(key, "read", lambda c: c.run(c.read_file(path, offset, length, limit=GET_LIMIT)))

    def get_file(self, key: str, staging: Path, *, limit: int, moved: Moved = unheard) -> Staged:
        """Copy the bytes of a key into a new file in `staging`, hashing them. Raises NoSuchKey, DamagedObject."""

        def work(connection: SshFilesystem) -> Staged:
            path = stage(staging)
            fd = create(path)
            hasher, size = blake3(max_threads=hash_threads()), 0
            try:
                for piece in self._pieces(connection, key, limit):
                    with naming(path):
                        write_all(fd, piece)
                    start_writeback(fd)
                    hasher.update(piece)
                    size += len(piece)
                    moved(len(piece))
            except BaseException:
                remove(path)
                raise
            finally:
                os.close(fd)
            return Staged(path, Digest(hasher.digest()), size)

        return self.ask(key, "read", work)

    def digest(self, key: str) -> Digest:
        """The digest of the bytes of a key, read in pieces. Raises NoSuchKey."""

        def work(connection: SshFilesystem) -> Digest:
            hasher = blake3(max_threads=hash_threads())
            for piece in self._pieces(connection, key, None):
                hasher.update(piece)
            return Digest(hasher.digest())

        return self.ask(key, "read", work)

    def _pieces(self, connection: SshFilesystem, key: str, limit: int | None) -> Iterator[bytes]:
        """The bytes of a key in order; the next pieces are on their way while one is used."""
        opened = connection.run(connection.open_file(self.path(key)))
        flying: deque[Future[bytes]] = deque()
        try:
            if limit is not None and opened.size > limit:
                raise too_large(self.url, key, limit)
            starts = iter(range(0, opened.size, _PIECE))
            while True:
                while len(flying) < _PIECES_AHEAD and (start := next(starts, None)) is not None:
                    length = min(_PIECE, opened.size - start)
                    flying.append(connection.submit(connection.read(opened, start, length)))
                if not flying:
                    return
                yield flying.popleft().result()
        finally:
            _end(connection, opened, flying)

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything whose key begins with `prefix`, which ends with `/` or is empty."""
        self.counter.one()
        waiting = deque([self.path(prefix).rstrip("/") or "/"])
        while waiting:
            paths = [waiting.popleft() for _ in range(min(len(waiting), _FOLDERS_AT_ONCE))]
            for found in self._folders(prefix, paths):
                if found.is_folder:
                    waiting.append(found.path)
                else:
                    yield Listed(found.path[len(self.path("")) :], found.size, found.modified_s)

    def _folders(self, prefix: str, paths: Iterable[str]) -> Iterable[Found]:
        every = self.ask(prefix, "list", lambda c: c.run(gathered(c.folder(path) for path in paths)))
        return chain.from_iterable(every)

    def size(self, key: str) -> int | None:
        """Bytes of a key; None when nothing has it."""
        return self.ask(key, "read", lambda c: c.run(c.size(self.path(key))))

    # Writing.

    def put(self, key: str, data: bytes) -> None:
        """Put bytes at a key, replacing what is there; durable when it returns."""

        def work(connection: SshFilesystem) -> None:
            staged = self._written(connection, data)
            self.publish(connection, {key: staged})

        self.ask(key, "write", work)

    def create(self, key: str, data: bytes) -> bool:
        """Put bytes at a key that nothing has, durably; of two at once, one is told False."""
        tries: list[int] = []

        def work(connection: SshFilesystem) -> bool:
            tries.append(1)
            staged, target = self._written(connection, data), self.path(key)
            try:
                self.make_folders(connection, parent_of(target))
                is_new = connection.run(connection.name_new(staged, target))
                connection.run(connection.sync_folder(parent_of(target)))
                return is_new
            finally:
                with suppress(asyncssh.SFTPPermissionDenied):  # who may not delete can still have made it
                    connection.run(connection.remove(staged))

        if self.ask(key, "write", work):
            return True
        return len(tries) > 1 and self.get(key) == data  # ours, when the line broke before we were told

    def delete(self, key: str) -> None:
        """Remove a key; absence is fine."""
        with suppress(NoSuchKey):
            self.ask(key, "delete", lambda c: c.run(c.remove(self.path(key))))

    def upload(self) -> Upload:
        """Many files, staged beside each other and made final at once."""
        return _ServerUpload(self)

    def tidy(self) -> None:
        """Remove what uploads that were killed left in staging: ours at once, those of other machines after a day."""
        for found in self.ask(_STAGING, "list", lambda c: c.run(c.folder(self.path(_STAGING)))):
            name = found.path.rpartition("/")[2]
            try:
                dead = is_dead(name.rpartition(".")[0])
            except ValueError:
                continue
            if dead or (dead is None and self._clock_s - found.modified_s > _STRANGERS_S):
                with suppress(TrackError):
                    self.delete(f"{_STAGING}/{name}")

    def path(self, key: str) -> str:
        """The path of a key at the server."""
        return f"{self.root.rstrip('/')}/{key}"

    def new_name(self, connection: SshFilesystem) -> str:
        """A path in staging that nobody else has; staging is there."""
        self.make_folders(connection, self.path(_STAGING))
        return self.path(f"{_STAGING}/{process_tag()}.{os.urandom(6).hex()}")

    def saw(self, about: asyncssh.SFTPAttrs) -> None:
        """Remember what time it is by the server's clock: that of a file written now."""
        self._clock_s = max(self._clock_s, float(about.mtime or 0))

    def _written(self, connection: SshFilesystem, data: bytes) -> str:
        path = self.new_name(connection)
        self.saw(connection.run(connection.write_file(path, data, self.mode & 0o444 | 0o200)))
        return path

    def publish(self, connection: SshFilesystem, staged: dict[str, str]) -> None:
        """Give staged files (by key) their names, durably; a file that has its name already is as it should be."""
        targets = {self.path(key): path for key, path in staged.items()}
        parents = sorted({parent_of(target) for target in targets})
        for parent in parents:
            self.make_folders(connection, parent)
        every = list(targets.items())
        for at in range(0, len(every), _NAMES_AT_ONCE):
            part = every[at : at + _NAMES_AT_ONCE]
            connection.run(gathered(connection.give_name(path, target) for target, path in part))
        connection.run(gathered(connection.sync_folder(parent) for parent in parents))

    def make_folders(self, connection: SshFilesystem, folder: str) -> None:
        """Have a folder below the root, durable, with the rights of the root: a shared folder stays shared."""
        if folder in connection.made or folder == self.root.rstrip("/"):
            return
        lacking = [folder]
        while (above := parent_of(lacking[-1])) not in connection.made and above != self.root.rstrip("/"):
            lacking.append(above)
        for each in reversed(lacking):
            if connection.run(connection.make_folder(each, self.mode)):
                connection.run(connection.sync_folder(parent_of(each)))
            connection.made.add(each)


class _ServerUpload:
    """Sends each file into staging, hashing what is sent, and gives all of them their names at the end."""

    def __init__(self, place: ServerPlace) -> None:
        self._place = place
        self._staged: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        staged, self._staged = self._staged, {}
        if staged and not isinstance(error, RemoteUnreachable):  # then the next push tidies up
            with suppress(NoSuchKey, TrackError):
                self._place.ask(
                    _STAGING, "delete", lambda c: c.run(gathered(c.remove(path) for path in staged.values()))
                )

    def put_file(self, key: str, source: Path, digest: bytes, *, replace: bool = False, moved: Moved = unheard) -> int:
        fd = os.open(source, READ)
        try:
            path = self._place.path(key)

            def work(connection: SshFilesystem) -> str | None:
                if not replace and connection.run(connection.size(path)) == os.fstat(fd).st_size:
                    return None  # it is as it should be: nothing has its name that was not whole
                hasher = blake3(max_threads=hash_threads())

                def end() -> None:
                    if hasher.digest() != digest:
                        raise changed(source)

                return self._sent(connection, _hashed(fd, hasher), moved, end)

            return self._kept(key, self._place.ask(key, "write", work), os.fstat(fd).st_size)
        finally:
            os.close(fd)

    def put_pieces(
        self, key: str, pieces: Pieces, digest: bytes, *, replace: bool = False, moved: Moved = unheard
    ) -> int:
        del digest  # its maker has hashed it
        path = self._place.path(key)

        def work(connection: SshFilesystem) -> str | None:
            if not replace and connection.run(connection.size(path)) == pieces.size:
                return None
            return self._sent(connection, map(bytes, cut_up(pieces.parts, _PIECE)), moved)

        return self._kept(key, self._place.ask(key, "write", work), pieces.size)

    def _kept(self, key: str, staged: str | None, size: int) -> int:
        """The bytes that travelled; what is in staging gets its name with the others."""
        if staged is None:
            return 0
        self._staged[key] = staged
        return size

    def commit(self) -> None:
        staged = dict(self._staged)
        if staged:
            self._place.ask("", "write", lambda c: self._place.publish(c, staged))
        self._staged.clear()

    def _sent(
        self,
        connection: SshFilesystem,
        pieces: Iterable[bytes],
        moved: Moved,
        end: Callable[[], object] = lambda: None,
    ) -> str:
        """A path in staging with these bytes, on the server's disk.

        `end` is called before it is kept, and may raise.
        """
        place = self._place
        path = place.new_name(connection)
        opened = connection.run(connection.new_file(path))
        flying: deque[Future[None]] = deque()
        at = 0
        try:
            try:
                for data in pieces:
                    flying.append(connection.submit(connection.write(opened, at, data)))
                    at += len(data)
                    if len(flying) > _PIECES_AHEAD:
                        flying.popleft().result()
                        moved(len(data))
                while flying:
                    flying.popleft().result()
                end()
                about = connection.run(connection.settle(opened, place.mode & 0o444))
            finally:
                _end(connection, opened, flying)
            if about.size != at:
                raise asyncssh.SFTPFailure(f"of {at} bytes {about.size} are there")
        except BaseException:
            with suppress(*ASKING_FAILURES, RuntimeError):
                connection.run(connection.remove(path))
            raise
        place.saw(about)
        return path


def _hashed(fd: int, hasher: blake3) -> Iterator[bytes]:
    """The bytes of a file in pieces, hashed on the way."""
    for piece in read_ahead(fd, os.fstat(fd).st_size):
        data = bytes(piece)
        hasher.update(data)
        yield data


def _end(connection: SshFilesystem, opened: Opened, flying: Iterable[Future[Any]]) -> None:
    """Let go of a file, when whatever is under way with it has ended."""
    for future in flying:
        with suppress(*ASKING_FAILURES):
            future.result()
    with suppress(*ASKING_FAILURES, RuntimeError):
        connection.run(connection.close_file(opened))


def parent_of(path: str) -> str:
    """The folder that a path lies in."""
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")
