"""Here: paths as seen from the current folder, which may be gone."""

import os

from track.errors import NotARepository


def absolute(path: str | os.PathLike[str] = os.curdir) -> str:
    """A path in full. Raises NotARepository where that needs the current folder, and there is none any more."""
    try:
        return os.path.abspath(path)
    except OSError as error:
        raise NotARepository(
            "the current folder is not there any more, or may not be looked at", hint="go to one that is: cd FOLDER"
        ) from error
