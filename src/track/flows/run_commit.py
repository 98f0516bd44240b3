"""Committing a run: exactly its record and the pointers of what it made, whatever else is staged."""

from collections.abc import Sequence

from track.flows.running import Committer
from track.history import gitrepo
from track.model.names import display
from track.model.record import Record
from track.project import Project

_SUBJECT = 72


def edited_before(project: Project) -> set[bytes]:
    """Ignore files with changes of the person's own, which are not for the commit of a run."""
    args = ("diff", "--name-only", "-z", "HEAD", "--", ".gitignore", "*/.gitignore")
    return set(project.git.run(*args, check=False, globs=True).split(b"\0")) - {b""}


def committing(project: Project) -> Committer:
    """What commits a run that begins now: its record and the files staged for it; the commit's id.

    Raises:
        GitFailed: Git or a hook refused; everything stays staged.
    """
    edited = edited_before(project)
    return lambda record, staged: commit_run(project, record, staged, edited)


def commit_run(project: Project, record: Record, staged: Sequence[bytes], not_these: set[bytes]) -> str:
    """Commit what was staged for a run, without the ignore files in `not_these`; the commit's id. Hooks run.

    Raises:
        GitFailed: Git or a hook refused; everything stays staged.
    """
    subject = f"run {record.name}: {display(' '.join(record.command))}"
    if len(subject) > _SUBJECT:
        subject = subject[: _SUBJECT - 1] + "…"
    return gitrepo.commit(project.git, subject, [path for path in staged if path not in not_these])
