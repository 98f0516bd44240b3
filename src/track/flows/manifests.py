"""Manifests: what says which files a directory artifact has, brought from remotes without the files themselves."""

from collections.abc import Iterable, Sequence

from track.errors import DamagedObject, MissingObject
from track.flows.reach import UNBELIEVABLE, Version, inside, objects_below
from track.flows.receive import Received, receive
from track.progress import Progress, silent
from track.project import Project


def bring_manifests(
    project: Project, versions: Iterable[Version], *, paths: Sequence[bytes] = (), progress: Progress = silent
) -> Received | None:
    """Fetch what is not here of the manifests of these versions, or of the parts that `paths` name; None if all is.

    Raises as `receive` does.
    """
    lacking = [version for version in versions if _is_lacking(project, version, paths)]
    return receive(project, lacking, paths=paths, manifests=True, progress=progress) if lacking else None


def _is_lacking(project: Project, version: Version, paths: Sequence[bytes]) -> bool:
    if version.pointer.kind != "directory":
        return False
    try:
        objects_below(version, project.store.read_many, parts=inside(version, paths))
    except (MissingObject, DamagedObject):
        return True
    except UNBELIEVABLE:  # it is here, and whoever reads it will say so
        return False
    return False
