"""What a team asks of the code of a run: that a commit has it, and that others have that commit."""

from collections.abc import Sequence

from track.errors import TrackError
from track.history.code_tree import CodeTree
from track.model.names import display
from track.project import Project

LEVELS = ("nothing", "clean", "pushed")
_LISTED = 5


def refuse_code(project: Project, found: CodeTree, omitted: Sequence[bytes], level: str) -> None:
    """Refuse code that is not as `level`, one of LEVELS, asks: `clean`, all of it in the commit that is checked out, or
    `pushed`, and that commit in a branch of a Git remote as this clone last knew it.

    `omitted` are untracked files that are left out of what is kept; a program may need them all the same.

    Raises:
        TrackError: it is not.
    """
    if level == "nothing":
        return
    head = project.git.head()
    changed = sorted({*_changed(found), *omitted})
    if head is None or changed or found.is_dirty:
        named = ", ".join(map(display, changed[:_LISTED]))
        more = f" and {len(changed) - _LISTED:,} more" if len(changed) > _LISTED else ""
        raise TrackError(
            f"no commit has the code as it is{': ' if changed else ''}{named}{more}",
            hint="git add and git commit it, or put it into .gitignore; " + _WAY_OUT,
        )
    if level == "pushed" and not project.git.run(
        "for-each-ref", "--count=1", "--format=%(refname)", "--contains", head, "refs/remotes"
    ):
        raise TrackError(
            f"no Git remote is known to have commit {head[:12]}", hint="git push   (or git fetch); " + _WAY_OUT
        )


_WAY_OUT = "what is asked of code is the setting runs.require, and --require-clean or --require-pushed"


def _changed(found: CodeTree) -> set[bytes]:
    """The files that are not as in the commit, or not there."""
    before = {(file.path, file.mode, file.blob) for file in found.committed_files()}
    return {path for path, _, _ in before ^ {(file.path, file.mode, file.blob) for file in found.files()}}
