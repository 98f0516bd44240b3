"""Still here: bytes that were purged elsewhere, and that the local store has; they are told, and nothing is removed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress

from track.errors import TrackError
from track.flows.hurt import having
from track.flows.whereabouts import noted_clone_id
from track.model.names import display, typed
from track.project import Project
from track.store.purge_notes import heard_at, told
from track.store.tombstones import Purge

_SHOWN = 3


def tell_still_here(project: Project) -> None:
    """Warn of what the store still has though it was purged elsewhere, as far as that is known here.

    No remote is asked. History is looked through only where there is something, for the version to purge here, too.
    """
    with suppress(TrackError):  # whoever needs the store, or the history, says what is wrong with it
        if heard := heard_at(project.store_path, noted_clone_id(project)[0]):
            held = heard.keys() - project.store.absent(heard)
            project.warnings += _warnings(project, {digest: heard[digest] for digest in held})


def _warnings(project: Project, held: Mapping[bytes, Purge]) -> Iterator[str]:
    ways: dict[Purge, list[str]] = {}
    for past, hit in having(project, held.keys()):
        purge = held[min(hit)]
        way = f"track purge {typed(past.path)}@{past.commit[:12]} --because={typed(purge.reason)}"
        ways.setdefault(purge, []).append(way)
    counts = Counter(held.values())
    for purge in sorted(counts)[:_SHOWN]:
        objects = "1 object of it is" if counts[purge] == 1 else f"{counts[purge]:,} objects of it are"
        removed = "; ".join(ways.get(purge, ["no version needs it: track gc --grace 0"])[:_SHOWN])
        yield f"{', '.join(map(display, purge.paths))} {told(purge)}; {objects} still here: {removed}"
    if len(counts) > _SHOWN:
        yield f"what {len(counts) - _SHOWN:,} more purges removed elsewhere is still here, too"
