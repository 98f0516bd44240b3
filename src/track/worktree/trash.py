"""The trash of one working tree: what each command replaced or removed, a numbered step each, so that it can be undone.

    trash/12.json     the step: when, which command, and how each artifact was before it
    trash/12/<hex>    bytes that no store has, under their digest: a second name of the file that was given up

What a store has is only named. A step is small whatever the size of the data: a directory is its manifest's digest.
Nobody but the holder of the working tree's lock writes here.
"""

import errno
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from track import publish
from track.errors import TrackError
from track.lending import is_of_group, lend
from track.model.digest import Digest
from track.model.names import path_of, text_of
from track.worktree.reading import READ_FLAGS

_FORMAT = 1
_LIMIT = 64 << 20
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class Held:
    """What a working copy held: a "file" or "directory" of this digest."""

    kind: str
    digest: Digest
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """One artifact as it was before a step; `path` is its data's, or the pointer's own for a named artifact.

    `pointer` is the content of the pointer file, None when there was none; `held` is what the working copy held,
    None when there was none. Each speaks only where `has_pointer` and `has_data` say that the step changed it.
    `was_ignored` says that its line stood in the ignore file. `parts` are what was checked out of it, None for all.
    """

    path: bytes
    has_pointer: bool = False
    pointer: bytes | None = None
    was_ignored: bool = True
    has_data: bool = False
    held: Held | None = None
    parts: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Data that was moved, from one path of the working tree to another."""

    source: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """What one command changed. `words` are the command's, as far as it has to be known again; `time_s` is Unix time.

    `undoes` is the step that it took back, `moves` what it moved, in that order. `is_staged` says that Git's index was
    changed with it. A step that is not done was interrupted.
    """

    number: int
    time_s: int
    words: tuple[str, ...]
    artifacts: tuple[Before, ...] = ()
    moves: tuple[Move, ...] = ()
    undoes: int | None = None
    is_staged: bool = False
    is_done: bool = False

    @property
    def verb(self) -> str:
        """The command's first word."""
        return self.words[0]


class Trash:
    """The steps in the folder `path`, which is made when the first one is saved."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.path = path

    def numbers(self) -> list[int]:
        """The numbers of all steps, the newest first."""
        try:
            names = os.listdir(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted((int(stem) for stem in stems if stem.isascii() and stem.isdecimal()), reverse=True)

    def steps(self) -> Iterator[Step]:
        """Every step, the newest first; one that cannot be read any more is passed over."""
        for number in self.numbers():
            step = self.step(number)
            if step is not None:
                yield step

    def step(self, number: int) -> Step | None:
        """The step of this number; None when there is none that can be read."""
        try:
            fd = os.open(self.path / f"{number}.json", READ_FLAGS)
        except OSError:
            return None
        try:
            content = os.read(fd, _LIMIT) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
            return _parsed(number, json.loads(content))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        finally:
            os.close(fd)

    def newest(self) -> Step | None:
        """The newest step that can be read."""
        return next(self.steps(), None)

    def save(self, step: Step, *, durable: bool = False) -> None:
        """Put a step in place, whole or not at all.

        Raises:
            DiskFull, StoreUnwritable: it could not be written; nothing may go that it should have named.
        """
        self._make(self.path)
        text = json.dumps(_document(step), ensure_ascii=True, separators=(",", ":")) + "\n"
        place = self.path / f"{step.number}.json"
        publish.publish_bytes(place, text.encode("ascii"), mode=self._mode & 0o666, durable=durable)
        lend(place)

    @property
    def _mode(self) -> int:
        """What is given up is nobody else's, but where a group has the working tree."""
        return 0o770 if is_of_group(self.path.parent) else 0o700

    def _make(self, folder: Path) -> None:
        publish.make_directories(folder, mode=self._mode)
        lend(folder)

    def take(self, number: int, digest: bytes, fd: int, name: bytes) -> None:
        """Keep the file or link `name` of the open folder `fd` with a step: as a second name of it, else as a copy.

        It stays where it is. Durable when it returns. What has other names already is copied.
        """
        folder = self.path / str(number)
        self._make(folder)
        target = folder / digest.hex()
        if os.path.lexists(target):
            return
        if os.stat(name, dir_fd=fd, follow_symlinks=False).st_nlink > 1:  # whoever has it elsewhere may write to it
            _copy(fd, name, folder, target)
        else:
            _link_or_copy(fd, name, folder, target)
        publish.sync_directory(folder)

    def content(self, number: int, digest: bytes) -> Path | None:
        """Where the bytes of a digest are that were given up in a step; None when they are not."""
        path = self.path / str(number) / digest.hex()
        return path if os.path.lexists(path) else None

    def contents(self, number: int) -> list[tuple[bytes, Path]]:
        """(digest, place) of everything that was given up in a step, sorted."""
        try:
            names = sorted(os.listdir(self.path / str(number)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = []
        for name in names:
            with suppress(ValueError):
                if len(digest := bytes.fromhex(name)) == 32:
                    found.append((digest, self.path / str(number) / name))
        return found

    def sweep(self, *, steps: int, days: int, now_s: float | None = None) -> int:
        """Remove what is beyond the newest `steps`, or older than so many days; how many. The newest one stays."""
        oldest_s = (time.time() if now_s is None else now_s) - days * 86_400
        removed = 0
        for place, number in enumerate(self.numbers()):
            step = self.step(number) if place else None
            if place and (place >= steps or step is None or step.time_s < oldest_s):
                removed += self._remove(number)
        return removed

    def sweep_some(self, most: int, *, steps: int, days: int, now_s: float | None = None) -> int:
        """As `sweep`, of the oldest at most so many, and none behind the first that may stay; for the end of a command.

        What cannot be read, as a later version may have written it, stays.
        """
        oldest_s = (time.time() if now_s is None else now_s) - days * 86_400
        removed = 0
        for place, number in reversed(list(enumerate(self.numbers()))[1:]):
            step = self.step(number)
            if step is None:
                continue
            if removed == most or not (place >= steps or step.time_s < oldest_s):
                break
            removed += self._remove(number)
        return removed

    def _remove(self, number: int) -> bool:
        with suppress(OSError, TrackError):  # another user's, or swept by another process
            publish.remove_tree(self.path / str(number))
            publish.remove(self.path / f"{number}.json")
            return True
        return False


def every_trash(common_dir: Path) -> Iterator[Trash]:
    """The trash of every working tree of a repository, the main one and the linked ones, by its common directory."""
    yield Trash(common_dir / "track" / "trash")
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in sorted(os.listdir(common_dir / "worktrees")):
            yield Trash(common_dir / "worktrees" / name / "track" / "trash")


def _link_or_copy(fd: int, name: bytes, folder: Path, target: Path) -> None:
    try:
        publish.make_link(name, target, source_dir_fd=fd)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(fd, name, folder, target)


def _copy(fd: int, name: bytes, folder: Path, target: Path) -> None:
    """A copy where no second name can be: another filesystem, or one without links."""
    staged = publish.stage(folder)
    if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
        publish.make_symlink(os.readlink(name, dir_fd=fd), staged)
    else:
        source = os.open(name, READ_FLAGS, dir_fd=fd)
        try:
            copy = publish.create(staged, mode=0o600)
            try:
                publish.copy_range(source, copy, os.fstat(source).st_size)
                publish.sync_file(copy, staged)
            finally:
                os.close(copy)
        finally:
            os.close(source)
        lend(staged)
    publish.publish_new(staged, target)


def _document(step: Step) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "time": step.time_s,
        "words": [text_of(os.fsencode(word)) for word in step.words],
        "undoes": step.undoes,
        "staged": step.is_staged,
        "done": step.is_done,
        "moves": [[text_of(move.source), text_of(move.target)] for move in step.moves],
        "artifacts": [_artifact_document(before) for before in step.artifacts],
    }


def _artifact_document(before: Before) -> dict[str, Any]:
    said: dict[str, Any] = {"path": text_of(before.path), "ignored": before.was_ignored}
    if before.has_pointer:
        said["pointer"] = None if before.pointer is None else text_of(before.pointer)
    if before.has_data:
        held = before.held
        said["parts"] = None if before.parts is None else list(map(text_of, before.parts))
        said["data"] = held and {"kind": held.kind, "digest": str(held.digest), "executable": held.executable}
    return said


def _parsed(number: int, said: Any) -> Step | None:
    if said["format"] != _FORMAT:
        return None
    return Step(
        number,
        int(said["time"]),
        tuple(os.fsdecode(path_of(word)) for word in said["words"]),
        tuple(map(_artifact, said["artifacts"])),
        tuple(Move(path_of(source), path_of(target)) for source, target in said["moves"]),
        None if said["undoes"] is None else int(said["undoes"]),
        bool(said["staged"]),
        bool(said["done"]),
    )


def _artifact(said: Any) -> Before:
    data, pointer, parts = said.get("data"), said.get("pointer"), said.get("parts")
    return Before(
        path_of(said["path"]),
        "pointer" in said,
        None if pointer is None else path_of(pointer),
        bool(said["ignored"]),
        "data" in said,
        None if data is None else Held(data["kind"], Digest.parse(data["digest"]), bool(data["executable"])),
        None if parts is None else tuple(map(path_of, parts)),
    )
