"""Repair: what is damaged or lost, here or at a remote, is put aside and brought back from any right copy."""

from dataclasses import dataclass

from track.flows.remote_repair import repair_remote
from track.flows.salvage import Unasked
from track.flows.store_repair import Mended, repair_store
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was bad or missing, and what became of it.

    `restored_count` objects (at a remote: files) are right again; `lost_count` are right nowhere that was asked, and
    `lost_names` are lines that say which files need them. `unasked` are remotes that could not be asked, and why. With
    `is_dry`, nothing was changed: this is what would be.
    """

    remote: str | None
    mended: tuple[Mended, ...]
    restored_count: int
    lost_count: int
    lost_names: tuple[str, ...]
    unasked: tuple[Unasked, ...]
    exit_code: int
    is_dry: bool


def repair(
    project: Project, *, remote: str | None = None, dry_run: bool = False, progress: Progress = silent
) -> Repaired:
    """Read everything in the local store, or at `remote`; put aside what is bad, and bring back what was lost.

    Right copies come from working trees, the local store and every remote that is configured and may be used. The bad
    ones stay in quarantine. `exit_code` is 0 when everything is right again, 7 when something damaged is right
    nowhere, 4 when something missing is. Interrupted, the same again goes on.

    Raises:
        NoRemote, RemoteError: the remote is not known, not there, not a store, or may not be used.
        DiskFull, StoreUnwritable: what was found cannot be kept.
        Locked: another push to the remote, or a collection, takes too long.
    """
    if remote is None:
        done = repair_store(project, dry_run=dry_run, progress=progress)
    else:
        done = repair_remote(project, remote, dry_run=dry_run, progress=progress)
    return Repaired(
        remote,
        done.mended,
        done.restored_count,
        len(done.damaged_lost) + len(done.missing_lost),
        done.names,
        done.unasked,
        7 if done.damaged_lost else 4 if done.missing_lost else 0,
        dry_run,
    )
