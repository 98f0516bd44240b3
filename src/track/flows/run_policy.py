"""What a team asks of the code of a run: that a commit has it, and that others have that; and what a run is told."""

from collections.abc import Sequence

from track.errors import TrackError
from track.history.code_tree import CodeTree
from track.model.names import display
from track.model.record import Record
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
    if level == "pushed" and not _remote_branch(project, "--contains", head):
        raise TrackError(
            f"no Git remote is known to have commit {head[:12]}", hint="git push   (or git fetch); " + _WAY_OUT
        )


_WAY_OUT = "what is asked of code is the setting runs.require, and --require-clean or --require-pushed"


def missing_in_git(project: Project, record: Record) -> tuple[str, ...]:
    """What others do not find in Git of what a run needed, with the way to it, as far as the setting `runs.warn` wants.

    That is its code, where no commit has it or no Git remote is known to have that commit, though one is known; and
    for Python a lock file. The run itself keeps the code and the list of packages in any case.
    """
    wanted, revision, found = project.config.text("runs.warn") or "all", record.revision, []
    if wanted in ("all", "code") and revision is not None:
        if revision.dirty or revision.commit is None:
            found.append("no commit has its code (git commit)")
        elif not _remote_branch(project, "--contains", revision.commit) and _remote_branch(project):
            found.append(f"no Git remote is known to have commit {revision.commit[:12]} (git push)")
    if wanted in ("all", "lock") and "python" in record.environment and "lock" not in record.environment:
        found.append("no lock file names its packages (git add requirements.txt, uv.lock or the like)")
    return tuple(found)


def _remote_branch(project: Project, *which: str) -> bytes:
    """A branch of a Git remote as this clone last knew it, such a one if there is any."""
    return project.git.run("for-each-ref", "--count=1", "--format=%(refname)", *which, "refs/remotes", check=False)


def _changed(found: CodeTree) -> set[bytes]:
    """The files that are not as in the commit, or not there."""
    before = {(file.path, file.mode, file.blob) for file in found.committed_files()}
    return {path for path, _, _ in before ^ {(file.path, file.mode, file.blob) for file in found.files()}}
