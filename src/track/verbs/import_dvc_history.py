"""Import DVC's history: another branch, whose commits have our pointers in place of DVC's; no other branch changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.errors import HistoryIncomplete
from track.flows.adopting import Adopter
from track.flows.dvc_history import Foreseen, Left, foresee
from track.flows.dvc_reading import Reader
from track.history.rewriting import Rewritten, commits_before, refuse_branch, rewrite
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class ImportedHistory:
    """What was done, or in a dry run would be. `tip` is the last commit of the new branch, None of a dry run.

    `new_count` of `commits_count` commits are new, for something in them or before them changed; `versions_count`
    versions of artifacts were made of DVC's, and `left` stays as it is in the commits that have it.
    """

    branch: str
    tip: str | None
    commits_count: int
    new_count: int
    versions_count: int
    left: tuple[Left, ...]
    stored_bytes: int
    is_dry: bool


def import_dvc_history(
    project: Project,
    branch: str,
    *,
    places: Sequence[str] = (),
    fetch: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportedHistory:
    """Make `branch`, a copy of the history of HEAD in which pointers of ours stand in place of DVC's.

    Authors, committers, dates, messages and merges stay; signatures, which are of the old commits, do not. Each object
    is read once, out of DVC's folder, `places`, and with `fetch` DVC's remotes, and checked. What is missing stays
    DVC's in the commits that name it. Working tree, index and every other branch and tag are left alone, and the branch
    appears when everything that it names is in the store; interrupted before that, the same call goes on.

    Raises:
        UnknownRevision, Conflict: it is no name for a branch, or there is such a branch.
        HistoryIncomplete: the clone is shallow.
        NoFormat: what reads DVC's files is not installed.
        UsageError: a place is of a kind that this version does not reach.
        RemoteError: a place or remote does not answer.
        Locked, GitFailed, DiskFull, StoreUnwritable: it could not be done to its end.
    """
    refuse_branch(project.git, branch)
    if (project.git.common_dir / "shallow").exists():
        raise HistoryIncomplete("this clone does not have the whole history", hint="git fetch --unshallow")
    with project.lock():
        commits = commits_before(project.git, project.git.resolve("HEAD"))
        with Adopter(project, dry_run=dry_run) as adopter:
            reader = Reader(project, adopter, places=places, fetch=fetch)
            found = foresee(project, adopter, reader, commits, progress)
            stored_bytes = adopter.commit()
            done = None if dry_run else rewrite(project.git, branch, commits, found.changes)
    return _result(branch, done, len(commits), found, stored_bytes)


def _result(branch: str, done: Rewritten | None, commits: int, found: Foreseen, stored_bytes: int) -> ImportedHistory:
    return ImportedHistory(
        branch=branch,
        tip=done.tip if done is not None else None,
        commits_count=commits,
        new_count=done.new_count if done is not None else 0,
        versions_count=found.versions_count,
        left=found.left,
        stored_bytes=stored_bytes,
        is_dry=done is None,
    )
