"""A connection to a server of SSH, and the SFTP over it: sshfs, with what it lacks, and nothing waited for for ever.

Only the `sftp` subsystem is asked for, never a shell.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE, SFTPAttrs
from sshfs import SSHFileSystem  # type: ignore[import-untyped]  # sshfs has no types

from track.store.backends.ssh_settings import CONNECT_S, Keeper, settings

SILENCE_S = 16.0
"""A server that says nothing for so long, while it is asked, is asked over a new line, and then given up."""

_LOOK_S = 2.0
_ENDING_S = 0.5
_AT_ONCE = 16
"""Blocks of a file on their way at the same time."""
_SMALLEST_BLOCK, _LARGEST_BLOCK = 16 << 10, 255 << 10  # what every server takes, and what OpenSSH does
_LITTLE_ROOM = 64 << 10  # bytes: where fewer are left on a disk, it is full
_CHANNELS = 10  # of which sshfs keeps two for a shell that is never asked for
_Answer = TypeVar("_Answer")


class Silent(Exception):
    """The server says nothing any more."""


class Full(Exception):
    """The disk of the server has no room left."""


class NotAFile(Exception):
    """A link, a pipe, a device or a folder where a file of ours should be."""


class TooLong(Exception):
    """A file of more bytes than it should have."""


class Opened(NamedTuple):
    """A file that is open at the server, and what holds the channel for it."""

    file: asyncssh.SFTPClientFile
    size: int
    block: int
    """Bytes that the server takes or gives at a time."""
    channel: AbstractAsyncContextManager[Any]


class Found(NamedTuple):
    """What a folder has: its path, size in bytes, time by the server's clock, and whether it is a folder itself."""

    path: str
    size: int
    modified_s: float
    is_folder: bool


class SshFilesystem(SSHFileSystem):  # type: ignore[misc]  # sshfs has no types
    """Files of a server, by path. Every function that asks can be called from any thread, through `run`."""

    protocol = "track-ssh"
    cachable = False

    def __init__(self, host: str, port: int | None, user: str | None) -> None:
        """Connect. `seen` says afterwards, also when it failed, which key was not known.

        Raises whatever asyncssh does: `ssh_failure` explains it.
        """
        self.syncs = True
        """False when the server was seen not to know how to bring a file to its disk."""
        self.fingerprint = ""
        self.made: set[str] = set()
        """Folders that are known to be there."""
        self._heard_s = 0.0
        options = settings(host, port, user)
        keeper = Keeper(options.known_hosts)
        self.user, self.host, self.port = options.username, options.host or host, options.port
        super().__init__(
            host,
            max_sessions=_CHANNELS,
            timeout=CONNECT_S,
            options=options,
            known_hosts=options.known_hosts,  # unsaid, sshfs believes every server
            client_factory=lambda: keeper,
        )
        self.known_by = keeper.known_by
        shown = self.client.get_server_host_key()
        self.fingerprint = shown.get_fingerprint() if shown is not None else ""

    async def is_lost(self) -> bool:
        """Whether nothing can be sent any more; an end that is just being noticed is waited for."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.client.wait_closed(), _ENDING_S)
        return bool(self.client.is_closed())

    def abort(self) -> None:
        """End the connection at once. Whatever waits for it is told that it is lost, and nothing more is sent."""
        self.loop.call_soon_threadsafe(self.client.abort)

    # From threads into the loop.

    def submit(self, work: Coroutine[Any, Any, _Answer]) -> "Future[_Answer]":
        """Begin some work; its answer, in the future. The future raises Silent where the server says nothing."""
        return asyncio.run_coroutine_threadsafe(self._watched(work), self.loop)

    def run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """The answer to some work. Raises Silent where the server says nothing."""
        return self.submit(work).result()

    async def _watched(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        task = asyncio.ensure_future(work)
        began_s = asyncio.get_running_loop().time()
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
                if asyncio.get_running_loop().time() - max(began_s, self._heard_s) > SILENCE_S:
                    raise Silent
        finally:
            if not task.done():
                task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody else asks for it
                task.cancel()
        self._heard()
        return task.result()

    def _heard(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()

    # Files.

    async def look(self, path: str) -> SFTPAttrs:
        """What is known of a path; a link is not followed."""
        async with self._pool.get() as channel:
            found: SFTPAttrs = await channel.lstat(path)
            return found

    async def size(self, path: str) -> int | None:
        """Bytes of a file; None where nothing is. Raises NotAFile for whatever is none."""
        try:
            found = await self.look(path)
        except asyncssh.SFTPNoSuchFile:
            return None
        if not is_kind(found, stat.S_ISREG):
            raise NotAFile
        return found.size or 0

    async def follow(self, path: str) -> SFTPAttrs:
        """What is known of what a path leads to."""
        async with self._pool.get() as channel:
            found: SFTPAttrs = await channel.stat(path)
            return found

    async def open_file(self, path: str) -> Opened:
        """A file, open for reading. Raises NotAFile for whatever is none."""
        manager = self._pool.get()
        channel = await manager.__aenter__()
        try:
            looked: SFTPAttrs = await channel.lstat(path)
            if not is_kind(looked, stat.S_ISREG):  # opened, a pipe would wait for its other end
                raise NotAFile
            opened = await channel.open(path, FXF_READ, encoding=None, block_size=None)
        except BaseException as error:
            await manager.__aexit__(type(error), error, error.__traceback__)
            raise
        return Opened(opened, looked.size or 0, _block(channel.limits.max_read_len), manager)

    async def new_file(self, path: str) -> Opened:
        """A new file, open for writing, that only we may read yet."""
        manager = self._pool.get()
        channel = await manager.__aenter__()
        try:
            attributes = SFTPAttrs(permissions=0o600)
            async with self._full_or_not(lambda: channel.statvfs(_folder_of(path))):
                opened = await channel.open(
                    path, FXF_WRITE | FXF_CREAT | FXF_EXCL, attributes, encoding=None, block_size=None
                )
        except BaseException as error:
            await manager.__aexit__(type(error), error, error.__traceback__)
            raise
        return Opened(opened, 0, _block(channel.limits.max_write_len), manager)

    async def close_file(self, opened: Opened) -> None:
        """Let go of a file."""
        try:
            await opened.file.close()
        finally:
            await opened.channel.__aexit__(None, None, None)

    async def read(self, opened: Opened, offset: int, length: int) -> bytes:
        """So many bytes of a file, many blocks at a time; fewer where it ends sooner."""
        block = opened.block
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(start: int) -> bytes:
            async with turns:
                wanted, data = min(block, length - start), b""
                while len(data) < wanted:
                    more = await opened.file.read(wanted - len(data), offset + start + len(data))
                    assert isinstance(more, bytes)
                    self._heard()
                    if not more:
                        break
                    data += more
                return data

        pieces = await gathered(one(start) for start in range(0, length, block))
        for number, piece in enumerate(pieces):
            if len(piece) < min(block, length - number * block):
                return b"".join(pieces[: number + 1])
        return b"".join(pieces)

    async def write(self, opened: Opened, offset: int, data: bytes) -> None:
        """Write bytes at an offset, many blocks at a time."""
        block = opened.block
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(start: int) -> None:
            async with turns, self._full_or_not(opened.file.statvfs):
                await opened.file.write(data[start : start + block], offset + start)
                self._heard()

        await gathered(one(start) for start in range(0, len(data), block))

    async def read_file(self, path: str, offset: int = 0, length: int | None = None, *, limit: int) -> bytes:
        """The bytes of a file, or so many at an offset. Raises NotAFile, TooLong."""
        opened = await self.open_file(path)
        try:
            if length is None and opened.size > limit:
                raise TooLong
            wanted = opened.size - offset if length is None else min(length, opened.size - offset)
            return await self.read(opened, offset, max(0, wanted))
        finally:
            await self.close_file(opened)

    async def settle(self, opened: Opened, mode: int) -> SFTPAttrs:
        """Give a file its mode and bring it to the server's disk; what is known of it then."""
        await opened.file.setstat(SFTPAttrs(permissions=mode))
        if self.syncs:
            try:
                await opened.file.fsync()
            except asyncssh.SFTPOpUnsupported:
                self.syncs = False
        return await opened.file.stat()

    async def write_file(self, path: str, data: bytes, mode: int) -> SFTPAttrs:
        """Make a new file with these bytes, on the server's disk when this returns; what is known of it then."""
        opened = await self.new_file(path)
        try:
            await self.write(opened, 0, data)
            return await self.settle(opened, mode)
        finally:
            await self.close_file(opened)

    # Names.

    async def give_name(self, source: str, target: str) -> None:
        """Give a file another name, in the place of what has it; done when the line broke before we were told, too."""
        async with self._pool.get() as channel:
            try:
                await channel.posix_rename(source, target)
            except asyncssh.SFTPNoSuchFile:
                await channel.lstat(target)
            except asyncssh.SFTPOpUnsupported:
                with suppress(asyncssh.SFTPNoSuchFile):
                    await channel.remove(target)
                await channel.rename(source, target)

    async def name_new(self, source: str, target: str) -> bool:
        """Give a file a name that nothing has, one more where it can; False, and nothing changed, when one is there."""
        async with self._pool.get() as channel:
            try:
                await channel.link(source, target)
            except asyncssh.SFTPOpUnsupported:
                try:
                    await channel.rename(source, target)  # of the old protocol: it does not replace
                except asyncssh.SFTPError:
                    if not await _is_there(channel, target):
                        raise
                    return False
                return True
            except asyncssh.SFTPError:
                if not await _is_there(channel, target):
                    raise
                return False
            return True

    async def remove(self, path: str) -> None:
        """Remove a file; absence is fine."""
        async with self._pool.get() as channel:
            with suppress(asyncssh.SFTPNoSuchFile):
                await channel.remove(path)

    async def make_folder(self, path: str, mode: int | None) -> bool:
        """Make a folder in one that exists, with exactly this mode or as is usual there; False when it is there."""
        async with self._pool.get() as channel:
            try:
                async with self._full_or_not(lambda: channel.statvfs(_folder_of(path))):
                    await channel.mkdir(path, SFTPAttrs(permissions=None if mode is None else mode & 0o777))
            except asyncssh.SFTPError:
                if not is_kind(await channel.stat(path), stat.S_ISDIR):
                    raise
                return False
            if mode is not None and stat.S_IMODE((await channel.lstat(path)).permissions or 0) != mode:
                with suppress(asyncssh.SFTPPermissionDenied):
                    await channel.setstat(path, SFTPAttrs(permissions=mode))
            return True

    async def sync_folder(self, path: str) -> None:
        """Bring the names in a folder to the server's disk, where it lets us: OpenSSH on Linux does."""
        if not self.syncs:
            return
        async with self._pool.get() as channel:
            with suppress(asyncssh.SFTPError):
                opened = await channel.open(path, FXF_READ, encoding=None)
                try:
                    await opened.fsync()
                finally:
                    await opened.close()

    async def folder(self, path: str) -> list[Found]:
        """What is in a folder; nothing where there is none. Links, and names that are no part of keys, are left out."""
        async with self._pool.get() as channel:
            try:
                names = await channel.readdir(path)
            except asyncssh.SFTPNoSuchFile:
                return []
        self._heard()
        found = []
        for each in names:
            name, about = each.filename, each.attrs
            is_folder = is_kind(about, stat.S_ISDIR)
            if name in (".", "..", "") or "/" in name or not (is_folder or is_kind(about, stat.S_ISREG)):
                continue
            found.append(Found(f"{path}/{name}", about.size or 0, float(about.mtime or 0), is_folder))
        return found

    @asynccontextmanager
    async def _full_or_not(
        self, asking: Callable[[], Coroutine[Any, Any, asyncssh.SFTPVFSAttrs]]
    ) -> AsyncIterator[None]:
        """Raise Full for a failure inside the block, where the server says that its disk has no room left.

        The protocol has one code for nearly everything that can fail.
        """
        try:
            yield
        except asyncssh.SFTPFailure as error:
            try:
                told = await asking()
            except asyncssh.SFTPError:
                raise error from None
            if told.bavail * told.frsize < _LITTLE_ROOM or (told.files and not told.favail):
                raise Full from error
            raise

    async def probe(self) -> None:
        """See that there is SFTP at all."""
        async with self._pool.get() as channel:
            await channel.realpath(".")


def is_kind(about: SFTPAttrs, kind: Callable[[int], bool]) -> bool:
    """Whether a server says that something is of a kind, as the functions of `stat` call it."""
    return kind(about.permissions or 0)


async def gathered(works: Iterable[Coroutine[Any, Any, _Answer]]) -> list[_Answer]:
    """The answers in order; when one fails, the others are ended and waited for, and it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _block(told: int) -> int:
    return max(_SMALLEST_BLOCK, min(told, _LARGEST_BLOCK))


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


async def _is_there(channel: asyncssh.SFTPClient, path: str) -> bool:
    try:
        await channel.lstat(path)
    except asyncssh.SFTPNoSuchFile:
        return False
    return True
