"""Version batch: the bytes of many files of a version at once."""

from collections.abc import Callable, Sequence

from track.errors import DamagedObject, MissingObject
from track.flows.elsewhere import Elsewhere
from track.flows.noted import note_read
from track.flows.pinned import Pinned
from track.model.manifest import Entry
from track.project import Project


def version_batch(
    project: Project,
    pinned: Pinned,
    entries: Sequence[Entry],
    elsewhere: Elsewhere,
    *,
    following: Callable[[], Sequence[bytes]] = tuple,
    reader: str | None = None,
) -> list[bytes]:
    """The bytes of files of a pinned directory, in the order of these entries of it, verified.

    Neighbours in a pack are read together. What is not here comes from a remote with as few requests as that allows,
    and stays; `elsewhere` keeps the connection, and brings what `following` names then with it. `reader` is the id of
    the living run whose input this becomes.

    Raises:
        MissingObject, DamagedObject: bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    digests = list(dict.fromkeys(entry.digest for entry in entries))
    elsewhere.bring(project, pinned, digests, following)
    try:
        found = dict(project.store.read_many(digests))
    except (MissingObject, DamagedObject):  # gone since the store was opened, or put aside: now it counts as not here
        elsewhere.bring(project, pinned, digests)
        found = dict(project.store.read_many(digests))
    note_read(project, reader, pinned)
    return [found[entry.digest] for entry in entries]
