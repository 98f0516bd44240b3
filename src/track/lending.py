"""Lending: in a folder of a group, what one of its members makes can be used by the others, whatever the umask.

`git init --shared` and `chmod g+ws` leave such folders. Git lends its own files by `core.sharedRepository`, and so what
is made beside them is lent here: folders to write in, databases, and what else is not replaced as a whole.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path


def is_of_group(folder: Path) -> bool:
    """Whether a group works together in a folder: its members may write there, and what is made belongs to it."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISGID and mode & stat.S_IWGRP)


def lend(path: Path) -> None:
    """Give the group the rights that we have on a file or folder of ours, where it lies in a folder of the group.

    What another user made stays as it is.
    """
    if not is_of_group(path.parent):
        return
    with suppress(OSError):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode | (mode & stat.S_IRWXU) >> 3
        if stat.S_ISDIR(status.st_mode):
            wanted |= stat.S_ISGID
        elif not stat.S_ISREG(status.st_mode):
            return
        if wanted != mode and status.st_uid == os.geteuid():
            path.chmod(wanted)
