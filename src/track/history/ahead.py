"""Ahead: what the catalog asks Git first of all is asked while the rest of the program is still being loaded.

Loading what answers a question takes longer than Git takes to look at a large working tree, and neither needs the
other. So the command line begins with Git, and whoever opens the project and its catalog takes what came.
"""

import os
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import NamedTuple

from track.errors import TrackError
from track.history.plumbing import Git


class _Question(NamedTuple):
    """What Git is asked; with `globs`, stars in it mean something. What is not `sure` may fail and say nothing."""

    words: tuple[str, ...]
    globs: bool = False
    sure: bool = True


_CHANGED = ("diff-files", "-z", "--name-only", "--no-ext-diff", "--")
_REF = "--format=%(refname) %(objectname) %(objecttype) %(*objectname) %(*objecttype)"
_QUESTIONS: Mapping[str, _Question] = {
    "changed": _Question((*_CHANGED, "*.track"), globs=True),
    "untracked": _Question(("ls-files", "-z", "-o", "--exclude-standard", "--", "*.track"), globs=True, sure=False),
    "changed records": _Question((*_CHANGED, ".track/runs/")),
    "untracked records": _Question(("ls-files", "-z", "-o", "--", ".track/runs/"), sure=False),
    "refs": _Question(("for-each-ref", _REF)),
}
"""Pointers and records on disk that are not as in Git's index, and those that are not in it, each ended by NUL; and a
line for each ref.
"""


class _Asking:
    """The repository around a folder, and what was asked of it; found in a thread."""

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = names
        self.git: Git | None = None
        self.told: dict[str, bytes] = {}
        self.thread = Thread(target=self._ask, name="track-ahead", daemon=True)

    def _ask(self) -> None:
        try:
            self.git = Git(self.folder)
            self.told = _asked(self.git, self.names)
        except (TrackError, OSError):  # whoever asks the same says it
            pass


_begun: list[_Asking] = []


def begin(names: Sequence[str]) -> None:
    """Begin to ask these of the repository around the current folder. What fails is asked again by who needs it."""
    try:
        asking = _Asking(os.getcwd(), names)
        asking.thread.start()
    except (OSError, RuntimeError):  # the folder is gone, or the system gives no more threads
        return
    _begun.append(asking)


def found(folder: str) -> Git | None:
    """The repository around a folder, if it was asked for."""
    if not _begun or _begun[0].folder != folder:
        return None
    asking = _begun[0]
    asking.thread.join()
    return asking.git


def answers(git: Git, *names: str, is_early: bool = True) -> list[bytes]:
    """What Git says to these questions: what came ahead, the first time and if `is_early` does, else what it says now.

    Raises:
        GitFailed: it cannot tell.
    """
    told = _taken(git, names) if is_early else {}
    rest = [name for name in names if name not in told]
    if rest:
        told |= _asked(git, rest)
    return [told[name] for name in names]


def _taken(git: Git, names: Sequence[str]) -> dict[str, bytes]:
    if not _begun or not set(names) & set(_begun[0].names):
        return {}
    asking = _begun[0]
    asking.thread.join()
    return {name: asking.told.pop(name) for name in names if name in asking.told} if asking.git is git else {}


def _asked(git: Git, names: Sequence[str]) -> dict[str, bytes]:
    """The answers to all of them, asked at once. Raises the first error of those that fail."""
    told: dict[str, bytes] = {}
    failed: list[TrackError | OSError] = []

    def ask(name: str) -> None:
        words, globs, sure = _QUESTIONS[name]
        try:
            told[name] = git.run(*words, globs=globs, check=sure)
        except (TrackError, OSError) as error:
            failed.append(error)

    threads = []
    for name in names[1:]:
        thread = Thread(target=ask, args=(name,))
        try:
            thread.start()
            threads.append(thread)
        except RuntimeError:  # the system gives no more threads
            ask(name)
    ask(names[0])
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return told
