"""Still here: bytes that were purged elsewhere, and that the local store has; they are told, and nothing is removed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress

from track.errors import TrackError
from track.flows.hurt import having, past_versions
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
    ways, beside = _ways(project, held), _beside(project, held)
    counts = Counter(held.values())
    for purge in sorted(counts)[:_SHOWN]:
        objects = "1 object of it is" if counts[purge] == 1 else f"{counts[purge]:,} objects of it are"
        others = beside.get(purge, [])[:_SHOWN]
        removed = "; ".join(ways.get(purge, [] if others else ["no version needs it: track gc --grace 0"])[:_SHOWN])
        needed = f"{' and '.join(others)} {'needs' if len(others) == 1 else 'need'} it too" if others else ""
        said = "; ".join(filter(None, (removed, needed)))
        yield f"{', '.join(map(display, purge.paths))} {told(purge)}; {objects} still here: {said}"
    if len(counts) > _SHOWN:
        yield f"what {len(counts) - _SHOWN:,} more purges removed elsewhere is still here, too"


def _ways(project: Project, held: Mapping[bytes, Purge]) -> dict[Purge, list[str]]:
    """The commands that remove the versions here, too, that were purged: each by the newest commit that brought it."""
    ways: dict[Purge, list[str]] = {}
    seen: set[bytes] = set()
    for past in past_versions(project):
        digest = bytes(past.pointer.digest)
        if digest in held and digest not in seen:
            seen.add(digest)
            way = f"track purge {typed(past.path)}@{past.commit[:12]} --because={typed(held[digest].reason)}"
            ways.setdefault(held[digest], []).append(way)
    return ways


def _beside(project: Project, held: Mapping[bytes, Purge]) -> dict[Purge, list[str]]:
    """Versions that are made of the same, and that nobody purged: a command that removes one takes the rest of it."""
    beside: dict[Purge, list[str]] = {}
    for past, hit in having(project, held.keys()):
        if bytes(past.pointer.digest) not in held:
            for purge in sorted({held[digest] for digest in hit}):
                beside.setdefault(purge, []).append(f"{display(past.path)} at {past.commit[:12]}")
    return beside
