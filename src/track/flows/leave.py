"""Leave: data of artifacts whose pointer Git took away goes too, when every byte of it is saved."""

from collections.abc import Sequence

from track.errors import TrackError
from track.flows.bring import Kept
from track.flows.clear import absence, clear
from track.flows.plan import Plan
from track.progress import Progress, silent
from track.project import Project


def leave(
    project: Project, paths: Sequence[bytes], *, progress: Progress = silent
) -> tuple[tuple[bytes, ...], tuple[Kept, ...]]:
    """Remove the data at `paths` that was placed or added there; (the paths of what went, what stayed and why).

    An artifact goes as a whole or stays as a whole: it stays when one of its files is saved nowhere. Files that Git
    itself tracks always stay. Call it with the project's lock held.
    """
    plans: list[Plan] = []
    kept: list[Kept] = []
    for path in paths:
        recorded = project.stat_cache.recorded(path)
        if recorded is None:
            continue
        try:
            found = _planned(project, path)
        except TrackError as error:
            kept.append(Kept(path, (), error.message))
            continue
        if found is None or found.here.seen.kind == "missing":
            project.stat_cache.forget(path)
        elif found.here.seen.kind == recorded.kind:  # else what stands there now is none of ours
            if found.lost:
                kept.append(Kept(path, tuple(_full(path, inner) for inner in found.lost), None))
            else:
                plans.append(found)
    clear(project, plans, progress)
    return tuple(found.path for found in plans), tuple(kept)


def _planned(project: Project, path: bytes) -> Plan | None:
    """What it takes to have nothing at `path` but the files of Git's own; None where all of it is Git's by now."""
    found = absence(project, path)
    tracked = set(project.git.is_tracked([path]))
    for inner in [inner for inner in found.removes if _full(path, inner) in tracked]:
        del found.removes[inner]
    if tracked and not found.removes:
        return None
    found.lost = [inner for inner in found.lost if inner in found.removes]
    return found


def _full(path: bytes, inner: bytes) -> bytes:
    return path + b"/" + inner if inner else path
