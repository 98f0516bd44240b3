"""The library that changes repositories, GitPython: the only import of it, which takes 30 ms.

It asks for Git's version while it is imported: it shall not look in folders that PATH names relatively.
"""

import os

from track.history import surroundings

_chosen = os.environ.get("GIT_PYTHON_GIT_EXECUTABLE")
os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = surroundings.find_program("git")
import git as gitpython  # noqa: E402  # only after the line above

if _chosen is None:
    del os.environ["GIT_PYTHON_GIT_EXECUTABLE"]
else:
    os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = _chosen

__all__ = ["gitpython"]
