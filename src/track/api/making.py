"""Making: files that a program writes first, and that are uploaded together when it has written them."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from track import publish
from track.api.brief import Named
from track.api.handled import Artifact
from track.errors import UnknownFile, UnknownPath, UsageError
from track.model.amounts import count_text
from track.model.names import display


class NewFile(NamedTuple):
    """A file to be written: its name, and the path at which to write it."""

    name: str
    remote_url: str


class New:
    """Files that are written in a `with` block and uploaded at its end; made by `Handler.new`."""

    __slots__ = ("_artifact", "_folder", "_is_open", "_names", "_register")

    def __init__(self, names: tuple[str, ...], folder: Path, register: Callable[[Path], Artifact]) -> None:
        """For `Handler.new`."""
        self._names = names
        self._folder = folder
        self._register = register
        self._artifact: Artifact | None = None
        self._is_open = False

    @property
    def files(self) -> Mapping[str, NewFile]:
        """The files by their names. Raises UsageError outside of the block."""
        if not self._is_open:
            raise UsageError("new files are there in their block alone", hint="with handler.new([name]) as new: ...")
        return Named((name, NewFile(name, str(self._folder / name))) for name in self._names)

    @property
    def file(self) -> NewFile:
        """The file, where it is the only one. Raises `UnknownFile`, which is a KeyError too, where there are several,
        and UsageError outside of the block.
        """
        files = self.files
        if len(files) != 1:
            raise UnknownFile(f"this has {count_text(len(files), 'file')}, not one", hint="new.files[name]")
        return next(iter(files.values()))

    @property
    def artifact(self) -> Artifact:
        """What was uploaded. Raises UsageError before the end of the block, and where nothing was."""
        if self._artifact is None:
            raise UsageError("nothing was uploaded", hint="it is at the end of the block, unless that failed")
        return self._artifact

    def __repr__(self) -> str:
        """How many files there are, and whether they were uploaded."""
        state = "uploaded" if self._artifact is not None else "being written" if self._is_open else "not begun"
        return f"<New: {count_text(len(self._names), 'file')}, {state}>"

    def __enter__(self) -> Self:
        """The files, to be written. Raises DiskFull or StoreUnwritable where there is no room for them."""
        if self._is_open or self._artifact is not None:
            raise UsageError("this block was begun before", hint="call new again for more files")
        for name in self._names:
            publish.make_directories((self._folder / name).parent, mode=0o700)
        self._is_open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Upload what was written, unless the block failed; the files that were written are gone then."""
        self._is_open = False
        try:
            if error is None:
                absent = [name for name in self._names if not os.path.isfile(self._folder / name)]
                if absent:
                    raise UnknownPath(
                        f"`{display(absent[0])}` was not written, so nothing was uploaded",
                        hint="write it at new.files[name].remote_url",
                    )
                self._artifact = self._register(self._folder)
        finally:
            publish.remove_tree(self._folder)
