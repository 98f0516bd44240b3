"""Label: what people say about artifacts, set, taken away or shown; the data is not looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from track.errors import UsageError
from track.flows.marking import Marked, Targets, mark, read_marks
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
    partitions: Mapping[str, object] | None = None,
    time: str | date | None = None,
    stage: bool = True,
    dry_run: bool = False,
) -> Labelled:
    """Set the labels `given` at the artifacts at `paths`, after taking those away that are to be removed.

    With neither, nothing is changed: the labels are returned, of all artifacts when no path is named. The content
    block of a pointer stays byte for byte. Interrupted, some pointers are changed; the same call finishes.

    Raises:
        UnknownPath: no artifact is at one of the paths, or called so.
        UsageError: no path was named, a word means several things, a path is inside an artifact, or a label cannot be.
        MalformedPointer, NewerFormat: a pointer breaks the rules of its format.
        Locked, GitFailed, DiskFull, StoreUnwritable: the pointers could not be written or staged.
    """
    targets = Targets(paths, partitions or {}, time)
    if not given and not remove:
        return Labelled(read_marks(project, targets))
    if not paths:
        raise UsageError("no artifact was named", hint="track label PATH key=value")
    done = mark(
        project,
        targets,
        lambda pointer: (with_labels(without_labels(pointer.labels, remove), given), pointer.tags),
        stage=stage,
        dry_run=dry_run,
    )
    return Labelled(done)
