"""Lost: what versions lack here, and what is damaged here is put aside so that it counts as lacking."""

from collections.abc import Sequence
from contextlib import suppress

from track.errors import DamagedObject, MissingObject
from track.flows.choice import Choice
from track.flows.reach import UNBELIEVABLE, Version, inside, objects_below
from track.project import Project


def lacking_here(
    project: Project, versions: Sequence[Version], paths: Sequence[bytes] = (), choice: Choice | None = None
) -> list[Version]:
    """Those of the versions of which something that is meant is not in the local store; none is asked."""
    takes = choice.takes if choice is not None else None

    def is_lacking(version: Version) -> bool:
        try:
            objects = objects_below(version, project.store.read_many, parts=inside(version, paths), takes=takes)
        except (MissingObject, DamagedObject):
            return True
        except UNBELIEVABLE:  # it is here, and who wants to use it will refuse it
            return False
        return bool(project.store.absent(objects))

    return [version for version in versions if is_lacking(version)]


def put_damage_aside(
    project: Project, versions: Sequence[Version], paths: Sequence[bytes] = (), choice: Choice | None = None
) -> list[Version]:
    """Hash every object that is meant of these, so that the store puts aside what is bad here; what lacks it then."""
    takes = choice.takes if choice is not None else None
    for version in versions:
        with suppress(MissingObject, DamagedObject, *UNBELIEVABLE):
            for digest in objects_below(version, project.store.read_many, parts=inside(version, paths), takes=takes):
                with suppress(MissingObject, DamagedObject):
                    if project.store.are_large([digest]):
                        project.store.check(digest)
                    else:
                        project.store.read(digest)
    return lacking_here(project, versions, paths, choice)
