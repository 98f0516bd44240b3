"""Saving: what a run uses and makes is saved to it, with the names that Simvue's users know."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from track.api import asking
from track.api.asking import asks, each, maybe
from track.api.tolerance import tolerant
from track.errors import UsageError
from track.model.names import display
from track.verbs.run_save import run_save, save_object

AnyPath = str | os.PathLike[str]


class Saving:
    """What `Run` saves; only that makes one."""

    suppresses: bool
    tell: Callable[[BaseException], None]
    _need: Callable[[], object]
    _do: Callable[..., Any]

    @tolerant
    @asks(path=asking.path, category=asking.text, filetype=maybe(asking.text), name=maybe(asking.text))
    def save(
        self,
        path: AnyPath,
        category: str,
        filetype: str | None = None,
        preserve_path: bool = False,
        name: str | None = None,
    ) -> None:
        """Save a file as code, input or output, under its own name, its path, or `name`.

        >>> run.save("model.pkl", "output", name="models/best.pkl")
        True
        >>> [used.name for used in run.outputs]
        ['models/best.pkl']

        Raises:
            UsageError: there is no run yet, or it has ended, the category, type or name cannot be, or it is a folder.
            UnknownPath: nothing is there.
            SpecialFile, Unreadable, ChangedWhileAdding: it cannot be read as it stands.
            DiskFull, StoreUnwritable: it cannot be stored; the run has nothing of it.
        """
        self._need()
        if os.path.isdir(path):
            raise UsageError(f"`{display(os.fspath(path))}` is a folder", hint="use save_directory")
        self._do(run_save, [path], category, filetype=filetype, preserve_path=preserve_path, name=name)

    @tolerant
    @asks(directory=asking.path, category=asking.text, filetype=maybe(asking.text))
    def save_directory(
        self, directory: AnyPath, category: str, filetype: str | None = None, preserve_path: bool = False
    ) -> None:
        """Save every file below a folder, all with one media type where `filetype` names one.

        >>> run.save_directory("images", "input", preserve_path=True)
        True
        >>> [used.name for used in run.inputs]
        ['images/cats/1.txt', 'images/cats/2.txt']

        Raises:
            UsageError: there is no run yet, or it has ended, or the category or type cannot be, or it is no folder.
            UnknownPath: nothing is there.
            SpecialFile, Unreadable, ChangedWhileAdding: it cannot be read as it stands.
            DiskFull, StoreUnwritable: it cannot be stored; the run has nothing of it.
        """
        self._need()
        if not os.path.isdir(directory):
            raise UsageError(f"`{display(os.fspath(directory))}` is no folder", hint="use save for one file")
        self._do(run_save, [directory], category, filetype=filetype, preserve_path=preserve_path)

    @tolerant
    @asks(items=each(asking.path), category=asking.text, filetype=maybe(asking.text))
    def save_all(
        self, items: Iterable[AnyPath], category: str, filetype: str | None = None, preserve_path: bool = False
    ) -> None:
        """Save files, and every file below folders: all of them, or none when one cannot be.

        >>> run.save_all(["data/train.csv", "images"], "input"), len(run.inputs)
        (True, 3)

        Raises:
            UsageError: there is no run yet, or it has ended, or the category or type cannot be.
            UnknownPath: nothing is there.
            SpecialFile, Unreadable, ChangedWhileAdding: it cannot be read as it stands.
            DiskFull, StoreUnwritable: it cannot be stored; the run has nothing of it.
        """
        self._do(run_save, list(items), category, filetype=filetype, preserve_path=preserve_path)

    @tolerant
    @asks(category=asking.text, name=asking.text)
    def save_object(self, obj: object, category: str, name: str, allow_pickle: bool = False) -> None:
        """Save an object, so that `Client.get_artifact` gives the same again; pickled only when that is allowed.

        >>> run.save_object({"accuracy": 0.9}, "output", name="scores")
        True
        >>> track.Client().get_artifact(run.id, "scores")
        {'accuracy': 0.9}

        Raises:
            UsageError: there is no run yet, or it has ended, or the category or name cannot be.
            NoFormat: nothing keeps such an object without pickling it, and that was not allowed.
            DiskFull, StoreUnwritable: it cannot be stored.
        """
        self._do(save_object, obj, category, name, allow_pickle=allow_pickle)
