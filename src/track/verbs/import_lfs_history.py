"""Import Git LFS's history: another branch, in whose commits its pointers are ours; nothing else changes."""

from dataclasses import dataclass

from track.errors import HistoryIncomplete
from track.flows.adopting import Adopter
from track.flows.lfs_history import Left, foresee
from track.history import lfs as lfs_in_git
from track.history.rewriting import commits_before, refuse_branch, rewrite
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class ImportedLfsHistory:
    """What was done, or in a dry run would be. `tip` is the last commit of the new branch, None of a dry run.

    `new_count` of `commits_count` commits are new, for something in them or before them changed; `versions_count`
    versions of artifacts were made, and `left` stays with Git LFS in the commits that have it.
    """

    branch: str
    tip: str | None
    commits_count: int
    new_count: int
    versions_count: int
    left: tuple[Left, ...]
    stored_bytes: int
    is_dry: bool


def import_lfs_history(
    project: Project, branch: str, *, fetch: bool = False, dry_run: bool = False, progress: Progress = silent
) -> ImportedLfsHistory:
    """Make `branch`, a copy of the history of HEAD in which pointers of ours stand in place of those of Git LFS.

    In each commit the data is ignored by Git, and nothing is given to Git LFS any more unless something is left to it.
    Authors, committers, dates, messages and merges stay; signatures, which are of the old commits, do not. Each object
    is read once, out of Git LFS's folder, and checked; with `fetch` Git LFS brings those of every branch and tag first,
    over the network. What is missing stays with Git LFS in the commits that have it. Working tree, index and every
    other branch and tag are left alone, and the branch appears when everything that it names is in the store;
    interrupted before that, the same call goes on.

    Raises:
        UnknownRevision, Conflict: it is no name for a branch, or there is such a branch.
        HistoryIncomplete: the clone is shallow.
        GitFailed: Git LFS was to fetch, and could not; or Git cannot read or write its history.
        Locked, DiskFull, StoreUnwritable: it could not be done to its end.
    """
    refuse_branch(project.git, branch)
    if (project.git.common_dir / "shallow").exists():
        raise HistoryIncomplete("this clone does not have the whole history", hint="git fetch --unshallow")
    with project.lock():
        if fetch:
            lfs_in_git.fetch_all(project.git)
        commits = commits_before(project.git, project.git.resolve("HEAD"))
        with Adopter(project, dry_run=dry_run) as adopter:
            found = foresee(project.git, adopter, lfs_in_git.objects_of(project.git), commits, progress)
            stored_bytes = adopter.commit()
            done = None if dry_run else rewrite(project.git, branch, commits, found.changes)
    return ImportedLfsHistory(
        branch=branch,
        tip=done.tip if done is not None else None,
        commits_count=len(commits),
        new_count=done.new_count if done is not None else 0,
        versions_count=found.versions_count,
        left=found.left,
        stored_bytes=stored_bytes,
        is_dry=dry_run,
    )
