"""The process environment as Git sees it: where the program is, and which of its variables may reach it."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from track.errors import GitFailed, NotARepository
from track.model.names import display

LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""Variables that speak of one repository (`git rev-parse --local-env-vars`, of all versions together)."""

_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")

_NEVER = (
    "GIT_ASKPASS",
    "GIT_DIFF_OPTS",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_PAGER",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
)
"""Variables that start a program, or that change what a path means."""

_ALWAYS = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "TRACK_SKIP": "1",
}
"""No network (a partial clone would fetch by itself), no prompt, no optional lock, English, no hook of ours."""


OPERATIONS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)
"""Files in a Git directory that say that something is in progress, and what."""


class Place(NamedTuple):
    """Where a repository is: the top of the working tree, its own Git directory, and the common one."""

    top: str
    git_dir: str
    common_dir: str


def find_program(name: str, search_path: str | None = None) -> str:
    """Return the absolute path of a program on PATH; relative entries of PATH are passed over.

    So a program that lies in a repository is never started because somebody stands in it.

    Raises:
        GitFailed: there is none.
    """
    for folder in (os.environ.get("PATH", os.defpath) if search_path is None else search_path).split(os.pathsep):
        if not os.path.isabs(folder):
            continue
        for suffix in (".exe", "") if os.name == "nt" else ("",):
            candidate = os.path.join(folder, name + suffix)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
    raise GitFailed(f"`{name}` is not installed, or not on PATH", hint="install Git 2.31 or later")


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without anything that speaks of one repository or starts a program."""
    kept = {key: value for key, value in environ.items() if key not in LOCAL and key not in _NEVER}
    return kept | _ALWAYS


def local(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that speak of one repository, set and not empty."""
    return {key: environ[key] for key in LOCAL if environ.get(key)}


def speaks_of_a_place(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a repository, as it does when Git runs a hook."""
    return any(environ.get(key) for key in _PLACES)


def is_explicit(environ: Mapping[str, str], cwd: str) -> bool:
    """Return whether the environment names a Git directory with a working tree that holds `cwd`."""
    work_tree = environ.get("GIT_WORK_TREE")
    if not environ.get("GIT_DIR") or not work_tree:
        return False
    top = os.path.realpath(work_tree)
    return os.path.commonpath([top, os.path.realpath(cwd)]) == top


def names_same(environ: Mapping[str, str], place: Place) -> bool:
    """Return whether what the environment names belongs to the repository at `place`.

    A hook of one repository may well ask about another one; then nothing of what Git told the hook holds.
    """
    git_dir = environ.get("GIT_DIR")
    if git_dir:
        return _same_file(git_dir, place.git_dir)
    index = environ.get("GIT_INDEX_FILE", "")
    folder = os.path.dirname(index)
    if os.path.isabs(index) and os.path.isfile(os.path.join(folder, "HEAD")):
        return _same_file(folder, place.git_dir)
    return True


def absolute(variables: Mapping[str, str], top: str | None) -> dict[str, str]:
    """Return repository variables with absolute paths, so that they hold from any folder.

    Git takes a relative index from the `top` of the working tree, the others from where it was started.
    """
    result = dict(variables)
    for key in ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"):
        if key in result:
            result[key] = os.path.abspath(result[key])
    if "GIT_INDEX_FILE" in result:
        result["GIT_INDEX_FILE"] = os.path.join(top or os.getcwd(), result["GIT_INDEX_FILE"])
    return result


def refusal(cwd: str, lines: list[bytes], said: bytes) -> NotARepository:
    """Return the error for what Git said instead of where the repository is; `lines` is what it answered before."""
    where = display(cwd)
    if b"safe.directory" in said or b"dubious ownership" in said:
        details = tuple(display(line.strip()) for line in said.splitlines() if line.strip())
        return NotARepository(
            f"Git does not trust the repository at {where}: it belongs to somebody else", details=details
        )
    if lines[:1] == [b"true"]:
        return NotARepository(
            f"{where} is a bare Git repository; track needs a working tree", hint="git worktree add ../work"
        )
    if lines[1:2] == [b"true"]:
        return NotARepository(f"{where} is inside a Git directory, not in a working tree")
    if b"not a git repository" in said:
        return NotARepository(f"{where} is not in a Git repository", hint="git init")
    return NotARepository(
        f"Git cannot read the repository at {where}",
        details=tuple(display(line) for line in said.splitlines() if line.strip()),
    )


def tree_elsewhere(place: Place) -> NotARepository:
    """Return the error for a repository whose own settings, which may be a stranger's, name a tree such as a home."""
    return NotARepository(
        f"the repository at {display(place.git_dir)} says that its working tree is {display(place.top)}",
        hint="git config --unset core.worktree      or, if it is so: set GIT_DIR and GIT_WORK_TREE",
    )


def _same_file(first: str, second: str) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False
