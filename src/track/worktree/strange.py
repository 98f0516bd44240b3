"""Strange things in the state of a clone: what can only have been unpacked with it."""

import os
from pathlib import Path

from track.errors import ForbiddenPath
from track.model.names import display


def refuse_strange(state: Path) -> None:
    """Refuse state in which something is neither file nor folder: track makes none, so it was unpacked with the clone.

    Through a link we would write elsewhere, and a pipe would be waited for.

    Raises:
        ForbiddenPath: there is such a thing.
    """
    folders = [state]
    for folder in folders:
        try:
            if folder.is_symlink():
                raise _strange(folder)
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if not is_folder and not entry.is_file(follow_symlinks=False):
                        raise _strange(Path(entry.path))
                    if is_folder and (folder == state or folder == state / "store"):
                        folders.append(Path(entry.path))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue


def _strange(path: Path) -> ForbiddenPath:
    return ForbiddenPath(
        f"{display(str(path))} is neither a file nor a folder, and track made no such thing",
        hint="it may have come with this copy of the repository; if you made it, put a real one in its place",
    )
