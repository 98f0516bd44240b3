"""Label: what people say about artifacts, set, taken away or shown; the data is not looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.errors import UsageError
from track.flows.marking import Marked, mark, read_marks
from track.model.labels import Key, with_labels, without_labels
from track.project import Project


@dataclass(frozen=True, slots=True)
class Labelled:
    """The artifacts that were named, sorted by path, with the labels that they have now."""

    artifacts: tuple[Marked, ...]


def label(
    project: Project,
    paths: Sequence[str],
    given: Sequence[tuple[Key, object]] = (),
    *,
    remove: Sequence[Key] = (),
    stage: bool = True,
    dry_run: bool = False,
) -> Labelled:
    """Set the labels `given` at the artifacts at `paths`, after taking those away that are to be removed.

    With neither, nothing is changed: the labels are returned, of all artifacts when no path is named. The content
    block of a pointer stays byte for byte. Interrupted, some pointers are changed; the same call finishes.

    Raises:
        UnknownPath: no artifact is at one of the paths.
        UsageError: no path was named, a path is inside an artifact, or a label cannot be.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
        Locked, GitFailed, DiskFull, StoreUnwritable: the pointers could not be written or staged.
    """
    if not given and not remove:
        return Labelled(read_marks(project, paths))
    if not paths:
        raise UsageError("no artifact was named", hint="track label PATH key=value")
    done = mark(
        project,
        paths,
        lambda pointer: (with_labels(without_labels(pointer.labels, remove), given), pointer.tags),
        stage=stage,
        dry_run=dry_run,
    )
    return Labelled(done)
