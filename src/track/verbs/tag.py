"""Tag: words that people put on artifacts, set, taken away or shown; the data is not looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from track.errors import UsageError
from track.flows.marking import Marked, Targets, mark, read_marks
from track.project import Project


@dataclass(frozen=True, slots=True)
class Tagged:
    """The artifacts that were named, sorted by path, with the tags that they have now."""

    artifacts: tuple[Marked, ...]


def tag(
    project: Project,
    paths: Sequence[str],
    names: Sequence[str] = (),
    *,
    remove: bool = False,
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    stage: bool = True,
    dry_run: bool = False,
) -> Tagged:
    """Put the tags `names` on the artifacts at `paths`, or with `remove` take them off.

    Without names nothing is changed: the tags are returned, of all artifacts when no path is named. The content block
    of a pointer stays byte for byte. Interrupted, some pointers are changed; the same call finishes.

    Raises:
        UnknownPath: no artifact is at one of the paths, or called so.
        UsageError: no path was named, a word means several things, or a path is inside an artifact.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
        Locked, GitFailed, DiskFull, StoreUnwritable: the pointers could not be written or staged.
    """
    targets = Targets(paths, partitions or {}, time)
    if not names:
        return Tagged(read_marks(project, targets))
    if not paths:
        raise UsageError("no artifact was named", hint="track tag PATH NAME")
    asked = set(names)
    done = mark(
        project,
        targets,
        lambda pointer: (
            pointer.labels,
            tuple(sorted(set(pointer.tags) - asked if remove else set(pointer.tags) | asked)),
        ),
        stage=stage,
        dry_run=dry_run,
    )
    return Tagged(done)
