"""What changes Git's index, and nothing else of a repository: stage and unstage, without loading GitPython."""

import os
import time
from collections.abc import Sequence

from track.errors import GitFailed, Locked
from track.history import filtered
from track.history.left_out import is_sparse, left_out
from track.history.plumbing import Git

INDEX_TIMEOUT_S = 10.0
_AGAIN_AFTER_S = 0.05


def stage(git: Git, paths: Sequence[bytes]) -> None:
    """Put `paths` into the index as they are on disk; those that are gone leave it, but what a sparse checkout leaves
    out stays in it as it is. Other staged work stays.

    Works whatever Git ignores, in linked worktrees, and with the index that Git gave to a hook.

    Raises:
        Conflict: a filter of Git's would change a pointer or a record among them.
        Locked: another Git held the index for more than 10 s.
        GitFailed: Git refused, for example a path below a link.
    """
    if paths and is_sparse(git):
        top = os.fsencode(git.top)
        apart = left_out(git, {path for path in paths if not os.path.lexists(os.path.join(top, path))})
        paths = [path for path in paths if path not in apart]
    if paths:
        if (trouble := filtered.trouble(git, paths)) is not None:
            raise trouble
        filtered.look_again(git, paths)
        _with_paths(git, ("update-index", "-z", "--add", "--remove", "--replace", "--stdin"), paths)


def forget(git: Git, paths: Sequence[bytes]) -> None:
    """Take `paths` out of the index, whatever is on disk, where they stay.

    Raises:
        Locked: another Git held the index for more than 10 s.
        GitFailed: Git refused.
    """
    if paths:
        _with_paths(git, ("update-index", "-z", "--force-remove", "--stdin"), paths)


def unstage(git: Git, paths: Sequence[bytes]) -> None:
    """Put `paths` back in the index as they are in HEAD; before the first commit, take them out.

    Raises:
        Locked: another Git held the index for more than 10 s.
        GitFailed: Git refused.
    """
    if paths:
        _with_paths(git, ("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul"), paths)


def _with_paths(git: Git, arguments: Sequence[str], paths: Sequence[bytes]) -> None:
    """Run a command that reads paths, again while another process holds the index."""
    deadline = time.monotonic() + INDEX_TIMEOUT_S
    while True:
        try:
            git.run(*arguments, input=b"".join(path + b"\0" for path in paths))
            return
        except GitFailed as error:
            if not any("index.lock" in line and "exists" in line for line in error.details):
                raise
            if time.monotonic() > deadline:
                raise Locked(
                    "another Git process holds the index of this working tree",
                    hint="run it again when that is done",
                    details=error.details,
                ) from error
            time.sleep(_AGAIN_AFTER_S)
