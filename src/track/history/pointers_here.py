"""The pointers of a working tree, with those that a sparse checkout leaves out, which nobody removed."""

from typing import NamedTuple

from track.history.left_out import left_out, present_among
from track.history.log import pointers_in_worktree
from track.history.plumbing import Git


class Here(NamedTuple):
    """(path, content) of pointers, sorted; those of them that are no files, but left out; and how many more of these a
    partial clone lacks.
    """

    found: list[tuple[bytes, bytes]]
    left_out: frozenset[bytes]
    lacking_count: int


def pointers_here(git: Git) -> Here:
    """Return the pointers on disk, and those that a sparse checkout leaves out as Git's index has them.

    Raises:
        Unreadable: one on disk cannot be read.
    """
    files = git.pointer_files()
    found = pointers_in_worktree(git, files)
    absent = files.staged.keys() - {path for path, _ in found}
    oids = left_out(git, absent)
    contents = present_among(git, oids)
    every = sorted([*found, *contents.items()]) if contents else found
    return Here(every, frozenset(contents), len(oids) - len(contents))
