"""Ahead: what the catalog asks Git first of all is asked while the rest of the program is still being loaded.

Loading what answers a question takes longer than Git takes to look at a large working tree, and neither needs the
other. So the command line begins with Git, and whoever opens the project and its catalog takes what came.
"""

import os
from threading import Thread

from track.errors import TrackError
from track.history.plumbing import Git


class _Asking:
    """The repository around a folder, and what differs in it; found in a thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.git: Git | None = None
        self.told: tuple[bytes, bytes] | None = None
        self.thread = Thread(target=self._ask, name="track-ahead", daemon=True)

    def _ask(self) -> None:
        try:
            self.git = Git(self.folder)
            self.told = ask(self.git)
        except (TrackError, OSError, RuntimeError):  # whoever asks the same says it
            pass


_begun: list[_Asking] = []


def begin() -> None:
    """Begin to ask of the repository around the current folder. What fails is asked again by who needs it."""
    try:
        asking = _Asking(os.getcwd())
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


def taken(git: Git) -> tuple[bytes, bytes] | None:
    """What `ask` gives for a repository that `found` gave, the first time; None: nobody asked ahead."""
    if not _begun:
        return None
    asking = _begun.pop()
    asking.thread.join()
    return asking.told if asking.git is git else None


def ask(git: Git) -> tuple[bytes, bytes]:
    """(changed, untracked): the pointers on disk that are not as in Git's index, and those that are not in it.

    Each ends with NUL. Raises GitFailed.
    """
    untracked: list[bytes] = []
    asked = ("ls-files", "-z", "-o", "--exclude-standard", "--", "*.track")
    meanwhile = Thread(target=lambda: untracked.append(git.run(*asked, globs=True, check=False)))
    meanwhile.start()
    changed = git.run("diff-files", "-z", "--name-only", "--no-ext-diff", "--", "*.track", globs=True)
    meanwhile.join()
    return changed, b"".join(untracked)
